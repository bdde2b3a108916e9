"""What a dictionary of names holds."""

from __future__ import annotations

from typing import NamedTuple


class DictionaryEntry(NamedTuple):
    """A row of a dictionary; an empty type matches all types."""

    name: str
    id: str
    type: str = ""


class Concept(NamedTuple):
    """A thing that an identifier stands for.

    Attributes:
        id: The identifier; in files that `biogpt dictionary build` writes a CURIE, "MESH:D008094".
        type: "Chemical", "Disease", ...
        name: The name that its vocabulary prefers.
        trees: Its tree numbers in MeSH, if any.
    """

    id: str
    type: str = ""
    name: str = ""
    trees: tuple[str, ...] = ()
