"""A new process loads a model, works, and reports its time and memory.

python -m biogpt_plugins.bench.process < request.json
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from biogpt_plugins.values.errors import EngineError

_SHOWN = 500


class Request(BaseModel):
    """The work of the process.

    Attributes:
        model: The model to load.
        task: The task to load it for.
        options: Options of `biogpt_plugins.load`, the device among them.
        inputs: The inputs that it reads in one call.
        new_tokens: Most tokens to write for each; None for the task's own limit.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    task: str
    options: dict[str, Any]
    inputs: tuple[dict[str, Any], ...]
    new_tokens: int | None = None


class Cost(BaseModel):
    """The time and memory that the work took.

    Attributes:
        ready: Seconds from the start of the process until the model was loaded.
        loaded: The most memory until then, in GiB; None if the engine does not report it.
        peak: The most memory until all completions were written, in GiB.
    """

    model_config = ConfigDict(frozen=True)

    ready: float
    loaded: float | None
    peak: float | None


class _Start(BaseModel):
    """A request, and the time at which its process was started."""

    request: Request
    time: float


def in_a_new_process(request: Request, module: str = __name__, folder: Path | None = None) -> Cost:
    """Do the work in a new process.

    Args:
        request: The work.
        module: A module that calls `answer` when Python runs it.
        folder: Where the module is, if it is not on the path.

    Raises:
        EngineError: The process failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", module],
        input=_Start(request=request, time=time.time()).model_dump_json(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        cwd=folder,
    )
    if done.returncode:
        raise EngineError(f"the measured process failed: {done.stderr[-_SHOWN:]}")
    return Cost.model_validate_json(done.stdout.rpartition("\n")[2])


def answer(load: Callable[[Request], tuple[str, Callable[[], object]]]) -> None:
    """Do what the standard input asks for, and print the Cost.

    Args:
        load: Loads a model; returns the device that it is on, and the work to do with it.
    """
    start = _Start.model_validate_json(sys.stdin.buffer.read())
    device, work = load(start.request)
    ready = time.time() - start.time
    from biogpt_plugins.engines.machine import peak_memory  # noqa: PLC0415 - loads torch

    loaded = peak_memory(device)
    work()
    cost = Cost(ready=ready, loaded=loaded, peak=peak_memory(device))
    sys.stdout.write("\n" + cost.model_dump_json())


def _load(request: Request) -> tuple[str, Callable[[], object]]:
    from biogpt_plugins import load  # noqa: PLC0415 - a part of what is measured
    from biogpt_plugins.bench.sides import device_of  # noqa: PLC0415 - the same

    pipeline = load(request.model, request.task, **request.options)
    if request.new_tokens:
        pipeline = pipeline.with_decoding(pipeline.decoding.but(max_new_tokens=request.new_tokens))
    return device_of(pipeline), lambda: pipeline.run(request.inputs)


if __name__ == "__main__":
    answer(_load)
