"""BioC XML: passages for title, abstract and sections, mentions with offsets, and relations.

A relation has its mentions as nodes, and also BC5CDR's infons with the ids of its ends.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from biogpt_plugins.corpus.export.documents import Document, identifier
from biogpt_plugins.corpus.export.xml_text import possible
from biogpt_plugins.findings.property_graph import node_label
from biogpt_plugins.values.results import Entity, Relation

_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE collection SYSTEM "BioC.dtd">
<collection><source>biogpt-plugins</source><date></date><key>biogpt-plugins.key</key>
"""
_MESH = re.compile(r"(?:MESH:)?([CD]\d{6,9})", re.IGNORECASE)
_Place = tuple[int | None, int | None, str]


def bioc(documents: Iterable[Document]) -> Iterator[str]:
    """A collection as text, one document at a time. Offsets count characters, as in PubTator."""
    yield _HEAD
    for document in documents:
        yield f"{ET.tostring(_document(document), encoding='unicode')}\n"
    yield "</collection>\n"


def _document(document: Document) -> ET.Element:
    element = ET.Element("document")
    _add(element, "id", document.id)
    places: dict[_Place, str] = {}
    mentions = deque(document.mentions)
    ends = [*(part.start for part in document.parts[1:]), len(document.text) + 1]
    for (name, start, stop), end in zip(document.parts, ends, strict=True):
        passage = ET.SubElement(element, "passage")
        _infons(passage, _kind(name))
        _add(passage, "offset", str(start))
        _add(passage, "text", document.text[start:stop])
        # A mention that runs from the title into the abstract goes with the title.
        while mentions and (mentions[0].start or 0) < end:
            mention = mentions.popleft()
            places[_place(mention)] = str(len(places))
            passage.append(_annotation(mention, places[_place(mention)]))
    for number, relation in enumerate(document.relations):
        element.append(_relation(relation, number, places))
    return element


def _kind(name: str) -> dict[str, str]:
    if name in ("title", "abstract"):
        return {"type": name}
    return {"type": "paragraph", "section": name} if name else {}


def _annotation(mention: Entity, number: str) -> ET.Element:
    element = ET.Element("annotation", id=number)
    mesh = _MESH.fullmatch(mention.id or "")
    key, value = ("MESH", mesh[1]) if mesh else ("identifier", identifier(mention))
    _infons(element, {"type": node_label(mention.type), key: value})
    place = {"offset": str(mention.start), "length": str(len(mention.text))}
    ET.SubElement(element, "location", place)
    _add(element, "text", mention.text)
    return element


def _relation(relation: Relation, number: int, places: Mapping[_Place, str]) -> ET.Element:
    element = ET.Element("relation", id=f"R{number}")
    ends = {"head": relation.head, "tail": relation.tail}
    score = None if relation.score is None else f"{relation.score:.4f}"
    said = {"negated": relation.negated, "speculated": relation.speculated}
    _infons(
        element,
        {
            "relation": relation.type,
            **_ids(relation),
            **({"score": score} if score else {}),
            **{name: "true" for name, is_so in said.items() if is_so},
        },
    )
    for role, end in ends.items():
        if end.grounded:
            ET.SubElement(element, "node", refid=places[_place(end)], role=role)
    return element


def _ids(relation: Relation) -> dict[str, str]:
    """The ids of both ends by their types, as in BC5CDR; numbered if the types are equal."""
    names = [node_label(end.type) for end in (relation.head, relation.tail)]
    if names[0] == names[1]:
        names = [f"{name}{number}" for number, name in enumerate(names, start=1)]
    return dict(zip(names, map(identifier, (relation.head, relation.tail)), strict=True))


def _place(entity: Entity) -> _Place:
    return entity.start, entity.end, entity.type


def _infons(element: ET.Element, values: Mapping[str, str]) -> None:
    for key, value in values.items():
        _add(element, "infon", value, key=key)


def _add(element: ET.Element, tag: str, text: str, **attributes: str) -> None:
    ET.SubElement(element, tag, attributes).text = possible(text)
