"""Training data: files of solved inputs, each an input of a task with the result it should give."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from biogpt_plugins.errors import InputError
from biogpt_plugins.inputs import Question, Text
from biogpt_plugins.results import Answer, Entity, Hallmarks, Relation
from biogpt_plugins.task import Task
from biogpt_plugins.tasks import get_task

REMEDY = (
    'give JSONL lines with "task", the input\'s fields and "gold", the official BC5CDR JSON, '
    "PubTator, or the PubMedQA JSON"
)


@dataclass(frozen=True)
class Example:
    """One solved input: what the model reads, and what it is to write."""

    task: str
    input: Text
    target: str


def read_examples(path: str | Path, tasks: Sequence[str]) -> list[Example]:
    """Reads a file of solved inputs for some tasks; lines of other tasks are left out.

    Raises:
        InputError: The file is missing, of no known format, or holds nothing for these tasks.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no data file {str(path)!r}: {REMEDY}")
    text = path.read_text(encoding="utf-8-sig")
    try:
        rows = list(_rows(text, path, tasks))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read {path}: {error!r}; {REMEDY}") from error
    found = [_example(row, where) for row, where in rows if _wanted(row, tasks)]
    if not found:
        raise InputError(f"{path} holds no example of {', '.join(tasks)}: {REMEDY}")
    return found


def _rows(text: str, path: Path, tasks: Sequence[str]) -> Iterator[tuple[dict[str, Any], str]]:
    start = text.lstrip()[:400]
    if start.split("\n", 1)[0].count("|t|") == 1 and not start.startswith("{"):
        for block in text.strip().split("\n\n"):
            yield _from_pubtator(block.split("\n")), f"{path}, {block[:12]!r}"
        return
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and whole and all(isinstance(v, dict) for v in whole.values()):
        for key, value in whole.items():
            yield _from_official(key, value, tasks), f"{path}, {key!r}"
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            row = json.loads(line)
            if not isinstance(row, dict) or "gold" not in row:
                raise InputError(f'line {number} of {path} has no "gold": {REMEDY}')
            yield row if "task" in row else {**row, "task": tasks[0]}, f"{path}, line {number}"


def _wanted(row: Mapping[str, Any], tasks: Sequence[str]) -> bool:
    # An empty list of relations has no target in the official layouts.
    return row["task"] in tasks and row["gold"] != []


def _from_official(key: str, row: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Any]:
    if "QUESTION" in row:
        fields = {"question": row["QUESTION"], "context": row["CONTEXTS"]}
        task = next((name for name in tasks if name.startswith("pubmedqa")), "pubmedqa")
        long_answer = row.get("LONG_ANSWER", "")
        return {
            "task": task,
            "id": key,
            **fields,
            "long_answer": long_answer,
            "gold": row["final_decision"],
        }
    names = {kind: _longest(row[f"{kind}2id"].items()) for kind in ("chemical", "disease")}
    pairs = [(r["chemical"], r["disease"]) for r in row["relations"]]
    gold = _relations(pairs, names["chemical"], names["disease"])
    return {
        "task": "bc5cdr",
        "id": key,
        "title": row["title"],
        "abstract": row["abstract"],
        "gold": gold,
    }


def _from_pubtator(lines: Sequence[str]) -> dict[str, Any]:
    pmid, _, title = lines[0].split("|", 2)
    abstract = lines[1].split("|", 2)[2]
    fields = [line.split("\t") for line in lines[2:]]
    mentions = _longest((f[3], part) for f in fields if f[1] != "CID" for part in f[5].split("|"))
    gold = _relations([(f[2], f[3]) for f in fields if f[1] == "CID"], mentions, mentions)
    return {"task": "bc5cdr", "id": pmid, "title": title, "abstract": abstract, "gold": gold}


def _longest(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The longest name of each id: what the official targets call it."""
    longest: dict[str, str] = {}
    for name, identity in names:
        key = identity.removeprefix("MESH:")
        if len(name) > len(longest.get(key, "")):
            longest[key] = name
    return longest


def _relations(
    pairs: Iterable[tuple[str, str]], heads: Mapping[str, str], tails: Mapping[str, str]
) -> list[dict[str, str]]:
    return [
        {"head": heads[head], "type": "CID", "tail": tails[tail]}
        for head, tail in dict.fromkeys(pairs)
        if head in heads and tail in tails
    ]


def _example(row: dict[str, Any], where: str) -> Example:
    task = get_task(row["task"])
    try:
        return Example(task.name, task.read_input(row), task.target(_result(task, row["gold"])))
    except (InputError, KeyError, TypeError, ValidationError) as error:
        raise InputError(f"cannot read {where}: {error}; {REMEDY}") from error


def _result(task: Task[Any], gold: Any) -> Any:  # noqa: ANN401 - each task has its own
    if task.input is Question:
        return Answer(label=gold)
    if task.name == "hoc":
        return Hallmarks(labels=tuple(gold))
    if isinstance(gold, str):
        return gold
    return [
        Relation(head=_entity(r["head"], task), type=r["type"], tail=_entity(r["tail"], task))
        for r in gold
    ]


def _entity(end: str | Mapping[str, Any], task: Task[Any]) -> Entity:
    name = end if isinstance(end, str) else str(end["text"])
    return Entity(text=name, type=task.name)
