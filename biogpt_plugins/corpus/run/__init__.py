"""Runs over a corpus, which continue where they were interrupted."""

from biogpt_plugins.corpus.run.outcome import Outcome, Part, Place
from biogpt_plugins.corpus.run.results import (
    Line,
    is_run,
    outcome_at,
    outcomes,
    placed_outcomes,
    results,
    state_of,
)
from biogpt_plugins.corpus.run.run import FEWEST, MOST, Executor, Watcher, progress_bar, run
from biogpt_plugins.corpus.run.sinks import Lines, Sink
from biogpt_plugins.corpus.run.text_index import Counts

__all__ = [
    "FEWEST",
    "MOST",
    "Counts",
    "Executor",
    "Line",
    "Lines",
    "Outcome",
    "Part",
    "Place",
    "Sink",
    "Watcher",
    "is_run",
    "outcome_at",
    "outcomes",
    "placed_outcomes",
    "progress_bar",
    "results",
    "run",
    "state_of",
]
