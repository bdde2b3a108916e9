"""Prints all figures that a bundled model is judged by, as tables.

    python recipes/demo/evaluate.py --model DIR --bc5cdr DIR --pubmedqa FILE

The part "last" is what is reported: the last 100 papers of BC5CDR's development set, the last 100
questions, and the obvious questions and abstracts of `benchmarks/obvious.py`. The part "dev" is for
choosing between models: the 50 papers and the 50 questions before those. Shares are in percent.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import isnan
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from ablations import or_nothing, without_relations
from entities import apart
from obvious import Counts, by_kind, count, obvious, pipeline_for

from biogpt_plugins import Prediction, load
from biogpt_plugins.corpus import read_gold
from biogpt_plugins.corpus.gold import read_solved
from biogpt_plugins.entities import EntityDictionary
from biogpt_plugins.evaluation import Assessment, Evaluation, evaluate
from biogpt_plugins.evaluation.baselines import measure_baselines
from biogpt_plugins.evaluation.run import predict
from biogpt_plugins.scoring.gold import GoldSet
from biogpt_plugins.tasks import get_task, register_task
from biogpt_plugins.tasks.entities import admits
from biogpt_plugins.text.grounding import sentences

Table = dict[str, dict[str, Any]]
"""Row -> column -> figure."""

WRITTEN = ("free", "grounded", "entities")
MENTIONS = "CDR_DevelopmentSet.PubTator.txt"


@dataclass(frozen=True)
class Part:
    """Which papers of the development set, and which questions; whether the obvious, too."""

    papers: slice
    questions: slice
    obvious: bool


LABELS = get_task("pubmedqa").choices
PARTS = {
    "last": Part(slice(-100, None), slice(-100, None), obvious=True),
    "dev": Part(slice(-150, -100), slice(-150, -100), obvious=False),
}


def main() -> None:
    """Measure a model and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="demo")
    parser.add_argument(
        "--bc5cdr",
        type=Path,
        required=True,
        help="a folder with CDR_*.PubTator.txt, valid.json and valid.entities.json",
    )
    parser.add_argument("--pubmedqa", type=Path, required=True, help="the labelled questions")
    parser.add_argument("--dictionary", type=Path, help="names for a further baseline, as CSV")
    parser.add_argument("--part", type=str.lower, choices=PARTS, default="last")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    asked = parser.parse_args()
    tables = {}
    for title, table in measure(asked, PARTS[asked.part]):
        tables[title] = table
        if not asked.json:
            print(markdown(title, table), flush=True)
    if asked.json:
        print(json.dumps({"model": asked.model, "part": asked.part, **tables}, indent=2))


def measure(asked: argparse.Namespace, part: Part) -> Iterator[tuple[str, Table]]:
    """The tables with their titles, one after another."""
    papers = read_papers(asked.bc5cdr, part)
    questions = read_questions(asked.pubmedqa, part)
    simple = relation_baselines(papers, asked.bc5cdr, asked.dictionary)
    yield f"BC5CDR, {len(papers.documents)} papers", relations(asked.model, papers) | simple
    yield f"PubMedQA, {len(questions.documents)} questions", answers(asked.model, questions)
    if part.obvious:
        yield "Obvious", obvious_ones(asked.model)
    yield "Texts without a relation", silence(asked.model, papers, asked.bc5cdr, part)


def read_papers(folder: Path, part: Part) -> GoldSet[Any]:
    """The official gold of the papers, with the mentions that the corpus annotates."""
    gold = read_gold(folder / "valid.json", "bc5cdr")
    mentions = {one.id: one.entities for one in read_gold(folder / MENTIONS, "bc5cdr").documents}
    documents = gold.documents[part.papers]
    return replace(gold, documents=tuple(replace(d, entities=mentions[d.id]) for d in documents))


def read_questions(path: Path, part: Part) -> GoldSet[Any]:
    """The questions, without their conclusions."""
    gold = read_gold(path, "pubmedqa")
    return replace(gold, documents=gold.documents[part.questions])


# --- BC5CDR -----------------------------------------------------------------------------------


def relations(model: str, gold: GoldSet[Any]) -> Table:
    """The official figures of each way of finding relations."""
    table = {}
    for way in WRITTEN:
        found = list(predict(load(model, "bc5cdr", decoding=way), gold))
        table[way] = _figures(evaluate(gold, found), found)
    # Pairs above the threshold that is best for the other four fifths of the papers.
    ranked = list(predict(load(model, "bc5cdr", method="rank"), gold))
    found = apart(gold, ranked)
    table["rank"] = _figures(evaluate(gold, found), found)
    return table


def relation_baselines(gold: GoldSet[Any], folder: Path, dictionary: Path | None) -> Table:
    """What simple rules find in the same papers."""
    train = read_gold(folder / "CDR_TrainingSet.PubTator.txt", "bc5cdr")
    names = EntityDictionary.of(dictionary) if dictionary else None
    measured = measure_baselines(gold, train=train, dictionary=names).measured
    return {f"*{one.name}*": _shares(one.figures) for one in measured}


def _figures(evaluation: Evaluation, found: Iterable[Prediction[Any]]) -> dict[str, Any]:
    return {
        **_shares(evaluation.main),
        "F1, own reading": _percent(evaluation.default.value),
        "relations": sum(len(one.relations) for one in found),
        "unreadable": _percent(evaluation.default.unreadable.ratio),
    }


