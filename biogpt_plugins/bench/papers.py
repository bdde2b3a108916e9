"""The papers that a run reads, each time with a new number in front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, cycle

from biogpt_plugins.corpus import read_records
from biogpt_plugins.demo.demo import papers as demo_papers
from biogpt_plugins.values.errors import BioGPTError
from biogpt_plugins.values.inputs import Paper, read

_LENGTHS = (400, 700, 1000, 550, 850)


def read_papers(files: Sequence[str]) -> list[Paper]:
    """The papers of some files; without files, the demo's papers, cut to several lengths.

    Raises:
        InputError: A file cannot be read.
    """
    return list(_papers(files) if files else _beginnings())


class NumberedPapers:
    """Papers, again and again, each time with a number in front that was not used before.

    An engine keeps what it has computed for prompts that begin alike. The number makes it read each
    paper anew. Each iteration starts with the first paper, so that all sides read the same papers.
    """

    def __init__(self, papers: Sequence[Paper]) -> None:
        self.papers = papers
        self._numbers = count(1)

    def __iter__(self) -> Iterator[Paper]:
        for paper in cycle(self.papers):
            yield paper.model_copy(update={"title": f"{next(self._numbers)}. {paper.title}"})


def _papers(files: Sequence[str]) -> Iterator[Paper]:
    for record in read_records(files):
        if isinstance(record.value, BioGPTError):
            raise record.value
        yield read(Paper, record.value)


def _beginnings() -> Iterator[Paper]:
    for length in _LENGTHS:
        for paper, _ in demo_papers():
            yield Paper(title=paper.title, text=paper.text[:length])
