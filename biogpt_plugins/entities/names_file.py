"""names.dict: a dictionary as `biogpt dictionary build` writes it.

A zip archive with three members, each UTF-8 and with zip's checksum:

    about.json     {"format": "biogpt names", "version": 1, "sources": [...]}
    concepts.tsv   id, type, preferred name, tree numbers with "|" between them
    names.tsv      the name in normal form, the name, the number of its concept's line

Names that a vocabulary prefers come first, so that they win over synonyms of other concepts.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from biogpt_plugins.entities.entries import Concept, DictionaryEntry
from biogpt_plugins.text.grounding import fold
from biogpt_plugins.values.errors import InputError

_FORMAT, _VERSION = "biogpt names", 1
_ABOUT, _CONCEPTS, _NAMES = "about.json", "concepts.tsv", "names.tsv"
_DATE = (1980, 1, 1, 0, 0, 0)  # the same input gives the same bytes
_CHECKED = 50  # names


class Stored(NamedTuple):
    """What a file holds.

    Attributes:
        concepts: The concepts.
        entries: The names in normal form, and their entries.
    """

    concepts: list[Concept]
    entries: list[tuple[str, DictionaryEntry]]


def is_names_file(path: Path) -> bool:
    """Whether a file is a zip archive; a table cannot begin like one.

    Raises:
        OSError: The file is missing or locked.
    """
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def read_names(path: Path) -> Stored:
    """Read a file.

    Raises:
        InputError: It is damaged, of another kind or of another version.
        OSError: The file is missing or locked.
    """
    again = "build it again with `biogpt dictionary build`"
    try:
        with zipfile.ZipFile(path) as file:
            about = json.loads(file.read(_ABOUT)) if _ABOUT in file.namelist() else {}
            if about.get("format") != _FORMAT:
                raise InputError(
                    f"{path} is a zip archive, but no dictionary: give a file that `biogpt "
                    "dictionary build` wrote, or a CSV file with the columns name, id and type"
                )
            if about.get("version") != _VERSION:
                raise InputError(
                    f"{path} has version {about.get('version')} of its format, and this "
                    f"biogpt-plugins reads version {_VERSION}: {again}"
                )
            stored = _stored(file)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is damaged ({error}): {again}") from error
    if any(fold(entry.name) != folded for folded, entry in stored.entries[:_CHECKED]):
        raise InputError(f"{path} was written by a biogpt-plugins that compares names in another "
                         f"way: {again}")  # fmt: skip
    return stored


def _stored(file: zipfile.ZipFile) -> Stored:
    concepts = []
    for line in _lines(file, _CONCEPTS):
        id_, type_, name, trees = line.split("\t")
        concepts.append(Concept(id_, type_, name, tuple(filter(None, trees.split("|")))))
    entries = []
    for line in _lines(file, _NAMES):
        folded, name, number = line.split("\t")
        concept = concepts[int(number)]
        entries.append((folded, DictionaryEntry(name, concept.id, concept.type)))
    return Stored(concepts, entries)


def _lines(file: zipfile.ZipFile, member: str) -> list[str]:
    text = file.read(member).decode()
    return text.removesuffix("\n").split("\n") if text else []


def write_names(
    stream: IO[bytes],
    concepts: Sequence[Concept],
    names: Iterable[tuple[str, str, int]],
    sources: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write a file.

    Args:
        stream: Where to.
        concepts: The concepts.
        names: The normal form of each name, the name, and the number of its concept, from 0.
        sources: What the file was made of, for readers of about.json.
    """
    about = {"format": _FORMAT, "version": _VERSION, "sources": [*sources]}
    rows = ("\t".join((one.id, one.type, one.name, "|".join(one.trees))) for one in concepts)
    with zipfile.ZipFile(stream, "w") as file:
        for member, lines in (
            (_ABOUT, [json.dumps(about, ensure_ascii=False, indent=1)]),
            (_CONCEPTS, rows),
            (_NAMES, ("\t".join((folded, name, str(number))) for folded, name, number in names)),
        ):
            info = zipfile.ZipInfo(member, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            with file.open(info, "w", force_zip64=True) as part:
                part.writelines(f"{line}\n".encode() for line in lines)
