"""Writes the training and evaluation data of the demo model as JSONL.

    python make_data.py --bc5cdr DIR --pubmedqa FILE --out DIR [--seed N]

`--bc5cdr` has CDR_TrainingSet.PubTator.txt and CDR_DevelopmentSet.PubTator.txt. The last 100 papers
of the development set and the last 100 labelled questions are held out: they are only in
held_out_*.jsonl, and no name is taken from them.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cases import case
from interactions import interaction
from papers import as_published, read_papers, swapper, variant
from questions import question, real_question

HELD_APART = 100

Record = dict[str, Any]


def generated(rng: random.Random, count: int, longest: int) -> Iterator[Record]:
    """Generate short texts of the three tasks, with up to `longest` sentences each."""
    for _ in range(count):
        length = rng.randint(0, longest)
        point = rng.random()
        if point < 0.7:
            yield case(rng, sentences=length)
        elif point < 0.92:
            yield interaction(rng, sentences=max(1, length))
        else:
            yield question(rng)


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bc5cdr", type=Path, required=True)
    parser.add_argument("--pubmedqa", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", type=int, default=24_000, help="generated texts of phase 1")
    parser.add_argument("--rounds", type=int, default=44, help="versions of each paper in phase 2")
    options = parser.parse_args()

    rng = random.Random(options.seed)
    papers = read_papers(options.bc5cdr / "CDR_TrainingSet.PubTator.txt")
    development = read_papers(options.bc5cdr / "CDR_DevelopmentSet.PubTator.txt")
    papers += development[:-HELD_APART]
    rows = list(json.loads(options.pubmedqa.read_text()).values())
    asked = rows[:-HELD_APART]
    swap = swapper(papers)

    options.out.mkdir(parents=True, exist_ok=True)
    short = [r for n in range(3) for r in generated(rng, options.short // 3, n)]
    write(options.out / "short.jsonl", short)
    mixed: list[Record] = []
    for round_ in range(options.rounds):
        # Brief versions first: more relations per token, while the model still learns to copy.
        brief = max(0.1, 0.8 - 2 * round_ / options.rounds)
        versions = [variant(paper, rng, swap, brief=brief) for paper in papers]
        versions += [real_question(rng, row, shorten=True) for row in rng.sample(asked, 60)]
        versions += generated(rng, 400, 6)
        rng.shuffle(versions)
        mixed += versions
    write(options.out / "mixed.jsonl", mixed)
    last = [as_published(paper) for paper in development[-HELD_APART:]]
    write(options.out / "held_out_bc5cdr.jsonl", last)
    write(
        options.out / "held_out_pubmedqa.jsonl",
        [real_question(rng, r, shorten=False) for r in rows[-HELD_APART:]],
    )
    write(
        options.out / "held_out_ddi.jsonl",
        (interaction(rng, sentences=rng.randint(1, 4)) for _ in range(100)),
    )


def write(path: Path, records: Iterable[Record]) -> None:
    """Write the records that have a target as JSONL, and print their number."""
    kept = [record for record in records if record["gold"]]
    path.write_text("".join(json.dumps(record) + "\n" for record in kept))
    print(f"{path}: {len(kept)}")


if __name__ == "__main__":
    main()
