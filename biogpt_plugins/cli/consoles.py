"""The consoles: results to standard output, all else to standard error."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

WIDEST = 100
TOLD: set[str] = set()
"""Models that this command has called models for trying out."""
_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


def stdout() -> Console:
    """The console for results."""
    console = Console(highlight=False, emoji=False, markup=False)
    console.width = min(console.width, WIDEST)
    return console


def stderr() -> Console:
    """The console for progress, notes and errors."""
    return Console(stderr=True, highlight=False, emoji=False, markup=False)


def remark(kind: str, message: str) -> None:
    """Print an error, a warning or a note to standard error, in one line of any length."""
    line = Text.assemble((f"{kind}: ", _STYLES[kind]), " ".join(message.split()))
    stderr().print(line, soft_wrap=True)


def begin() -> None:
    """Forget what an earlier command of this process has said."""
    TOLD.clear()
