"""Scores predictions against a gold corpus, with the official figures and others beside them.

Completions are read twice. The *strict* reading follows the official scripts and gives the official
figures. The *default* reading is the pipeline's own. The same official metric scores both.
"""

from biogpt_plugins.evaluation.evaluate import evaluate
from biogpt_plugins.evaluation.metrics import METRICS
from biogpt_plugins.evaluation.values import Assessment, Evaluation, Row

__all__ = ["METRICS", "Assessment", "Evaluation", "Row", "evaluate"]
