"""Readers: files of papers -> records, one at a time, in constant memory. One module per format."""

from biogpt_plugins.corpus.readers.columns import check_columns
from biogpt_plugins.corpus.readers.files import check_readable, expanded
from biogpt_plugins.corpus.readers.formats import Format
from biogpt_plugins.corpus.readers.read import look_through, read_file, read_records, read_text
from biogpt_plugins.corpus.readers.records import Record, Sections, Withdrawn, moved
from biogpt_plugins.corpus.readers.whole import whole_papers

__all__ = [
    "Format",
    "Record",
    "Sections",
    "Withdrawn",
    "check_columns",
    "check_readable",
    "expanded",
    "look_through",
    "moved",
    "read_file",
    "read_records",
    "read_text",
    "whole_papers",
]
