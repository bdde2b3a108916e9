"""Names of a dictionary in abstracts: how fast they are found, and how many are right.

    python benchmarks/names_in_text.py mesh_names.csv.gz CDR_DevelopmentSet.PubTator.txt

Beside it stands what a user would write: the longest run of words that is in a dict of names.
Mentions are compared by place and type, documents by type and id. Names are ruled out by general
lists (`entities/stop_names.py`), which were made on BC5CDR's training set.
"""

from __future__ import annotations

import argparse
import gzip
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

from biogpt_plugins.corpus.vocabularies import Kind, Vocabulary, build
from biogpt_plugins.entities import DictionaryEntry, EntityDictionary
from biogpt_plugins.entities.tables import read_rows
from biogpt_plugins.values.inputs import Paper

_WORD = re.compile(r"\w+|[^\w\s]")
_LONGEST = 10  # words


class Mention(NamedTuple):
    """A name in a text."""

    start: int
    end: int
    type: str
    ids: frozenset[str]


Find = Callable[[Paper], Sequence[Mention]]


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", type=Path, help="CSV with the columns name, id and type")
    parser.add_argument("papers", type=Path, help="PubTator file with annotations")
    given = parser.parse_args()
    papers = annotated(given.papers)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "names.dict")
        with file.open("wb") as stream:
            build(stream, [Vocabulary(Kind.csv, given.names)])
        begin, used = perf_counter(), process_time()
        known = EntityDictionary.read(file)
        finder = known.finder
        finder.find("a text")  # what is made when it is first needed
        _tell(
            f"names.dict: {len(known):,} names, {file.stat().st_size / 1e6:.1f} MB, loaded and "
            f"indexed in {perf_counter() - begin:.2f} s ({process_time() - used:.2f} s of CPU)"
        )
    with (gzip.open if given.names.suffix == ".gz" else open)(given.names, "rt") as lines:
        rows = [*read_rows(lines, str(given.names))]
    texts = [paper for paper, _ in papers]
    sources = [paper.source for paper in texts]
    crude = _crude(rows)
    used = process_time()
    for paper in texts:
        known(paper)
    first = len(texts) / (process_time() - used)
    rates = {
        "look-up in a dict": _rate(lambda: [crude(paper) for paper in texts], len(texts)),
        "finder, offsets and ids": _rate(lambda: [finder.find(one) for one in sources], len(texts)),
        "finder, as Entities": _rate(lambda: [known(paper) for paper in texts], len(texts)),
        "finder, as Entities, all words seen for the first time": first,
    }
    for name, rate in rates.items():
        _tell(f"{name}: {rate:,.0f} abstracts a second of CPU")
    for name, find in (("look-up in a dict", crude), ("finder", _ours(known))):
        _tell(f"{name}: {_scores(find, papers)}")


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def annotated(path: Path) -> list[tuple[Paper, list[Mention]]]:
    """The papers of a PubTator file and their annotations."""
    papers = []
    for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
        title, abstract, *lines = block.splitlines()
        paper = Paper(title=title.split("|", 2)[2], text=abstract.split("|", 2)[2])
        rows = [row for row in (line.split("\t") for line in lines) if len(row) > 5]  # noqa: PLR2004
        mentions = [
            Mention(int(row[1]), int(row[2]), row[4].lower(), frozenset(row[5].split("|")))
            for row in rows
        ]
        papers.append((paper, mentions))
    return papers


def _ours(known: EntityDictionary) -> Find:
    def find(paper: Paper) -> list[Mention]:
        return [
            Mention(e.start or 0, e.end or 0, e.type.lower(), frozenset([e.id or ""]))
            for e in known(paper)
        ]

    return find


def _crude(rows: Sequence[DictionaryEntry]) -> Find:
    names = {row.name.lower(): row for row in rows}

    def find(paper: Paper) -> list[Mention]:
        text = paper.source.lower()
        places = [match.span() for match in _WORD.finditer(text)]
        found, at = [], 0
        while at < len(places):
            for end in range(min(len(places), at + _LONGEST), at, -1):
                start, stop = places[at][0], places[end - 1][1]
                if row := names.get(text[start:stop]):
                    found.append(Mention(start, stop, row.type.lower(), frozenset([row.id])))
                    at = end - 1
                    break
            at += 1
        return found

    return find


def _rate(work: Callable[[], object], n: int) -> float:
    """Texts a second of CPU: the best of five runs after one."""
    work()
    times = []
    for _ in range(5):
        begin = process_time()
        work()
        times.append(process_time() - begin)
    return n / min(times)


def _scores(find: Find, papers: list[tuple[Paper, list[Mention]]]) -> str:
    mentions, documents = [0, 0, 0], [0, 0, 0]
    for paper, gold in papers:
        found = find(paper)
        _count(mentions, {one[:3] for one in found}, {one[:3] for one in gold})
        _count(documents, _ids(found), _ids(gold))
    return f"mentions {_told(*mentions)}; ids of documents {_told(*documents)}"


def _ids(mentions: Sequence[Mention]) -> set[tuple[str, str]]:
    return {(one.type, id_) for one in mentions for id_ in one.ids if id_ != "-1"}


def _count(counts: list[int], found: set[object], gold: set[object]) -> None:
    for at, n in enumerate((len(found & gold), len(found), len(gold))):
        counts[at] += n


def _told(right: int, found: int, gold: int) -> str:
    return f"precision {100 * right / found:.1f}, recall {100 * right / gold:.1f}"


if __name__ == "__main__":
    main()
