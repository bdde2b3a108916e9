"""What readers give: records with their places."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction

TITLE_AND_ABSTRACT = "abstract"


class Sections(str, Enum):
    """How much of a full text is read: title and abstract, or all of it, a record a section."""

    abstract = "abstract"
    all = "all"


class Withdrawn(InputError):
    """A citation that PubMed deleted, or of which the files hold a later version.

    Attributes:
        id: Its PMID. What was found in earlier versions of it does not count.
    """

    def __init__(self, message: str, id: str) -> None:
        super().__init__(message)
        self.id = id

    def __reduce__(self) -> tuple[type[Withdrawn], tuple[str, str]]:
        return type(self), (str(self), self.id)


class Found(NamedTuple):
    """What a reader of one format finds: a Record, but for the name of the file."""

    line: int
    value: object
    section: str = ""
    start: int = 0


class Record(NamedTuple):
    """One record of a file.

    Attributes:
        where: "file:line", for messages.
        value: What a pipeline takes, or the error that stands in its place.
        section: Where full texts are read by section, its headings from the outermost to its own,
            "Results / Renal function"; "abstract" for title and abstract.
        start: Where the record begins in the text of the whole paper, which is that of its records
            with a space between; or, in BioC, where the file says.
    """

    where: str
    value: object
    section: str = ""
    start: int = 0

    def placed(self, prediction: Prediction[Any]) -> Prediction[Any]:
        """A prediction for the record with its section, and with offsets in the whole paper."""
        if not self.section and not self.start:
            return prediction
        return moved(prediction.model_copy(update={"section": self.section or None}), self.start)


def moved(prediction: Prediction[Any], by: int) -> Prediction[Any]:
    """The same for a text that has so many characters more before it."""
    if not by or prediction.kind != "relations":
        return prediction
    result = [relation.moved(by) for relation in prediction.relations]
    return prediction.model_copy(update={"result": result})
