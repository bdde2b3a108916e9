"""The sample papers, and the formats that they are written in.

`papers.pubtator` is the source of them all: titles, abstracts, every mention of a chemical or a
disease with its MeSH id, and which chemical induces which disease.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from importlib.resources import as_file, files
from itertools import chain
from textwrap import wrap
from typing import Any

from biogpt_plugins.corpus.export import csv_line
from biogpt_plugins.corpus.gold import read_solved
from biogpt_plugins.tasks.bc5cdr import BC5CDR
from biogpt_plugins.values.inputs import Paper, read
from biogpt_plugins.values.results import Entity, Relation

_SOURCE = files("biogpt_plugins.corpus.sample") / "papers.pubtator"
_MENTION = {"text", "type", "start", "end", "id"}
_TAGS = {"id": "PMID", "title": "TI", "abstract": "AB"}
_WIDTH = 88


class SampleFormat(str, Enum):
    """A format of the sample; a file of it has the value as its ending."""

    pubtator = "pubtator"
    csv = "csv"
    nbib = "nbib"
    jsonl = "jsonl"


def sample_papers() -> list[Paper]:
    """The papers, with the mentions of chemicals and diseases as their entities."""
    return [paper for paper, _ in _solved()]


def sample_text(form: SampleFormat) -> str:
    """The contents of a file of the papers.

    PubTator and JSON Lines have mentions and relations, which are "gold" in JSON; CSV has mentions;
    MEDLINE text (nbib) has neither.
    """
    match form:
        case SampleFormat.pubtator:
            return _SOURCE.read_text(encoding="utf-8")
        case SampleFormat.csv:
            return "".join(_csv())
        case SampleFormat.nbib:
            return "\n".join(map(_nbib, sample_papers()))
        case SampleFormat.jsonl:
            rows = (_row(*one) for one in _solved())
            return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def _solved() -> Iterator[tuple[Paper, list[Relation]]]:
    with as_file(_SOURCE) as path:
        for one in read_solved(path, [BC5CDR.name]):
            assert isinstance(one.result, list)
            yield read(Paper, {**(one.input or {}), "entities": one.entities}), one.result


def _csv() -> Iterator[str]:
    yield csv_line([*_TAGS, "entities"])
    for paper in sample_papers():
        yield csv_line([*_fields(paper).values(), json.dumps(_mentions(paper))])


def _nbib(paper: Paper) -> str:
    lines = (
        wrap(
            f"{_TAGS[name]:<4}- {text}",
            _WIDTH,
            subsequent_indent=" " * 6,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for name, text in _fields(paper).items()
    )
    return "".join(f"{line}\n" for line in chain.from_iterable(lines))


def _row(paper: Paper, relations: list[Relation]) -> dict[str, Any]:
    gold = [{"head": _named(r.head), "type": r.type, "tail": _named(r.tail)} for r in relations]
    return {**_fields(paper), "entities": _mentions(paper), "gold": gold}


def _fields(paper: Paper) -> dict[str, str]:
    return {"id": paper.id or "", "title": paper.title, "abstract": paper.text}


def _mentions(paper: Paper) -> list[dict[str, Any]]:
    return [entity.model_dump(include=_MENTION) for entity in paper.entities]


def _named(end: Entity) -> dict[str, Any]:
    return {"text": end.text, "id": end.id}
