"""Makes one dictionary of several vocabularies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing
from typing import IO, NamedTuple

from biogpt_plugins.corpus.readers.files import BREAKS, OpenFile, Refused, broken_off
from biogpt_plugins.corpus.readers.opening import opened
from biogpt_plugins.corpus.vocabularies.ctd import Ctd
from biogpt_plugins.corpus.vocabularies.lines import texts
from biogpt_plugins.corpus.vocabularies.mesh import Mesh, has_supplements
from biogpt_plugins.corpus.vocabularies.ncbi_gene import HUMAN, NcbiGene
from biogpt_plugins.corpus.vocabularies.obo import Obo
from biogpt_plugins.corpus.vocabularies.terms import (
    Kind,
    LeftOut,
    Read,
    Term,
    Types,
    Vocabulary,
    listed,
)
from biogpt_plugins.entities import Concept
from biogpt_plugins.entities.names_file import write_names
from biogpt_plugins.entities.tables import read_rows
from biogpt_plugins.text.grounding import fold
from biogpt_plugins.values.errors import InputError

_ENOUGH = 1 << 14  # bytes, to tell descriptors from supplementary records


class Count(NamedTuple):
    """What was taken of a vocabulary.

    Attributes:
        vocabulary: The file.
        concepts: How many concepts of it are in the dictionary.
        names: How many names it adds.
        left_out: What was left out, and how often.
    """

    vocabulary: Vocabulary
    concepts: int
    names: int
    left_out: Mapping[str, int]


class Built(NamedTuple):
    """What a dictionary holds.

    Attributes:
        counts: What was taken of each vocabulary, in the order of reading.
        concepts: The number of concepts.
        names: The number of pairs of a name and a concept.
        ambiguous: Names in normal form that several concepts of a type have -> their ids.
    """

    counts: tuple[Count, ...]
    concepts: int
    names: int
    ambiguous: Mapping[str, tuple[str, ...]]


def build(
    stream: IO[bytes],
    vocabularies: Iterable[Vocabulary],
    *,
    types: Mapping[str, str] | None = None,
    species: Collection[str] = (HUMAN,),
    told: Callable[[Vocabulary, int], object] = lambda *_: None,
) -> Built:
    """Make a dictionary and write it.

    A concept that several vocabularies have keeps the type and name of the first of them, and gets
    the names of all. A name of several concepts is kept for each.

    Args:
        stream: Where to write it.
        vocabularies: The files; of MeSH, descriptors are read before supplementary records.
        types: Changes of `DEFAULT_TYPES`.
        species: The species of genes, by their numbers in NCBI's taxonomy.
        told: Called now and then with the file that is being read and the concepts in it so far.

    Raises:
        InputError: A file is of another kind, or damaged; the message gives the line.
        OSError: A file cannot be read.
    """
    meanings = Types(types)
    readers: Mapping[Kind, Read] = {
        Kind.mesh: Mesh(meanings),
        Kind.ctd: Ctd(meanings),
        Kind.obo: Obo(meanings),
        Kind.ncbi_gene: NcbiGene(species),
        Kind.csv: _read_csv,
    }
    collected = _Collected()
    counts = []
    for vocabulary in sorted(vocabularies, key=_comes_late):
        left_out: LeftOut = Counter()
        before = len(collected.names)
        concepts: set[str] = set()
        for term in _terms(vocabulary, readers[vocabulary.kind], left_out):
            if collected.add(term, left_out):
                concepts.add(term.concept.id)
            if not len(concepts) % 1000:
                told(vocabulary, len(concepts))
        if not concepts:
            raise InputError(f"{vocabulary.path} has nothing to name{_told(left_out)}")
        new = len(collected.names) - before
        counts.append(Count(vocabulary, len(concepts), new, dict(left_out)))
    if not counts:
        raise InputError("name at least one vocabulary: --mesh, --ctd, --obo, --ncbi-gene or --csv")
    sources = [
        {"kind": one.vocabulary.kind.value, "file": one.vocabulary.path.name,
         "concepts": one.concepts, "names": one.names, "left_out": one.left_out}
        for one in counts
    ]  # fmt: skip
    write_names(stream, [*collected.concepts.values()], collected.rows(), sources)
    ambiguous = collected.ambiguous()
    return Built(tuple(counts), len(collected.concepts), len(collected.names), ambiguous)


class _Collected:
    """Concepts and names of all vocabularies."""

    def __init__(self) -> None:
        self.concepts: dict[str, Concept] = {}
        self._numbers: dict[str, int] = {}
        self.names: dict[tuple[str, int], tuple[str, bool]] = {}
        """(normal form, number of the concept) -> the name, and whether it is preferred"""

    def add(self, term: Term, left_out: LeftOut) -> bool:
        """Add a term; False if it has no name."""
        names = [name for name in (" ".join(one.split()) for one in term.names) if _is_name(name)]
        if len(names) < len(term.names):
            left_out["names without a letter"] += len(term.names) - len(names)
        if not names:
            return False
        id_ = term.concept.id
        if id_ not in self.concepts:
            name = " ".join(term.concept.name.split())
            self.concepts[id_] = term.concept._replace(name=name)
            self._numbers[id_] = len(self._numbers)
        preferred = self.concepts[id_].name
        for name in names:
            key = (fold(name), self._numbers[id_])
            self.names.setdefault(key, (name, name == preferred))
        return True

    def rows(self) -> Iterator[tuple[str, str, int]]:
        """Normal form, name and number of a concept; preferred names first."""
        for wanted in (True, False):
            for (folded, number), (name, preferred) in self.names.items():
                if preferred is wanted:
                    yield folded, name, number

    def ambiguous(self) -> dict[str, tuple[str, ...]]:
        """Names that several concepts of one type have."""
        ids = list(self.concepts)
        found: dict[tuple[str, str], list[str]] = {}
        for folded, number in self.names:
            id_ = ids[number]
            found.setdefault((self.concepts[id_].type, folded), []).append(id_)
        return {name: tuple(those) for (_, name), those in found.items() if len(those) > 1}


def _terms(vocabulary: Vocabulary, read: Read, left_out: LeftOut) -> Iterator[Term]:
    """The terms of a file, or of the files in a package."""
    with closing(opened(str(vocabulary.path), lambda head: len(head) >= _ENOUGH)) as files:
        for file in files:
            if isinstance(file, Refused):
                raise InputError(f"{file.called}: {file.error}")
            try:
                yield from read(file, left_out)
            except BREAKS as error:
                raise InputError(f"{file.called}: {broken_off(error)}") from error


def _comes_late(vocabulary: Vocabulary) -> bool:
    """Whether a file holds MeSH's supplementary records, which need the descriptors' trees."""
    if vocabulary.kind is not Kind.mesh:
        return False
    with closing(opened(str(vocabulary.path), lambda head: len(head) >= _ENOUGH)) as files:
        first = next(files, None)
        return isinstance(first, OpenFile) and has_supplements(first)


def _read_csv(file: OpenFile, _: LeftOut) -> Iterator[Term]:
    for row in read_rows((f"{line}\n" for _, line in texts(file)), file.called):
        yield Term(Concept(row.id, row.type), (row.name,))


def _is_name(name: str) -> bool:
    return any(map(str.isalpha, name)) and bool(fold(name))


def _told(left_out: Mapping[str, int]) -> str:
    are = "is" if sum(left_out.values()) == 1 else "are"
    told = listed(left_out)
    return f": it has {told}, which {are} left out; --type PREFIX=TYPE takes more" if told else ""
