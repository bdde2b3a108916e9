"""The official metrics: pure functions from gold and predictions to figures.

`official` reads completions as the official scripts do; `bc5cdr`, `interactions` (DDI, KD-DTI) and
`labels` (PubMedQA, HoC) score the results; `figures` defines the values they return.
"""

from biogpt_plugins.scoring.bc5cdr import score_bc5cdr
from biogpt_plugins.scoring.figures import Counts, Interval, Share, bootstrap
from biogpt_plugins.scoring.gold import Document, GoldSet
from biogpt_plugins.scoring.interactions import InteractionScore, score_interactions
from biogpt_plugins.scoring.labels import AnswerScore, accuracy, score_hoc, score_pubmedqa
from biogpt_plugins.scoring.official import (
    official_answer,
    official_hallmarks,
    official_pairs,
    official_triples,
)

__all__ = [
    "AnswerScore",
    "Counts",
    "Document",
    "GoldSet",
    "InteractionScore",
    "Interval",
    "Share",
    "accuracy",
    "bootstrap",
    "official_answer",
    "official_hallmarks",
    "official_pairs",
    "official_triples",
    "score_bc5cdr",
    "score_hoc",
    "score_interactions",
    "score_pubmedqa",
]
