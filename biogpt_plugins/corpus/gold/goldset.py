"""Gold sets for the official metrics: a corpus's gold, and BC5CDR's tables of names."""

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
        task: The task. Rows of JSON that name another task are left out.
        ground_truth: For PubMedQA: JSON of id to label. It selects the questions that it names, in
            its order. test_ground_truth.json selects the test set from ori_pqal.json.
        entities: For BC5CDR: JSON with "chemical2id" and "disease2id", the ids of names. The
            default is the file next to the corpus (`test.entities.json` for `test.json`), and
            without it the corpus's mentions, by the rule of the official files: names in lower
            case, and the last id that the corpus gives a name.
        limit: Read only the first documents, up to this many. Tables of names cover all documents.

    Raises:
        InputError: A file is missing, broken, in an unknown format, or has no gold for this task;
            an id occurs twice; or a name has no id.
    """
    task = get_task(task)
    if task.kind == "text":
        raise InputError(f"{task.name} has no metric: it writes free text, so it has no gold")
    if ground_truth is not None and task.input is not Question:
        raise InputError(f"{task.name} takes no ground truth file: only PubMedQA tasks do")
    if entities is not None and task.metric != "bc5cdr":
        raise InputError(f"{task.name} takes no tables of entities: only bc5cdr does")
    if limit is not None and limit < 1:
        raise InputError(f"limit must be 1 or more, not {limit}")
    solved = read_solved(path, [task.name], ground_truth=ground_truth)
    names = _names(solved, Path(path), entities) if task.metric == "bc5cdr" else {}
    documents = [
        Document(
            id=s.id or str(n),
            gold=_gold(s, task, names),
            input=s.input,
            where=s.where,
            entities=s.entities,
        )
        for n, s in enumerate(solved, start=1)
    ]
    _check_ids(documents)
    return GoldSet(task=task.name, documents=tuple(documents[:limit]), names=names)


def _check_ids(documents: Iterable[Document[Any]]) -> None:
    places: dict[str, str] = {}
    for document in documents:
        if document.id in places:
            raise InputError(
                f"{document.where} has the same id as {places[document.id]}, {document.id}: give "
                "each document a different id"
            )
        places[document.id] = document.where


def _names(solved: Sequence[Solved], path: Path, entities: str | Path | None) -> Names:
    sibling = path.with_name(f"{path.name.partition('.')[0]}.entities.json")
    if entities is not None or sibling.is_file():
        return _tables(Path(sibling if entities is None else entities))
    names: dict[str, dict[str, str]] = {kind: {} for kind in TABLES}
    for document in solved:
        for kind in TABLES:
            names[kind] |= document.names[kind]
    if not any(names.values()):
        raise InputError(
            f"{path} names no chemicals or diseases: give the tables of names, {sibling.name}"
        )
    return names


def _tables(path: Path) -> Names:
    text = read_text(path)
    with at(str(path)):
        tables = _TABLES.validate_python(read_json(text))
        if missing := [kind for kind in TABLES if kind not in tables]:
            raise InputError(f"it lacks {' and '.join(missing)}: give tables of name to id")
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
    identifier = end.id or ids.get(end.text.lower())
    if identifier is None:
        raise InputError(
            f"{where}: {end.text!r} has no id in the tables of names: give its id, as "
            '{"text": name, "id": id}'
        )
    return identifier
