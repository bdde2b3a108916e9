"""Engines for tests, besides ScriptedEngine."""

import threading
import time

from biogpt_plugins.engine import cancelled
from biogpt_plugins.testing import ScriptedEngine


class Slow(ScriptedEngine):
    """Writes after five seconds, or as soon as nobody waits any more, which sets `stopped`."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.stopped = threading.Event()

    def complete(self, prompts, *_):
        for _ in range(500):
            if cancelled():
                self.stopped.set()
                break
            time.sleep(0.01)
        return super().complete(prompts)
