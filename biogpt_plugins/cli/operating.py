"""The operating point of a ranking: which probability is enough, by an annotated corpus."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from biogpt_plugins.cli import console
from biogpt_plugins.corpus import read_gold
from biogpt_plugins.evaluation.run import check_texts, predict
from biogpt_plugins.evaluation.thresholds import best_f1
from biogpt_plugins.values.errors import InputError


def at_best_f1(asked: console.Asked, path: Path) -> console.Asked:
    """The same pipeline with the `min_score` that has the best F1 on a corpus.

    Raises:
        InputError: The method is another, a threshold is given already, or the corpus has no
            relations with scores.
    """
    if asked.spec.method != "rank":
        raise InputError("--best-f1 needs --method rank")
    if asked.spec.min_score is not None:
        raise InputError("give --best-f1 or --min-probability, not both")
    pipeline = console.loaded(asked, asked.spec.model)
    gold = read_gold(path, pipeline.task)
    check_texts(gold)
    found = best_f1(gold, list(predict(pipeline, gold)))
    console.remark(
        "note",
        f"--min-probability {found.probability:.3g} has the best F1 on {path}: "
        f"{100 * found.f1:.1f} (precision {100 * found.precision:.1f}, "
        f"recall {100 * found.recall:.1f})",
    )
    return replace(asked, spec=asked.spec.but(min_score=found.probability))
