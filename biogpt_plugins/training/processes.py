"""Several processes that train one model, as `torchrun` and `accelerate launch` start them.

Each has batches of its own. The first one alone writes, tells and measures.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def is_first() -> bool:
    """Whether this is the first process, or the only one."""
    return int(os.environ.get("RANK", "0")) == 0


def how_many() -> int:
    """The number of processes."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def by_the_first(make: Callable[[], _T]) -> _T:
    """What the first process makes, for all of them; the others wait for it."""
    if how_many() == 1:
        return make()

    from torch.distributed import broadcast_object_list  # noqa: PLC0415 - torch is slow to import

    box = [make() if is_first() else None]
    broadcast_object_list(box)
    [made] = box
    return made  # type: ignore[return-value]


def leave_at_exit() -> None:
    """End the group of processes when this one exits: else one of its threads may abort it."""
    if how_many() > 1:
        atexit.register(_leave)


def _leave() -> None:
    from torch import distributed  # noqa: PLC0415 - torch is slow to import

    if distributed.is_initialized():
        distributed.destroy_process_group()
