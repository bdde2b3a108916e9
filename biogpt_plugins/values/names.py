"""What records call their fields: our names, those that others use, and misspelt ones."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from rapidfuzz.distance import OSA

from biogpt_plugins.values.errors import InputError

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
_SAME = {
    "id": {"id", "pmid"},
    "text": {"text", "abstract", "sentence", "term", "context", "contexts"},
    "abstract": {"abstract", "text"},
    "context": {"context", "contexts", "text"},
}
_BESIDE = {"id": ("pmid",), "text": ("sentence",)}
_SHORT = 4  # letters: with one of them replaced it is another word, "test" for "text"
_LONG = 8
_CLEAR = 6
_WORDS = 4


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


def misspelt(
    names: Collection[str], wanted: Collection[str], values: Mapping[str, object] | None = None
) -> tuple[str, str] | None:
    """A name that nobody uses but that looks like a missing field, and the name that was meant.

    Args:
        names: The names of a record's fields.
        wanted: Our names of the fields that a record may have.
        values: The values, if they are known: only texts and numbers are taken for such a field.
    """
    there = {field_of(name) for name in names}
    missing = {field for field in wanted if not there & {field, *_SAME.get(field, ())}}
    meant = sorted(missing)
    meant += [name for field in sorted(missing) for name in _BESIDE.get(field, ())]
    meant += [o for field in sorted(missing) for o in SYNONYMS.get(field, ()) if len(o) >= _CLEAR]
    for name in names:
        value = values[name] if values else ""
        if field_of(name) is None and isinstance(value, str | int | float | list | tuple):
            plain = _PLAIN.sub("", name.lower())
            for each in meant:
                near = _is_near(plain, _PLAIN.sub("", each), missing)
                if near or _is_sort_of(plain, each, value):
                    return name, each
    return None


def _is_near(given: str, name: str, fields: Collection[str]) -> bool:
    """Whether one is the other with a slip of the fingers."""
    if len(name) < _SHORT or len(given) < _SHORT - 1 or given[0] not in name[:2]:
        return False
    if given.startswith(name):  # "abstract_id" is about the abstract; "titles" are titles
        return given in (name, f"{name}s")
    slips = OSA.distance(given, name, score_cutoff=2)
    if len(name) <= _SHORT:
        return slips == 1 and (len(given) != len(name) or sorted(given) == sorted(name))
    begun = any(given.startswith(field) for field in fields)
    return slips <= (1 if begun or len(name) < _LONG else 2)


def _is_sort_of(given: str, name: str, value: object) -> bool:
    """Whether one is a sort of the other, "abstract_en", and has a text."""
    return (
        name in TEXTS
        and given.startswith(name)
        and isinstance(value, str)
        and len(value.split()) >= _WORDS
    )
