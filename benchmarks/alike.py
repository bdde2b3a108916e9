"""Whether completions are the same however they are computed: with drafts, together, or late.

    python benchmarks/alike.py CDR_DevelopmentSet.PubTator.txt --papers 500 --out alike.md

In float32 each paper is first read alone, one token in each pass, without drafts. With drafts all
are then read alone, in calls of `--size` papers, and in calls of four threads, which join rows that
are being written. A completion is alike if its text, its number of tokens and the reason of its end
are. The exit code is 1 if one is not.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from beside_model import FORMS, TASK, solved

from biogpt_plugins import Pipeline, load
from biogpt_plugins.bench.clock import command_line
from biogpt_plugins.engines.local import LocalEngine
from biogpt_plugins.engines.machine import describe_machine
from biogpt_plugins.values.inputs import Paper

Written = tuple[str | None, int, str | None]


class Row(NamedTuple):
    """How many completions of a way of reading are alike, and what was written in all."""

    decoding: str
    way: str
    alike: int
    papers: int
    tokens: int


def read(pipeline: Pipeline, papers: Sequence[Paper], size: int, threads: int = 1) -> list[Written]:
    """What is written for papers, of which each thread has so many in one call."""
    calls = [papers[at : at + size] for at in range(0, len(papers), size)]
    with ThreadPoolExecutor(threads) as pool:
        found = chain.from_iterable(pool.map(pipeline.run, calls))
        return [(p.completion, p.usage.completion_tokens, p.finish_reason) for p in found]


def compared(model: str, papers: Sequence[Paper], form: str, size: int) -> Iterator[Row]:
    """A row for each way.

    Raises:
        AssertionError: Nothing was written at all.
    """
    pipeline = load(model, TASK, decoding=form, device="cpu", dtype="float32")
    engine = pipeline.engine
    assert isinstance(engine, LocalEngine)
    engine.drafts = False
    expected = read(pipeline, papers, 1)
    assert any(text for text, *_ in expected), "the model wrote nothing"
    engine.drafts = True
    for way, *options in (("alone", 1), (f"{size} at once", size), ("by four threads", 8, 4)):
        found = read(pipeline, papers, *options)
        alike = sum(one == other for one, other in zip(found, expected, strict=True))
        yield Row(form, way, alike, len(papers), sum(count for _, count, _ in expected))


def main() -> int:
    """Compare, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", help="a file of annotated papers")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--papers", type=int, default=40)
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--forms", nargs="+", default=FORMS, choices=FORMS)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    papers = solved([given.data])[0][-given.papers :]
    command = command_line("python", "benchmarks/alike.py", words=sys.argv[1:])
    lines = [f"Command: `{command}`, {time.strftime('%Y-%m-%d')}", ""]
    lines += [f"- {name}: {value}" for name, value in describe_machine("cpu").items()]
    lines += ["", "| decoding | with drafts | alike | tokens |", "| --- | --- | ---: | ---: |"]
    rows = [row for form in given.forms for row in compared(given.model, papers, form, given.size)]
    lines += [f"| {r.decoding} | {r.way} | {r.alike} of {r.papers} | {r.tokens:,} |" for r in rows]
    table = "\n".join(lines) + "\n"
    if given.out:
        given.out.write_text(table, encoding="utf-8")
    sys.stdout.write(table)
    return int(any(row.alike < row.papers for row in rows))


if __name__ == "__main__":
    sys.exit(main())
