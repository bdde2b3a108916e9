"""Ctrl-C and SIGTERM while training: the update is finished and a checkpoint written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from biogpt_plugins.training.processes import how_many

if TYPE_CHECKING:
    import torch

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class TrainingInterrupted(KeyboardInterrupt):
    """Training was interrupted; the message says what is kept and how to go on.

    Attributes:
        number: The signal's number.
    """

    def __init__(self, message: str, number: int | None) -> None:
        super().__init__(message)
        self.number = number or signal.SIGINT


class Interruption:
    """Whether a signal came.

    Attributes:
        signal: Its number; None if there was none.
    """

    def __init__(self) -> None:
        self.signal: int | None = None

    def agree(self, device: torch.device) -> None:
        """Let all processes stop after the same update when one has a signal."""
        if how_many() > 1:
            import torch  # noqa: PLC0415 - slow

            number = torch.tensor(self.signal or 0, device=device)
            torch.distributed.all_reduce(number, torch.distributed.ReduceOp.MAX)
            self.signal = int(number) or None

    @contextmanager
    def watching(self, tell: Callable[[str], None]) -> Iterator[None]:
        """Take signals in place of Python's own handlers; the second one is for those again.

        Only the main thread can: elsewhere signals do what they did before.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in _SIGNALS}

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        def take(number: int, _: FrameType | None) -> None:
            self.signal = number
            restore()
            tell(
                "stopping after this update, with a checkpoint; a second signal stops at once, "
                "without one"
            )

        for number in _SIGNALS:
            signal.signal(number, take)
        try:
            yield
        finally:
            restore()
