"""A Ray of two CPUs on this machine, and what dies on it once."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from doubles import Ruled, as_prompts
from pydantic import model_validator

from biogpt_plugins import Pipeline
from biogpt_plugins.tasks.bc5cdr import BC5CDR
from biogpt_plugins.values.errors import NotABioGPTError
from biogpt_plugins.values.inputs import Paper


@contextmanager
def local_ray() -> Iterator[None]:
    """Start it, and end it."""
    import ray

    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    there = {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),  # of this module, for workers
        "RAY_AUTH_MODE": "disabled",  # else it would write into the home directory
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",  # else workers starve on a busy machine
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "600",  # which takes its time to start one
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "600",
    }
    with patch.dict(os.environ, there):
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        try:
            yield
        finally:
            ray.shutdown()


def die_once(mark: str) -> None:
    """Kill this process, unless one has died so."""
    try:
        Path(mark).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


class Dying(Ruled):
    """Dies with its process at a paper, once, and writes down what it was asked."""

    def __init__(self, folder: str, text: str) -> None:
        super().__init__()
        self.notes, self.text = folder, text

    def complete(self, prompts, decoding=None):
        prompts = as_prompts(prompts)
        found = super().complete(prompts, decoding)
        time.sleep(0.05)  # else one worker does all
        with Path(self.notes, f"asked-{os.getpid()}").open("a", encoding="utf-8") as file:
            file.writelines(f"{prompt.text}\n" for prompt in prompts)
        if self.text and any(self.text in prompt.text for prompt in prompts):
            die_once(f"{self.notes}/worker-died")
        return found


class Slow(Ruled):
    """Takes its time, so that it is at work when something happens."""

    def complete(self, prompts, decoding=None):
        time.sleep(0.5)
        return super().complete(prompts, decoding)


class DeadlyPaper(Paper):
    """A paper that kills the process that reads "Stop here.", once."""

    @model_validator(mode="after")
    def _die(self):
        if self.title.startswith("Stop here."):
            die_once(self.title.removeprefix("Stop here. "))
        return self


def ruled(context_size=1024):
    return Pipeline("bc5cdr", Ruled(context_size))


def named():
    """A model that is told in a file "model" where the program is."""
    return ruled(int(Path("model").read_text(encoding="utf-8")))


def dying(folder, text=""):
    return Pipeline("bc5cdr", Dying(folder, text))


def deadly(text):
    """Kills every process in which it reads a text."""

    class Deadly(Ruled):
        def complete(self, prompts, decoding=None):
            if any(text in prompt.text for prompt in as_prompts(prompts)):
                os.kill(os.getpid(), signal.SIGKILL)
            return super().complete(prompts, decoding)

    return Pipeline("bc5cdr", Deadly())


def slow():
    return Pipeline("bc5cdr", Slow())


def dying_reader():
    from dataclasses import replace

    return Pipeline(replace(BC5CDR, input=DeadlyPaper, shots=()), Ruled())


def no_model():
    raise NotABioGPTError("this is no BioGPT: give one")


def broken():
    class Broken(Ruled):
        def complete(self, *_):
            raise MemoryError("all gone")

    return Pipeline("bc5cdr", Broken())
