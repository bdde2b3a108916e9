"""Papers of a database by their ids, and a file of them as the database itself writes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from itertools import islice
from typing import NamedTuple

from biogpt_plugins.corpus.fetch.eutils import Again, Eutils, fault, told
from biogpt_plugins.corpus.readers import jats, medline
from biogpt_plugins.corpus.readers.elements import XmlParser, elements
from biogpt_plugins.values.errors import InputError

MOST = 9_999
"""PubMed names no more records of a query."""

_ROOT = re.compile(
    rb"(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)*<([\w-]+)", re.DOTALL
)
_PMC_ID = re.compile(
    rb"<article-id\b[^>]*\bpub-id-type=\"(?:pmc|pmcid|pmcaid)\"[^>]*>\s*(?:PMC)?(\d+)"
)
_EMPTY = "id list is empty"
_SPACE = re.compile(r"[\s,;]+")
_HEADINGS = {"pmid", "pmids", "pmcid", "pmcids"}


class _Kind(NamedTuple):
    """How a database writes its papers, and names them."""

    root: str
    names: tuple[str, ...]
    batch: int
    id: re.Pattern[str]
    example: str
    id_of: Callable[[bytes], list[str]]


def _pmids(data: bytes) -> list[str]:
    return [str(one.pmid) for one in medline.citations(data)]


def _pmc_ids(data: bytes) -> list[str]:
    front = data.partition(b"<body")[0]
    return [number.decode() for number in _PMC_ID.findall(front)]


class Database(str, Enum):
    """A database of papers."""

    pubmed = "pubmed"
    pmc = "pmc"


_KINDS = {
    Database.pubmed: _Kind(
        root="PubmedArticleSet",
        names=("PubmedArticle", "PubmedBookArticle"),
        batch=200,
        id=re.compile(r"(?:PMID:?)?0*([1-9]\d{0,8})(?:\.0)?", re.IGNORECASE),
        example="a PMID, such as 12345678",
        id_of=_pmids,
    ),
    Database.pmc: _Kind(
        root="pmc-articleset",
        names=jats.NAMES,
        batch=20,  # of full texts
        id=re.compile(r"(?:PMCID:?)?(?:PMC)?0*([1-9]\d{0,8})(?:\.0)?", re.IGNORECASE),
        example="an id of PMC, such as PMC1234567",
        id_of=_pmc_ids,
    ),
}


def ids_of(words: str, database: Database, *, where: str = "") -> list[str]:
    """The ids in a text, each once, in their order.

    Args:
        words: Ids with white space, commas or semicolons between them.
        database: Whose ids they are.
        where: The file, for errors.

    Raises:
        InputError: A word is no id; the message names it and its line.
    """
    kind = _KINDS[database]
    ids: dict[str, None] = {}
    for number, line in enumerate(words.splitlines(), 1):
        for word in filter(None, _SPACE.split(re.sub(r"(?i)(pmc?id):?\s+(?=\w*\d)", "", line))):
            found = kind.id.fullmatch(word)
            if found:
                ids[found[1]] = None
            elif ids or word.lower() not in _HEADINGS:
                place = f"{where}:{number}: " if where else ""
                hint = ": add --db pmc" if _KINDS[Database.pmc].id.fullmatch(word) else ""
                raise InputError(f"{place}{word!r} is not {kind.example}{hint}")
    return list(ids)


def fetch(
    eutils: Eutils, database: Database, ids: Sequence[str], *, most: int | None = None
) -> Iterator[tuple[str, bytes | None]]:
    """Fetch papers by their ids, in batches.

    Args:
        eutils: Where.
        database: The database.
        ids: The ids.
        most: The papers of a request; None for as many as NCBI gives without trouble.

    Yields:
        Each id, in order, with the XML of the paper; None if the database does not have it.

    Raises:
        FetchError: The server cannot be reached, or refuses.
    """
    kind = _KINDS[database]
    rest = iter(ids)

    def read(body: bytes) -> dict[str, bytes]:
        return _papers(body, kind)

    while batch := list(islice(rest, most or kind.batch)):
        fields = {"db": database.value, "id": ",".join(batch), "retmode": "xml"}
        papers = eutils.ask("efetch.fcgi", fields, read)
        for id_ in batch:
            yield id_, papers.get(id_)


def as_file(database: Database, papers: Iterable[bytes]) -> Iterator[str]:
    """The parts of a file with at least one paper: one document, as the database writes it."""
    root = _KINDS[database].root
    begin = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>\n'
    for paper in papers:
        yield f"{begin}{paper.decode()}\n"
        begin = ""
    yield f"</{root}>\n"


def _papers(body: bytes, kind: _Kind) -> dict[str, bytes]:
    """The papers in an answer by their ids."""
    root = _ROOT.match(body)
    if not root or root[1] != kind.root.encode():
        if _EMPTY in told(body)[0].lower():  # none of the ids is one
            return {}
        raise fault(body)
    if not body.rstrip().endswith((f"</{kind.root}>".encode(), b"/>")):
        raise Again("the answer breaks off")
    parser = XmlParser(b"")
    papers: dict[str, bytes] = {}
    for _, data in elements([body], kind.names):
        try:
            if isinstance(data, InputError):
                raise data
            parser.parse(data)
        except InputError as error:
            raise Again(f"a damaged answer: {error}") from error
        papers |= dict.fromkeys(kind.id_of(data), data)
    return papers
