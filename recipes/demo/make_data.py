"""Writes the training and evaluation data of the demo model as JSONL.

    python make_data.py --bc5cdr DIR --pubmedqa FILE --text DIR --ner DIR --out DIR [--seed N]

The last 100 papers of BC5CDR's development set and the last 100 labelled questions are for the
reported figures, and the 50 before them for choosing: they are in none of the files.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path

from cases import case
from language import passages
from papers import Paper, as_published, named, quiet, read_named, read_papers, swapper, variant
from questions import CHOOSING, HELD_APART, Sources, as_labelled, questions
from texts import Record, read_rows


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for folder in ("bc5cdr", "text", "ner", "out"):
        parser.add_argument(f"--{folder}", type=Path, required=True)
    parser.add_argument("--pubmedqa", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--words", type=int, default=7_500_000, help="words to pretrain on")
    parser.add_argument("--rounds", type=int, default=30, help="versions of each paper")
    options = parser.parse_args()
    rng = random.Random(options.seed)

    papers = read_papers(options.bc5cdr / "CDR_TrainingSet.PubTator.txt")
    papers += read_papers(options.bc5cdr / "CDR_DevelopmentSet.PubTator.txt")[:-HELD_APART]
    rows = list(json.loads(options.pubmedqa.read_text(encoding="utf-8")).values())[:-HELD_APART]
    papers, apart = papers[:-CHOOSING], papers[-CHOOSING:]
    marked = {
        "disease": read_named(options.ner / "NCBIdisease_TrainDev.PubTator.gz", "disease"),
        "chemical": read_named(options.ner / "NLMchem_Test.PubTator.gz", "chemical"),
    }
    pmc = options.text / "pmc_cc_by.jsonl.gz"
    evidence = options.text / "evidence_inference.jsonl.gz"

    options.out.mkdir(parents=True, exist_ok=True)
    told = [paper.text for paper in (*papers, *marked["disease"], *marked["chemical"])]
    text = passages(read_rows(pmc), told, rng, words=options.words)
    write(options.out / "language.jsonl", text)

    sources = Sources(pmc, evidence, options.pubmedqa, options.seed)
    asked = {
        "plain": (sources.plain(rng) for _ in count()),
        "short": questions(sources, options.seed, 8000 + 800 * options.rounds, 80),
        "long": questions(sources, options.seed, 350 * options.rounds, 300),
    }
    lessons = Lessons(papers, marked, asked, rng)
    write(options.out / "short.jsonl", lessons.short())
    write(options.out / "papers.jsonl", lessons.papers(options.rounds))

    chosen = [as_published(paper) for paper in apart]
    chosen += [as_labelled(row) for row in rows[-CHOOSING:]]
    write(options.out / "choosing.jsonl", chosen)


class Lessons:
    """Records of all tasks.

    Args:
        papers: Papers with relations.
        marked: Papers with names of one type alone, by this type.
        asked: Questions about a sentence or two ("plain"), short passages and long abstracts.
        rng: The random source.
    """

    def __init__(
        self,
        papers: Sequence[Paper],
        marked: Mapping[str, Sequence[Paper]],
        asked: Mapping[str, Iterator[Record]],
        rng: random.Random,
    ) -> None:
        self._papers, self._marked, self._asked, self._rng = papers, marked, asked, rng
        everywhere = [*papers, *(paper for each in marked.values() for paper in each)]
        self._swap = swapper(everywhere)

    def short(self) -> list[Record]:
        """Short texts, from which to learn to copy names and what is asked."""
        rng, asked = self._rng, self._asked
        lesson = [case(rng, sentences=n % 5) for n in range(8000)]
        lesson += [self._naming(1.0) for _ in range(2000)]
        lesson += self._quiet(len(self._papers) // 2)
        lesson += [*islice(asked["plain"], 60_000), *islice(asked["short"], 8000)]
        rng.shuffle(lesson)
        return lesson

    def papers(self, rounds: int) -> Iterator[Record]:
        """Rounds with a version of each paper, and further short texts."""
        for round_ in range(rounds):
            # Brief versions first: more relations per token, while the model still learns to copy.
            yield from self._round(max(0.1, 0.7 - 1.5 * round_ / rounds))

    def _round(self, brief: float) -> list[Record]:
        papers, rng, asked = self._papers, self._rng, self._asked
        lesson = [variant(paper, rng, self._swap, brief=brief) for paper in papers]
        lesson += self._quiet(len(papers) // 10)
        lesson += [self._naming(brief) for _ in range(len(papers) // 6)]
        lesson += [case(rng, sentences=rng.randint(0, 6)) for _ in range(500)]
        lesson += islice(asked["plain"], 1800)
        lesson += [*islice(asked["short"], 800), *islice(asked["long"], 350)]
        rng.shuffle(lesson)
        return lesson

    def _quiet(self, number: int) -> list[Record]:
        rng = self._rng
        return [quiet(paper, rng, self._swap) for paper in rng.sample(self._papers, number)]

    def _naming(self, brief: float) -> Record:
        rng, swap = self._rng, self._swap
        if rng.random() < 0.6:
            paper, types = rng.choice(self._papers), ("chemical", "disease")
        else:
            type_ = rng.choice(sorted(self._marked))
            paper, types = rng.choice(self._marked[type_]), (type_,)
        return named(paper, rng, swap, types=types, brief=brief)


def write(path: Path, records: Iterable[Record]) -> None:
    """Write records as JSONL, and print their number."""
    number = 0
    with path.open("w", encoding="utf-8") as lines:
        for number, record in enumerate(records, 1):  # noqa: B007 - counted
            lines.write(json.dumps(record, ensure_ascii=False) + "\n")
    print(f"{path}: {number}")


if __name__ == "__main__":
    main()
