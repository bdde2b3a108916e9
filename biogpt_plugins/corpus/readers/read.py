"""Reads files of any format into records."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from itertools import count
from types import MappingProxyType
from typing import Any, NamedTuple, TypeGuard

from biogpt_plugins.corpus.readers import bioc, jats, medline, references
from biogpt_plugins.corpus.readers.columnar import read_feather, read_parquet, read_xlsx
from biogpt_plugins.corpus.readers.columns import check_columns
from biogpt_plugins.corpus.readers.elements import Element, XmlError, XmlParser, elements
from biogpt_plugins.corpus.readers.files import (
    BREAKS,
    STDIN,
    OpenFile,
    Refused,
    broken_off,
    decode,
    is_pipe,
    shown,
)
from biogpt_plugins.corpus.readers.formats import TAGGED, Format, guess, prefix, tells
from biogpt_plugins.corpus.readers.latest import Later, Latest
from biogpt_plugins.corpus.readers.lines import read_jsonl, read_pubtator
from biogpt_plugins.corpus.readers.medline import Citation
from biogpt_plugins.corpus.readers.opening import opened
from biogpt_plugins.corpus.readers.outline import Shape, shape
from biogpt_plugins.corpus.readers.pdf import read_pdf
from biogpt_plugins.corpus.readers.records import ParsedRecord, Record, Sections, Withdrawn
from biogpt_plugins.corpus.readers.signatures import FEATHER, PARQUET, PDF, XLSX
from biogpt_plugins.corpus.readers.tables import read_table
from biogpt_plugins.corpus.readers.tagged import read_tagged
from biogpt_plugins.corpus.readers.values import papers, read_by_id, read_values
from biogpt_plugins.values.errors import InputError, LostError, UnreadError
from biogpt_plugins.values.inputs import Paper

LONGEST_TEXT = 2_000_000
"""A text that has more characters is no paper: it is refused."""

_BINARY = {
    PARQUET: Format.parquet,
    FEATHER: Format.feather,
    XLSX: Format.xlsx,
    PDF: Format.pdf,
}
_WHOLE = (Shape.collection, Shape.columns, Shape.split)
_LINES_LOOKED_AT = 5
_HEAD = 1 << 16  # bytes by which the format of a text is recognised


def read_records(  # noqa: PLR0913 - options, all but two keyword-only
    paths: Iterable[str],
    form: Format = Format.auto,
    *,
    sections: Sections = Sections.abstract,
    latest: bool = False,
    strict: bool = False,
    columns: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Record]:
    """Read files one after another.

    A broken record loses only itself: it becomes a record whose value is an InputError with the
    file and line. The place where a file breaks off becomes such a record too. A citation that
    PubMed deleted becomes a Withdrawn, which is also an InputError.

    Args:
        paths: Files, plain or packed by gzip, bzip2, xz or Zstandard, and packages of files, tar or
            zip, whose files are read one after another; "-" is the standard input. A single one may
            be given as it is.
        form: The format of all of them.
        sections: How much of full texts is read, in JATS and BioC.
        latest: Look through files of PubMed XML first, so that of a PMID only the last citation in
            them comes out; others are Withdrawn. Without it revised citations come out again, in
            the files' order, since what is read already cannot be taken back.
        strict: Raise the first error of a broken record.
        columns: Which columns of tables, and fields of JSON records, are id, title, abstract, text,
            question, context, long_answer or entities, where their names do not tell:
            `{"title": "Name"}`.

    Raises:
        InputError: A record is broken, and `strict` is True; or `columns` names an unknown field.
    """
    check_columns(columns)
    paths = [paths] if isinstance(paths, str) else list(paths)
    later: Sequence[Later | None] = look_through(paths, form) if latest else [None] * len(paths)
    for path, each in zip(paths, later, strict=True):
        yield from read_file(
            path, form, sections=sections, later=each, strict=strict, columns=columns
        )


def read_file(  # noqa: PLR0913 - options, all but two keyword-only
    path: str,
    form: Format = Format.auto,
    *,
    sections: Sections = Sections.abstract,
    later: Later | None = None,
    strict: bool = False,
    columns: Mapping[str, str] = MappingProxyType({}),
) -> Generator[Record, None, None]:
    """Read one file as `read_records` does.

    Args:
        path: The file.
        form: Its format.
        sections: How much of full texts to read.
        later: The result of `look_through` for this file.
        strict: Raise the first error of a broken record.
        columns: As there.

    Raises:
        InputError: A record is broken, and `strict` is True.
    """
    how = _How(form, sections, columns, later, count(later.begin if later else 0))
    place = f"{'standard input' if path == STDIN else shown(path)}:1"
    with closing(opened(path, tells)) as sources:
        try:
            for source in sources:
                place = f"{source.called}:1"
                for record in _records(source, how):
                    place = record.where
                    if strict and _is_broken(record.value):
                        raise record.value
                    yield record
        except BREAKS as error:
            name, _, line = place.rpartition(":")
            where = f"{name}:{int(line) + 1}"
            broken = _named(broken_off(error), where)
            if strict:
                raise broken from error
            yield Record(where, broken)


def read_text(text: str, form: Format = Format.auto) -> Iterator[Record]:
    """Read a text in memory as `read_records` reads a file; nothing in it is unpacked.

    Args:
        text: Papers in a format of text.
        form: The format.
    """
    data = text.encode(errors="surrogatepass")  # half of a pair is refused as no UTF-8
    head = data.find(b"\n", _HEAD) + 1 or len(data)
    source = OpenFile(None, "the text", data[:head], io.BytesIO(data[head:]))
    return _records(source, _How(form, Sections.abstract, {}, None, count()))


class _How(NamedTuple):
    """How a file is read."""

    form: Format
    sections: Sections
    columns: Mapping[str, str]
    later: Later | None
    places: Iterator[int]


def _records(source: OpenFile | Refused, how: _How) -> Iterator[Record]:
    found = [ParsedRecord(1, source.error)] if isinstance(source, Refused) else _read(source, how)
    for line, value, section, start in found:
        where = f"{source.called}:{line}"
        checked = value if isinstance(value, InputError) else _sized(value)
        if isinstance(checked, InputError):
            yield Record(where, _named(checked, where))
        else:
            yield Record(where, checked, section, start)


def look_through(paths: Sequence[str], form: Format = Format.auto) -> list[Later | None]:
    """Scan files of PubMed XML for what the reader of each must know about later files.

    A pipe, which can be read only once, is not scanned and gets None.
    """
    begins: list[int | None] = []
    last = Latest(_citations(paths, form, begins))
    return [None if begin is None else Later(last, begin) for begin in begins]


def _is_broken(value: object) -> TypeGuard[InputError]:
    return isinstance(value, InputError) and not isinstance(value, Withdrawn)


def _named(error: InputError, where: str) -> InputError:
    message = f"{where}: {error}"
    if isinstance(error, Withdrawn):
        return Withdrawn(message, error.id)
    return (LostError if isinstance(error, LostError) else UnreadError)(message)


def _sized(value: object) -> object:
    """A record, or an error in place of one that is too long."""
    if isinstance(value, Paper):
        size = len(value.source)
    elif isinstance(value, dict):
        size = max((len(v) for v in value.values() if isinstance(v, str)), default=0)
    else:
        size = len(value) if isinstance(value, str) else 0
    return value if size <= LONGEST_TEXT else _too_long(size)


def _too_long(size: int) -> InputError:
    return InputError(
        f"a text of {size:,} characters is no paper, {LONGEST_TEXT:,} is the most: give one paper "
        "a file, or JSON Lines, or name the format (--format)"
    )


def _read(source: OpenFile, how: _How) -> Iterator[ParsedRecord]:  # noqa: PLR0912 - a format each
    known = _form(source, how.form, how.columns)
    if isinstance(known, InputError):
        yield ParsedRecord(1, known)
        return
    pieces, lines, sections = source.pieces, source.lines, how.sections
    match known:
        case Format.parquet:
            yield from read_parquet(source.stream, how.columns)
        case Format.feather:
            yield from read_feather(source.stream, how.columns)
        case Format.xlsx:
            yield from read_xlsx(source.stream, how.columns)
        case Format.pdf:
            yield from read_pdf(source.stream, source.id, sections)
        case Format.pubtator:
            yield from read_pubtator(lines())
        case Format.nbib | Format.ris | Format.refer | Format.isi:
            yield from read_tagged(lines(), TAGGED[known])
        case Format.bioc_xml:
            read = partial(bioc.read_xml, sections=sections)
            yield from _xml(source, elements(pieces(), bioc.NAMES), read)
        case Format.jats:
            read = partial(jats.read, sections=sections)
            yield from _xml(source, elements(pieces(), jats.NAMES, prefix(source.head)), read)
        case Format.endnote_xml:
            found = elements(pieces(), references.ENDNOTE)
            yield from _xml(source, found, references.read_endnote)
        case Format.europepmc_xml:
            found = elements(pieces(), references.EUROPE_PMC)
            yield from _xml(source, found, references.read_europe_pmc)
        case Format.medline:
            found = elements(pieces(), medline.names(source.head))
            if how.later:
                found = _current(found, how.later, how.places)
            yield from _xml(source, found, medline.read)
        case Format.csv:
            yield from read_table(lines(), how.columns)
        case Format.text:
            yield ParsedRecord(1, _text(source))
        case _:
            yield from _json(source, known, how)


def _form(source: OpenFile, told: Format, columns: Mapping[str, str]) -> Format | InputError:
    """The format of a file: what it is, if it is binary; or what is told; or a guess."""
    if source.kind:
        return _BINARY[source.kind]
    if told in _BINARY.values():
        return InputError(f"it is no file of the format {told.value}")
    if told is not Format.auto:
        return told
    return guess(source.head, source.name, columns.values())


def _text(source: OpenFile) -> Paper | InputError:
    parts: list[bytes] = []
    size = 0
    for piece in source.pieces():
        size += len(piece)
        if size > 4 * LONGEST_TEXT:  # UTF-8's longest characters have as many bytes
            return _too_long(size)
        parts.append(piece)
    text = decode(b"".join(parts))
    return Paper(id=source.id, text=text) if isinstance(text, str) else text


def _json(source: OpenFile, form: Format, how: _How) -> Iterator[ParsedRecord]:
    start = source.head.lstrip().decode(errors="replace")
    # Who names JSON Lines means lines, whatever keys they have.
    guessed = how.form is not Format.jsonl and start.startswith("{")
    kind = shape(start) if guessed else Shape.record
    if form is Format.pubmedqa:
        found = read_by_id(source.pieces())
    elif form is Format.jsonl and kind not in _WHOLE and _is_lines(start):
        found = read_jsonl(source.lines())
    else:
        found = read_values(source.pieces(), kind)
    for line, value in found:
        try:
            for one in papers(value, how.sections, how.columns):
                yield one._replace(line=line)
        except InputError as error:
            yield ParsedRecord(line, error)


def _is_lines(start: str) -> bool:
    """Whether each line is a value: one of the first is, or the first has no end in sight."""
    if start.startswith("["):
        return False
    lines = start.split("\n")
    return len(lines) == 1 or any(map(_is_value, lines[:_LINES_LOOKED_AT]))


def _is_value(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _xml(
    source: OpenFile, found: Iterable[Element], read: Callable[[Any], Iterator[ParsedRecord]]
) -> Iterator[ParsedRecord]:
    try:
        parser = XmlParser(source.head)
    except InputError as error:
        yield ParsedRecord(1, error)
        return
    for line, data in found:
        if isinstance(data, InputError):
            yield ParsedRecord(line, data)
            continue
        try:
            for record in read(parser.parse(data)):
                yield record._replace(line=line)
        except XmlError as error:
            yield ParsedRecord(line + error.below, error)
        except InputError as error:
            yield ParsedRecord(line, error)


def _current(found: Iterable[Element], later: Later, places: Iterator[int]) -> Iterator[Element]:
    """Elements, with those withdrawn whose citation comes again, or is deleted."""
    for line, data in found:
        place = next(places)
        earlier: list[str] = []
        if isinstance(data, bytes) and not medline.deletes(data):
            pmids = (citation.pmid for citation in medline.citations(data))
            earlier = [str(pmid) for pmid in pmids if not later.last.is_last(pmid, place)]
        if earlier:
            message = f"PMID {earlier[0]} is revised or deleted later in the files"
            yield line, Withdrawn(message, earlier[0])
        else:
            yield line, data


def _citations(
    paths: Iterable[str], form: Format, begins: list[int | None]
) -> Iterator[tuple[int, Citation, bool]]:
    """All citations in files of PubMed XML with their places; also fills `begins`."""
    place = 1
    for path in paths:
        begins.append(None if is_pipe(path) else place)
        if begins[-1] is None:
            continue
        with suppress(*BREAKS), closing(opened(path, tells)) as sources:
            for source in sources:
                if isinstance(source, Refused) or _form(source, form, {}) is not Format.medline:
                    continue
                for _, data in elements(source.pieces(), medline.names(source.head)):
                    if isinstance(data, bytes):
                        deleted = medline.deletes(data)
                        yield from ((place, each, deleted) for each in medline.citations(data))
                    place += 1
