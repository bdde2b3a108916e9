"""Fixtures for all tests."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny


@pytest.fixture(scope="session")
def tiny_biogpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny random BioGPT: 2 layers, 96 positions, learned1 to learned9."""
    return tiny.build(tmp_path_factory.mktemp("models") / "tiny-biogpt")


@pytest.fixture
def host_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """For LlamaIndex's synchronous methods, which take the event loop and leave it open."""
    if asyncio.iscoroutinefunction(request.function):
        yield
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()
    asyncio.set_event_loop(None)
