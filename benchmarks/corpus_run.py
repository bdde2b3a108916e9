"""What a run costs by itself: memory and processor time, on a model that costs nothing.

    python benchmarks/corpus_run.py 2000; python benchmarks/corpus_run.py 200000

Papers are generated, and the model finds one relation in each. `pipeline` is the same without a
run: reading, grounding and evidence.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from biogpt_plugins import Completion, Pipeline
from biogpt_plugins.corpus import read_records
from biogpt_plugins.corpus.run import run
from biogpt_plugins.testing import ScriptedEngine

_REST = "The patients were followed for two years, and the outcome was favourable in most. " * 9


class Engine(ScriptedEngine):
    """Finds the relation that every generated paper has, and remembers nothing."""

    def complete(self, prompts, decoding=None):  # noqa: ANN001, ANN201, ARG002 - as there
        found = "the relation between aspirin and nausea exists."
        return [Completion(text=found, finish_reason="stop") for _ in prompts]


def _write(path: Path, papers: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number in range(papers):
            text = f"In patient {number} aspirin caused nausea. {_REST}"
            file.write(json.dumps({"id": number, "title": "A case.", "text": text}) + "\n")


def _main(papers: int) -> None:
    pipeline = Pipeline("bc5cdr", Engine())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "papers.jsonl")
        _write(path, papers)
        begin = time.process_time()
        run(pipeline, [path], Path(folder, "run"))
        middle = time.process_time()
        for _ in pipeline.imap(record.value for record in read_records([str(path)])):
            pass
        end = time.process_time()
        index = Path(folder, "run/index.sqlite").stat().st_size
    figures = {
        "papers": papers,
        "microseconds a paper": round((middle - begin) / papers * 1e6),
        "of which pipeline": round((end - middle) / papers * 1e6),
        "index, bytes a paper": round(index / papers),
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    _main(int(sys.argv[1]))
