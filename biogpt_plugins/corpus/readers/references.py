"""XML of citations that is not PubMed's: EndNote's and Europe PMC's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from biogpt_plugins.corpus.readers.elements import plain
from biogpt_plugins.corpus.readers.markup import unmarked
from biogpt_plugins.corpus.readers.records import ParsedRecord
from biogpt_plugins.values.inputs import Paper

ENDNOTE = ("record",)
EUROPE_PMC = ("result",)


def read_endnote(record: Any) -> Iterator[ParsedRecord]:  # noqa: ANN401 - lxml has no types
    """Read a record that EndNote or Zotero exported."""
    title = unmarked(plain(record.find("titles/title")))
    abstract = unmarked(plain(record.find("abstract")))
    accession, doi, number = (
        plain(record.find(name)) or None
        for name in ("accession-num", "electronic-resource-num", "rec-number")
    )
    yield ParsedRecord(0, Paper(id=accession or doi or number, title=title, text=abstract))


def read_europe_pmc(result: Any) -> Iterator[ParsedRecord]:  # noqa: ANN401
    """Read a result of a search."""
    names = ("pmid", "pmcid", "id", "doi")
    id_ = next((text for name in names if (text := plain(result.find(name)))), None)
    title = unmarked(plain(result.find("title")))
    yield ParsedRecord(
        0, Paper(id=id_, title=title, text=unmarked(plain(result.find("abstractText"))))
    )
