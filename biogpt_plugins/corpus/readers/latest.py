"""Which citation of a PMID is the last in files that PubMed adds to: its baseline and updates."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

from biogpt_plugins.corpus.readers.medline import Citation

_PAGE = 1 << 16


class Latest:
    """Remembers the place of each PMID's last citation or deletion: four bytes a citation.

    A higher version of a citation is later than a lower one, wherever they stand, and what stands
    behind a deletion is later than all before.

    Args:
        places: Citations, and deleted ones, with their places, in order, counted from 1.
    """

    def __init__(self, places: Iterable[tuple[int, Citation, bool]]) -> None:
        self._pages: dict[int, array[int]] = {}
        self._versions: dict[int, int] = {}  # of the few that have more than one
        for place, (pmid, version), deleted in places:
            if deleted:
                self._versions.pop(pmid, None)
            elif version < self._versions.get(pmid, 1):
                continue
            elif version > 1:
                self._versions[pmid] = version
            page = self._pages.setdefault(pmid // _PAGE, array("I"))
            if not page:
                page.frombytes(bytes(page.itemsize * _PAGE))
            page[pmid % _PAGE] = place

    def is_last(self, pmid: int, place: int) -> bool:
        """Whether nothing else takes the place of a citation."""
        page = self._pages.get(pmid // _PAGE)
        return page is None or page[pmid % _PAGE] in (0, place)


class Later(NamedTuple):
    """What one file needs to know of the files behind it.

    Attributes:
        last: Where each PMID's last citation is.
        begin: The place of the file's first record.
    """

    last: Latest
    begin: int
