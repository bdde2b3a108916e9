"""The paper's figures, one command each: official data, official training, test set, table."""

from biogpt_plugins.reproduction.published import CORPORA, Published
from biogpt_plugins.reproduction.report import Report
from biogpt_plugins.reproduction.run import reproduce

__all__ = ["CORPORA", "Published", "Report", "reproduce"]
