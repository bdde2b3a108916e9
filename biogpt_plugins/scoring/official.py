"""The official readers of completions, reproduced exactly: official figures rest on them.

Each reproduces microsoft/BioGPT's examples/{RE-BC5CDR,RE-DDI,RE-DTI,QA-PubMedQA,DC-HoC}/
postprocess.py, which reads one line per document. Case and spacing matter here; the readers of the
tasks themselves are tolerant.
"""

from __future__ import annotations

import re

FAILED = "failed"
"""The official files' mark for an unreadable completion."""

_LEARNED = "(learned[0-9]+ )+"
_PREFIXES = (_LEARNED, "we can conclude that", "we have that", "in conclusion,")
_PREFIXES_BC5CDR = (_LEARNED, "in conclusion ,", "we can conclude that", "we have that")
_PAIR = re.compile("the relation between (.*) and (.*) exists")
_TRIPLE = re.compile("the interaction between (.*) and (.*) is (.*)")
_ANSWER = re.compile("the answer to the question given the context is(.*)")
_HALLMARKS = re.compile("the type of this document is(.*)")


def official_pairs(completion: str) -> list[tuple[str, str]]:
    """BC5CDR: (chemical, disease) names; an unreadable completion gives none.

    An empty completion, on which the official script fails, gives none either.
    """
    items = _without_prefix(completion, _PREFIXES_BC5CDR).split(";")
    return [(m[1].strip(), m[2].strip()) for item in items if (m := _PAIR.match(item.strip()))]


def official_triples(completion: str) -> list[tuple[str, str, str]]:
    """DDI and KD-DTI: (head, tail, type); an unreadable completion gives three times `FAILED`.

    Unlike in BC5CDR, an item that starts with a second space is not read.
    """
    items = _without_prefix(completion, _PREFIXES).split("; ")
    triples = [
        (m[1].strip(), m[2].strip(), m[3].strip()) for item in items if (m := _TRIPLE.match(item))
    ]
    return triples or [(FAILED, FAILED, FAILED)]


def official_answer(completion: str) -> str:
    """PubMedQA: everything after the "is" of the statement; `FAILED` without the statement."""
    match = _ANSWER.search(_without_prefix(completion, _PREFIXES))
    return match[1].strip() if match else FAILED


def official_hallmarks(completion: str) -> list[str]:
    """HoC: the labels of the statement, split at "|"; only `FAILED` without the statement."""
    match = _HALLMARKS.search(_without_prefix(completion, _PREFIXES))
    return [label.strip() for label in match[1].split("|")] if match else [FAILED]


def _without_prefix(completion: str, prefixes: tuple[str, ...]) -> str:
    """Drop one full stop, then everything up to the last match of the first prefix that occurs."""
    line = completion.strip().removesuffix(".")
    for prefix in prefixes:
        if matches := list(re.finditer(prefix, line)):
            return line[matches[-1].end() :].strip()
    return line
