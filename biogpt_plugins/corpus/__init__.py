"""Papers in files: what reads them, and what writes what was found in them."""

from biogpt_plugins.corpus.gold import read_gold
from biogpt_plugins.corpus.predictions import (
    Found,
    check_predictions,
    read_found,
    read_predictions,
)
from biogpt_plugins.corpus.readers import (
    Format,
    Record,
    Sections,
    Withdrawn,
    check_readable,
    read_records,
    whole_papers,
)
from biogpt_plugins.corpus.writers import JsonlWriter, check_writable, write_text

__all__ = [
    "Format",
    "Found",
    "JsonlWriter",
    "Record",
    "Sections",
    "Withdrawn",
    "check_predictions",
    "check_readable",
    "check_writable",
    "read_found",
    "read_gold",
    "read_predictions",
    "read_records",
    "whole_papers",
    "write_text",
]
