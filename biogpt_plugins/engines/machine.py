"""The machine that engines run on: its parts, and the memory that this process has taken."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from platform import machine

import torch

_GIB = 1 << 30


def peak_memory(device: str) -> float | None:
    """The most memory that this process has had, in GiB: on a CUDA device, or else in RAM.

    None on a CUDA device that torch has not used: another runtime does not report its memory.
    """
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device) / _GIB or None
    status = Path("/proc/self/status")
    if status.is_file():
        # getrusage returns the peak of the process that started this one, if that is larger.
        line = next(s for s in status.read_text().splitlines() if s.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / _GIB
    from resource import RUSAGE_SELF, getrusage  # noqa: PLC0415 - not on every system

    unit = 1 if sys.platform == "darwin" else 1024
    return getrusage(RUSAGE_SELF).ru_maxrss * unit / _GIB


def describe_machine(device: str) -> dict[str, str]:
    """What speed depends on: processor, threads, device and its units for bfloat16."""
    facts = {
        "processor": f"{_processor()} ({machine()})",
        "threads": str(torch.get_num_threads()),
        "device": device,
    }
    if device.startswith("cuda"):
        gpu = torch.cuda.get_device_properties(device)
        facts["GPU"] = f"{gpu.name}, {gpu.total_memory / _GIB:.0f} GiB"
    else:
        units: Callable[[], Mapping[str, object]] = getattr(torch.cpu, "get_capabilities", dict)
        names = ("amx_bf16", "avx512_bf16", "avx512_vnni", "bf16")
        facts["units"] = ", ".join(name for name in names if units().get(name)) or "none for bf16"
    return facts


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "processor")
