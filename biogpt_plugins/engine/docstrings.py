"""Whether Python keeps docstrings, which some libraries need to be imported."""

from __future__ import annotations

import sys

from biogpt_plugins.values.errors import ModelError

_WITHOUT = 2


def without_docstrings(library: str) -> ModelError | None:
    """The error to raise in place of importing such a library, if Python was started with -OO."""
    if sys.flags.optimize < _WITHOUT:
        return None
    return ModelError(
        f"{library} cannot be imported without docstrings, and Python leaves them out: start it "
        "without -OO, and set PYTHONOPTIMIZE to 0 or 1"
    )
