"""Formats, and the format of a file by its beginning."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from enum import Enum

from biogpt_plugins.corpus.readers import tagged
from biogpt_plugins.corpus.readers.files import BOM
from biogpt_plugins.corpus.readers.outline import Shape, shape
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.names import field_of, is_text


class Format(str, Enum):
    """The format of a file; `auto` recognises it by its beginning."""

    auto = "auto"
    pubtator = "pubtator"
    bioc_xml = "bioc-xml"
    bioc_json = "bioc-json"
    medline = "medline"
    nbib = "nbib"
    ris = "ris"
    refer = "refer"
    isi = "isi"
    endnote_xml = "endnote-xml"
    europepmc_xml = "europepmc-xml"
    jats = "jats"
    pubmedqa = "pubmedqa"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"
    feather = "feather"
    xlsx = "xlsx"
    pdf = "pdf"
    text = "text"


TITLE_OR_ABSTRACT = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)
ROOTS = {
    "PubmedArticleSet": Format.medline,
    "PubmedBookArticleSet": Format.medline,
    "PubmedArticle": Format.medline,
    "PubmedBookArticle": Format.medline,
    "MedlineCitationSet": Format.medline,
    "MedlineCitation": Format.medline,
    "collection": Format.bioc_xml,
    "document": Format.bioc_xml,
    "pmc-articleset": Format.jats,
    "articles": Format.jats,
    "article": Format.jats,
    "OAI-PMH": Format.jats,
    "xml": Format.endnote_xml,
    "responseWrapper": Format.europepmc_xml,
    "resultList": Format.europepmc_xml,
}
MARKS = ("\t", ",", ";", "|")
TAGGED = {Format.nbib: tagged.NBIB, Format.ris: tagged.RIS, Format.refer: tagged.REFER}
TAGGED |= {Format.isi: tagged.ISI}

_SEP = re.compile(r'\s*"?sep=(.)"?\s*$', re.IGNORECASE)
_ROOT = re.compile(rb"<([A-Za-z_][\w:.-]*)[\s/>]")
_ARRAY = re.compile(rb"\[\s*([{\"]|$)|\[\[")
_NUMBERS = re.compile(rb"\[?[\s,.;]*\d[\s\d,.;]*\]?")
_TABULAR = {"csv", "tsv", "tab"}
_TOLD_BY_NAME = {
    **dict.fromkeys(("json", "jsonl", "ndjson"), "JSON, which begins with { or ["),
    **dict.fromkeys(("xml", "nxml", "htm", "html", "xhtml"), "XML, which begins with <"),
    "nbib": 'MEDLINE text, which begins with "PMID- "',
    "ris": 'RIS, which begins with "TY  - "',
    "enw": 'EndNote\'s tags, which begin with "%0 "',
    "pdf": 'PDF, which begins with "%PDF-"',
    **dict.fromkeys(("xlsx", "parquet", "feather"), "what its name says"),
    **dict.fromkeys(("docx", "doc", "xls", "odt", "rtf"), "what its name says"),
}
_MARKDOWN = re.compile(rb"\|[^\n]*\|\s*\n\|?[ :|-]+\|")
_NO_PAPERS = (
    (re.compile(rb"@\w+\s*\{"), "BibTeX: export the papers as RIS or CSL JSON"),
    (re.compile(rb"\\documentclass|\\begin\{"), "LaTeX: convert it to plain text, with detex say"),
    (re.compile(rb"#!|from [\w.]+ import "), "a program"),
    (re.compile(rb"(?:From|Return-Path|Received|Subject): .*\n[\w-]+: "), "mail"),
    (
        re.compile(rb"(?s)1[.:] \S.*\nPMID: \d+"),
        'PubMed\'s "Abstract (text)" or "Summary (text)": save it again in the format "PubMed"',
    ),
    (
        re.compile(rb"(?:PMC)?\d{4,9}\s*(?:\n\s*(?:PMC)?\d{4,9}\s*)*$"),
        "a list of ids: papers have texts",
    ),
)


def tells(head: bytes) -> bool:
    """Whether this beginning of a file is enough to recognise the format."""
    start = head.removeprefix(BOM).lstrip()
    if start.startswith(b"<"):
        return _root(start) is not None
    if start.startswith((b"{", b"[")):  # what JSON holds may be told late: dates come first
        return _is_line(start)
    # PubMed's "Abstract (text)" says what it is at the end of its first citation.
    return not start.startswith((b"1. ", b"1: ")) and len(start.splitlines()) > _ROWS_LOOKED_AT


_ROWS_LOOKED_AT = 5


def guess(  # noqa: PLR0911 - a guess each
    head: bytes, name: str | None = None, told: Collection[str] = ()
) -> Format | InputError:
    """The format of a file that begins so, or why it has none that is known.

    Args:
        head: Its beginning.
        name: What it is called.
        told: Columns that are known to be there, if it is a table.
    """
    start = head.lstrip()
    ending = (name or "").rpartition(".")[2].lower() if "." in (name or "") else ""
    first = start.split(b"\n", 1)[0].strip()
    if start.startswith(b"<"):
        return _xml(start)
    # A title may begin with a bracket: that of a paper in another language than English does.
    if start.startswith(b"{") or _ARRAY.match(first):
        return _guess_json(start)
    for form, layout in TAGGED.items():
        if layout.begins(start):
            return form
    text = first.decode("utf-8", errors="replace")
    if TITLE_OR_ABSTRACT.match(text):
        return Format.pubtator
    if _MARKDOWN.match(start):
        return InputError(
            "it is a table in Markdown: save it as CSV, or name the format (--format)"
        )
    if _SEP.fullmatch(text) or ending in _TABULAR or _is_table(text):
        return Format.csv
    if ending in _TOLD_BY_NAME and start:
        return InputError(
            f"it is not {_TOLD_BY_NAME[ending]}: mend the file, or name its format (--format)"
        )
    return _plain(start, {column.strip().lower() for column in told})


def _plain(start: bytes, told: Collection[str]) -> Format | InputError:
    """Plain text, unless it looks like something else."""
    for mark, what in _NO_PAPERS:
        if mark.match(start):
            return InputError(f"it looks like {what}; --format text reads it as one text")
    if start.strip() and _NUMBERS.fullmatch(start.strip()):
        return InputError("there are only numbers in it: --format text reads it as one text")
    if columns := _columns_of_unknown(start):
        if any(name.lower() in told for name in columns):
            return Format.csv
        names = ", ".join(repr(name[:40]) for name in columns[:12])
        return InputError(
            "it looks like a table in which no column is known as a text: the columns are "
            f"{names}; say which are: --columns title=NAME --columns abstract=NAME; --format text "
            "reads it as one text"
        )
    return Format.text


def separator(first: str) -> str | None:
    """What Excel's first line, sep=;, says stands between columns."""
    found = _SEP.fullmatch(first.strip("\r\n"))
    return found[1] if found else None


