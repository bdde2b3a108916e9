"""Finds the last citation of each PMID in PubMed's baseline and update files."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

from biogpt_plugins.corpus.readers.medline import Citation

_PAGE = 1 << 16


class Latest:
    """The place of each PMID's last citation or deletion, in four bytes per citation.

    A higher version of a citation is later than a lower one, regardless of their places. A citation
    after a deletion is later than everything before the deletion.

    Args:
        places: (place, citation, whether it is deleted), in order; places count from 1.
    """

    def __init__(self, places: Iterable[tuple[int, Citation, bool]]) -> None:
        self._pages: dict[int, array[int]] = {}
        self._versions: dict[int, int] = {}  # only of PMIDs with more than one version
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
        """Whether the citation at this place is not replaced later."""
        page = self._pages.get(pmid // _PAGE)
        return page is None or page[pmid % _PAGE] in (0, place)


class Later(NamedTuple):
    """What the reader of a file needs to know about later files.

    Attributes:
        last: The last citation of each PMID.
        begin: The place of the first record of the file.
    """

    last: Latest
    begin: int
