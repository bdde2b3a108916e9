"""How busy an engine is."""

from __future__ import annotations

from typing import NamedTuple


class Load(NamedTuple):
    """How busy an engine is, and what it has done so far.

    Attributes:
        waiting: Prompts in the queue.
        running: Prompts that the model works on.
        passes: Batches that were started or advanced.
        rows: Prompts in all of them; divided by `passes`, the mean size of a batch.
        tokens: Tokens of the completions that have ended, without beams.
        token_passes: The passes that wrote them, each counted for every completion that it wrote
            on. Without drafts they are as many as the tokens, and the ends that a model writes.
        drafted: Tokens that were guessed for these completions, right or wrong.
        read: Tokens of prompts that the model has read, without beams; those of a beginning that it
            had read already are left out.
    """

    waiting: int = 0
    running: int = 0
    passes: int = 0
    rows: int = 0
    tokens: int = 0
    token_passes: int = 0
    drafted: int = 0
    read: int = 0
