"""How much of the machine the tests may use."""

import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # "MICROSECONDS PERIOD", or "max PERIOD"


def cores() -> int:
    """The cores that this process may run on, within the quota of its container."""
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS, nor on Windows
    found = len(allowed(0)) if allowed else os.cpu_count() or 1
    try:
        share, period = QUOTA.read_text(encoding="ascii").split()
        return max(1, min(found, int(share) // int(period)))
    except (OSError, ValueError):
        return found
