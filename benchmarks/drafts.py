"""What drafts save: passes of a token, and time, beside the same engine without drafts.

python benchmarks/drafts.py CDR_DevelopmentSet.PubTator.txt --papers 40 --out drafts.md
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

from biogpt_plugins import Pipeline, load
from biogpt_plugins.bench.clock import command_line
from biogpt_plugins.bench.figures import Spread
from biogpt_plugins.bench.papers import read_papers
from biogpt_plugins.bench.report import spread
from biogpt_plugins.engines.local import LocalEngine
from biogpt_plugins.engines.machine import describe_machine
from biogpt_plugins.values.inputs import Paper


class Turn(NamedTuple):
    """Seconds of CPU time of a turn, and passes and guesses for each token."""

    seconds: float
    passes: float
    drafted: float


def turn(pipeline: Pipeline, engine: LocalEngine, papers: list[Paper], size: int) -> Turn:
    """Read the papers, so many at once."""
    before, start = engine.load, time.process_time()
    for at in range(0, len(papers), size):
        pipeline.run(papers[at : at + size])
    seconds, after = time.process_time() - start, engine.load
    tokens = after.tokens - before.tokens
    passes, drafted = after.token_passes - before.token_passes, after.drafted - before.drafted
    return Turn(seconds, passes / tokens, drafted / tokens)


def numbered(papers: list[Paper], number: int) -> list[Paper]:
    """The papers with another beginning, so that the engine has read none of them."""
    return [p.model_copy(update={"title": f"{number}. {p.title}", "entities": ()}) for p in papers]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--papers", type=int, default=40)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--forms", nargs="+", default=["free", "grounded"])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    papers = read_papers([given.data])[-given.papers :]
    command = command_line("python", "benchmarks/drafts.py", words=sys.argv[1:])
    lines = [f"Command: `{command}`", ""]
    lines += [f"- {name}: {value}" for name, value in describe_machine("cpu").items()]
    lines += ["", "| decoding | at once | passes/token | guesses/token | time without / with |"]
    lines.append("| --- | ---: | ---: | ---: | --- |")
    for form in given.forms:
        pipeline = load(given.model, "bc5cdr", decoding=form, device="cpu", dtype="float32")
        engine = pipeline.engine
        assert isinstance(engine, LocalEngine)
        for size in given.sizes:
            ratios = []
            for number in range(1, given.rounds + 1):
                done = {}
                for drafts in (number % 2 == 0, number % 2 == 1):
                    engine.drafts = drafts
                    beginning = 2 * number + drafts
                    done[drafts] = turn(pipeline, engine, numbered(papers, beginning), size)
                ratios.append(done[False].seconds / done[True].seconds)
            told = spread(Spread.of(tuple(ratios)))
            _, passes, drafted = done[True]
            lines.append(f"| {form} | {size} | {passes:.2f} | {drafted:.2f} | {told} |")
    table = "\n".join(lines) + "\n"
    if given.out:
        given.out.write_text(table, encoding="utf-8")
    sys.stdout.write(table)


if __name__ == "__main__":
    main()
