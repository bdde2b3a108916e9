"""The records that readers yield, with their places."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction

TITLE_AND_ABSTRACT = "abstract"


class Sections(str, Enum):
    """How much of a full text to read: title and abstract, or all sections, one record each."""

    abstract = "abstract"
    all = "all"


class Withdrawn(InputError):
    """A citation that PubMed deleted, or that the files contain in a later version.

    Attributes:
        id: Its PMID. Results of earlier versions are void.
    """

    def __init__(self, message: str, id: str) -> None:
        super().__init__(message)
        self.id = id

    def __reduce__(self) -> tuple[type[Withdrawn], tuple[str, str]]:
        return type(self), (str(self), self.id)


class ParsedRecord(NamedTuple):
    """A record as a format's reader yields it: a Record without the file's name."""

    line: int
    value: object
    section: str = ""
    start: int = 0


class Record(NamedTuple):
    """One record of a file.

    Attributes:
        where: "file:line", for messages.
        value: The input of a pipeline, or an error.
        section: If full texts are read by section, the headings from the outermost to the
            section's own, "Results / Renal function"; "abstract" for title and abstract.
        start: Where the record begins in the text of the whole paper. That text is its records
            joined by spaces; BioC files give the offsets themselves.
    """

    where: str
    value: object
    section: str = ""
    start: int = 0

    def placed(self, prediction: Prediction[Any]) -> Prediction[Any]:
        """The prediction with the record's section, and with offsets in the whole paper."""
        if not self.section and not self.start:
            return prediction
        return moved(prediction.model_copy(update={"section": self.section or None}), self.start)


def moved(prediction: Prediction[Any], by: int) -> Prediction[Any]:
    """The prediction with all offsets shifted by this many characters."""
    if not by or prediction.kind != "relations":
        return prediction
    result = [relation.moved(by) for relation in prediction.relations]
    return prediction.model_copy(update={"result": result})
