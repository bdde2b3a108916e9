"""Fixtures for all tests."""

from pathlib import Path

import pytest
import tiny


@pytest.fixture(scope="session")
def tiny_biogpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny random BioGPT: 2 layers, 96 positions, learned1 to learned9."""
    return tiny.build(tmp_path_factory.mktemp("models") / "tiny-biogpt")
