"""A process that loads a model, writes, and tells how long it took and what memory it needed.

python -m biogpt_plugins.bench.child < asked.json
"""

from __future__ import annotations

import sys
import time

STARTED = time.perf_counter()  # before anything of ours, and torch above all, is imported

# ruff: noqa: E402
from pydantic import BaseModel, ConfigDict

from biogpt_plugins.values.inputs import Paper


class Asked(BaseModel):
    """What the process is to do.

    Attributes:
        folder: The model's.
        device: To run it on.
        options: Of `biogpt_plugins.load`; None for HuggingFacePipeline.
        papers: What ours reads.
        texts: The same as prompts.
        new_tokens: Most tokens to write for each.
    """

    model_config = ConfigDict(frozen=True)

    folder: str
    device: str
    options: dict[str, str] | None
    papers: tuple[Paper, ...]
    texts: tuple[str, ...]
    new_tokens: int


class Told(BaseModel):
    """What it took.

    Attributes:
        ready: Seconds until the model was loaded, since imports began.
        loaded: GiB at most until then.
        peak: GiB at most when all was written.
    """

    model_config = ConfigDict(frozen=True)

    ready: float
    loaded: float
    peak: float


def ours(asked: Asked) -> Told:
    """By this package."""
    from biogpt_plugins import Decoding, load  # noqa: PLC0415 - a part of what is measured

    options = asked.options or {}
    pipeline = load(asked.folder, "bc5cdr", device=asked.device, **options)  # type: ignore[arg-type]
    ready, loaded = time.perf_counter() - STARTED, _memory(asked)
    pipeline.with_decoding(Decoding(max_new_tokens=asked.new_tokens)).run(asked.papers)
    return Told(ready=ready, loaded=loaded, peak=_memory(asked))


def theirs(asked: Asked) -> Told:
    """By HuggingFacePipeline, as its documentation shows it."""
    from pathlib import Path  # noqa: PLC0415 - as above

    import torch  # noqa: PLC0415

    from biogpt_plugins.bench.peers import langchain  # noqa: PLC0415
    from biogpt_plugins.bench.place import Place  # noqa: PLC0415
    from biogpt_plugins.engines.loading import quiet  # noqa: PLC0415

    with quiet():
        peer = langchain(Place(Path(asked.folder), torch.device(asked.device)))
    ready, loaded = time.perf_counter() - STARTED, _memory(asked)
    peer.texts(list(asked.texts), asked.new_tokens)
    return Told(ready=ready, loaded=loaded, peak=_memory(asked))


def _memory(asked: Asked) -> float:
    import torch  # noqa: PLC0415

    from biogpt_plugins.bench.measuring import peak_memory  # noqa: PLC0415

    return peak_memory(torch.device(asked.device))


def main() -> None:
    """Do what standard input asks for, and tell on standard output."""
    asked = Asked.model_validate_json(sys.stdin.read())
    told = theirs(asked) if asked.options is None else ours(asked)
    sys.stdout.write(told.model_dump_json())


if __name__ == "__main__":
    main()
