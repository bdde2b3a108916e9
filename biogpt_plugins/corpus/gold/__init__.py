"""Solved documents: corpora with their gold annotation, to score by and to learn from.

Formats, known by content:
    bc5cdr: the JSON of microsoft/BioGPT, PubTator, BioC XML.
    ddi, kd_dti: the JSON of microsoft/BioGPT.
    pubmedqa, pubmedqa_reasoning_free: the JSON of pubmedqa/pubmedqa; its labels may be in a file
        apart, or alone.
    hoc: the TSV of microsoft/BioGPT, a sentence a line.
    all: JSONL, or a JSON array, of the input's fields, "gold" and, where a file holds several
        tasks, "task"; the input's fields may be missing where nothing but scores is wanted.

Files are UTF-8 and read as a whole: they are some megabytes.
"""

from biogpt_plugins.corpus.gold.files import read_solved
from biogpt_plugins.corpus.gold.goldset import read_gold
from biogpt_plugins.corpus.gold.solved import REMEDY, Solved, is_named

__all__ = ["REMEDY", "Solved", "is_named", "read_gold", "read_solved"]
