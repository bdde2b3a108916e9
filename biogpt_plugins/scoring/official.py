"""The official readers of completions, to the letter: what the official figures are counted on.

Each reproduces microsoft/BioGPT's examples/{RE-BC5CDR,RE-DDI,RE-DTI,QA-PubMedQA,DC-HoC}/
postprocess.py, which read one line a document. Case and spacing matter to them; `parsers` holds
the forgiving readers.
"""

from __future__ import annotations

import re

FAILED = "failed"
"""What the official files hold in place of a completion that could not be read."""

_LEARNED = "(learned[0-9]+ )+"
_PREFIXES = (_LEARNED, "we can conclude that", "we have that", "in conclusion,")
_PREFIXES_BC5CDR = (_LEARNED, "in conclusion ,", "we can conclude that", "we have that")
_PAIR = re.compile("the relation between (.*) and (.*) exists")
_TRIPLE = re.compile("the interaction between (.*) and (.*) is (.*)")
_ANSWER = re.compile("the answer to the question given the context is(.*)")
_HALLMARKS = re.compile("the type of this document is(.*)")


def official_pairs(completion: str) -> list[tuple[str, str]]:
    """BC5CDR: (chemical, disease) names; none where nothing can be read.

    An empty completion, at which the official script stops, has none either.
    """
    items = _without_prefix(completion, _PREFIXES_BC5CDR).split(";")
    return [(m[1].strip(), m[2].strip()) for item in items if (m := _PAIR.match(item.strip()))]


def official_triples(completion: str) -> list[tuple[str, str, str]]:
    """DDI and KD-DTI: (head, tail, type); one triple of three `FAILED` where nothing can be read.

    Unlike those of BC5CDR, an item that starts with a second space is not read.
    """
    items = _without_prefix(completion, _PREFIXES).split("; ")
    found = [
        (m[1].strip(), m[2].strip(), m[3].strip()) for item in items if (m := _TRIPLE.match(item))
    ]
    return found or [(FAILED, FAILED, FAILED)]


def official_answer(completion: str) -> str:
    """PubMedQA: all that follows the statement's "is", wherever it stands; `FAILED` without it."""
    match = _ANSWER.search(_without_prefix(completion, _PREFIXES))
    return match[1].strip() if match else FAILED


def official_hallmarks(completion: str) -> list[str]:
    """HoC: the labels, divided by "|", wherever the statement stands; `FAILED` alone without it."""
    match = _HALLMARKS.search(_without_prefix(completion, _PREFIXES))
    return [label.strip() for label in match[1].split("|")] if match else [FAILED]


def _without_prefix(completion: str, prefixes: tuple[str, ...]) -> str:
    """Drop one full stop, then all up to the last match of the first prefix that occurs."""
    line = completion.strip().removesuffix(".")
    for prefix in prefixes:
        if found := list(re.finditer(prefix, line)):
            return line[found[-1].end() :].strip()
    return line
