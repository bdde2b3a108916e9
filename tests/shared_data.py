"""The real corpora and vocabularies that some tests look at; they are not part of the project."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("BIOGPT_SHARED_DATA", ROOT.parent / "shared" / "data"))


def shared(path: str) -> Path:
    """A file of the shared data, or a skip that says which is missing."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"real data not at hand: {found} (set BIOGPT_SHARED_DATA)")
    return found
