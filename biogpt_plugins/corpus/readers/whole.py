"""Joins the records of sections to whole papers, in whose text offsets of Predictions count."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from biogpt_plugins.corpus.readers.records import TITLE_AND_ABSTRACT, Record
from biogpt_plugins.values.inputs import FullText, Paper, Part

_WIDEST_GAP = 1 << 20  # a larger gap is a mistake in the file


def whole_papers(
    records: Iterable[Record], ids: Container[str | None] | None = None
) -> Iterator[Record]:
    """Join records that were read by section: one record, a FullText, for each paper.

    Records are separated by spaces. A section is dropped if the offsets of a BioC file place it on
    top of another section, or over a million characters behind it.

    Args:
        records: The records of `read_records(..., sections=Sections.all)`. Errors and records of
            formats without sections stay unchanged.
        ids: The papers to join; of other papers only title and abstract are kept. None: all.
    """
    paper: list[Record] = []
    for record in records:
        if paper and not _goes_on(paper[-1], record):
            yield _whole(paper, ids)
            paper = []
        paper.append(record)
    if paper:
        yield _whole(paper, ids)


def _goes_on(before: Record, record: Record) -> bool:
    """Whether a record belongs to the same paper as the one before."""
    return (
        isinstance(before.value, Paper)
        and isinstance(record.value, Paper)
        and (before.where, before.value.id) == (record.where, record.value.id)
        and record.section != TITLE_AND_ABSTRACT
        and bool(before.section or record.section)
    )


def _whole(paper: Sequence[Record], ids: Container[str | None] | None) -> Record:
    first = paper[0]
    if not isinstance(first.value, Paper) or not any(record.section for record in paper):
        return first
    id_ = first.value.id
    if ids is not None and id_ not in ids and first.section == TITLE_AND_ABSTRACT:
        return Record(first.where, first.value)
    text = ""
    parts: list[Part] = []
    for record in sorted(paper, key=lambda record: record.start):
        gap = record.start - len(text)
        if isinstance(record.value, Paper) and 0 <= gap <= _WIDEST_GAP:
            text += " " * gap + record.value.source
            parts += _parts(record.value, record)
    return Record(first.where, FullText(id=id_, text=text, parts=tuple(parts)))


def _parts(paper: Paper, record: Record) -> list[Part]:
    """The parts of a record: title and abstract, or a section."""
    end = record.start + len(paper.source)
    rest = record.start
    title = []
    if paper.title:
        rest += len(paper.title)
        title = [Part("title", record.start, rest)]
        rest += 1
    return [*title, Part(record.section, rest, end)] if paper.text else title
