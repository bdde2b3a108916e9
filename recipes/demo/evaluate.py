"""Prints the figures of the demo model on the held-out papers and questions.

    python evaluate.py --model DIR --data DIR --bc5cdr DIR

`--data` is the output of make_data.py; `--bc5cdr` has valid.json and valid.entities.json.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import biogpt_plugins
from biogpt_plugins import Prediction
from biogpt_plugins.scoring import accuracy, score_bc5cdr

HELD_APART = 100


def main() -> None:
    """Print the figures of BC5CDR, DDI and PubMedQA."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="demo")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bc5cdr", type=Path, required=True)
    options = parser.parse_args()
    bc5cdr(options.model, options.bc5cdr)
    ddi(options.model, options.data)
    pubmedqa(options.model, options.data)


def bc5cdr(model: str, folder: Path) -> None:
    """Print F1 by the official metric, and the share of names that are in the text."""
    papers = json.loads((folder / "valid.json").read_text())
    ids = json.loads((folder / "valid.entities.json").read_text())
    rows = [{**paper, "id": pmid} for pmid, paper in list(papers.items())[-HELD_APART:]]
    predictions = biogpt_plugins.load(model, task="bc5cdr").run(rows)
    gold = {r["id"]: [(x["chemical"], x["disease"]) for x in r["relations"]] for r in rows}
    score = score_bc5cdr(gold, {str(p.id): _names(p) for p in predictions}, ids)
    figures = f"P {score.precision:.4f} R {score.recall:.4f} F1 {score.f1:.4f}"
    print(f"BC5CDR, {len(rows)} papers: {figures}")
    print(f"  unreadable completions: {sum(not p.ok for p in predictions)}")
    _print_copied([row["title"] + " " + row["abstract"] for row in rows], predictions)


def ddi(model: str, data: Path) -> None:
    """Print F1 of triples on generated texts; most names were never seen in training."""
    rows = _rows(data, "ddi")
    predictions = biogpt_plugins.load(model, task="ddi").run(rows)
    right = both = 0
    for row, prediction in zip(rows, predictions, strict=True):
        gold = {(r["head"].lower(), r["type"], r["tail"].lower()) for r in row["gold"]}
        predicted = {
            (r.head.text.lower(), r.type, r.tail.text.lower()) for r in prediction.result or []
        }
        right += len(gold & predicted)
        both += len(predicted) + len(gold)
    print(f"DDI, {len(rows)} generated texts: micro F1 {2 * right / max(1, both):.4f}")
    _print_copied([row["text"] for row in rows], predictions)


def pubmedqa(model: str, data: Path) -> None:
    """Print the accuracy, and the accuracy of always answering the most frequent label."""
    rows = _rows(data, "pubmedqa")
    gold = [row["gold"] for row in rows]
    predictions = biogpt_plugins.load(model, task="pubmedqa").run(rows)
    answers = [p.result.label if p.result else "failed" for p in predictions]
    label, most = Counter(gold).most_common(1)[0]
    print(
        f"PubMedQA, {len(rows)} questions: accuracy {accuracy(gold, answers):.3f}; "
        f"always {label!r}: {most / len(rows):.3f}; answers {dict(Counter(answers))}"
    )


def _rows(data: Path, task: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (data / f"held_out_{task}.jsonl").open()]


def _names(prediction: Prediction[Any]) -> list[tuple[str, str]]:
    return [(r.head.name, r.tail.name) for r in prediction.result or []]


def _print_copied(sources: list[str], predictions: list[Prediction[Any]]) -> None:
    written = copied = 0
    for source, prediction in zip(sources, predictions, strict=True):
        text = "".join(source.lower().split())
        for name in (name for pair in _names(prediction) for name in pair):
            written += 1
            # Ignore spaces: tokenising and joining words moves them around dashes and brackets.
            copied += "".join(name.lower().split()) in text
    print(f"  names in the text: {copied} of {written} ({copied / max(1, written):.1%})")


if __name__ == "__main__":
    main()
