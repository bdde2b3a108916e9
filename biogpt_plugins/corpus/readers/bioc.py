"""BioC as XML and JSON, including PubTator 3's. Annotations become entities.

The bioc library is not used: it reads whole collections into memory, or stops at the first broken
document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from biogpt_plugins.corpus.readers.records import TITLE_AND_ABSTRACT, ParsedRecord, Sections
from biogpt_plugins.values.annotations import mention_of
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper, annotated
from biogpt_plugins.values.mentions import placed
from biogpt_plugins.values.results import Entity

NAMES = ("document",)

_TITLES = {"title", "front"}
_REFERENCES = {"ref", "references"}
_WIDEST_GAP = 16


class _Passage(NamedTuple):
    offset: int
    kind: str
    section: str
    text: str
    annotations: tuple[Mapping[str, Any], ...] = ()


class _Joined(NamedTuple):
    """Passages as one text, and where each begins."""

    passages: Sequence[_Passage]
    text: str
    starts: Sequence[int]


def read_xml(document: Any, sections: Sections) -> Iterator[ParsedRecord]:  # noqa: ANN401 - lxml's
    """Read a document element."""
    passages = [_passage_of_xml(passage) for passage in document.iterfind("passage")]
    return _papers(document.findtext("id"), passages, sections)


def read_json(document: dict[str, Any], sections: Sections) -> Iterator[ParsedRecord]:
    """Read a document object.

    Raises:
        InputError: The object is not a BioC document.
    """
    try:
        passages = [_passage_of_json(passage) for passage in document["passages"]]
        id_ = document.get("pmid") if document.get("id") is None else document["id"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            "not a BioC document: each passage needs an offset, infons and a text"
        ) from error
    return _papers(None if id_ is None else str(id_), passages, sections)


def _papers(
    id_: str | None, passages: Sequence[_Passage], sections: Sections
) -> Iterator[ParsedRecord]:
    title = [p for p in passages if p.kind in _TITLES][:1]
    abstract = [p for p in passages if p.section == TITLE_AND_ABSTRACT]
    whole = sections is Sections.all
    if not title and not abstract and not (whole and any(p.section for p in passages)):
        abstract = list(passages)  # the file does not say the kinds of its passages
    rest = [p for p in passages if p not in title and p not in abstract]
    paper = _paper(id_, title, abstract)
    start = title[0].offset if title else abstract[0].offset if abstract else 0
    if paper.source or not (whole and rest):
        yield ParsedRecord(0, paper, TITLE_AND_ABSTRACT if whole else "", start if whole else 0)
    if not whole:
        return
    for name, group in groupby(rest, lambda passage: passage.section):
        section = list(group)
        if name not in _REFERENCES:
            yield ParsedRecord(0, _paper(id_, [], section), name, section[0].offset)


def _paper(id_: str | None, title: Sequence[_Passage], text: Sequence[_Passage]) -> Paper:
    head, body = _joined(title), _joined(text)
    paper = Paper(id=id_, title=head.text, text=body.text)
    lead = len(paper.source) - len(body.text)
    begin = (title or text)[0].offset if title or text else 0

    def entities() -> tuple[list[Entity], list[str]]:
        found: list[Entity] = []
        faults: list[str] = []
        for at, joined in ((0, head), (lead, body)):
            for passage, start in zip(joined.passages, joined.starts, strict=True):
                # Some files count in the paper, whatever the passages say; some in the passage.
                bases = (passage.offset, begin + at + start, 0)
                mentions = list(map(mention_of, passage.annotations))
                placed_, misplaced = placed(mentions, passage.text, id_, bases)
                found += [one.moved(at + start) for one in placed_]
                faults += misplaced
        return found, faults

    return annotated(paper, entities)


def _joined(passages: Sequence[_Passage]) -> _Joined:
    """Join texts at the distance of their offsets, or by one space if the offsets make no sense."""
    text, starts = "", []
    for passage in passages:
        gap = passage.offset - passages[0].offset - len(text)
        text += " " * (gap if 0 <= gap <= _WIDEST_GAP else 1 if text else 0)
        starts.append(len(text))
        text += passage.text
    return _Joined(passages, text, starts)


def _passage_of_xml(passage: Any) -> _Passage:  # noqa: ANN401
    offset = _offset(passage.findtext("offset"))
    parts = [(s.findtext("offset"), s.findtext("text")) for s in passage.iterfind("sentence")]
    annotations = [
        {
            "infons": _infons(annotation),
            "text": annotation.findtext("text"),
            "locations": [dict(location.attrib) for location in annotation.iterfind("location")],
        }
        for annotation in passage.iter("annotation")
    ]
    return _passage(offset, _infons(passage), passage.findtext("text"), parts, annotations)


def _infons(element: Any) -> dict[str, str]:  # noqa: ANN401
    return {infon.get("key", ""): infon.text or "" for infon in element.iterfind("infon")}


def _passage_of_json(passage: Any) -> _Passage:  # noqa: ANN401
    infons = passage.get("infons") or {}
    sentences = passage.get("sentences") or ()
    parts = [(s.get("offset"), s.get("text")) for s in sentences]
    text = passage.get("text")
    if not isinstance(text, str | None) or not isinstance(infons, dict):
        raise TypeError(text)
    annotations = [a for part in (passage, *sentences) for a in part.get("annotations") or ()]
    return _passage(_offset(passage.get("offset")), infons, text, parts, annotations)


def _passage(
    offset: int,
    infons: dict[str, Any],
    text: str | None,
    parts: Sequence[tuple[Any, Any]],
    annotations: Sequence[Mapping[str, Any]],
) -> _Passage:
    if not text:
        spans = [_Passage(_offset(at), "", "", sentence or "") for at, sentence in parts]
        if spans:
            offset = spans[0].offset
        text = _joined(spans).text
    kind = str(infons.get("type", "")).lower()
    named = str(infons.get("section_type") or infons.get("section") or kind).lower()
    section = TITLE_AND_ABSTRACT if kind.startswith(TITLE_AND_ABSTRACT) else named
    return _Passage(offset, kind, section, text, tuple(annotations))


def _offset(value: Any) -> int:  # noqa: ANN401
    """The offset of a passage; a negative one becomes 0."""
    try:
        return max(0, int(value or 0))
    except (ValueError, OverflowError) as error:
        raise InputError(f"the offset of a passage must be a number, not {value!r}") from error
