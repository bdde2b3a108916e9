"""Runs over a corpus, which continue where they were interrupted."""

from biogpt_plugins.corpus.run.outcome import Outcome, Part, Place
from biogpt_plugins.corpus.run.results import is_run, outcomes, results
from biogpt_plugins.corpus.run.run import FEWEST, MOST, Executor, Watcher, run
from biogpt_plugins.corpus.run.sinks import Lines, Sink
from biogpt_plugins.corpus.run.text_index import Counts

__all__ = [
    "FEWEST",
    "MOST",
    "Counts",
    "Executor",
    "Lines",
    "Outcome",
    "Part",
    "Place",
    "Sink",
    "Watcher",
    "is_run",
    "outcomes",
    "results",
    "run",
]
