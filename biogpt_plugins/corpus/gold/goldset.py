"""What official metrics compare with: the gold of a corpus, and BC5CDR's tables of names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from biogpt_plugins.corpus.gold.files import read_json, read_solved, read_text
from biogpt_plugins.corpus.gold.solved import Solved, at
from biogpt_plugins.scoring.gold import TABLES, Document, GoldSet, Names
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Question
from biogpt_plugins.values.results import Answer, Entity, Hallmarks, Relation

_TABLES = TypeAdapter(dict[str, dict[str, str]])


def read_gold(
    path: str | Path,
    task: str | Task[Any],
    *,
    ground_truth: str | Path | None = None,
    entities: str | Path | None = None,
    limit: int | None = None,
) -> GoldSet[Any]:
    """Read a corpus with its gold annotation, in any of the formats.

    Args:
        path: The corpus.
        task: The task it is for; lines of a file of ours that name another are left out.
        ground_truth: PubMedQA: JSON of id to label, which selects the questions that it names, in
            its order: test_ground_truth.json names those of ori_pqal.json that are the test set.
        entities: BC5CDR: "chemical2id" and "disease2id", the ids of names. By default what lies
            beside the corpus, `test.entities.json` of `test.json`; failing that, the corpus's own
            mentions, by the rule that the official files follow: names in lower case, and the
            last id that the corpus gives a name.
        limit: Take the first so many documents only; tables of names are those of all.

    Raises:
        InputError: A file is missing or broken, of no known format, or holds no gold for this
            task; an id is there twice; a name has no id.
    """
    task = get_task(task)
    if task.kind == "text":
        raise InputError(f"{task.name} has no gold: it writes freely, and no metric is defined")
    if ground_truth is not None and task.input is not Question:
        raise InputError(f"a ground truth is for pubmedqa: leave it out for {task.name}")
    if entities is not None and task.metric != "bc5cdr":
        raise InputError(f"tables of entities are for bc5cdr: leave them out for {task.name}")
    if limit is not None and limit < 1:
        raise InputError(f"a limit of {limit} leaves no document: give at least 1")
    solved = read_solved(path, [task.name], ground_truth=ground_truth)
    names = _names(solved, Path(path), entities) if task.metric == "bc5cdr" else {}
    documents = [
        Document(id=s.id or str(n), gold=_gold(s, task, names), input=s.input, where=s.where)
        for n, s in enumerate(solved, start=1)
    ]
    _check_ids(documents)
    return GoldSet(task=task.name, documents=tuple(documents[:limit]), names=names)


def _check_ids(documents: Iterable[Document[Any]]) -> None:
    places: dict[str, str] = {}
    for document in documents:
        if document.id in places:
            raise InputError(
                f"{document.where} has the id {document.id}, which {places[document.id]} has, too: "
                "give each document an id of its own"
            )
        places[document.id] = document.where


def _names(solved: Sequence[Solved], path: Path, entities: str | Path | None) -> Names:
    beside = path.with_name(f"{path.name.partition('.')[0]}.entities.json")
    if entities is not None or beside.is_file():
        return _tables(Path(beside if entities is None else entities))
    names: dict[str, dict[str, str]] = {kind: {} for kind in TABLES}
    for document in solved:
        for kind in TABLES:
            names[kind] |= document.names[kind]
    if not any(names.values()):
        raise InputError(
            f"{path} names no chemical and no disease: give the tables of names, {beside.name}"
        )
    return names


def _tables(path: Path) -> Names:
    text = read_text(path)
    with at(str(path)):
        tables = _TABLES.validate_python(read_json(text))
        if missing := [kind for kind in TABLES if kind not in tables]:
            raise InputError(f"it has no {' and no '.join(missing)}: give tables of name to id")
    return {kind: tables[kind] for kind in TABLES}


def _gold(solved: Solved, task: Task[Any], names: Names) -> Any:  # noqa: ANN401 - each task has its own
    match solved.result:
        case Answer(label=label):
            return label
        case Hallmarks(labels=labels):
            return labels
        case list(relations) if task.metric == "bc5cdr":
            return tuple(_pair(relation, names, solved.where) for relation in relations)
        case list(relations) if task.metric not in ("ddi", "kd_dti"):
            return tuple(relations)
        case list(relations):
            return tuple((r.head.name, r.tail.name, r.type) for r in relations)


def _pair(relation: Relation, names: Names, where: str) -> tuple[str, str]:
    ends = zip(TABLES, (relation.head, relation.tail), strict=True)
    chemical, disease = (_id(end, names[kind], where) for kind, end in ends)
    return chemical, disease


def _id(end: Entity, ids: Mapping[str, str], where: str) -> str:
    found = end.id or ids.get(end.text.lower())
    if found is None:
        raise InputError(
            f"{where}: {end.text!r} has no id in the tables of names: give one, as "
            '{"text": name, "id": id}'
        )
    return found