def columns(header: str, mark: str) -> list[str]:
    """The names in the first line of a table, as they stand there."""
    try:
        row = next(csv.reader([header.strip("\r\n")], delimiter=mark, skipinitialspace=True), [])
    except csv.Error:
        row = header.split(mark)
    return [name.strip().strip('"').strip() for name in row]


def marked(header: str) -> str:
    """What stands between the columns of a table that begins so."""

    def fits(mark: str) -> tuple[int, int]:
        names = columns(header, mark)
        return sum(map(is_text, names)), sum(field_of(name) is not None for name in names)

    return max(MARKS, key=lambda mark: (*fits(mark), header.count(mark)))


def _is_table(header: str) -> bool:
    """Whether two columns at least have names that are known, and one of them is a text."""
    for mark in MARKS:
        names = columns(header, mark)
        fields = {field_of(name) for name in names} - {None}
        if len(fields) > 1 and any(map(is_text, names)):
            return True
        # An index that pandas wrote, or columns that we do not read, beside the text.
        if fields and any(map(is_text, names)) and _are_names(names) and len(names) > 1:
            return True
    return False


_NAME = re.compile(r"[^\W\d][\w./#()% -]{0,39}")
_MOST_WORDS = 4


def _are_names(names: list[str]) -> bool:
    """Whether these may be the names of columns; the first, of an index, may be empty."""
    return all(
        _NAME.fullmatch(name) and len(name.split()) <= _MOST_WORDS and not name.endswith(".")
        for name in names[1 if not names[0] else 0 :]
    )


