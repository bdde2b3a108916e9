"""Readers for the official files of microsoft/BioGPT and pubmedqa/pubmedqa.

They are JSON objects by id, except two of microsoft/BioGPT, which are TSV: HoC, and PubMedQA.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from biogpt_plugins.corpus.gold.solved import Solved, cdr, hallmarks, relation
from biogpt_plugins.scoring.gold import TABLES
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Answer, Entity

_INTERACTIONS = ("ddi", "kd_dti")
_QUESTIONS = ("pubmedqa", "pubmedqa_reasoning_free")
_QUESTION = re.compile(r"question: (.+?) context: (.+) answer: (.+)")


class _Pair(BaseModel):
    chemical: str
    disease: str


class _Cdr(BaseModel):
    title: str
    abstract: str
    relations: list[_Pair] | None
    chemical2id: dict[str, str]
    disease2id: dict[str, str]


class _Triple(BaseModel):
    drug: str
    target: str
    interaction: str


class _Interactions(BaseModel):
    title: str = ""
    abstract: str
    triples: list[_Triple] | None


class _Question(BaseModel):
    question: str = Field(alias="QUESTION")
    contexts: list[str] = Field(alias="CONTEXTS")
    long_answer: str = Field(default="", alias="LONG_ANSWER")
    decision: str | None = Field(default=None, alias="final_decision")


def solve(item: tuple[str, Mapping[str, Any]], tasks: Sequence[str]) -> Solved | None:
    """Read an entry of any official JSON file.

    Returns:
        None if `tasks` does not include its task.

    Raises:
        InputError: It has none of the known keys.
    """
    key, row = item
    if "relations" in row:
        return _cdr(key, row) if "bc5cdr" in tasks else None
    if "triples" in row:
        return _interactions(key, row, task) if (task := _first(tasks, _INTERACTIONS)) else None
    if "QUESTION" in row:
        return _question(key, row, task) if (task := _first(tasks, _QUESTIONS)) else None
    raise InputError(
        'it must have "relations" (BC5CDR), "triples" (DDI, KD-DTI) or "QUESTION" (PubMedQA)'
    )


def _first(tasks: Iterable[str], names: Container[str]) -> str | None:
    return next((task for task in tasks if task in names), None)


def _cdr(key: str, row: Mapping[str, Any]) -> Solved:
    read = _Cdr.model_validate(row)
    pairs = [(pair.chemical, pair.disease) for pair in read.relations or ()]
    return cdr(key, read.title, read.abstract, pairs, read.model_dump(include=set(TABLES)))


def _interactions(key: str, row: Mapping[str, Any], task: str) -> Solved:
    read = _Interactions.model_validate(row)
    source = f"{read.title} {read.abstract}".lower()
    # The official code searches a lower-cased text for the head as written. Heads with a capital
    # are not found and come first, in the file's order; the others follow in text order.
    triples = sorted(read.triples or (), key=lambda triple: source.find(triple.drug))
    extraction = get_task(task)
    head, tail = extraction.ends
    return Solved(
        task=task,
        id=key,
        input={"id": key, "title": read.title, "abstract": read.abstract},
        result=[
            relation(
                extraction,
                Entity(text=triple.drug, type=head),
                triple.interaction.lower(),
                Entity(text=triple.target, type=tail),
            )
            for triple in triples
        ],
    )


def _question(key: str, row: Mapping[str, Any], task: str) -> Solved:
    read = _Question.model_validate(row)
    return Solved(
        task=task,
        id=key,
        input={
            "id": key,
            "question": read.question,
            "context": " ".join(read.contexts),
            "long_answer": read.long_answer,
        },
        result=Answer.model_validate({"label": read.decision}) if read.decision else None,
    )


def tsv_lines(text: str) -> Iterator[tuple[str, str]]:
    """The lines of a TSV, without the blank lines that HoC's test set has between sentences."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"line {number}", line.strip()


def is_pubmedqa(text: str) -> bool:
    """Whether a text starts with a line of PubMedQA's TSV."""
    return text.startswith("question: ")


def solve_pubmedqa(line: str, tasks: Sequence[str]) -> Solved | None:
    """Read a question with its context, its long answer and its label.

    Returns:
        None if `tasks` does not include PubMedQA.

    Raises:
        InputError: It has another form.
    """
    task = _first(tasks, _QUESTIONS)
    if task is None:
        return None
    text, label = _columns(line, "the question", "its label")
    parts = _QUESTION.fullmatch(text)
    if parts is None:
        raise InputError('it must read "question: ... context: ... answer: ...", a tab, a label')
    return Solved(
        task=task,
        id=None,
        input={"question": parts[1], "context": parts[2], "long_answer": parts[3]},
        result=Answer.model_validate({"label": label.lower()}),
    )


def solve_hoc(line: str, tasks: Sequence[str]) -> Solved | None:
    """Read a sentence and its labels.

    Returns:
        None if `tasks` does not include hoc.

    Raises:
        InputError: It does not have two columns, or a label is unknown.
    """
    if "hoc" not in tasks:
        return None
    sentence, labels = _columns(line, "the sentence", "its labels with | between them")
    return Solved("hoc", None, {"text": sentence}, hallmarks(labels.split("|")))


def _columns(line: str, first: str, second: str) -> tuple[str, str]:
    columns = [column.strip() for column in line.split("\t")]
    if len(columns) != len((first, second)):
        raise InputError(
            f"it must have 2 columns, not {len(columns)}: {first}, a tab, and {second}"
        )
    return columns[0], columns[1]
