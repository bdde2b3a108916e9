"""Fixtures for all tests, and how the machine is shared among workers."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
from cores import cores

MOST_WORKERS = 8  # each holds torch and some models: about 2 GB

if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    # Read by torch and CTranslate2 when they load, also in the processes that a test starts.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // workers)))


def pytest_xdist_auto_num_workers() -> int:
    """As many as there are cores for this process; none, which costs nothing, for a single core."""
    return min(cores(), MOST_WORKERS) if cores() > 1 else 0


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
