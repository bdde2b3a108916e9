"""How a text spells the pieces of copied names that the vocabulary does not have.

A vocabulary lacks some letters, above all Greek ones and some at the end of a word. The model reads
`<unk>` for each, and a name that is copied by its ids has `<unk>` where its letter should be. The
text still has the letter.
"""

from __future__ import annotations

from collections.abc import Sequence

_FAR = 32  # tokens; more of a name need not be compared


class Spelling:
    """The unknown pieces of a text, and which of them a completion has copied."""

    def __init__(self, ids: Sequence[int], spelt: Sequence[int], unknown: int) -> None:
        """Prepare a text.

        Args:
            ids: The ids of the text.
            spelt: The same, with an id of its own for each unknown piece.
            unknown: The id that the model reads for all of them.
        """
        self._ids, self._spelt, self._unknown = ids, spelt, unknown
        self._places = [at for at, token in enumerate(ids) if token == unknown]

    def of(self, written: Sequence[int]) -> list[int]:
        """The ids of a completion, with each unknown piece as the text spells it.

        Of several places in the text, the one with most of the same tokens around it is taken, and
        of equals the one with the longer run on one side: a name mostly goes on at one side, and
        at the other a word as common as "and" may be alike by chance.
        """
        found = list(written)
        for at, token in enumerate(written):
            if token == self._unknown and self._places:
                alike = [self._alike(place, written, at) for place in self._places]
                found[at] = self._spelt[self._places[alike.index(max(alike))]]
        return found

    def first(self, written: Sequence[int]) -> int:
        """The number of ids before the first unknown one."""
        return written.index(self._unknown) if self._unknown in written else len(written)

    def _alike(self, place: int, written: Sequence[int], at: int) -> tuple[int, int]:
        """How many tokens around two places are the same: on both sides, and on the better one."""
        ids, counts = self._ids, []
        for step in (1, -1):
            count = 0
            for gap in range(1, _FAR):
                here, there = place + step * gap, at + step * gap
                inside = 0 <= here < len(ids) and 0 <= there < len(written)
                if not inside or ids[here] != written[there]:
                    break
                count += 1
            counts.append(count)
        return sum(counts), max(counts)
