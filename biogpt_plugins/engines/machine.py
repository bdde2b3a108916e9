"""The machine that engines run on: its parts, and the memory that this process has taken."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import cache
from pathlib import Path
from platform import machine
from typing import NamedTuple, TypeVar

import torch
from torch.nn.utils import skip_init

from biogpt_plugins.engines.prepacked import PrepackedLinear, supported

T = TypeVar("T")

_GIB = 1 << 30
_WIDE, _WIDER, _ROWS = 4096, 1 << 15, 1024
_TRIES = 3
_SOFT = 1  # omp_pause_soft, from omp.h: settings are kept
_FORKED = 0x40  # PF_FORKNOEXEC, from Linux's sched.h
_IMPORTED = os.getpid()  # some sandboxes do not tell who was forked


class Limits(NamedTuple):
    """The most that a device does in a second.

    Attributes:
        products: Operations of one large matrix product: two for each number of its weights and
            each row.
        memory: Bytes of weights, more than a cache holds, that a product with one row reads.
    """

    products: float
    memory: float


def measure_limits(device: str, dtype: str) -> Limits | None:
    """Measure a device's limits in a dtype; None if torch computes no products in it.

    The best of some tries counts, of the weights as torch keeps them and as the engine does.
    """
    kind, place = getattr(torch, dtype, None), torch.device(device)
    if not isinstance(kind, torch.dtype) or not kind.is_floating_point:
        return None
    with torch.inference_mode():
        large, square = (
            skip_init(  # type: ignore[no-untyped-call]
                torch.nn.Linear, _WIDE, width, bias=False, device=place, dtype=kind
            )
            for width in (_WIDER, _WIDE)
        )
        for linear in (large, square):  # memory that nothing was written to is read from no memory
            linear.weight.fill_(1)
        rows = torch.ones(_ROWS, _WIDE, device=place, dtype=kind)
        packed = (False, True) if supported(place, kind) else (False,)
        return Limits(
            2 * _ROWS * _WIDE * _WIDE / min(_seconds(square, rows, pack) for pack in packed),
            _WIDE * _WIDER * kind.itemsize / min(_seconds(large, rows[:1], p) for p in packed),
        )


def _seconds(linear: torch.nn.Linear, rows: torch.Tensor, pack: bool) -> float:
    layer = PrepackedLinear(linear) if pack else linear
    wait: Callable[[], object] = torch.cuda.synchronize if rows.is_cuda else lambda: None
    best = float("inf")
    for _ in range(_TRIES):
        start = time.perf_counter()
        layer(rows)
        wait()
        best = min(best, time.perf_counter() - start)
    return best


def apart(do: Callable[[], T]) -> T:
    """Do something in a thread that ends, and with it its helpers (`release_helpers`)."""
    with ThreadPoolExecutor(1, "biogpt-apart") as thread:
        return thread.submit(copy_context().run, do).result()


def release_helpers() -> None:
    """End the helpers with which this thread has computed on a CPU, until it computes again.

    Each thread that computes has helpers of its own, as many as there are cores. GNU's OpenMP keeps
    them as long as their thread, and once all of them together are more than the cores, they sleep
    after every operation, and waking them takes as long as a small one. Starting them again takes a
    tenth of a millisecond. Other OpenMPs are left as they are.
    """
    if pause := _pause(os.getpid()):
        pause(_SOFT)


@cache
def _pause(process: int) -> Callable[[int], int] | None:
    """OpenMP's `omp_pause_resource_all` in this process; None if it cannot be called there.

    In a process that was forked and runs no other program, a thread may believe to have helpers
    that were not forked with it, and would wait for them for ever.
    """
    with suppress(OSError, AttributeError, IndexError, ValueError):
        facts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        if process == _IMPORTED and not int(facts[6]) & _FORKED:
            loaded = ctypes.CDLL("libgomp.so.1", mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
            pause: Callable[[int], int] = loaded.omp_pause_resource_all
            return pause
    return None


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
