"""MeSH's XML: descriptors (desc2026.xml) and supplementary concept records (supp2026.xml).

The elements are those of https://www.nlm.nih.gov/mesh/xml_data_elements.html; both files are at
https://www.nlm.nih.gov/databases/download/mesh.html. A supplementary record has no tree number of
its own: it gets those of the descriptors in its HeadingMappedTo, with its identifier behind, as
CTD writes them ("D02.241/C000002").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from biogpt_plugins.corpus.readers.elements import XmlError, XmlParser, elements, local, plain
from biogpt_plugins.corpus.readers.files import OpenFile
from biogpt_plugins.corpus.vocabularies.terms import LeftOut, Term, Types, curie, refused
from biogpt_plugins.entities import Concept
from biogpt_plugins.values.errors import InputError

_DESCRIPTORS, _RECORDS = b"<DescriptorRecordSet", b"<SupplementalRecordSet"
_CLOSED = (b"</DescriptorRecordSet", b"</SupplementalRecordSet")
_TAIL = 1 << 10
_KINDS = {"DescriptorRecord": "Descriptor", "SupplementalRecord": "SupplementalRecord"}
# https://www.nlm.nih.gov/mesh/intro_record_types.html; classes 2, 4, 5 and 6 are protocols,
# organisms, population groups and parts of the body.
_OF_CLASS = {"1": "Chemical", "3": "Disease"}


class Mesh:
    """Reads files of MeSH; descriptors must be read before supplementary records."""

    def __init__(self, types: Types) -> None:
        """Read with these types."""
        self._types = types
        self._trees: dict[str, tuple[str, ...]] = {}

    def __call__(self, file: OpenFile, left_out: LeftOut) -> Iterator[Term]:
        """Read a file.

        Raises:
            InputError: It is another file, or damaged; the message gives the line.
        """
        if _DESCRIPTORS not in file.head and _RECORDS not in file.head:
            raise refused(
                file,
                "a file of MeSH's descriptors or supplementary concept records in XML",
                "--mesh reads desc2026.xml and supp2026.xml (or those of another year) of "
                "https://www.nlm.nih.gov/databases/download/mesh.html",
            )
        parser = XmlParser(file.head)
        tail = _Tail(file.pieces())
        for line, data in elements(tail, _KINDS):
            try:
                if isinstance(data, InputError):
                    raise data
                term = self._term(parser.parse(data), left_out)
            except InputError as error:
                at = line + error.below if isinstance(error, XmlError) else line
                raise InputError(f"{file.called}:{at}: {error}") from error
            if term:
                yield term
        if not any(root in tail.last for root in _CLOSED):
            raise InputError(f"{file.called} ends before its last record: download it again")

    def _term(self, record: Any, left_out: LeftOut) -> Term | None:  # noqa: ANN401 - lxml's
        kind = _KINDS[local(record)]
        id_, name = plain(record.find(f"{kind}UI")), plain(record.find(f"{kind}Name/String"))
        if not id_ or not name:
            raise InputError(f"<{local(record)}> has no {kind}UI or no {kind}Name")
        if kind == "Descriptor":
            trees = tuple(map(plain, record.iterfind("TreeNumberList/TreeNumber")))
            self._trees[id_] = trees
            type_ = self._types.of_trees(trees)
            noun = f"descriptors of tree {trees[0][:1]}" if trees else "descriptors without tree"
        else:
            class_ = record.get("SCRClass", "1")
            mapped = self._mapped(record)
            trees = tuple(f"{tree}/{id_}" for tree in mapped)
            type_ = _OF_CLASS.get(class_, "")
            type_ = type_ and (self._types.of_trees(mapped) or type_)
            noun = f"supplementary records of class {class_}"
        if not type_:
            left_out[noun] += 1
            return None
        return Term(Concept(curie("MESH", id_), type_, name, trees), _names(record, name, left_out))

    def _mapped(self, record: Any) -> tuple[str, ...]:  # noqa: ANN401
        """The tree numbers of the descriptors that a supplementary record is mapped to."""
        path = "HeadingMappedToList/HeadingMappedTo/DescriptorReferredTo/DescriptorUI"
        ids = (plain(one).lstrip("*") for one in record.iterfind(path))
        return tuple(dict.fromkeys(tree for id_ in ids for tree in self._trees.get(id_, ())))


class _Tail:
    """The pieces of a file, and its last bytes when they have been read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.last = b""

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.last = (self.last + piece)[-_TAIL:]
            yield piece


def has_supplements(file: OpenFile) -> bool:
    """Whether a file has supplementary concept records."""
    return _RECORDS in file.head


def _names(record: Any, preferred: str, left_out: LeftOut) -> tuple[str, ...]:  # noqa: ANN401
    names = {preferred: None}
    for term in record.iterfind("ConceptList/Concept/TermList/Term"):
        # "Seizures, Febrile" for "Febrile Seizures": nobody writes so in a text.
        if term.get("IsPermutedTermYN") == "Y":
            left_out["permuted terms"] += 1
        else:
            names[plain(term.find("String"))] = None
    return tuple(names)
