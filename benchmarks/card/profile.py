"""Where the time goes: the kernels of a call, by torch's profiler."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch._C._autograd import DeviceType
from torch._C._profiler import _ExperimentalConfig
from torch.profiler import ProfilerActivity, profile

from biogpt_plugins.bench.clock import timed
from card.bench import Bench

_LINES = 40
_MICRO = 1e-6


class Profile(NamedTuple):
    """A profile that was written to files.

    Attributes:
        busy: The share of the time in which the device computed. On a CPU it is the threads'
            time in operators, which may be more than all of the time.
        kernels: How many kernels ran on the device; on a CPU, operators.
        files: The names of the files.
    """

    busy: float
    kernels: int
    files: str


def profiled(bench: Bench, what: str, do: Callable[[], object]) -> Profile:
    """Profile a call, and write its kernels as a table, and all that happened as a trace."""
    cuda = bench.place.device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    # The engine works in a thread of its own.
    every = _ExperimentalConfig(profile_all_threads=True)
    with profile(activities=activities, experimental_config=every) as prof:
        seconds = timed(do, bench.place.wait).seconds
    key = "self_device_time_total" if cuda else "self_cpu_time_total"
    events, kind = prof.key_averages(), DeviceType.CUDA if cuda else DeviceType.CPU
    # Of operators that start a kernel, the kernel's time is told, too.
    own = [e for e in events if e.device_type == kind and not e.is_user_annotation]
    busy = sum(getattr(event, key) for event in own)
    count = sum(event.count for event in own)
    stem = bench.stem.with_name(f"{bench.stem.name}-{bench.place.folder.name}-{what}")
    table, trace = (stem.with_name(stem.name + ending) for ending in (".txt", ".trace.json.gz"))
    rows = events.table(sort_by=key, row_limit=_LINES, max_name_column_width=100)
    table.write_text(f"{seconds:.4f} s\n{rows}\n", encoding="utf-8")
    prof.export_chrome_trace(str(trace))
    return Profile(busy * _MICRO / seconds, count, f"{table.name}, {trace.name}")