def _columns_of_unknown(start: bytes) -> list[str] | None:
    """The columns of what looks like a table: rows of as many cells as there are names."""
    lines = start.decode("utf-8", errors="replace").split("\n")[: _ROWS_LOOKED_AT + 1]
    header, *rows = lines
    if not rows or not rows[0].strip():  # a heading, and not a header
        return None
    rows = [row for row in rows if row.strip()]
    for mark in MARKS:
        names = columns(header, mark)
        if len(names) > 1 and _are_names(names):
            found = [len(columns(row, mark)) for row in rows]
            if mark == "\t" or sum(n == len(names) for n in found) * 2 > len(found):
                return names
    return None


def _guess_json(start: bytes) -> Format | InputError:
    text = start.decode("utf-8", errors="replace")
    if text.startswith("["):
        inner = text.find("{")
        return Format.bioc_json if shape(text[max(inner, 0) :]) == Shape.bioc else Format.jsonl
    match shape(text):
        case Shape.by_id:
            return Format.pubmedqa
        case Shape.bioc:
            return Format.bioc_json
    return Format.jsonl


def _is_line(start: bytes) -> bool:
    """Whether the first line is a whole JSON value."""
    line, end, _ = start.partition(b"\n")
    return bool(end) and line.rstrip().endswith((b"}", b"]"))


def _xml(start: bytes) -> Format | InputError:
    name = _root(start)
    root = (name or "").rpartition(":")[2]
    if root in ROOTS:
        return ROOTS[root]
    if name is None:
        return InputError("it begins with < and has no root of XML: --format text reads it as text")
    if root.lower() == "html":
        return InputError(
            "it is a web page: save PubMed's XML, or PMC's, instead, or name the format (--format)"
        )
    return InputError(
        f"XML whose root <{name[:40]}> is not of PubMed, BioC, JATS, Europe PMC or EndNote: name "
        "the format if it is one"
    )


def prefix(head: bytes) -> str:
    """What stands before the names of XML's elements, "jats:" for one; "" if nothing does."""
    return "".join((_root(head.lstrip()) or "").rpartition(":")[:2])


def _root(start: bytes) -> str | None:
    """The name of XML's root, with its prefix; None if it is not in sight."""
    at: int | None = 0
    while at is not None:
        at += len(start[at:]) - len(start[at:].lstrip()) if start[at : at + 1].isspace() else 0
        if start.startswith(b"<?", at):
            at = _behind(start, b"?>", at)
        elif start.startswith(b"<!--", at):
            at = _behind(start, b"-->", at)
        elif start[at : at + 9].upper() == b"<!DOCTYPE":
            at = _behind_doctype(start, at)
        else:
            root = _ROOT.match(start, at)
            return root[1].decode(errors="replace") if root else None
    return None


def _behind(start: bytes, mark: bytes, at: int) -> int | None:
    end = start.find(mark, at)
    return None if end < 0 else end + len(mark)


_SIGNS = re.compile(rb"<!--|<\?|[\"'\[\]>]")


def _behind_doctype(start: bytes, at: int) -> int | None:
    """Where a DOCTYPE ends, whatever stands in its comments, instructions and quotes."""
    inside = False
    place: int | None = at
    while place is not None and (found := _SIGNS.search(start, place)):
        sign = found[0]
        if sign == b"<!--":
            place = _behind(start, b"-->", found.start())
        elif sign == b"<?":
            place = _behind(start, b"?>", found.start())
        elif sign in b"\"'":
            end = start.find(sign, found.end())
            place = None if end < 0 else end + 1
        else:
            place = found.end()
            if sign == b">" and not inside:
                return place
            inside = (inside or sign == b"[") and sign != b"]"
    return None
