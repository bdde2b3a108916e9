"""Formats, and the format of a file by its beginning."""

from __future__ import annotations

import re
from enum import Enum

from biogpt_plugins.corpus.readers.files import BOM


class Format(str, Enum):
    """The format of a file; `auto` recognises it by its beginning."""

    auto = "auto"
    pubtator = "pubtator"
    bioc_xml = "bioc-xml"
    bioc_json = "bioc-json"
    medline = "medline"
    jats = "jats"
    pubmedqa = "pubmedqa"
    jsonl = "jsonl"
    csv = "csv"
    text = "text"


TITLE_OR_ABSTRACT = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)
ROOTS = {
    "PubmedArticleSet": Format.medline,
    "PubmedBookArticleSet": Format.medline,
    "PubmedArticle": Format.medline,
    "MedlineCitationSet": Format.medline,
    "MedlineCitation": Format.medline,
    "collection": Format.bioc_xml,
    "pmc-articleset": Format.jats,
    "article": Format.jats,
    "OAI-PMH": Format.jats,
}
TEXTS = {"title", "abstract", "text", "question", "context", "contexts", "sentence", "term"}
MARKS = ("\t", ",", ";")
_KNOWN = TEXTS | {"id", "pmid"}
_XML = re.compile(rb"<(\?xml\s|!DOCTYPE\s|!--)")
_BEFORE_ROOT = re.compile(rb"\s*(<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(\[.*?\]\s*)?>)", re.DOTALL)
_ROOT = re.compile(
    rb"\s*(<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(\[(<!--.*?-->|\"[^\"]*\"|'[^']*'|[^\]])*\]\s*)?>)",
    re.DOTALL,
)
_ROOT = re.compile(rb"\s*<([\w:.-]+)[\s/>]")
_ARRAY = re.compile(rb"\[\s*([{\"]|$)")
_COLLECTION = re.compile(rb'"(documents|PubTator3|passages)"\s*:\s*\[')
_BY_ID = re.compile(
    rb'\{\s*"[^"]*"\s*:\s*\{\s*"(%s)"\s*:' % "|".join(sorted(TEXTS)).encode(), re.IGNORECASE
)


def tells(head: bytes) -> bool:
    """Whether this beginning of a file is enough to recognise the format."""
    start = head.removeprefix(BOM).lstrip()
    if start.startswith(b"<"):
        return _root(start) is not None or not _XML.match(start)
    # The telling key of a JSON file may come late, after sources, dates and keys.
    return bool(start) and (not start.startswith((b"{", b"[")) or _is_line(start))


def guess(head: bytes) -> Format | None:
    """The format of a file with this beginning; None for XML of an unknown kind."""
    start = head.lstrip()
    first = start.split(b"\n", 1)[0].strip()
    if start.startswith(b"<") and (_XML.match(start) or _root(start) in ROOTS):
        return ROOTS.get(_root(start) or "")
    # A title may begin with a bracket: PubMed puts translated titles in brackets.
    if start.startswith(b"{") or _ARRAY.match(first):
        return _guess_json(start)
    text = first.decode("utf-8", errors="replace")
    if TITLE_OR_ABSTRACT.match(text):
        return Format.pubtator
    if _is_table(text):
        return Format.csv
    return Format.text


def columns(header: str, mark: str) -> list[str]:
    """The names in the first line of a table, in lower case."""
    return [name.strip().strip('"').strip().lower() for name in header.split(mark)]


def _is_table(header: str) -> bool:
    """Whether at least two columns have known names, one of them for a text."""
    known = (_KNOWN.intersection(columns(header, mark)) for mark in MARKS)
    return any(len(names) > 1 and names & TEXTS for names in known)


def is_collection(head: bytes) -> bool:
    """Whether a JSON file has its BioC documents in an array, rather than one after another."""
    found = _COLLECTION.search(head)
    return found is not None and found[1] != b"passages"


def _guess_json(start: bytes) -> Format:
    if _BY_ID.match(start):
        return Format.pubmedqa
    return Format.bioc_json if _COLLECTION.search(start) else Format.jsonl


def _is_line(start: bytes) -> bool:
    """Whether the first line is a whole JSON value."""
    line, end, _ = start.partition(b"\n")
    return bool(end) and line.rstrip().endswith((b"}", b"]"))


def _root(start: bytes) -> str | None:
    """The name of the XML root, without its prefix; None if it is not read yet."""
    at = 0
    while found := _BEFORE_ROOT.match(start, at):
        at = found.end()
    root = _ROOT.match(start, at)
    return root[1].decode(errors="replace").rpartition(":")[2] if root else None
