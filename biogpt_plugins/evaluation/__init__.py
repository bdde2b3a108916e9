"""Scores predictions against a gold corpus, with the official figures and others beside them.

Completions are read twice. The *strict* reading is that of the official scripts and gives the
official figures; the *default* one is what a pipeline makes of the same completions. Both are
scored by the same official metric.
"""

from biogpt_plugins.evaluation.evaluate import evaluate
from biogpt_plugins.evaluation.metrics import METRICS
from biogpt_plugins.evaluation.values import Assessment, Evaluation, Row

__all__ = ["METRICS", "Assessment", "Evaluation", "Row", "evaluate"]