def _shares(figures: Assessment) -> dict[str, Any]:
    score: Any = figures.score
    return {
        "P": _percent(score.precision),
        "R": _percent(score.recall),
        "F1": _percent(figures.value),
        "95 %": _interval(figures),
    }


# --- PubMedQA ---------------------------------------------------------------------------------


def answers(model: str, gold: GoldSet[Any]) -> Table:
    """The figures of the most probable labels, and of the most frequent one."""
    found = list(predict(load(model, "pubmedqa", method="choose"), gold))
    [always] = measure_baselines(gold).measured
    own = _answered(evaluate(gold, found).default)
    own["AUROC, yes against no"] = _percent(auroc(gold, found))
    return {"choose": own, f"*{always.how}*": _answered(always.figures)}


def auroc(gold: GoldSet[Any], found: Iterable[Prediction[Any]]) -> float:
    """How often a question of yes has a larger share of yes, against no, than one of no."""
    shares: dict[str, list[float]] = {"yes": [], "no": [], "maybe": []}
    for document, prediction in zip(gold.documents, found, strict=True):
        of = prediction.result.probabilities
        shares[document.gold].append(of["yes"] / (of["yes"] + of["no"]))
    pairs = list(product(shares["yes"], shares["no"]))
    return sum((yes > no) + (yes == no) / 2 for yes, no in pairs) / len(pairs)


def _answered(figures: Assessment) -> dict[str, Any]:
    score: Any = figures.score
    recalls = [row.get(label, 0) / sum(row.values()) for label, row in score.confusion.items()]
    counts = {label: sum(row.get(label, 0) for row in score.confusion.values()) for label in LABELS}
    return {
        "accuracy": _percent(score.accuracy),
        "95 %": _interval(figures),
        "balanced accuracy": _percent(sum(recalls) / len(recalls)),
        "answers": ", ".join(f"{label} {n}" for label, n in counts.items()),
    }


# --- nothing to find, and what is obvious -----------------------------------------------------


def silence(model: str, papers: GoldSet[Any], folder: Path, part: Part) -> Table:
    """How often nothing is found in texts that state no relation."""
    register_task(or_nothing())  # which `without_relations` makes its texts for
    bare = without_relations(read_solved(folder / MENTIONS, ["bc5cdr"])[part.papers])
    texts = {
        "papers without the sentences that name one end": bare,
        "sentences that name both ends, unrelated": list(unrelated(papers)),
    }
    return {
        f"{kind}, {way}": _silent(load(model, "bc5cdr", decoding=way).run(given))
        for kind, given in texts.items()
        for way in ("free", "grounded")
    }


def unrelated(papers: GoldSet[Any]) -> Iterator[str]:
    """The first sentence of each paper that names a chemical and a disease, but no related ones."""
    task = get_task(papers.task)
    for document in papers.documents:
        text = task.read_input(document.record)
        for start, end in sentences(text.source):
            named = [e for e in text.entities if start <= (e.start or 0) < end]
            pairs = set(product(*(_ids(named, type_) for type_ in task.ends)))
            if pairs and pairs.isdisjoint(document.gold):
                yield text.source[start:end]
                break


def _ids(entities: Iterable[Any], type_: str) -> set[str]:
    return {id_ for e in entities if admits(type_, e.type) for id_ in (e.id or "").split("|")}


def _silent(found: Iterable[Prediction[Any]]) -> dict[str, Any]:
    silent = [one.ok and not one.relations for one in found]
    return {"silent": _percent(sum(silent) / len(silent)), "texts": len(silent)}


def obvious_ones(model: str) -> Table:
    """How many obvious questions and abstracts are right, by kind, and what one word would give."""
    questions, abstracts = obvious("pubmedqa").documents, obvious("bc5cdr").documents
    maybe = by_kind(questions, [one.gold == "maybe" for one in questions])
    nothing = by_kind(abstracts, [not one.gold for one in abstracts])
    return {
        "questions": _right(count(pipeline_for(model, "pubmedqa"), questions)),
        "*always maybe*": _right(maybe),
        "abstracts": _right(count(pipeline_for(model, "bc5cdr"), abstracts)),
        "*nothing*": _right(nothing),
    }


def _right(counts: Counts) -> dict[str, Any]:
    return {
        "right": sum(right for right, _ in counts.values()),
        "of": sum(whole for _, whole in counts.values()),
        "by kind": ", ".join(f"{kind} {n} of {of}" for kind, (n, of) in counts.items()),
    }


# --- showing ----------------------------------------------------------------------------------


def markdown(title: str, table: Mapping[str, Mapping[str, Any]]) -> str:
    """A table with all columns of its rows."""
    columns = list(dict.fromkeys(column for row in table.values() for column in row))
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    for name, row in table.items():
        cells = (row.get(column) for column in columns)
        lines.append([name, *("" if cell is None else str(cell) for cell in cells)])
    return "\n".join([f"## {title}", "", *(f"| {' | '.join(line)} |" for line in lines), ""])


def _percent(share: float) -> float | None:
    """A share to print; None for NaN, which JSON cannot hold."""
    return None if isnan(share) else round(100 * share, 1)


def _interval(figures: Assessment) -> str:
    return f"{_percent(figures.interval.low)} to {_percent(figures.interval.high)}"


if __name__ == "__main__":
    main()
