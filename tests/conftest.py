"""Fixtures for all tests, and how the machine is shared among workers."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
from cores import cores
from hypothesis import settings

MOST_WORKERS = 8  # each holds torch and some models: about 2 GB

# What a shell or another machine says of these must not matter; typer, rich and the hub's client
# read them when they are imported, and so do the processes that tests start.
SAID_ELSEWHERE = (
    *("COLUMNS", "LINES", "TERMINAL_WIDTH", "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "CLICOLOR"),
    *("CLICOLOR_FORCE", "GITHUB_ACTIONS", "PYTHONIOENCODING", "RAY_ADDRESS"),
    *("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"),
)
for name in SAID_ELSEWHERE:
    os.environ.pop(name, None)

# One seed for each test, so that a chance draw does not fail CI; `--hypothesis-profile=default` has
# others. Hypothesis also draws constants of the loaded modules, which it cannot be told to leave.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")

NO_MODELS = tempfile.TemporaryDirectory(prefix="no-models-")
os.environ["HF_HOME"] = NO_MODELS.name

if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    # Read by torch and CTranslate2 when they load, also in the processes that a test starts.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // workers)))


def pytest_configure(config: pytest.Config) -> None:
    """Tests run on the CPU also where there is an accelerator, but for those that ask for one."""
    if "not gpu" in config.option.markexpr:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_xdist_auto_num_workers() -> int:
    """As many as there are cores for this process; none, which costs nothing, for a single core."""
    return min(cores(), MOST_WORKERS) if cores() > 1 else 0


@pytest.fixture(autouse=True)
def tasks_as_before() -> Iterator[None]:
    """What a test registers is gone after it."""
    from biogpt_plugins import TASKS  # after the environment is set

    before = set(TASKS)
    yield
    for name in set(TASKS) - before:
        TASKS.forget(name)


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
