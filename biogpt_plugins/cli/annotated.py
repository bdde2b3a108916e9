"""The options of entities: where they come from, whether they fit their texts and suffice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, get_args

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.corpus import Record
from biogpt_plugins.corpus.fetch import PubTator3
from biogpt_plugins.entities import Instead, source_of
from biogpt_plugins.evaluation.baselines import count_bare
from biogpt_plugins.scoring.gold import GoldSet
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.entities import EntitySource
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper, Question, Text, read

EntityUse = Literal["use", "ignore", "check"]
Entities = Annotated[
    str,
    typer.Option(
        metavar="use|ignore|check",
        help="The annotations in the files: use them, which only --decoding entities does; ignore "
        "them; or check them against their texts, without a model.",
    ),
]

SOURCE = "FILE|spacy:MODEL|pubtator3"
NEEDY = ("entities", "rank")
"""The methods of `biogpt eval` that need entities."""
EntitiesFrom = Annotated[
    str | None,
    typer.Option(
        "--entities-from",
        metavar=SOURCE,
        help="Find the entities of papers without annotations by a dictionary (a file that `biogpt "
        "dictionary build` wrote, or a CSV file), by a pipeline of spaCy, or by PubTator 3's "
        "service, which knows papers by their PMID. It sets --decoding entities. With --entities "
        "ignore it finds them in all papers.",
        show_default=False,
    ),
]


def setting(entities: str, source: str | None = None) -> str | EntitySource | None:
    """The setting `entities` for --entities and --entities-from; None for the usual one.

    Raises:
        InputError: An option has another value, or both contradict each other.
        OSError: The file of a dictionary is locked.
    """
    if entities not in get_args(EntityUse):
        raise InputError(f"--entities must be {' or '.join(get_args(EntityUse))}, not {entities!r}")
    if source is None:
        return "ignore" if entities == "ignore" else None
    found = _source(source, entities)
    return Instead(found) if entities == "ignore" else found


def in_place(source: str | None, entities: str, ways: Sequence[str]) -> Instead | None:
    """What `--entities-from` of `biogpt eval` finds in place of annotations; None without it.

    Raises:
        InputError: It finds nothing that is needed, or contradicts --entities.
        OSError: The file of a dictionary is locked.
    """
    if source is None:
        return None
    if not set(NEEDY) & set(ways):
        raise InputError(
            f"--entities-from is for the methods {' and '.join(NEEDY)}, not for {', '.join(ways)}: "
            "add one of them, or leave it out"
        )
    return Instead(_source(source, entities))


def _source(name: str, entities: str) -> EntitySource:
    if entities == "check":
        raise InputError("--entities check looks only at annotations: leave --entities-from out")
    return PubTator3() if name == PubTator3.NAME else source_of(name)


def check(records: Iterable[Record]) -> None:
    """Print how many entities of each type there are, and each fault.

    Raises:
        typer.Exit: An annotation does not fit its text, or a record cannot be read.
    """
    types: Counter[str] = Counter()
    papers = faults = 0
    for record in records:
        papers += 1
        try:
            text = _read(record.value)
        except InputError as error:
            faults += 1
            console.remark("error", f"{record.where}: {error}")
            continue
        types.update(entity.type or "no type" for entity in text.entities)
        for note in text.notes:
            faults += 1
            console.remark("warning", f"{record.where}: {note}")
    found = ", ".join(f"{count:,} {type_}" for type_, count in types.most_common()) or "none"
    entities = counted(types.total(), "entity", "entities")
    console.stdout().print(f"{counted(papers, 'record')}, {entities}: {found}")
    if faults:
        raise typer.Exit(1)


def _read(value: object) -> Text:
    if isinstance(value, InputError):
        raise value
    asks = isinstance(value, dict) and any(str(key).lower() == "question" for key in value)
    return read(Question if asks else Paper, value)


def check_given(right: GoldSet[Any], ways: Sequence[str], entities: str) -> None:
    """Note documents without entities if a method needs them.

    Raises:
        InputError: All documents are without.
    """
    needy = [way for way in ways if way in NEEDY]
    bare = count_bare(right) if needy else 0
    for way in needy:
        if entities == "ignore" or bare == len(right.documents):
            why = "--entities ignore gives none" if entities == "ignore" else "the data have none"
            raise InputError(
                f"method {way} needs annotated entities, and {why}: give PubTator, BioC or a field "
                "`entities`, or find them with --entities-from"
            )
        if bare:
            console.remark(
                "note",
                f"{bare:,} of {len(right.documents):,} documents {'has' if bare == 1 else 'have'} "
                "no annotated entities: "
                f"method {way} finds nothing in them",
            )
