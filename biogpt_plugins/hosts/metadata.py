"""Results as flat JSON metadata of texts, and reading them back.

Each task has separate keys, so that tasks do not overwrite each other's results.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import Any, Literal, get_args
from unicodedata import normalize

from pydantic import TypeAdapter, ValidationError

from biogpt_plugins.hosts.fields import relation_task
from biogpt_plugins.tasks import TASKS, get_task
from biogpt_plugins.text.source import SourceText
from biogpt_plugins.text.spelling import spelling
from biogpt_plugins.values.entities import kind_of_type
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction, Relation

Flat = bool | Literal["text"]
"""How names are written: as lists (False), for each name a key (True), as one text ("text")."""

Errors = Literal["raise", "skip"]
"""What is done about a text whose task failed."""

_RELATIONS = "biogpt_relations"
_FOLDED = "_folded"
_FOUND = TypeAdapter(list[Relation])


def name_key(type_: str) -> str:
    """The key of the list of entity names of one type."""
    return f"biogpt_{type_}s"


def folded(name: str) -> str:
    """A name as the folded keys have it, to filter whatever the case: "Lithium" is "lithium"."""
    return " ".join(normalize("NFKC", name).casefold().split())


def is_name_key(key: str) -> bool:
    """Whether a key holds a list of entity names."""
    types = {type_ for name in TASKS.of_kind("relations") for type_ in TASKS[name].entity_types}
    return key in map(name_key, types)


def remark_keys(key: str) -> tuple[str, str]:
    """The keys of the error and of the warnings that belong to a key."""
    return f"{key}_error", f"{key}_warnings"


def remarks(prediction: Prediction[Any], key: str) -> dict[str, str]:
    """The error and warnings of a prediction, under the keys that belong to this key."""
    failure, notes = prediction.error, "; ".join(prediction.warnings)
    told = (f"{failure.type}: {failure.message}" if failure else "", notes)
    return {name: remark for name, remark in zip(remark_keys(key), told, strict=True) if remark}


def relation_facts(
    prediction: Prediction[list[Relation]],
    text: str,
    known: Mapping[str, Any],
    *,
    flat: Flat,
    scored: bool = True,
) -> dict[str, Any]:
    """The metadata that a relation task adds to a text.

    Args:
        prediction: The prediction for the text.
        text: The text.
        known: The text's current metadata. Names that other tasks found are kept.
        flat: False writes lists. True writes a key for each name. "text" writes the names of each
            type as one text, "|lithium|gold|", and every key of the task even if it is empty, for
            stores with fixed columns. Beside each of them the same with folded names.
        scored: Whether relations keep their scores, whose last digits may depend on the batch.
    """
    key, text = _key(prediction.task), SourceText(text)
    empty = dict.fromkeys((*remark_keys(key), key), "") if flat == "text" else {}
    facts: dict[str, Any] = {
        **empty,
        f"{key}_model": prediction.model,
        **remarks(prediction, key),
    }
    if prediction.result is not None:
        facts[key] = _FOUND.dump_json(
            prediction.result,
            exclude_none=True,
            exclude=None if scored else {"__all__": {"score", "confidence"}},
        ).decode()
    own = get_task(prediction.task).entity_types
    names: dict[str, dict[str, None]] = {}
    for relation in _all_relations({**known, key: facts.get(key)}):
        for end in (relation.head, relation.tail):
            if type_ := _own_type(end.type, own):
                names.setdefault(type_, {})[spelling(end, text)] = None
    for kind in own if flat == "text" else names:
        exact = names.get(kind, {})
        for mark, found in (("", exact), (_FOLDED, dict.fromkeys(map(folded, exact)))):
            if flat is True:
                facts |= {f"biogpt_{kind}{mark}:{name}": 1 for name in found}
            else:
                written = _as_text(found) if flat else list(found)
                facts[name_key(kind) + mark] = written
    return facts


def _own_type(type_: str, own: Iterable[str]) -> str | None:
    """The task's word for the type of an end, which has the annotation's if entities were given."""
    same = (one for one in own if kind_of_type(one) == kind_of_type(type_))
    return type_ if type_ in own else next(same, None)


def _as_text(names: Iterable[str]) -> str:
    """Names between bars, so that "|lithium|" finds lithium and not lithium carbonate."""
    written = "|".join(name.replace("|", " ") for name in names)
    return f"|{written}|" if written else ""


def is_relation_fact(key: str, task: str) -> bool:
    """Whether a key belongs to the metadata of this task."""
    own = _key(task)
    return key in (own, f"{own}_model", *remark_keys(own)) or any(
        key in (name_key(type_), name_key(type_) + _FOLDED)
        or key.startswith((f"biogpt_{type_}:", f"biogpt_{type_}{_FOLDED}:"))
        for type_ in get_task(task).entity_types
    )


def relations_by_task(
    metadata: Mapping[str, Any],
    task: str | None,
    *,
    whose: str,
    unseen: str,
    errors: Errors = "raise",
) -> dict[str, list[Relation]]:
    """Read relations from metadata, by task.

    Args:
        metadata: The metadata of a text.
        task: Read only the relations of this task; None reads those of all tasks.
        whose: The owner of the metadata, for errors: "node 7".
        unseen: The reason to give for a task that was not run.
        errors: "skip" leaves out tasks that failed.

    Raises:
        InputError: The task was not run, failed, or does not find relations; or the metadata hold
            something else in place of relations.
    """
    if errors not in get_args(Errors):
        raise InputError(f"errors must be 'raise' or 'skip', not {errors!r}")
    asked = _tasks(metadata)
    wanted = [relation_task(task)] if task else asked
    if not wanted:
        raise InputError(f"{whose} has no relations: {unseen}")
    found = {}
    for name in wanted:
        key = _key(name)
        written = metadata.get(key)
        if written is None or written == "":
            failure = metadata.get(remark_keys(key)[0])
            if failure and errors == "skip":
                continue
            raise InputError(f"{whose} has no {name} relations: {failure or unseen}")
        try:
            found[name] = _FOUND.validate_json(written)
        except ValidationError as error:
            raise InputError(
                f"the metadata {key!r} of {whose} are not relations: run the task again"
            ) from error
    return found


def _key(task: str) -> str:
    return f"{_RELATIONS}_{task}"


def _tasks(metadata: Mapping[str, Any]) -> list[str]:
    """The relation tasks in the metadata, in the order of the registry, unknown tasks last."""
    begin, end = f"{_RELATIONS}_", "_model"
    told = [
        key[len(begin) : -len(end)]
        for key in metadata
        if isinstance(key, str) and key.startswith(begin) and key.endswith(end)
    ]
    known = [name for name in TASKS.of_kind("relations") if name in told]
    return list(dict.fromkeys((*known, *told)))


def _all_relations(metadata: Mapping[str, Any]) -> Iterator[Relation]:
    """The relations of all tasks."""
    names = dict.fromkeys((*TASKS.of_kind("relations"), *_tasks(metadata)))
    written = (metadata.get(_key(name)) for name in names)
    return chain.from_iterable(map(_read, filter(None, written)))


def _read(written: Any) -> list[Relation]:  # noqa: ANN401 - metadata hold anything
    # An invalid value under another task's key must not lose the new relations.
    with suppress(ValidationError):
        return _FOUND.validate_json(written)
    return []
