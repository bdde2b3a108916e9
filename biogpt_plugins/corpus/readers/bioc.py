"""BioC, as XML and as JSON, PubTator 3's too. Annotations are passed over.

The bioc library reads whole collections into memory, or leaves the rest of a file unread where one
document is broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from biogpt_plugins.corpus.readers.records import TITLE_AND_ABSTRACT, Found, Sections
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper

NAMES = ("document",)

_TITLES = {"title", "front"}
_REFERENCES = {"ref", "references"}
_WIDEST_GAP = 16


class _Passage(NamedTuple):
    offset: int
    kind: str
    section: str
    text: str


def read_xml(document: Any, sections: Sections) -> Iterator[Found]:  # noqa: ANN401 - lxml's
    """Read an element."""
    passages = [_passage_of_xml(passage) for passage in document.iterfind("passage")]
    return _papers(document.findtext("id"), passages, sections)


def read_json(document: dict[str, Any], sections: Sections) -> Iterator[Found]:
    """Read an object.

    Raises:
        InputError: It has not the form of a BioC document.
    """
    try:
        passages = [_passage_of_json(passage) for passage in document["passages"]]
        id_ = document.get("pmid") if document.get("id") is None else document["id"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            "no document of BioC: a passage wants an offset, infons and a text"
        ) from error
    return _papers(None if id_ is None else str(id_), passages, sections)


def _papers(id_: str | None, passages: Sequence[_Passage], sections: Sections) -> Iterator[Found]:
    title = [p for p in passages if p.kind in _TITLES][:1]
    abstract = [p for p in passages if p.section == TITLE_AND_ABSTRACT]
    whole = sections is Sections.all
    if not title and not abstract and not (whole and any(p.section for p in passages)):
        abstract = list(passages)  # passages of no told kind are all there is
    rest = [p for p in passages if p not in title and p not in abstract]
    paper = Paper(id=id_, title=_joined(title), text=_joined(abstract))
    start = title[0].offset if title else abstract[0].offset if abstract else 0
    if paper.source or not (whole and rest):
        yield Found(0, paper, TITLE_AND_ABSTRACT if whole else "", start if whole else 0)
    if not whole:
        return
    for name, group in groupby(rest, lambda passage: passage.section):
        found = list(group)
        if name not in _REFERENCES:
            yield Found(0, Paper(id=id_, text=_joined(found)), name, found[0].offset)


def _joined(passages: Sequence[_Passage]) -> str:
    """Texts as far from each other as their offsets are; a space where these make no sense."""
    text = ""
    for passage in passages:
        gap = passage.offset - passages[0].offset - len(text)
        text += " " * (gap if 0 <= gap <= _WIDEST_GAP else 1 if text else 0) + passage.text
    return text


def _passage_of_xml(passage: Any) -> _Passage:  # noqa: ANN401
    infons = {infon.get("key", ""): infon.text or "" for infon in passage.iterfind("infon")}
    offset = _offset(passage.findtext("offset"))
    parts = [(s.findtext("offset"), s.findtext("text")) for s in passage.iterfind("sentence")]
    return _passage(offset, infons, passage.findtext("text"), parts)


def _passage_of_json(passage: Any) -> _Passage:  # noqa: ANN401
    infons = passage.get("infons") or {}
    parts = [(s.get("offset"), s.get("text")) for s in passage.get("sentences") or ()]
    text = passage.get("text")
    if not isinstance(text, str | None) or not isinstance(infons, dict):
        raise TypeError(text)
    return _passage(_offset(passage.get("offset")), infons, text, parts)


def _passage(
    offset: int, infons: dict[str, Any], text: str | None, parts: Sequence[tuple[Any, Any]]
) -> _Passage:
    if not text:
        spans = [_Passage(_offset(at), "", "", sentence or "") for at, sentence in parts]
        if spans:
            offset = spans[0].offset
        text = _joined(spans)
    kind = str(infons.get("type", "")).lower()
    named = str(infons.get("section_type") or infons.get("section") or kind).lower()
    section = TITLE_AND_ABSTRACT if kind.startswith(TITLE_AND_ABSTRACT) else named
    return _Passage(offset, kind, section, text)


def _offset(told: Any) -> int:  # noqa: ANN401
    """What a passage says, if it can be: nothing stands before a paper's first character."""
    try:
        return max(0, int(told or 0))
    except (ValueError, OverflowError) as error:
        raise InputError(f"{told!r} is no offset of a passage: give a number") from error
