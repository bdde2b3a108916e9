"""What given entities are worth: ways of decoding on annotated papers, by the official metric.

    python benchmarks/entities.py CDR_DevelopmentSet.PubTator.txt --last 100 -o entities.json

Entities are the corpus's own annotations. Each end of each relation that was found among entities
is compared with them, by offsets, type and id.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from biogpt_plugins import Pipeline, Prediction, load
from biogpt_plugins.corpus.gold import read_gold
from biogpt_plugins.evaluation import evaluate
from biogpt_plugins.evaluation.run import predict
from biogpt_plugins.scoring.gold import GoldSet

FORMS = ("free", "grounded", "entities")


def figures(pipeline: Pipeline, gold: GoldSet[Any]) -> dict[str, object]:
    """The figures of one way of decoding, in percent, with 95 % intervals over documents."""
    began = time.perf_counter()
    found = list(predict(pipeline, gold))
    seconds = time.perf_counter() - began
    told = evaluate(gold, found)
    readings = {"default": told.default, **({"strict": told.strict} if told.strict else {})}
    return {
        "seconds": round(seconds, 1),
        "relations": sum(len(one.relations) for one in found),
        "ends that are annotations": annotated(pipeline, gold, found),
        **{
            name: {
                "f1": round(100 * one.value, 1),
                "interval": [round(100 * one.interval.low, 1), round(100 * one.interval.high, 1)],
                "precision": round(100 * one.score.precision, 1),
                "recall": round(100 * one.score.recall, 1),
            }
            for name, one in readings.items()
        },
    }


def annotated(pipeline: Pipeline, gold: GoldSet[Any], found: list[Prediction[Any]]) -> list[int]:
    """How many ends are annotations in offsets, type and id, of how many."""
    same = every = 0
    for document, prediction in zip(gold.documents, found, strict=True):
        text = pipeline.task.read_input(document.record)
        known = {(e.start, e.end, e.type, e.id) for e in text.entities}
        ends = [e for r in prediction.relations for e in (r.head, r.tail)]
        same += sum((e.start, e.end, e.type, e.id) in known for e in ends)
        every += len(ends)
    return [same, every]


def main() -> None:
    """Measure, print and write the figures."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("corpus", type=Path, help="a corpus of BC5CDR with mentions")
    options.add_argument("--model", default="demo")
    options.add_argument("--last", type=int, default=100, help="how many papers, from the end")
    options.add_argument("--forms", nargs="+", default=FORMS, choices=FORMS)
    options.add_argument("-o", "--out", type=Path)
    asked = options.parse_args()
    gold = read_gold(asked.corpus, "bc5cdr")
    gold = replace(gold, documents=gold.documents[-asked.last :])
    told = {}
    for form in asked.forms:
        told[form] = figures(load(asked.model, "bc5cdr", decoding=form), gold)
        print(form, json.dumps(told[form]), flush=True)  # noqa: T201
    if asked.out:
        facts = {"corpus": asked.corpus.name, "papers": len(gold.documents), "model": asked.model}
        asked.out.write_text(json.dumps({**facts, **told}, indent=2) + "\n")


if __name__ == "__main__":
    main()
