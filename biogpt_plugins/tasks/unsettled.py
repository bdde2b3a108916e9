"""A completion that is being written: which of its clauses can be read already, piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biogpt_plugins.tasks.patterns import SAME
from biogpt_plugins.tasks.relations import settled

if TYPE_CHECKING:
    from biogpt_plugins.tasks.clause import Clause

_LONGEST_WORD = 24  # characters, and the spaces after it
_LONGEST = 2048  # characters; a clause that has not ended by then is rubbish


class Unsettled:
    """The end of a completion that is being written, after the clauses that can be read.

    Its work grows with the length of the completion: it looks only at the last few thousand
    characters after what is settled, and only if a piece may end or begin a clause. A clause that
    is longer is settled when the next one begins, or is read with the whole completion.

    Attributes:
        scanned: Number of characters looked at so far.
    """

    def __init__(self, clause: Clause) -> None:
        """Start with an empty completion."""
        self.scanned = 0
        self._clause = clause
        self._ends = frozenset(f".{clause.separator}")
        # A clause begins after the last of its first words.
        first = clause.literals[0].lower().split()[-1:]
        self._begins = SAME if first and first[0] in SAME else [w.removesuffix("s") for w in first]
        self._open = ""
        self._begun = False

    def add(self, piece: str) -> str:
        """Add a piece; return the clauses that can be read now and could not before, or ""."""
        before = self._open[-1:]
        self._open = f"{self._open}{piece}"[-_LONGEST - len(piece) :]
        if not self._matters(before, piece):
            return ""
        self.scanned += len(self._open)
        part = settled(self._clause.patterns, self._open, begun=self._begun)
        if not part:
            return ""
        self._open = self._open[len(part) :]
        start = self._clause.patterns.start
        found = start.search(part) if start and self._begun else None
        self._begun = True
        return part[found.start() :] if found else part

    def _matters(self, before: str, piece: str) -> bool:
        """Whether a piece may end a clause, or begin one."""
        near = self._open[-len(piece) - _LONGEST_WORD :].lower()
        return (
            before in self._ends
            or not self._ends.isdisjoint(piece)
            or any(word in near for word in self._begins)
        )
