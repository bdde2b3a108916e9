"""Clocks, memory, and rounds in which all sides take turns."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import machine, python_version
from typing import Generic, NamedTuple, TypeVar

import torch

T = TypeVar("T")

_PACKAGES = (
    "biogpt-plugins",
    "torch",
    "transformers",
    "tokenizers",
    "ctranslate2",
    "langchain-core",
    "langchain-huggingface",
    "llama-index-core",
    "llama-index-llms-huggingface",
)
_GIB = 1 << 30


class Timed(NamedTuple, Generic[T]):
    """What a call took, in seconds, and what came of it."""

    seconds: float
    value: T


def timed(do: Callable[[], T], device: torch.device) -> Timed[T]:
    """Do something by the clock; a GPU is to have finished before and after."""
    _wait(device)
    start = time.perf_counter()
    value = do()
    _wait(device)
    return Timed(time.perf_counter() - start, value)


def in_turns(sides: Mapping[str, Callable[[int], T]], rounds: int) -> dict[str, tuple[T, ...]]:
    """Have every side do its part once a round, another one first each time.

    Whatever the machine is busy with besides then falls on all of them alike.

    Args:
        sides: By their names, what each does in a round, of which it is told the number.
        rounds: How many.
    """
    found: dict[str, list[T]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds):
        first = number % max(1, len(names))
        for name in (*names[first:], *names[:first]):
            found[name].append(sides[name](number))
    return {name: tuple(values) for name, values in found.items()}


@contextmanager
def forwards(model: torch.nn.Module) -> Iterator[list[float]]:
    """Seconds of each forward pass of a model meanwhile, by whatever thread."""
    starts: list[float] = []
    seconds: list[float] = []
    hooks = (
        model.register_forward_pre_hook(lambda *_: starts.append(time.perf_counter())),
        model.register_forward_hook(lambda *_: seconds.append(time.perf_counter() - starts.pop())),
    )
    try:
        yield seconds
    finally:
        for hook in hooks:
            hook.remove()


def bandwidth(device: torch.device) -> float:
    """Bytes a second that the device's memory gives, or takes; by the best of some copies."""
    size = _GIB if device.type == "cuda" else _GIB // 4
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    best = min(timed(lambda: target.copy_(source), device).seconds for _ in range(6))
    return 2 * size / best


def peak_memory(device: torch.device) -> float:
    """GiB that this process has had at most: of the GPU if it uses one, else of the machine."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / _GIB
    status = Path("/proc/self/status")
    if status.is_file():
        # getrusage would tell the most of the process that started this one, if that is more.
        line = next(s for s in status.read_text().splitlines() if s.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / _GIB
    from resource import RUSAGE_SELF, getrusage  # noqa: PLC0415 - not on every system

    unit = 1 if sys.platform == "darwin" else 1024
    return getrusage(RUSAGE_SELF).ru_maxrss * unit / _GIB


def describe_machine(device: torch.device) -> dict[str, str]:
    """What the figures depend on."""
    found = {
        "processor": f"{_processor()} ({machine()})",
        "threads": str(torch.get_num_threads()),
        "device": str(device),
    }
    if device.type == "cuda":
        facts = torch.cuda.get_device_properties(device)
        found["GPU"] = f"{facts.name}, {facts.total_memory / _GIB:.0f} GiB"
    else:
        units: Callable[[], Mapping[str, object]] = getattr(torch.cpu, "get_capabilities", dict)
        names = ("amx_bf16", "avx512_bf16", "avx512_vnni", "bf16")
        found["units"] = ", ".join(name for name in names if units().get(name)) or "none for bf16"
    return found


def describe_versions() -> dict[str, str]:
    """Versions of all that is measured; "not installed" for what is not there."""
    found = {"python": python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "processor")


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
