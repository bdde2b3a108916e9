"""Papers one by one, beside LangChain's HuggingFacePipeline: CPU time, in turns.

python benchmarks/single.py CDR_DevelopmentSet.PubTator.txt --papers 16 --out single.md
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from beside.peers import Peer, langchain, langchain_tuned
from beside.place import Place
from beside.shapes import plain_copy
from beside.subjects import Subject, Subjects

from biogpt_plugins import load
from biogpt_plugins.bench.clock import Job, command_line, describe_versions, in_turns
from biogpt_plugins.bench.figures import Spread
from biogpt_plugins.bench.papers import read_papers
from biogpt_plugins.bench.report import spread
from biogpt_plugins.checkpoints import locate
from biogpt_plugins.engines.machine import describe_machine

_PACKAGES = ("biogpt-plugins", "torch", "transformers", "langchain-huggingface")
_OURS = "biogpt-plugins"


def main() -> int:
    """Measure, and print a table; the exit code is 1 if the sides wrote different texts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--papers", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = plain_copy(locate(given.model), Path(temporary, "model"))
        table, same = _measured(folder, given)
    if given.out:
        given.out.write_text(table, encoding="utf-8")
    sys.stdout.write(table)
    return 0 if same else 1


def _measured(folder: Path, given: argparse.Namespace) -> tuple[str, bool]:
    place = Place(folder, torch.device("cpu"))
    pipeline = load(folder, "bc5cdr", device="cpu", dtype="float32")
    pipeline = pipeline.with_decoding(pipeline.decoding.but(max_new_tokens=given.new_tokens))
    papers = read_papers([given.data])[-given.papers :]
    subjects = Subjects(papers, place.tokens, int(place.network().config.max_position_embeddings))
    drawn = [
        subjects.draw(given.papers, pipeline, given.new_tokens) for _ in range(1 + given.rounds)
    ]

    def ours(subject: Subject) -> str:
        return str(pipeline.run([subject.value])[0].completion)

    def theirs(peer: Peer) -> Callable[[Subject], str]:
        return lambda subject: peer.write([subject], given.new_tokens)[0]

    peers = [langchain(place), langchain_tuned(place, "float32", 1)]
    sides = {_OURS: ours, **{peer.name: theirs(peer) for peer in peers}}

    def turn(one: Callable[[Subject], str], number: int) -> tuple[float, list[str]]:
        start = time.process_time()
        texts = [one(subject) for subject in drawn[number]]
        return time.process_time() - start, texts

    for one in sides.values():
        turn(one, 0)
    jobs = [Job(name, lambda number, one=one: turn(one, 1 + number)) for name, one in sides.items()]
    done = in_turns(jobs, given.rounds)
    exact = [name for name in sides if name == _OURS or "float32" in name]
    pairs = [
        (text, other)
        for rounds in zip(*(done[name] for name in exact), strict=True)
        for text, other in zip(*(texts for _, texts in rounds), strict=True)
    ]
    equal = sum(text == other for text, other in pairs)
    facts = {**describe_machine("cpu"), **describe_versions(_PACKAGES)}
    command = command_line("python", "benchmarks/single.py", words=sys.argv[1:])
    lines = [f"Command: `{command}`", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    lines += [f"- texts alike in float32: {equal} of {len(pairs)}", ""]
    lines += ["| side | CPU ms a paper | times the CPU time of ours |", "| --- | ---: | ---: |"]
    own = [seconds for seconds, _ in done[_OURS]]
    for name, turns in done.items():
        took = [seconds for seconds, _ in turns]
        each = spread(Spread.of(tuple(1000 * seconds / given.papers for seconds in took)))
        ratio = spread(Spread.of(tuple(b / a for a, b in zip(own, took, strict=True))))
        lines.append(f"| {name} | {each} | {ratio} |")
    return "\n".join(lines) + "\n", equal == len(pairs)


if __name__ == "__main__":
    sys.exit(main())
