"""Solved documents: corpora with gold annotation, for scoring and training.

Formats, recognized by content:
    bc5cdr: the JSON of microsoft/BioGPT, PubTator, or BioC XML.
    ddi, kd_dti: the JSON of microsoft/BioGPT.
    pubmedqa, pubmedqa_reasoning_free: the JSON of pubmedqa/pubmedqa. Its labels may be in a
        separate file. A file of labels alone is read, too.
        The TSV of microsoft/BioGPT, one question a line, is read too.
    hoc: the TSV of microsoft/BioGPT, one sentence a line.
    relations: a spreadsheet, CSV or an Excel workbook, with the columns text, head, type and tail;
        `sheet` says more.
    all: JSONL or a JSON array of the input's fields, "gold", and "task" if a file has several
        tasks. The input's fields may be missing if the file is used only for scoring.

Files are UTF-8. They are read whole, because they have a few megabytes.
"""

from biogpt_plugins.corpus.gold.files import FILL_IN, missing_names, read_rows, read_solved
from biogpt_plugins.corpus.gold.goldset import read_gold
from biogpt_plugins.corpus.gold.solved import REMEDY, Solved, is_named
from biogpt_plugins.corpus.gold.split import Split, document_of, split

__all__ = [
    "FILL_IN",
    "REMEDY",
    "Solved",
    "Split",
    "document_of",
    "is_named",
    "missing_names",
    "read_gold",
    "read_rows",
    "read_solved",
    "split",
]
