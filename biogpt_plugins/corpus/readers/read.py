"""Reads files of any format into records."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeGuard

from biogpt_plugins.corpus.readers import bioc, jats, medline
from biogpt_plugins.corpus.readers.elements import Element, XmlError, XmlParser, elements
from biogpt_plugins.corpus.readers.files import (
    BREAKS,
    STDIN,
    OpenFile,
    broken_off,
    decode,
    is_pipe,
    open_source,
)
from biogpt_plugins.corpus.readers.formats import Format, guess, is_collection, tells
from biogpt_plugins.corpus.readers.latest import Later, Latest
from biogpt_plugins.corpus.readers.lines import read_jsonl, read_pubtator
from biogpt_plugins.corpus.readers.medline import Citation
from biogpt_plugins.corpus.readers.records import ParsedRecord, Record, Sections, Withdrawn
from biogpt_plugins.corpus.readers.tables import read_table
from biogpt_plugins.corpus.readers.values import papers, read_questions, read_values
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper


def read_records(
    paths: Iterable[str],
    form: Format = Format.auto,
    *,
    sections: Sections = Sections.abstract,
    latest: bool = False,
    strict: bool = False,
) -> Iterator[Record]:
    """Read files one after another.

    A broken record loses only itself: it becomes a record whose value is an InputError with the
    file and line. The place where a file breaks off becomes such a record too. A citation that
    PubMed deleted becomes a Withdrawn, which is also an InputError.

    Args:
        paths: Files, plain or gzip; "-" is standard input.
        form: The format of all files.
        sections: How much of full texts to read, in JATS and BioC.
        latest: Scan files of PubMed XML first, so that only the last citation of each PMID is read;
            earlier ones become Withdrawn. Without it revised citations are read again, in the order
            of the files, because an earlier record cannot be taken back.
        strict: Raise the first error of a broken record.

    Raises:
        InputError: A record is broken, and `strict` is True.
    """
    paths = list(paths)
    later: Sequence[Later | None] = look_through(paths, form) if latest else [None] * len(paths)
    for path, of_path in zip(paths, later, strict=True):
        yield from read_file(path, form, sections=sections, later=of_path, strict=strict)


def read_file(
    path: str,
    form: Format = Format.auto,
    *,
    sections: Sections = Sections.abstract,
    later: Later | None = None,
    strict: bool = False,
) -> Generator[Record, None, None]:
    """Read one file as `read_records` does.

    Args:
        path: The file.
        form: Its format.
        sections: How much of full texts to read.
        later: The result of `look_through` for this file.
        strict: Raise the first error of a broken record.

    Raises:
        InputError: A record is broken, and `strict` is True.
    """
    name = "standard input" if path == STDIN else path
    line = 0
    try:
        with open_source(path, tells) as source:
            for line, found, section, start in _read(source, form, sections, later):
                where = f"{name}:{line}"
                value = _named(found, where) if isinstance(found, InputError) else found
                if strict and _is_broken(value):
                    raise value
                yield Record(where, value, section, start)
    except BREAKS as error:
        where = f"{name}:{line + 1}"
        broken = _named(broken_off(error), where)
        if strict:
            raise broken from error
        yield Record(where, broken)


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
    return Withdrawn(message, error.id) if isinstance(error, Withdrawn) else InputError(message)


def _read(
    source: OpenFile, form: Format, sections: Sections, later: Later | None
) -> Iterator[ParsedRecord]:
    known = guess(source.head) if form is Format.auto else form
    match known:
        case Format.pubtator:
            yield from read_pubtator(source.lines())
        case Format.bioc_xml:
            found = elements(source.pieces(), bioc.NAMES)
            yield from _xml(source, found, partial(bioc.read_xml, sections=sections))
        case Format.jats:
            found = elements(source.pieces(), jats.NAMES)
            yield from _xml(source, found, partial(jats.read, sections=sections))
        case Format.medline:
            found = elements(source.pieces(), medline.names(source.head))
            if later:
                found = _current(found, later)
            yield from _xml(source, found, medline.read)
        case Format.bioc_json:
            yield from _values(source, sections, collection=is_collection(source.head))
        case Format.jsonl if source.head.lstrip().startswith(b"["):
            yield from _values(source, sections, collection=False)
        case Format.jsonl:
            yield from read_jsonl(source.lines())
        case Format.pubmedqa:
            yield from read_questions(source.pieces())
        case Format.csv:
            yield from read_table(source.lines())
        case Format.text:
            text = decode(b"".join(source.lines()))
            yield ParsedRecord(
                1, Paper(id=source.name, text=text) if isinstance(text, str) else text
            )
        case _:
            message = "the XML root is not PubMed's, BioC's or JATS's: name the format if it is one"
            yield ParsedRecord(1, InputError(message))


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


def _values(source: OpenFile, sections: Sections, *, collection: bool) -> Iterator[ParsedRecord]:
    for line, value in read_values(source.pieces(), collection=collection):
        try:
            for record in papers(value, sections):
                yield record._replace(line=line)
        except InputError as error:
            yield ParsedRecord(line, error)


def _current(found: Iterable[Element], later: Later) -> Iterator[Element]:
    """Elements; a citation that is revised or deleted later becomes a Withdrawn."""
    for place, (line, data) in enumerate(found, start=later.begin):
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
        with suppress(*BREAKS), open_source(path, tells) as source:
            if (guess(source.head) if form is Format.auto else form) is not Format.medline:
                continue
            for _, data in elements(source.pieces(), medline.names(source.head)):
                if isinstance(data, bytes):
                    deleted = medline.deletes(data)
                    yield from ((place, cited, deleted) for cited in medline.citations(data))
                place += 1
