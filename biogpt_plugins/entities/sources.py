"""Where entities come from, by name: a dictionary's file, or a model of another library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from biogpt_plugins.entities.dictionary import EntityDictionary
from biogpt_plugins.entities.spacy import SpacyEntities
from biogpt_plugins.values.entities import EntitySource
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Entity

_LIBRARIES: Mapping[str, Callable[[str], EntitySource]] = {
    "spacy": SpacyEntities,
}


@dataclass(frozen=True)
class Instead:
    """Entities that replace those that inputs bring, which are not even read.

    Attributes:
        source: What finds them in every input.
    """

    source: EntitySource

    def __call__(self, text: Text, /) -> Sequence[Entity]:
        """The entities of a text."""
        return self.source(text)


def source_of(given: str | Path) -> EntitySource:
    """The source with a name: "names.dict" or "spacy:en_ner_bc5cdr_md".

    Raises:
        InputError: There is no such file; or the file is no dictionary.
    """
    library, mark, model = str(given).partition(":")
    if mark and library in _LIBRARIES:
        if not model:
            raise InputError(f"{given!s} names no model: give {library}:MODEL")
        return _LIBRARIES[library](model)
    if not Path(given).is_file():
        raise InputError(
            f"there is no file {str(given)!r} to find entities with: name a dictionary (a file "
            "that `biogpt dictionary build` wrote, or a CSV file) or spacy:MODEL"
        )
    return EntityDictionary.of(given)
