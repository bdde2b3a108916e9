"""Papers in files: what reads them, and what writes what was found in them."""

from biogpt_plugins.corpus.gold import read_gold
from biogpt_plugins.corpus.readers import (
    Format,
    Record,
    Sections,
    Withdrawn,
    check_readable,
    read_records,
)
from biogpt_plugins.corpus.writers import JsonlWriter

__all__ = [
    "Format",
    "JsonlWriter",
    "Record",
    "Sections",
    "Withdrawn",
    "check_readable",
    "read_gold",
    "read_records",
]
