"""What given entities are worth: ways to find relations, by the official metric.

    python benchmarks/entities.py CDR_DevelopmentSet.PubTator.txt --last 100 -o entities.json

Entities are the corpus's own annotations. Each end of each relation that was found among entities
is compared with them, by offsets, type and id.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

from biogpt_plugins import Pipeline, Prediction, load
from biogpt_plugins.corpus.gold import read_gold
from biogpt_plugins.evaluation import evaluate
from biogpt_plugins.evaluation.run import predict
from biogpt_plugins.evaluation.thresholds import best_f1, points
from biogpt_plugins.scoring.gold import GoldSet

FORMS = ("free", "grounded", "entities", "rank", "decoded")
FOLDS = 5
PRECISION = 0.35


def figures(pipeline: Pipeline, gold: GoldSet[Any]) -> dict[str, object]:
    """The figures of one way of decoding, in percent, with 95 % intervals over documents."""
    found = list(predict(pipeline, gold))
    told = evaluate(gold, found)
    readings = {"default": told.default, **({"strict": told.strict} if told.strict else {})}
    return {
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


def ranked(pipeline: Pipeline, gold: GoldSet[Any]) -> dict[str, object]:
    """The figures of a ranking: at the best threshold, and at thresholds of other documents."""
    found = list(predict(pipeline, gold))
    every = points(gold, found)
    best = max(every, key=lambda point: 0 if isnan(point.f1) else point.f1)
    shares = {
        "threshold": best.probability,
        "f1": best.f1,
        "precision": best.precision,
        "recall": best.recall,
    }
    recalls = [point.recall for point in every if point.precision >= PRECISION]
    others = evaluate(gold, apart(gold, found)).default
    return {
        "pairs": sum(len(one.relations) for one in found),
        "ends that are annotations": annotated(pipeline, gold, found),
        "best threshold": {name: float(f"{share:.3g}") for name, share in shares.items()},
        "all pairs": {"f1": round(100 * every[-1].f1, 1)},
        "recall at precision 35": round(100 * max(recalls, default=0), 1),
        "threshold of other folds": {
            "f1": round(100 * others.value, 1),
            "interval": [round(100 * others.interval.low, 1), round(100 * others.interval.high, 1)],
            "precision": round(100 * others.score.precision, 1),
            "recall": round(100 * others.score.recall, 1),
        },
    }


def apart(gold: GoldSet[Any], found: list[Prediction[Any]]) -> list[Prediction[Any]]:
    """The relations above the threshold that is best on the documents of the other folds."""
    kept = list(found)
    for fold in range(FOLDS):
        others = [n for n in range(len(found)) if n % FOLDS != fold]
        rest = replace(gold, documents=tuple(gold.documents[n] for n in others))
        least = best_f1(rest, [found[n] for n in others]).probability
        for n in range(fold, len(found), FOLDS):
            above = [one for one in found[n].relations if (one.score or 0) >= least]
            kept[n] = found[n].model_copy(update={"result": above})
    return kept


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
        if form in ("rank", "decoded"):
            among = "decoded" if form == "decoded" else "use"
            told[form] = ranked(load(asked.model, "bc5cdr", method="rank", entities=among), gold)
        else:
            told[form] = figures(load(asked.model, "bc5cdr", decoding=form), gold)
        print(form, json.dumps(told[form]), flush=True)  # noqa: T201
    if asked.out:
        facts = {"corpus": asked.corpus.name, "papers": len(gold.documents), "model": asked.model}
        asked.out.write_text(json.dumps({**facts, **told}, indent=2) + "\n")


if __name__ == "__main__":
    main()
