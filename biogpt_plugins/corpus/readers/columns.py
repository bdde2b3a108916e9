"""What fields of records are called: by us, by others, and by whoever names them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from biogpt_plugins.values.errors import InputError

FIELDS = ("id", "title", "abstract", "text", "question", "context", "long_answer")
"""What `--columns` may name."""
TEXTS = {"title", "abstract", "text", "question", "context", "contexts", "sentence", "term"}
"""Our names of what a model reads."""
OURS = TEXTS | {"id", "pmid", "long_answer"}

# How tables and JSON of PubMed, PMC, Europe PMC, Scopus, Web of Science and Zotero name fields;
# of several the first that a record has. Blanks, dashes and dots do not count.
SYNONYMS: Mapping[str, Sequence[str]] = {
    "id": (
        *("pmid", "pubmedid", "pubmedids", "pubmed", "pm", "uid", "pmcid", "pmcaid", "docid"),
        *("documentid", "paperid", "articleid", "recordid", "extid", "doi", "identifier", "eid"),
        *("corduid", "corpusid", "accessionnumber", "key"),
    ),
    "title": (
        *("articletitle", "papertitle", "documenttitle", "titletext", "arttitle", "pubtitle"),
        *("ti", "maintitle", "primarytitle"),
    ),
    "abstract": (
        *("abstracttext", "abstractnote", "articleabstract", "paperabstract", "abstracts", "ab"),
        *("absttext", "abstr", "summary"),
    ),
    "text": ("fulltext", "body", "bodytext", "content", "passage", "articletext", "documenttext"),
    "question": ("questiontext",),
    "context": ("contexttext",),
}
_BY_NAME = {
    other: (name, rank) for name, others in SYNONYMS.items() for rank, other in enumerate(others)
}
_PLAIN = re.compile(r"[\s_.-]+")
_WHOLE = re.compile(r"(\d+)\.0+")


def field_of(name: str) -> str | None:
    """Which of our fields a name stands for, whoever uses it; None if for none."""
    low = name.strip().lower()
    plain = _PLAIN.sub("", low)
    if low in OURS or plain in OURS:
        return low if low in OURS else plain
    return _BY_NAME.get(plain, (None, 0))[0]


def is_text(name: str) -> bool:
    """Whether a name stands for what a model reads."""
    return field_of(name) in TEXTS


def check_columns(columns: Mapping[str, str]) -> None:
    """See to it that columns are named for fields that there are.

    Raises:
        InputError: A field is not known.
    """
    for field in columns:
        if field not in FIELDS:
            raise InputError(f"columns: {field!r} is not one of {', '.join(FIELDS)}")


def renaming(names: Iterable[str], told: Mapping[str, str]) -> dict[str, str]:
    """Our field for each of the names that stand for one.

    A name that we use ourselves comes before those that others use.

    Args:
        names: What fields are called in a file.
        told: Names of columns by our fields.

    Raises:
        InputError: A column that is told is not there, or two have the same name.
    """
    given = list(names)
    by_low = {name.strip().lower(): name for name in given}
    found: dict[str, str] = {}
    for field, column in told.items():
        if column.strip().lower() not in by_low:
            raise InputError(f"there is no column {column!r} for the {field}: {listed(given)}")
        found[by_low[column.strip().lower()]] = field
    taken = set(found.values())
    if "text" in taken:  # two names of one thing
        taken |= {"abstract"}
    ranked: dict[str, tuple[int, str]] = {}
    for name in given:
        low, plain = name.strip().lower(), _PLAIN.sub("", name.lower())
        field_, rank = field_of(name), _BY_NAME.get(plain, ("", 0))[1]
        if field_ is None or name in found:
            continue
        if low == field_:
            found |= {name: field_} if field_ not in taken else {}
        elif field_ not in taken and (field_ not in ranked or rank < ranked[field_][0]):
            ranked[field_] = rank, name
    taken = set(found.values())
    for field, (_, name) in ranked.items():
        same = {"id": {"id", "pmid"}, "text": {"text", "abstract", "sentence", "term"}}
        if not taken & same.get(field, {field, "text"} if field == "abstract" else {field}):
            found[name] = field
            taken.add(field)
    twice = [name for name in by_low if sum(each.strip().lower() == name for each in given) > 1]
    if doubled := [name for name in twice if is_text(name) or field_of(name) == "id"]:
        raise InputError(f"two columns are called {doubled[0]!r}: rename one of them")
    return found


def listed(names: Sequence[str]) -> str:
    """The columns of a file, for messages."""
    most = 12
    shown = ", ".join(repr(name[:40]) for name in names[:most])
    return f"the columns are {shown}{', ...' if len(names) > most else ''}"


def no_text(names: Sequence[str]) -> InputError:
    """What is said of a table in which nothing is a text."""
    return InputError(
        f"no column has the text: {listed(names)}; name one of the columns abstract, context, "
        "question, sentence, term, text, title in the first line, or say which one has it: "
        "--columns abstract=NAME"
    )


def renamed(record: Mapping[str, object], told: Mapping[str, str]) -> dict[str, object]:
    """A JSON record with our names in place of those that others use.

    Raises:
        InputError: A field that is told is not there.
    """
    names = renaming(record, told)
    return {
        (field if name.strip().lower() != field else name): record[name]
        for name, field in {**{name: name for name in record}, **names}.items()
    }


def cell(value: object) -> object:
    """What stands in a cell: None where it is empty; a whole number is no fraction."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() else value
    return None if value == "" else value


def identifier(value: object) -> object:
    """An id as a person writes it: 123, not 123.0."""
    if isinstance(value, str) and (found := _WHOLE.fullmatch(value.strip())):
        return found[1]
    return cell(value)
