"""MEDLINE and PubMed XML: PubmedArticleSet, the format of PubMed's baseline and update files.

Text is assembled as PubMed shows it: the sections of an abstract as "LABEL: text", without markup,
in one line. If PubMed has no translated title, the title in the paper's own language is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from biogpt_plugins.corpus.readers.elements import local, plain
from biogpt_plugins.corpus.readers.records import ParsedRecord, Withdrawn
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper

DELETED = "DeleteCitation"

_NO_TITLE = {"", "[Not Available].", "[Not Available]", "[In Process Citation]"}
_NO_ABSTRACT = {"", "Abstract available from the publisher."}
_NO_LABEL = {"", "UNLABELLED", "UNASSIGNED"}
_PMID = re.compile(rb"<PMID\b([^<>]*)>\s*(\d+)\s*</PMID\s*>")
_VERSION = re.compile(rb"\bVersion\s*=\s*[\"'](\d+)")


class Citation(NamedTuple):
    """The PMID of a citation and its version, which PubMed counts for a few journals."""

    pmid: int
    version: int = 1


def names(head: bytes) -> tuple[str, ...]:
    """The element names of the records; a MedlineCitation may be a record or part of one."""
    alone = b"<MedlineCitationSet" in head
    return (*(("MedlineCitation",) if alone else ("PubmedArticle", "PubmedBookArticle")), DELETED)


def deletes(data: bytes) -> bool:
    """Whether an element lists deleted citations."""
    return data.startswith(b"<" + DELETED.encode())


def citations(data: bytes) -> list[Citation]:
    """The citation of an element, or all citations that it deletes."""
    pmids = _PMID.finditer(data) if deletes(data) else filter(None, [_PMID.search(data)])
    return [Citation(int(pmid[2]), _version(pmid[1])) for pmid in pmids]


def read(element: Any) -> Iterator[ParsedRecord]:  # noqa: ANN401 - lxml has no types
    """Read an element; a deletion yields a Withdrawn for each of its citations."""
    if local(element) == DELETED:
        for pmid in element.iterfind("PMID"):
            yield ParsedRecord(
                0, Withdrawn(f"PMID {plain(pmid)} is deleted from PubMed", plain(pmid))
            )
        return
    citation = next((e for e in element.iter("MedlineCitation", "BookDocument")), element)
    pmid = plain(citation.find("PMID"))
    if not pmid:
        raise InputError(f"<{local(element)}> has no PMID")
    article = citation.find("Article")
    article = citation if article is None else article
    title = plain(article.find("ArticleTitle"))
    if title in _NO_TITLE:
        title = plain(article.find("VernacularTitle")) or title
    yield ParsedRecord(0, Paper(id=pmid, title=title, text=_abstract(citation, article)))


def _abstract(citation: Any, article: Any) -> str:  # noqa: ANN401
    """The journal's abstract, or an English one from elsewhere: the first that has words."""
    given = [*article.iterfind("Abstract"), *citation.iterfind("OtherAbstract[@Language='eng']")]
    texts = (" ".join(filter(None, map(_section, a.iterfind("AbstractText")))) for a in given)
    return next((text for text in texts if text not in _NO_ABSTRACT), "")


def _section(section: Any) -> str:  # noqa: ANN401
    text, label = plain(section), section.get("Label", "").strip().rstrip(":")
    return text if label.upper() in _NO_LABEL or not text else f"{label}: {text}"


def _version(attributes: bytes) -> int:
    version = _VERSION.search(attributes)
    return int(version[1]) if version else 1
