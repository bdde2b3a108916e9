"""What a run over PubMed's baseline takes, as far as no GPU is needed to measure it.

    python benchmarks/pubmed_baseline.py --data CDR_DevelopmentSet.PubTator.txt \
        --vocabulary biogpt=tokenizer/biogpt --vocabulary biogpt-large=tokenizer/biogpt-large

A vocabulary is a folder with dict.txt and bpecodes. Tokens of prompts and completions, sizes of
results on disk, how quickly citations are read, and what a run costs beside the model, in one
process (corpus_run.py) and on Ray (cluster_run.py). Writes results/pubmed-baseline.json and the
tables of docs/pubmed.md, some minutes later. Whatever else runs on the machine makes it slower.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import NamedTuple

import medline_like
import numpy as np
from beside.shapes import official_vocabulary
from pubmed.figures import BASELINE, RESULTS, Disk, Figures, Lengths, Own, Vocabulary
from pubmed.tables import PAGE, write
from transformers import BioGptTokenizer

from biogpt_plugins import Completion, Pipeline, load
from biogpt_plugins.bench.clock import describe_versions
from biogpt_plugins.bench.papers import read_papers
from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.registry import LEARNED
from biogpt_plugins.corpus import read_records
from biogpt_plugins.corpus.export import write_parquet
from biogpt_plugins.corpus.gold import read_solved
from biogpt_plugins.corpus.readers import look_through
from biogpt_plugins.corpus.run import outcomes, run
from biogpt_plugins.corpus.run.text_index import Line, TextIndex
from biogpt_plugins.engine import PRETRAINED, TaskCard, Token
from biogpt_plugins.engines.machine import describe_machine
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.layouts import demonstrations
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper
from biogpt_plugins.values.table import rows

HERE = Path(__file__).parent
TASK = get_task("bc5cdr")
TAUGHT = TaskCard(layout="learned_prompt", learned_tokens=LEARNED, max_source_tokens=640)

_WINDOW, _ROOM = 1024, 64  # as engines of BioGPT have them
_NOTHING = "no relation."
_BLOCK = 1 << 20
_KEPT, _LOOKED_UP = 1024, 16  # texts after which the writer, and Ray's reader, keep an index
_PACKAGES = ("biogpt-plugins", "torch", "transformers", "tokenizers", "ray", "pyarrow", "lxml")
_NUMBERS = re.compile(r"\[[\d,\s]+\]")


# --- tokens -----------------------------------------------------------------------------------


def vocabulary(folder: Path, papers: Sequence[Paper], targets: Sequence[str]) -> Vocabulary:
    """What papers come to in a vocabulary.

    Args:
        folder: The tokenizer's.
        papers: The papers.
        targets: What is to be written for each.
    """
    fresh = Tokens(BioGptTokenizer.from_pretrained(folder))
    fresh.ids("sacremoses is slow to begin.")
    began = time.process_time()
    lengths = _prompts(fresh, papers, TAUGHT)
    seconds = (time.process_time() - began) / len(papers)
    titles = [Paper(title=paper.title) for paper in papers]
    prompts = {
        "fine-tuned": lengths,
        "fine-tuned, title": _prompts(fresh, titles, TAUGHT),
        "few-shot": _prompts(fresh, papers, PRETRAINED),
        "few-shot, title": _prompts(fresh, titles, PRETRAINED),
    }
    solved = demonstrations([(TASK.source(TASK.read_input(g)), t) for g, t in TASK.shots])
    completions = [len(fresh.ids(target)) for target in targets]
    return Vocabulary(
        prompts={layout: Lengths.of(found) for layout, found in prompts.items()},
        solved=len(fresh.ids(solved)),
        completions=completions,
        sizes=[prompt + written for prompt, written in zip(lengths, completions, strict=True)],
        seconds=seconds,
    )


def _prompts(tokens: Tokens, papers: Sequence[Paper], card: TaskCard) -> list[int]:
    asked = (replace(TASK.render(paper, card), grammar=None) for paper in papers)
    return [len(tokens.encode(one, window=_WINDOW, room=_ROOM).ids) for one in asked]


def official(source: Path, folder: Path) -> Path:
    """A tokenizer's folder out of fairseq's files."""
    folder.mkdir()
    official_vocabulary(source / "dict.txt", source / "bpecodes")(folder, _WINDOW)
    return folder


# --- disk -------------------------------------------------------------------------------------


class Answering(ScriptedEngine):
    """Writes what it is told for each paper, with probabilities that no two tokens share."""

    def __init__(self, targets: Sequence[str]) -> None:
        super().__init__()
        self._targets = cycle(targets)
        self._random = Random(0)

    def complete(self, prompts, decoding=None):  # noqa: ANN001, ANN201, ARG002 - as there
        return [self._written(text) for text in islice(self._targets, len(prompts))]

    def _written(self, text: str) -> Completion:
        at, tokens = 0, []
        for word in text.split(" "):
            logprob = -self._random.expovariate(4)
            tokens.append(Token(text=word, start=at, logprob=logprob))
            at += len(word) + 1
        return Completion(text=text, finish_reason="stop", tokens=tuple(tokens))


class Stored(NamedTuple):
    """What a run holds: bytes and relations of a paper, and seconds to export it as Parquet."""

    shards: float
    parquet: float
    relations: float
    seconds: float


def stored(papers: Sequence[Paper], targets: Sequence[str], index: float) -> tuple[Disk, Stored]:
    """Bytes of results with nothing found, and of each relation; and those with the targets.

    Args:
        papers: The papers, each once, as equal ones would be packed to nothing.
        targets: What is written for each.
        index: Bytes of a text in a run's index.
    """
    nothing, found = _stored(papers, [_NOTHING]), _stored(papers, targets)
    disk = Disk(
        nothing=nothing.shards,
        relation=(found.shards - nothing.shards) / found.relations,
        parquet_nothing=nothing.parquet,
        parquet_relation=(found.parquet - nothing.parquet) / found.relations,
        index=index,
    )
    return disk, found


def _stored(papers: Sequence[Paper], targets: Sequence[str]) -> Stored:
    pipeline = Pipeline(TASK, Answering(targets), card=TAUGHT)
    pipeline = pipeline.with_decoding(pipeline.decoding.but(logprobs=True))
    with tempfile.TemporaryDirectory() as home:
        source, folder, table = (Path(home, name) for name in ("p.jsonl", "run", "t.parquet"))
        with source.open("w", encoding="utf-8") as file:
            for paper in papers:
                file.write(paper.model_dump_json(by_alias=True) + "\n")
        run(pipeline, [source], folder)
        began = time.process_time()
        found = outcomes(folder)
        told = (row for one in found for row in rows(one.prediction, origin=one.where))
        write_parquet(str(table), told)
        seconds = time.process_time() - began
        size = sum(path.stat().st_size for path in folder.glob("shards/*"))
        relations = sum(len(one.prediction.result or ()) for one in outcomes(folder))
        each = (size, table.stat().st_size, relations, seconds)
        return Stored(*(value / len(papers) for value in each))


# --- time -------------------------------------------------------------------------------------


class Waits(NamedTuple):
    """Seconds that a new text waits for an index: in the process that reads, and that writes."""

    reader: float
    writer: float


def waits(folder: Path, texts: int) -> Waits:
    """How long a new text waits for an index.

    Args:
        folder: Where the index is made, for a while.
        texts: How many texts it has already.
    """
    path = folder / "index.sqlite"
    TextIndex(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as base:
        base.execute("PRAGMA journal_mode = OFF")
        base.execute("PRAGMA synchronous = OFF")
        base.execute("BEGIN")
        base.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?, ?)", _texts(texts))
        base.execute("COMMIT")
    os.sync()
    index, random = TextIndex(path), Random(1)
    times = []
    for every, times_ in ((_LOOKED_UP, 512), (_KEPT, 16)):
        began = time.perf_counter()
        for number in range(times_):
            digests = [f"{random.getrandbits(128):032x}" for _ in range(every)]
            for digest in digests:
                index.find(digest)
            lines = [
                Line(0, 0, number, one, failed=False, copied=False, unread=False) for one in digests
            ]
            index.add(number, lines)
            index.keep()
        times.append((time.perf_counter() - began) / (every * times_))
    index.close()
    path.unlink()
    return Waits(*times)


def _texts(count: int) -> Iterator[tuple[int, int, int]]:
    """Keys in order, in which they are quickly written."""
    drawn = np.random.default_rng(0).integers(-(1 << 63), (1 << 63) - 1, count, dtype=np.int64)
    drawn.sort()
    for begin in range(0, count, _BLOCK):
        for at, key in enumerate(drawn[begin : begin + _BLOCK].tolist(), start=begin):
            yield key, at // _KEPT, at % _KEPT * 1000


def _told(*command: str) -> dict[str, float]:
    """What another benchmark says, in a process of its own, which finds what this one does."""
    path = os.pathsep.join(filter(None, [str(HERE), *sys.path]))
    environment = {**os.environ, "PYTHONPATH": path, "RAY_AUTH_MODE": "disabled"}
    done = subprocess.run(
        [sys.executable, *command], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _speed(read: Callable[[], object], citations: int) -> float:
    """Citations a second of processor time."""
    began = time.process_time()
    read()
    return citations / (time.process_time() - began)


# --- all of it --------------------------------------------------------------------------------


def solved(data: Sequence[str]) -> tuple[list[Paper], list[str], str]:
    """Papers, what is to be written for each, and who says so.

    That is their annotation for BC5CDR, or without one what the bundled model writes.
    """
    papers = read_papers(data)
    try:
        found = [one for path in data for one in read_solved(path, [TASK.name])]
    except InputError:
        written = [one.completion or "" for one in load("demo", TASK).run(papers)]
        return papers, written, "the bundled model"
    targets = {one.id: TASK.target(one.result) for one in found}
    papers = [paper for paper in papers if paper.id in targets]
    return papers, [targets[paper.id] for paper in papers], "their annotation"


def measure(
    data: Sequence[str],
    vocabularies: Mapping[str, Path],
    *,
    citations: int,
    indexed: int,
    command: str,
) -> Figures:
    """Measure.

    Args:
        data: Files of papers.
        vocabularies: Folders with dict.txt and bpecodes, by name; the bundled model's comes last.
        citations: How many are generated for runs.
        indexed: Texts in the index that is waited for.
        command: How it was asked for.
    """
    busy = os.getloadavg()[0]
    papers, targets, by = solved(data)
    with tempfile.TemporaryDirectory(prefix="biogpt-pubmed-") as name:
        home = Path(name)
        folders = {name: official(source, home / name) for name, source in vocabularies.items()}
        folders["demo"] = locate("demo")
        file = home / "citations.xml.gz"
        unpacked = medline_like.write(file, papers, citations)
        small, large = waits(home, 0), waits(home, indexed)
        alone = _told(str(HERE / "corpus_run.py"), str(citations))
        cluster = _told(str(HERE / "cluster_run.py"), str(file))
        disk, found = stored(papers, targets, alone["index, bytes a paper"])
        return Figures(
            command=command,
            date=date.today().isoformat(),
            data=f"{', '.join(Path(path).name for path in data)}, completions by {by}",
            machine=describe_machine("cpu") | {"load before": f"{busy:.1f}"},
            versions=describe_versions(_PACKAGES),
            vocabularies={
                name: vocabulary(folder, papers, targets) for name, folder in folders.items()
            },
            relations=found.relations,
            disk=disk,
            own=Own(
                run=alone["microseconds a paper"] / 1e6,
                reading=cluster["microseconds, reading process"] / 1e6,
                writing=cluster["microseconds, writing process"] / 1e6,
                worker=cluster["microseconds, workers"] / 1e6,
                looked_up=max(0.0, large.reader - small.reader),
                kept=max(0.0, large.writer - small.writer),
                export=found.seconds,
            ),
            reading=_speed(lambda: sum(1 for _ in read_records([str(file)])), citations),
            looking=_speed(lambda: look_through([str(file)]), citations),
            unpacked=unpacked / citations,
            packed=file.stat().st_size / citations,
            indexed=indexed,
            together=cluster["papers a second, all on this machine"],
        )


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", action="append", required=True, help="a file of papers")
    parser.add_argument("--vocabulary", action="append", default=[], help="NAME=FOLDER")
    parser.add_argument("--citations", type=int, default=20_000, help="generated, for runs")
    parser.add_argument("--indexed", type=int, default=BASELINE.citations)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS.with_suffix(""))
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    pairs = (one.partition("=") for one in given.vocabulary)
    words = (re.sub(r"(^|=)/.*/", r"\1", word) for word in sys.argv[1:])
    found = measure(
        given.data,
        {name: Path(folder) for name, _, folder in pairs},
        citations=given.citations,
        indexed=given.indexed,
        command=shlex.join(["python", "benchmarks/pubmed_baseline.py", *words]),
    )
    given.out.parent.mkdir(parents=True, exist_ok=True)
    text = _NUMBERS.sub(lambda match: " ".join(match[0].split()), found.model_dump_json(indent=2))
    given.out.with_suffix(".json").write_text(f"{text}\n", encoding="utf-8")
    write(found, given.out, given.page)


if __name__ == "__main__":
    _main()
