"""Relation extraction against transformers' own pipeline, in one interleaved run.

Both sides run the same weights in the same dtype on the same prompts and write greedily; the ids of
a first pass are compared, so that speed is not bought with other text. Prints a table of abstracts
per second (median, minimum, maximum) and the ratio of each round's pair, and writes it as JSON.

    python benchmarks/extract.py [--model demo] [--data PUBTATOR] [--papers 32] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

import torch
import transformers

from biogpt_plugins import Decoding, load
from biogpt_plugins.corpus import read_records
from biogpt_plugins.demo.demo import papers

HERE = Path(__file__).parent


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--data", help="PubTator or JSONL; else the demo's papers")
    parser.add_argument("--papers", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "extract.json")
    args = parser.parse_args()

    decoding = Decoding(max_new_tokens=args.new_tokens)
    ours = load(args.model, "bc5cdr", dtype="float32", decoding=decoding)
    records = (r.value for r in read_records([args.data])) if args.data else _demo_papers()
    engine = ours.engine
    # transformers' pipeline takes text alone: it reads the source without the learned tokens.
    # Ours is given the same prompt, so that both do the same work; and what would not fit is left
    # out, since the pipeline ends in an IndexError there.
    room = engine.context_size - args.new_tokens - 1
    sources = (ours.task.render(record, ours.card).source for record in records)
    plain = list(islice((s for s in sources if engine.count_tokens(s) <= room), args.papers))
    peer = transformers.pipeline(
        "text-generation", model=str(engine.folder), dtype=torch.float32, device=engine.device
    )
    options = {"max_new_tokens": args.new_tokens, "do_sample": False, "return_full_text": False}

    def run_peer(batch_size: int) -> list[str]:
        found = peer(plain, batch_size=batch_size, **options)
        return [one[0]["generated_text"].strip() for one in found]

    sides: dict[str, Callable[[], list[str]]] = {
        "biogpt-plugins": lambda: [c.text for c in engine.complete(plain, decoding)],
        "transformers pipeline, as its docs show it": lambda: run_peer(1),
        "transformers pipeline, batch_size=8": lambda: run_peer(8),
    }
    texts_of = {name: run() for name, run in sides.items()}  # also the warm-up
    first, alone, _ = texts_of.values()
    equal = sum(a == b for a, b in zip(first, alone, strict=True))
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(args.rounds):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)

    ours_seconds = seconds["biogpt-plugins"]
    rows = []
    for name, found in seconds.items():
        ratios = [theirs / mine for theirs, mine in zip(found, ours_seconds, strict=True)]
        rows.append(
            {
                "side": name,
                "papers_per_second": _spread([len(plain) / s for s in found]),
                "times_faster_are_we": _spread(ratios),
            }
        )
    result = {
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {engine.device}",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "model": args.model,
        "papers": len(plain),
        "new_tokens": args.new_tokens,
        "equal_texts": f"{equal} of {len(plain)} (ours and one-by-one)",
        "rows": rows,
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def _demo_papers() -> Iterator[object]:
    """The demo's five papers over and over, in prefixes of mixed length."""
    for size in cycle((400, 700, 1000, 550, 850)):
        for paper, _ in papers():
            yield paper.source[:size]


def _spread(values: list[float]) -> dict[str, float]:
    figures = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {name: round(value, 2) for name, value in figures.items()}


if __name__ == "__main__":
    main()
