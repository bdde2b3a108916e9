"""A run in a process of its own, on an engine that follows a rule: to be killed, or starved.

python tests/run_driver.py run FILE FOLDER    # a line for each outcome, with small shards
python tests/run_driver.py ray ADDRESS FILE FOLDER   # the same on a Ray cluster
python tests/run_driver.py cli ARGUMENTS...   # `biogpt`, whose models are that engine
"""

import os
import signal
import sys
import time
from pathlib import Path

from doubles import Ruled

from biogpt_plugins import Pipeline
from biogpt_plugins.cli import app
from biogpt_plugins.corpus import Sections
from biogpt_plugins.corpus.run import Watcher, run


class Slow(Ruled):
    """Takes as long as it is told to, and writes down what it was asked."""

    def complete(self, prompts, decoding):
        time.sleep(float(os.environ.get("SECONDS", "0")))
        if log := os.environ.get("LOG"):
            with Path(log).open("a", encoding="utf-8") as file:
                file.writelines(f"{prompt.text}\n" for prompt in prompts)
        return super().complete(prompts, decoding)


def slow():
    return Pipeline("bc5cdr", Slow())


def _limited():
    if most := os.environ.get("MOST_BYTES"):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    # A shell has interrupts ignored in what it runs in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _limited()
    if kind == "cli":
        app(rest, obj=lambda _, task, **__: Pipeline(task or "bc5cdr", Slow()), prog_name="biogpt")
    else:
        place = slow()
        if kind == "ray":
            from ray_biogpt import Cluster

            place = Cluster(slow, rest.pop(0), cpus=1)
        run(
            place,
            rest[:-1],
            rest[-1],
            sections=Sections(os.environ.get("SECTIONS", "abstract")),
            chunk_size=4,
            shard_size=16,
            watcher=Watcher(done=lambda outcome: print(outcome.where, flush=True)),  # noqa: T201
        )
