"""Read papers, gold annotation and predictions from files, and write results to files."""

from biogpt_plugins.corpus.gold import read_gold
from biogpt_plugins.corpus.predictions import (
    StoredPrediction,
    check_predictions,
    read_predictions,
    read_stored,
)
from biogpt_plugins.corpus.readers import (
    Format,
    Record,
    Sections,
    Withdrawn,
    check_columns,
    check_readable,
    expanded,
    read_records,
    read_text,
    whole_papers,
)
from biogpt_plugins.corpus.sample import SampleFormat, sample_papers, sample_text
from biogpt_plugins.corpus.writers import JsonlWriter, check_writable, write_text

__all__ = [
    "Format",
    "JsonlWriter",
    "Record",
    "SampleFormat",
    "Sections",
    "StoredPrediction",
    "Withdrawn",
    "check_columns",
    "check_predictions",
    "check_readable",
    "check_writable",
    "expanded",
    "read_gold",
    "read_predictions",
    "read_records",
    "read_stored",
    "read_text",
    "sample_papers",
    "sample_text",
    "whole_papers",
    "write_text",
]
