"""How many obvious questions and abstracts a model gets right.

    python benchmarks/obvious.py --model demo

Forty questions are answered by their passage alone: ten by yes, ten by no, ten are left open by it,
and ten passages are about something else, so that the answer is maybe. Of thirty abstracts, twelve
state one relation, eight two, and ten none. They were written apart from all training text. An
answer is right if it is the label; an abstract, if exactly its pairs of names are found, in any
case.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from biogpt_plugins import Pipeline, Prediction, load
from biogpt_plugins.corpus import read_gold
from biogpt_plugins.evaluation.run import predict
from biogpt_plugins.scoring.gold import Document, GoldSet

SETS = Path(__file__).parents[1] / "tests/bundled_model"
FILES = {"pubmedqa": "questions.jsonl", "bc5cdr": "abstracts.jsonl"}
WAYS = {"pubmedqa": {"method": "choose"}, "bc5cdr": {"decoding": "grounded"}}

Counts = dict[str, tuple[int, int]]
"""Kind -> number of right ones, and of all."""


def obvious(task: str) -> GoldSet[Any]:
    """The questions (pubmedqa) or the abstracts (bc5cdr)."""
    return read_gold(SETS / FILES[task], task)


def pipeline_for(model: str | Path, task: str) -> Pipeline:
    """The pipeline that they are given to."""
    return load(model, task, **WAYS[task])


def count(pipeline: Pipeline, documents: Iterable[Document[Any]]) -> Counts:
    """How many documents of each kind the pipeline gets right."""
    gold = GoldSet(pipeline.task.name, tuple(documents))
    return by_kind(gold.documents, map(is_right, gold.documents, predict(pipeline, gold)))


def by_kind(documents: Iterable[Document[Any]], right: Iterable[bool]) -> Counts:
    """How many of each kind are right, which is told of each document."""
    counts: Counts = {}
    for document, one in zip(documents, right, strict=True):
        so_far, whole = counts.get(document.record["kind"], (0, 0))
        counts[document.record["kind"]] = so_far + one, whole + 1
    return counts


def is_right(document: Document[Any], prediction: Prediction[Any]) -> bool:
    """Whether a prediction is exactly the gold; one that failed is not."""
    if not prediction.ok:
        return False
    if prediction.task == "pubmedqa":
        return bool(prediction.result.label == document.gold)
    found = {(r.head.text.lower(), r.tail.text.lower()) for r in prediction.relations}
    return found == set(document.gold)


def main() -> None:
    """Count and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--model", default="demo")
    asked = options.parse_args()
    for task, name in FILES.items():
        counts = count(pipeline_for(asked.model, task), obvious(task).documents)
        right, whole = (sum(column) for column in zip(*counts.values(), strict=True))
        told = ", ".join(f"{kind} {n} of {of}" for kind, (n, of) in counts.items())
        print(f"{name}: {right} of {whole} ({told})")  # noqa: T201


if __name__ == "__main__":
    main()
