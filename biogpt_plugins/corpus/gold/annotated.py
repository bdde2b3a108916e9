"""BC5CDR with its mentions, as PubTator and as BioC XML.

The tables of names follow the rule by which the official JSON was made of the same corpus: names
in lower case, the last id that a document gives a name; a mention of several diseases or chemicals
counts by the names of each, where the file spells them out, and not as a whole.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence

from biogpt_plugins.corpus.gold.solved import Solved, cdr
from biogpt_plugins.scoring.gold import TABLES
from biogpt_plugins.tasks.bc5cdr import CID
from biogpt_plugins.values.errors import InputError

_TITLE = re.compile(r"([^|\t\n]+)\|t\|(.*)", re.DOTALL)
_KINDS = dict(zip(("Chemical", "Disease"), TABLES, strict=True))
_Line = tuple[int, str]
_Mention = tuple[str, str, str]
"""(kind, name, id or ids with "|" between them)"""


def is_pubtator(text: str) -> bool:
    """Whether a text begins as PubTator does."""
    return _TITLE.match(text.lstrip()) is not None


def pubtator_blocks(text: str) -> Iterator[tuple[str, list[_Line]]]:
    """The numbered lines of each document; it begins with its title."""
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
    """Read a document; None if the task is not asked for.

    Raises:
        InputError: A line is none of PubTator's.
    """
    if "bc5cdr" not in tasks:
        return None
    title = _TITLE.fullmatch(block[0][1])
    assert title  # blocks begin with one
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
                    f"line {number} is neither {pmid}|a|abstract, nor a mention, nor a {CID} "
                    f"relation of {pmid}"
                )
    return cdr(pmid, title[2], abstract, pairs, _names(mentions))


def _parts(kind: str, name: str, ids: str, parts: str) -> list[_Mention]:
    """A mention, or the parts that the last column spells out if it is one of several things."""
    if "|" not in ids or not parts:
        return [(kind, name, ids)]
    return [(kind, *part) for part in zip(parts.split("|"), ids.split("|"), strict=False)]


def bioc_documents(text: str) -> Iterator[tuple[str, ET.Element]]:
    """The documents of a BioC collection.

    Raises:
        InputError: It is no XML, no BioC, or declares entities, which BioC has no use for and
            which can blow a small file up to fill the memory.
    """
    if "<!ENTITY" in text:
        raise InputError("it declares XML entities, which BioC does not: take the original file")
    try:
        collection = ET.fromstring(text)
    except ET.ParseError as error:
        raise InputError(f"it is no XML: {error}") from error
    if collection.tag != "collection":
        raise InputError(f"it is no BioC: it holds a {collection.tag}, not a collection")
    for number, document in enumerate(collection.iter("document"), start=1):
        yield f"document {document.findtext('id') or number}", document


def solve_bioc(document: ET.Element, tasks: Sequence[str]) -> Solved | None:
    """Read a document; None if the task is not asked for.

    Raises:
        InputError: It lacks its id, its title, or an end of a relation.
    """
    if "bc5cdr" not in tasks:
        return None
    texts = {_infons(p).get("type"): p.findtext("text") or "" for p in document.iter("passage")}
    id_ = document.findtext("id")
    if not id_ or "title" not in texts:
        raise InputError('give it an id and a passage of type "title"')
    relations = [i for i in map(_infons, document.iter("relation")) if i.get("relation") == CID]
    if any(not kinds.keys() >= _KINDS.keys() for kinds in relations):
        raise InputError(f"a {CID} relation lacks its Chemical or its Disease: give both ids")
    pairs = [(infons["Chemical"], infons["Disease"]) for infons in relations]
    mentions = map(_mention, document.iter("annotation"))
    return cdr(id_, texts["title"], texts.get("abstract", ""), pairs, _names(mentions))


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
