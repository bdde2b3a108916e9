"""What each option of fine-tuning gives, on the bundled model and BC5CDR.

    python benchmarks/ablations.py --bc5cdr DIR --pubmedqa FILE --out DIR [NAME ...]

Fine-tunes the bundled model on `train.json` under each setting of SETTINGS, or under those that are
named, and scores the last 100 papers of `valid.json`, which the bundled model was not trained on,
by the official metric. A setting that was measured is left alone, and an interrupted one goes on.
The figures are written to results/ablations.json, and the table to results/ablations.md. Most
settings take about five minutes of one core, "recipe default" takes an hour.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import ablations_table

from biogpt_plugins import load
from biogpt_plugins.bench.clock import describe_versions
from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.corpus.gold import read_solved
from biogpt_plugins.corpus.gold.solved import Solved
from biogpt_plugins.engines.machine import describe_machine
from biogpt_plugins.scoring.bc5cdr import count_relations
from biogpt_plugins.scoring.official import official_pairs
from biogpt_plugins.tasks import register_task
from biogpt_plugins.tasks.bc5cdr import BC5CDR, CLAUSE
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.training import finetune
from biogpt_plugins.training.examples import Example
from biogpt_plugins.training.variants.negatives import negatives

HELD_APART = 100
RESULTS = Path(__file__).parent / "results"
OR_NOTHING = "bc5cdr_or_nothing"
NOTHING = "no relation is stated"
BOTH = "bc5cdr,pubmedqa"

# As many updates for all: 1.3 epochs of the 500 papers as they are.
BASE: Mapping[str, Any] = {"max_steps": 150, "learning_rate": 1e-4, "save_steps": 50}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "base": {},
    "base, seed 1": {"seed": 1},
    "base, seed 2": {"seed": 2},
    "loss=all": {"loss": "all"},
    "source_loss=0.2": {"source_loss": 0.2},
    "end_weight=0.5": {"end_weight": 0.5},
    "end_smoothing=0.1": {"end_smoothing": 0.1},
    "end_smoothing=0.3": {"end_smoothing": 0.3},
    "orders=3": {"orders": 3},
    "swaps=3": {"swaps": 3},
    "words for nothing": {"tasks": OR_NOTHING},
    "words for nothing, negatives=0.5": {"tasks": OR_NOTHING, "negatives": 0.5},
    "words for nothing, negatives=1": {"tasks": OR_NOTHING, "negatives": 1},
    "with PubMedQA": {"tasks": BOTH},
    "with PubMedQA, mix=bc5cdr:3,pubmedqa:1": {"tasks": BOTH, "mix": "bc5cdr:3,pubmedqa:1"},
    "learning_rate=1e-5": {"learning_rate": 1e-5},
    "learning_rate=3e-5": {"learning_rate": 3e-5},
    "learning_rate=3e-4": {"learning_rate": 3e-4},
    # Before there were recipes: 3 epochs at 1e-5, the loss on the target, as it is today.
    "old defaults": {"max_steps": None, "epochs": 3, "learning_rate": 1e-5},
    "recipe default": {"max_steps": None, "learning_rate": None},
}


def main() -> None:
    """Measure what was not measured yet, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--bc5cdr", type=Path, required=True)
    parser.add_argument("--pubmedqa", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    register_task(or_nothing())
    data = Data(options.bc5cdr, options.pubmedqa, options.out)
    measured = {"bundled model": measure("demo", BOTH, data, options.out / "bundled")}
    for name in options.names or SETTINGS:
        folder = options.out / name.replace(" ", "_")
        tasks = train(name, data, folder)
        measured[name] = measure(folder, tasks, data, folder)
    kept = RESULTS / "ablations.json"
    before = json.loads(kept.read_text())["settings"] if kept.exists() else {}
    result = {
        "date": date.today().isoformat(),
        "machine": describe_machine("cpu"),
        "versions": describe_versions(("biogpt-plugins", "torch", "transformers")),
        "base": dict(BASE),
        "settings": before | measured,
    }
    kept.write_text(json.dumps(result) + "\n")
    (RESULTS / "ablations.md").write_text(ablations_table.markdown(result))


def or_nothing() -> Task[Any]:
    """BC5CDR with words for a text without relations, which its official layout lacks."""
    return Task.of_relations(
        replace(CLAUSE, nothing=NOTHING),
        name=OR_NOTHING,
        metric="bc5cdr",
        summary=BC5CDR.summary,
        input=BC5CDR.input,
        source=BC5CDR.source,
        lowercase=True,
        decoding=BC5CDR.decoding,
        shots=BC5CDR.shots,
    )


class Data:
    """The data, divided.

    Args:
        bc5cdr: The folder of train.json, valid.json and valid.entities.json.
        pubmedqa: The labelled questions of PubMedQA for training; the last 100 are held apart.
        out: Where files are written.
    """

    def __init__(self, bc5cdr: Path, pubmedqa: Path, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.train = bc5cdr / "train.json"
        self.held = read_solved(bc5cdr / "valid.json", ["bc5cdr"])[-HELD_APART:]
        self.names = json.loads((bc5cdr / "valid.entities.json").read_text())
        questions = list(json.loads(pubmedqa.read_text()).items())
        self.asked, self.questions = out / "asked.json", out / "questions.json"
        self.asked.write_text(json.dumps(dict(questions[-HELD_APART:])))
        self.questions.write_text(json.dumps(dict(questions[:-HELD_APART])))
        self.rows = out / "or_nothing.jsonl"
        self.rows.write_text("".join(map(_row, read_solved(self.train, ["bc5cdr"]))))
        # The bundled model, which writes this task as it writes bc5cdr.
        self.start = out / "or_nothing_start"
        shutil.copytree(locate("demo"), self.start, dirs_exist_ok=True)
        card = read_card(self.start)
        tasks = {**card.tasks, OR_NOTHING: card.tasks["bc5cdr"]}
        card.model_copy(update={"tasks": tasks}).save(self.start)


def _row(paper: Solved) -> str:
    ends = (
        {end: {"text": each.text, "id": each.id} for end, each in pair}
        for pair in ((("head", r.head), ("tail", r.tail)) for r in paper.result)
    )
    gold = [{**each, "type": "CID"} for each in ends]
    return json.dumps({**paper.input, "gold": gold}) + "\n"


def train(name: str, data: Data, folder: Path) -> str:
    """Train under a setting, unless it was; an interrupted run goes on. Returns the tasks."""
    options = {**BASE, **SETTINGS[name]}
    tasks = options.pop("tasks", "bc5cdr")
    files = {OR_NOTHING: [data.rows], BOTH: [data.train, data.questions]}
    if not (folder / "figures.json").exists() and not (folder / "config.json").exists():
        finetune(
            tasks,
            train=files.get(tasks, [data.train]),
            model=data.start if tasks == OR_NOTHING else "demo",
            out=folder,
            resume=True,
            tell=print,
            **{key: value for key, value in options.items() if value is not None},
        )
    return tasks


def measure(model: str | Path, tasks: str, data: Data, folder: Path) -> dict[str, Any]:
    """Score a model, unless its folder has the figures."""
    kept = folder / "figures.json"
    if not kept.exists():
        first, *others = tasks.split(",")
        papers = [paper.input for paper in data.held]
        figures: dict[str, Any] = {}
        for way in ("free", "grounded"):
            written = completions(model, first, papers, decoding=way)
            figures[way] = [_counts(*pair, data) for pair in zip(data.held, written, strict=True)]
        if first == OR_NOTHING:
            texts = without_relations(data.held)
            silent = [text.startswith(NOTHING) for text in completions(model, first, texts)]
            figures["silent"] = [sum(silent), len(silent)]
        if others:
            figures["answers"] = answers(model, data)
        folder.mkdir(exist_ok=True)
        kept.write_text(json.dumps(figures))
    return json.loads(kept.read_text())


def completions(
    model: str | Path, task: str, inputs: Sequence[Any], decoding: str = "free"
) -> list[str]:
    """What the model writes for each input; long texts lose their end, as officially."""
    chosen = or_nothing() if task == OR_NOTHING else task
    pipeline = load(model, chosen, decoding=decoding, method="complete", long_texts="cut")
    return [prediction.completion or "" for prediction in pipeline.run(inputs)]


def _counts(paper: Solved, completion: str, data: Data) -> list[int]:
    gold = [(relation.head.id, relation.tail.id) for relation in paper.result]
    counts = count_relations(gold, official_pairs(completion), data.names)
    return [counts.tp, counts.fp, counts.fn]


def without_relations(papers: Iterable[Solved]) -> list[Any]:
    """Texts without relations, made of papers as the option `negatives` makes them."""
    task = or_nothing()
    made = (
        negatives(
            Example(task, task.read_input(p.input), "", p.where, p.result, p.names),
            Random(0),
            share=2,
        )
        for p in papers
    )
    return [example.input for examples in made for example in examples]


def answers(model: str | Path, data: Data) -> list[int]:
    """How many questions of how many the model answers as the annotators did."""
    asked = read_solved(data.asked, ["pubmedqa"])
    found = load(model, "pubmedqa").run([question.input for question in asked])
    right = (
        p.result is not None and p.result.label == q.result.label
        for p, q in zip(found, asked, strict=True)
    )
    return [sum(right), len(asked)]


if __name__ == "__main__":
    main()
