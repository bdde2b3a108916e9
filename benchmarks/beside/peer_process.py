"""A new process with HuggingFacePipeline, as its documentation shows it.

python -m beside.peer_process < request.json
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from biogpt_plugins.bench.process import Request, answer


def _load(request: Request) -> tuple[str, Callable[[], object]]:
    import torch  # noqa: PLC0415 - a part of what is measured

    from beside.peers import langchain  # noqa: PLC0415 - the same
    from beside.place import Place  # noqa: PLC0415 - the same
    from biogpt_plugins.engines.pretrained import quiet  # noqa: PLC0415 - the same

    device = str(request.options["device"])
    with quiet():
        peer = langchain(Place(Path(request.model), torch.device(device)))
    texts = [given["text"] for given in request.inputs]
    return device, lambda: peer.texts(texts, request.new_tokens or 1)


if __name__ == "__main__":
    answer(_load)
