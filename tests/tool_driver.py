"""Serves tools over standard input and output with an engine of tests; and prints a lot.

tool_driver.py ruled|held [RUN ...]
"""

import os
import sys
import threading
from pathlib import Path

from doubles import Ruled
from held import Held

from biogpt_plugins.hosts.fields import LLMFields
from biogpt_plugins.mcp_server import claim_stdout, make_server, serve_stdio


class Noisy(Ruled):
    """Prints as libraries do that know nothing of the protocol."""

    def complete(self, *asked, **options):
        sys.stdout.write("from Python\n")
        os.write(1, b"from C\n")
        os.system("echo from a child")
        return super().complete(*asked, **options)


def main(kind, *runs):
    engine = Noisy() if kind == "ruled" else Held(["the relation between a and b exists."])
    if kind == "held":
        threading.Thread(target=tell, args=(engine,), daemon=True).start()
    wire = claim_stdout()
    sys.stdout.write("before it serves\n")
    llm = LLMFields.from_engine(engine, task="bc5cdr")
    serve_stdio(make_server(llm, runs=[*map(Path, runs)]), wire)
    sys.stderr.write("it ended\n")


def tell(engine):
    """Say what the engine does, for the test that reads the errors."""
    for moment in ("started", "stopped"):
        getattr(engine, moment).wait()
        sys.stderr.write(f"the engine {moment}\n")
        sys.stderr.flush()


main(*sys.argv[1:])
