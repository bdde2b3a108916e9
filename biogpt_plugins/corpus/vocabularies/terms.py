"""What the readers of vocabularies share: terms, and the types of what they name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from biogpt_plugins.corpus.readers.files import OpenFile
from biogpt_plugins.entities import Concept
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError


class Kind(str, Enum):
    """A kind of file, by the option of `biogpt dictionary build` that names it."""

    mesh = "mesh"
    ctd = "ctd"
    obo = "obo"
    ncbi_gene = "ncbi-gene"
    csv = "csv"


class Vocabulary(NamedTuple):
    """A file of names.

    Attributes:
        kind: Its kind.
        path: Where it is; plain or packed by gzip, xz or Zstandard, or in a zip archive.
    """

    kind: Kind
    path: Path


class Term(NamedTuple):
    """A concept and its names; the first is the preferred one, unless `concept.name` is empty."""

    concept: Concept
    names: tuple[str, ...]


LeftOut = Counter[str]
"""What of a file is left out -> how often: plural nouns, whose first word in "s" is the noun."""

Read = Callable[[OpenFile, LeftOut], Iterator[Term]]

DEFAULT_TYPES: Mapping[str, str] = {
    # MeSH, by the beginning of a tree number; the longest of all of a record's wins
    "C": "Disease",
    "F03": "Disease",  # mental disorders
    "D": "Chemical",
    "D08.811": "Protein",  # enzymes
    "D12.776": "Protein",
    # OBO, by the prefix of an identifier
    "CHEBI": "Chemical",
    "DOID": "Disease",
    "HP": "Phenotype",
    "MONDO": "Disease",
    "PR": "Protein",
}
"""Prefix of a tree number or of an OBO identifier -> type; other concepts are left out."""


class Types:
    """The types of concepts."""

    def __init__(self, changes: Mapping[str, str] | None = None) -> None:
        """Take the default types, with changes.

        Args:
            changes: Prefix -> type, as in `DEFAULT_TYPES`; an empty type leaves concepts out.
        """
        self._types = {**DEFAULT_TYPES, **(changes or {})}

    def of_trees(self, trees: Sequence[str]) -> str:
        """The type of a MeSH record; "" if it is left out."""
        found = [
            (len(prefix), type_)
            for prefix, type_ in self._types.items()
            if any(_begins_with(tree, prefix) for tree in trees)
        ]
        return max(found)[1] if found else ""

    def of_prefix(self, prefix: str) -> str:
        """The type of an OBO identifier's prefix; "" if it is left out."""
        return self._types.get(prefix, "")


def _begins_with(tree: str, prefix: str) -> bool:
    if len(prefix) == 1:  # a whole category: "D" has "D02.241"
        return tree.startswith(prefix)
    return tree == prefix or tree.startswith((f"{prefix}.", f"{prefix}/"))


def listed(left_out: Mapping[str, int]) -> str:
    """What is left out, in words."""
    return ", ".join(
        counted(n, re.sub(r"s\b", "", what, count=1), what) for what, n in left_out.items() if n
    )


def curie(prefix: str, id_: str) -> str:
    """An identifier with its prefix; one that has a prefix keeps it."""
    return id_ if ":" in id_ else f"{prefix}:{id_}"


def refused(file: OpenFile, what: str, remedy: str) -> InputError:
    """The error for a file of another kind."""
    return InputError(f"{file.called} is not {what}: {remedy}")
