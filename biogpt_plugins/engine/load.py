"""How busy an engine is."""

from __future__ import annotations

from typing import NamedTuple


class Load(NamedTuple):
    """How busy an engine is, and what it has done so far.

    Attributes:
        waiting: Prompts in the queue.
        running: Prompts that the model works on.
        passes: Batches that were started or advanced by one token.
        rows: Prompts in all of them; divided by `passes`, the mean size of a batch.
    """

    waiting: int = 0
    running: int = 0
    passes: int = 0
    rows: int = 0
