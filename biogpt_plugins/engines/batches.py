"""Batches that fit the memory: halved where they do not, grown back slowly where they do."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TypeVar

import torch

from biogpt_plugins.errors import EngineError

T = TypeVar("T")
R = TypeVar("R")

_PATIENCE = 16
_SHORT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


class Batcher:
    """Runs work in batches, one at a time, whoever asks.

    One at a time because each holds a key-value cache: two that fit alone may not fit together.

    Attributes:
        most: Most rows of a batch.
        rows: Rows of the next batch at most; halved when memory runs out, doubled after 16
            batches without trouble.
    """

    def __init__(self, most: int) -> None:
        self.most = self.rows = most
        self._calm = 0
        self._lock = Lock()

    def limit(self, most: int) -> None:
        """Change the most rows of a batch."""
        with self._lock:
            self.most = self.rows = most

    def run(self, items: Sequence[T], work: Callable[[list[T]], list[R]]) -> list[R | EngineError]:
        """Do the work on all items, in their order; an error only where an item failed alone."""
        done: list[R | EngineError] = []
        pending = [list(items)] if items else []
        while pending:
            with self._lock:
                batch = pending.pop()
                if len(batch) > self.rows:
                    pending.append(batch[self.rows :])
                    batch = batch[: self.rows]
                failure = self._try(batch, work, done)
            if failure is None:
                continue
            if len(batch) == 1:
                done.append(failure)
            else:
                half = len(batch) // 2
                pending += [batch[half:], batch[:half]]
        return done

    def _try(
        self, batch: list[T], work: Callable[[list[T]], list[R]], done: list[R | EngineError]
    ) -> EngineError | None:
        try:
            done += work(batch)
        except Exception as error:  # whatever the runtime raises, the other items go on
            # Its frames hold the batch's tensors.
            traceback.clear_frames(error.__traceback__)
            if out_of_memory(error):
                self.rows, self._calm = max(1, len(batch) // 2), 0
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()
            return engine_error(error)
        self._calm += 1
        if self._calm >= _PATIENCE and self.rows < self.most:
            self.rows, self._calm = min(self.most, 2 * self.rows), 0
        return None


def out_of_memory(error: BaseException) -> bool:
    """Whether the error says that a device or the machine has no memory left."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in text for sign in _SHORT_OF_MEMORY)


def engine_error(error: Exception) -> EngineError:
    """Our error for a runtime's, with the remedy where there is one."""
    advice = (
        ": even one prompt does not fit; shorten it, lower max_new_tokens or use a smaller dtype"
        if out_of_memory(error)
        else ""
    )
    found = EngineError(f"the runtime failed with {type(error).__name__}: {error}{advice}")
    found.__cause__ = error
    return found
