"""Readers for BC5CDR with its mentions, as PubTator and as BioC XML.

The tables of names follow the rule that made the official JSON from the same corpus: names are in
lower case, and the last id that a document gives a name is used. A mention of several diseases or
chemicals is replaced by its parts if the file spells them out, and is otherwise left out.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from biogpt_plugins.corpus.gold.solved import Solved, cdr
from biogpt_plugins.corpus.readers.bioc import read_xml
from biogpt_plugins.corpus.readers.lines import read_pubtator
from biogpt_plugins.corpus.readers.records import Sections
from biogpt_plugins.scoring.gold import TABLES
from biogpt_plugins.tasks.bc5cdr import CID
from biogpt_plugins.values.errors import InputError

_TITLE = re.compile(r"([^|\t\n]+)\|t\|(.*)", re.DOTALL)
_KINDS = dict(zip(("Chemical", "Disease"), TABLES, strict=True))
_Line = tuple[int, str]
_Mention = tuple[str, str, str]
"""(kind, name, id or several ids with "|" between them)"""


def is_pubtator(text: str) -> bool:
    """Whether a text starts with a PubTator title line."""
    return _TITLE.match(text.lstrip()) is not None


def pubtator_blocks(text: str) -> Iterator[tuple[str, list[_Line]]]:
    """The place of each document and its numbered lines, starting with the title."""
    block: list[_Line] = []
    for number, end in enumerate(text.split("\n"), start=1):
        line = end.rstrip("\r")
        if block and _TITLE.match(line):
            yield f"line {block[0][0]}", block
            block = []
        if line.strip():
            block.append((number, line))
    yield f"line {block[0][0]}", block


def solve_pubtator(block: Sequence[_Line], tasks: Sequence[str]) -> Solved | None:
    """Read a document.

    Returns:
        None if `tasks` does not include bc5cdr.

    Raises:
        InputError: A line is not in PubTator's format.
    """
    if "bc5cdr" not in tasks:
        return None
    title = _TITLE.fullmatch(block[0][1])
    assert title  # pubtator_blocks starts each block with a title
    pmid, abstract = title[1], ""
    pairs: list[tuple[str, str]] = []
    mentions: list[_Mention] = []
    for number, line in block[1:]:
        match line.split("\t"):
            case _ if line.startswith(f"{pmid}|a|"):
                abstract = line.split("|", 2)[2]
            case [key, kind, chemical, disease, *_] if key == pmid and kind == CID:
                pairs.append((chemical, disease))
            case [key, _, _, name, kind, ids, *parts] if key == pmid:
                mentions += _parts(kind, name, ids, parts[0] if parts else "")
            case _:
                raise InputError(
                    f"line {number} must be {pmid}|a|abstract, or a mention or a {CID} relation "
                    f"of {pmid}"
                )
    paper: Any = next(read_pubtator(line.encode() for _, line in block)).value
    return cdr(pmid, title[2], abstract, pairs, _names(mentions), paper)


def _parts(kind: str, name: str, ids: str, parts: str) -> list[_Mention]:
    """A mention, or its parts if the last column spells out a composite mention."""
    if "|" not in ids or not parts:
        return [(kind, name, ids)]
    return [(kind, *part) for part in zip(parts.split("|"), ids.split("|"), strict=False)]


def bioc_documents(text: str) -> Iterator[tuple[str, ET.Element]]:
    """The documents of a BioC collection.

    Raises:
        InputError: It is not XML or not BioC, or it declares entities. BioC needs none, and they
            can expand a small file until it fills the memory.
    """
    if "<!ENTITY" in text:
        raise InputError("a BioC file must not declare XML entities: use the original file")
    try:
        collection = ET.fromstring(text)
    except ET.ParseError as error:
        raise InputError(f"it is not valid XML: {error}") from error
    if collection.tag != "collection":
        raise InputError(
            f"it is not BioC: the root element must be 'collection', not {collection.tag!r}"
        )
    for number, document in enumerate(collection.iter("document"), start=1):
        yield f"document {document.findtext('id') or number}", document


def solve_bioc(document: ET.Element, tasks: Sequence[str]) -> Solved | None:
    """Read a document.

    Returns:
        None if `tasks` does not include bc5cdr.

    Raises:
        InputError: Its id, its title or an end of a relation is missing.
    """
    if "bc5cdr" not in tasks:
        return None
    texts = {_infons(p).get("type"): p.findtext("text") or "" for p in document.iter("passage")}
    id_ = document.findtext("id")
    if not id_ or "title" not in texts:
        raise InputError('it needs an id and a passage of type "title"')
    relations = [i for i in map(_infons, document.iter("relation")) if i.get("relation") == CID]
    if any(not kinds.keys() >= _KINDS.keys() for kinds in relations):
        raise InputError(f"a {CID} relation needs the ids of a Chemical and a Disease")
    pairs = [(infons["Chemical"], infons["Disease"]) for infons in relations]
    mentions = map(_mention, document.iter("annotation"))
    paper: Any = next(read_xml(document, Sections.abstract)).value
    return cdr(id_, texts["title"], texts.get("abstract", ""), pairs, _names(mentions), paper)


def _mention(annotation: ET.Element) -> _Mention:
    infons = _infons(annotation)
    return infons.get("type", ""), annotation.findtext("text") or "", infons.get("MESH", "")


def _infons(element: ET.Element) -> dict[str, str]:
    return {infon.get("key", ""): infon.text or "" for infon in element.findall("infon")}


def _names(mentions: Iterable[_Mention]) -> dict[str, dict[str, str]]:
    names: dict[str, dict[str, str]] = {kind: {} for kind in TABLES}
    for kind, name, identifier in mentions:
        if kind in _KINDS and "|" not in identifier:
            names[_KINDS[kind]][name.lower()] = identifier
    return names
