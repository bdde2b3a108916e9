"""PubMedQA: questions that a text answers with yes, no or maybe.

    python questions.py --pmc FILE --evidence FILE --pubmedqa FILE --out FILE --count N

writes JSONL; the same seed gives the same bytes. Four sources are mixed, all with each answer:
generated claims (`claims.py`), statements of papers (`abstracts.py`), outcomes of trials
(`trials.py`) and labelled questions of PubMedQA with fewer sentences.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from abstracts import Abstracts, record
from claims import Things, generated, plain
from rephrased import Rephrased
from texts import Record, content, read_papers, words
from trials import Trials, names_in, read_trials

HELD_APART = 100
CHOOSING = 50
LABELS = ("yes", "no", "maybe")
WEIGHTS = (40, 35, 25)
_SENTENCE_END = re.compile(r"(?<=[a-z0-9)%]\.) (?=[A-Z])")


def as_labelled(row: dict[str, Any]) -> Record:
    """Make a record of a PQA-L row, as it is."""
    return record(row["QUESTION"], _context(row), row["final_decision"])


def _context(row: dict[str, Any]) -> str:
    return " ".join(" ".join(row["CONTEXTS"]).split())


class Labelled:
    """Variants of labelled questions.

    Args:
        rows: Rows of PQA-L.
    """

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self.rows = rows
        self.by_label = {
            label: [r for r in rows if r["final_decision"] == label] for label in LABELS
        }

    def record(self, rng: random.Random, label: str, longest: int) -> Record | None:
        """Make a record with the answer `label` and at most `longest` words of context."""
        if label == "maybe" and rng.random() < 0.5:
            row, other = rng.sample(self.rows, 2)
            told = _last(_SENTENCE_END.split(" ".join(other["CONTEXTS"])), rng, longest)
            if len(content(row["QUESTION"]) & content(" ".join(told))) > 1:
                return None
            return record(row["QUESTION"], " ".join(told), label)
        row = rng.choice(self.by_label[label])
        answer = _SENTENCE_END.split(" ".join(row["LONG_ANSWER"].split()))
        with_answer = longest < 120 or rng.random() < 0.3
        told = _SENTENCE_END.split(_context(row))
        room = longest - (sum(map(words, answer)) if with_answer else 0)
        if room < 0:
            return None
        kept = _last(told, rng, room)
        return record(row["QUESTION"], " ".join((*kept, *(answer if with_answer else ()))), label)


def _last(told: Sequence[str], rng: random.Random, longest: int) -> list[str]:
    """Sentences in their order; some are left out at random, and the first where room lacks."""
    kept: list[str] = []
    room = longest
    share = rng.choice((0.7, 0.85, 1.0))
    for text in reversed(told):
        if words(text) <= room and rng.random() < share:
            kept.insert(0, text)
            room -= words(text)
    return kept


class Sources:
    """All sources of questions.

    Args:
        pmc: Papers (gzipped JSONL).
        evidence: Annotations of evidence-inference on those papers (gzipped JSONL).
        pubmedqa: The labelled training part of PubMedQA, without the rows that are held out.
        seed: Chooses which statements are asked about.
    """

    def __init__(self, pmc: Path, evidence: Path, pubmedqa: Path, seed: int) -> None:
        rng = random.Random(seed)
        papers = read_papers(pmc)
        trials = read_trials(evidence)
        rows = list(json.loads(pubmedqa.read_text(encoding="utf-8")).values())
        self.abstracts = Abstracts(papers, rng)
        self.trials = Trials(trials, {p.pmcid: p for p in papers}, self.abstracts)
        self.labelled = Labelled(rows[: -HELD_APART - CHOOSING])
        self.things = Things(names_in(trials))
        self.rephrased = Rephrased(self.abstracts.statements)

    def plain(self, rng: random.Random) -> Record:
        """Make a record with a sentence or two of context, generated or on a paper's statement."""
        label = rng.choices(LABELS, WEIGHTS)[0]
        if rng.random() < 0.4:
            return self.rephrased.record(rng, label)
        return plain(rng, self.things, label)

    def record(self, rng: random.Random, longest: int) -> Record | None:
        """Make a record with at most `longest` words of context; None if the draw did not fit."""
        label = rng.choices(LABELS, WEIGHTS)[0]
        shares = (45, 30, 18, 7) if longest < 120 else (20, 35, 20, 25)
        source = rng.choices((None, self.abstracts, self.trials, self.labelled), shares)[0]
        if source is not None:
            return source.record(rng, label, longest)
        others = self.abstracts.others
        made = generated(rng, self.things, label, others)
        if label == "maybe" and rng.random() < 0.15:
            made["context"] = " ".join(self.abstracts.passage(rng, made["question"], longest))
        elif longest > 120:
            more = rng.sample(others, rng.randrange(1, 8))
            at = rng.randrange(len(more) + 1)
            made["context"] = " ".join((*more[:at], made["context"], *more[at:]))
        return made


def questions(sources: Sources, seed: int, count: int, longest: int) -> Iterator[Record]:
    """Make `count` different records with at most `longest` words of context each."""
    rng = random.Random(f"{seed} {longest}")
    seen: set[tuple[str, str]] = set()
    while len(seen) < count:
        made = sources.record(rng, longest)
        if made is None or not 0 < words(made["context"]) <= longest:
            continue
        key = made["question"], made["context"]
        if key not in seen:
            seen.add(key)
            yield made


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pmc", type=Path, required=True)
    parser.add_argument("--evidence", type=Path, required=True)
    parser.add_argument("--pubmedqa", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=int, default=80, help="most words of a context")
    options = parser.parse_args()
    sources = Sources(options.pmc, options.evidence, options.pubmedqa, options.seed)
    with options.out.open("w", encoding="utf-8") as out:
        for made in questions(sources, options.seed, options.count, options.longest):
            out.write(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
