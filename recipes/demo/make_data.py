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
    parser.add_argument("--rounds", type=int, default=25, help="versions of each paper")
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
    tasks = lessons(papers, marked, asked, rng, rounds=options.rounds)
    write(options.out / "tasks.jsonl", tasks)

    chosen = [as_published(paper) for paper in apart]
    chosen += [as_labelled(row) for row in rows[-CHOOSING:]]
    write(options.out / "choosing.jsonl", chosen)


def lessons(
    papers: Sequence[Paper],
    marked: Mapping[str, Sequence[Paper]],
    asked: Mapping[str, Iterator[Record]],
    rng: random.Random,
    *,
    rounds: int,
) -> Iterator[Record]:
    """Records of all tasks, from easy to hard: short texts first, later whole papers.

    Args:
        papers: Papers with relations.
        marked: Papers with names of one type alone, by this type.
        asked: Questions about a sentence or two ("plain"), short passages and long abstracts.
        rng: The random source.
        rounds: How many versions of each paper to make.
    """
    everywhere = [*papers, *(paper for each in marked.values() for paper in each)]
    swap = swapper(everywhere)

    def naming(brief: float) -> Record:
        if rng.random() < 0.6:
            return named(rng.choice(papers), rng, swap, types=("chemical", "disease"), brief=brief)
        type_ = rng.choice(sorted(marked))
        return named(rng.choice(marked[type_]), rng, swap, types=(type_,), brief=brief)

    start = [case(rng, sentences=n % 5) for n in range(8000)]
    start += [naming(1.0) for _ in range(2000)]
    start += [quiet(paper, rng, swap) for paper in rng.sample(papers, len(papers) // 2)]
    start += [*islice(asked["plain"], 60_000), *islice(asked["short"], 8000)]
    rng.shuffle(start)
    yield from start
    for round_ in range(rounds):
        # Brief versions first: more relations per token, while the model still learns to copy.
        brief = max(0.1, 0.7 - 1.5 * round_ / rounds)
        lesson = [variant(paper, rng, swap, brief=brief) for paper in papers]
        lesson += [quiet(paper, rng, swap) for paper in rng.sample(papers, len(papers) // 25)]
        lesson += [naming(brief) for _ in range(len(papers) // 6)]
        lesson += [case(rng, sentences=rng.randint(0, 6)) for _ in range(300)]
        lesson += islice(asked["plain"], 400)
        lesson += [*islice(asked["short"], 800), *islice(asked["long"], 350)]
        rng.shuffle(lesson)
        yield from lesson


def write(path: Path, records: Iterable[Record]) -> None:
    """Write records as JSONL, and print their number."""
    number = 0
    with path.open("w", encoding="utf-8") as lines:
        for number, record in enumerate(records, 1):  # noqa: B007 - counted
            lines.write(json.dumps(record, ensure_ascii=False) + "\n")
    print(f"{path}: {number}")


if __name__ == "__main__":
    main()
