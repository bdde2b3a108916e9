"""Runs over a corpus on a Ray cluster: files are read here, models are asked there.

    run(Cluster(partial(load, "demo", "bc5cdr")), ["papers.pubtator"], "my-run")

One process reads, workers have an engine each, and results come back in the order of the papers,
to the process that writes them. Ray replaces workers that die, and gives their papers to others.
"""

from __future__ import annotations

import logging
import signal
import tempfile
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import ray
from ray import cloudpickle
from ray.data import ActorPoolStrategy, DataContext
from ray.exceptions import RayError

from biogpt_plugins.corpus.run import FEWEST, MOST, Sink
from biogpt_plugins.corpus.run.folder import Outcome, RunFolder
from biogpt_plugins.corpus.run.manifest import FileMark, Made
from biogpt_plugins.corpus.run.reading import Item, Reading
from biogpt_plugins.corpus.run.run import Items
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import BioGPTError, EngineError, InputError
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Failure, Prediction
from ray_biogpt.papers import COLUMN, Known, Papers, block, working_in

_BLOCK = 32 << 10  # bytes; Ray's own 128 MiB would be 50,000 abstracts for one worker
_AHEAD = 256 << 20  # bytes that are read, or have come back, before they are written
_CPUS = 4  # of an engine without a GPU, if machines have so many


class Each(NamedTuple):
    """What an engine has, and how many engines there are."""

    cpus: int
    gpus: float
    engines: int


@dataclass(frozen=True)
class Cluster:
    """Where a run computes: engines on a Ray cluster. Hand it to `biogpt_plugins.corpus.run.run`.

    Attributes:
        load: Loads the model, once in each worker; `partial(load, "demo", "bc5cdr")`, say. Workers
            must have the model, or find it on the hub, and these packages.
        address: The cluster's, as `ray.init` takes it; None for the one that runs on this
            machine or that RAY_ADDRESS names, and for a new one on this machine if there is none.
            A program that has called `ray.init` keeps what it has.
        engines: How many; as many as there is room for by default. More than that wait for it,
            and ask an autoscaler for it.
        cpus: CPUs of an engine; 1 beside a GPU, else 4 or all that the smallest machine has.
        gpus: GPUs of an engine; 1 where there are any.
    """

    load: Callable[[], Pipeline]
    address: str | None = None
    engines: int | None = None
    cpus: int | None = None
    gpus: float | None = None

    def made(self, known: Sequence[FileMark] | None) -> tuple[Task[Any], Made]:
        """What is done and with what, as a worker sees it.

        Raises:
            InputError: No machine of the cluster is large enough for an engine.
            BioGPTError: The model cannot be loaded there.
        """
        each = self.each()
        look = ray.remote(num_cpus=each.cpus, num_gpus=each.gpus, max_retries=3)(_made)
        with _own_errors():
            task, made, remarks = ray.get(look.remote(self.load, Path.cwd(), known))
        for remark in remarks:
            warnings.warn(remark, stacklevel=3)
        device = f"{made.device} x {each.engines} (Ray {ray.__version__})"
        return task, made.model_copy(update={"device": device})

    def each(self) -> Each:
        """What each engine has.

        Raises:
            InputError: No machine of the cluster is large enough for one.
        """
        self._connect()
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        gpus = self.gpus
        if gpus is None:
            gpus = 1 if any(one.get("GPU") for one in machines) else 0
        smallest = int(min((one["CPU"] for one in machines if one.get("CPU")), default=1))
        cpus = self.cpus or (1 if gpus else min(_CPUS, smallest))
        room = sum(_room(one, cpus, gpus) for one in machines)
        if not room and not self.engines:
            wanted = f"{cpus} CPUs" + (f" and {gpus:g} GPUs" if gpus else "")
            raise InputError(
                f"no machine of the cluster has {wanted} for an engine: ask for fewer, or say how "
                "many engines its autoscaler is to make room for"
            )
        return Each(cpus, gpus, self.engines or room)

    def outcomes(
        self, reading: Items, store: Sink, chunk_size: int | None
    ) -> Generator[list[Outcome], None, None]:
        """One outcome for each item of a reading, in order.

        Raises:
            InputError: Results are not written to a run's folder, or not of files.
            InputError: As `Reading.items`; or a pipe is to be read.
            OSError: The same.
            EngineError: Ray fails.
        """
        if not isinstance(store, RunFolder) or not isinstance(reading, Reading):
            raise InputError("a cluster's results go to the folder of a run over files: name one")
        each = self.each()
        chunk_size = chunk_size or (MOST if each.gpus else FEWEST)
        # It comes of corpora that are too small for all workers.
        warnings.filterwarnings("ignore", "The minimum number of concurrent actors")
        context = DataContext.get_current().copy()
        context.target_max_block_size = context.target_min_block_size = _BLOCK
        context.enable_progress_bars = context.print_on_execution_start = False
        options = context.execution_options
        options.preserve_order = True
        options.resource_limits = options.resource_limits.copy(object_store_memory=_AHEAD)
        with tempfile.TemporaryDirectory() as folder, DataContext.current(context), _own_errors():
            index = Path(folder, "index")
            store.copy_index(index)
            papers = Papers(reading, index, min(16, chunk_size))
            data = ray.data.read_datasource(papers, num_cpus=0, override_num_blocks=1).map_batches(
                _Worker,
                fn_constructor_args=(self.load, Path.cwd()),
                batch_size=chunk_size,
                batch_format="pyarrow",
                num_cpus=each.cpus,
                num_gpus=each.gpus,
                compute=ActorPoolStrategy(size=each.engines),
            )
            for rows in data.iter_batches(batch_size=None, batch_format="pyarrow"):
                found, error = _outcomes(rows, store, reading.task.name)
                if found:
                    yield found
                if error:
                    raise error

    def _connect(self) -> None:
        if not ray.is_initialized():
            ours = signal.getsignal(signal.SIGTERM)
            try:
                ray.init(address=self.address, logging_level=logging.WARNING)
            except ConnectionError as error:
                raise InputError(
                    f"no Ray cluster answers at {self.address}: start one with `ray start --head`, "
                    "or leave the address to Ray (--ray auto)"
                ) from error
            finally:
                main = threading.current_thread() is threading.main_thread()
                if main and callable(ours):  # in place of which Ray puts its own
                    signal.signal(signal.SIGTERM, ours)
        if ray.util.client.ray.is_connected():
            raise InputError(
                "through Ray's client, ray://, files of this machine cannot be read: start the "
                "program on a machine of the cluster, with `ray job submit` say"
            )


class _Worker:
    """What runs in each process of the pool."""

    def __init__(self, load: Callable[[], Pipeline], here: Path) -> None:
        with working_in(here), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were given when the run began
            self.pipeline = load()

    def __call__(self, rows: pa.Table) -> pa.Table:
        given = [cloudpickle.loads(row) for row in rows[COLUMN].to_pylist()]
        texts = [one.read for one in given if isinstance(one, Item) and isinstance(one.read, Text)]
        predicted = iter(self.pipeline.predict(texts))
        return block([self._passed(one, predicted) for one in given])

    def _passed(self, given: object, predicted: Iterator[Prediction[Any]]) -> object:
        if not isinstance(given, Item):
            return given
        known = given.read if isinstance(given.read, Prediction) else None
        return given.outcome(known or next(predicted))


def _outcomes(
    rows: pa.Table, store: RunFolder, task: str
) -> tuple[list[Outcome], BaseException | None]:
    """Outcomes of a block, those of known texts looked up; and the error at which reading ended."""
    found: list[Outcome] = []
    here: dict[str | None, Outcome] = {}
    for row in rows[COLUMN].to_pylist():
        one = cloudpickle.loads(row)
        if isinstance(one, BaseException):
            return found, one
        if isinstance(one, Known):
            digest = one.item.digest or ""
            known = here.get(digest) or store.find(digest) or store.find(digest, failed=True)
            one = one.item.as_was(known) if known else _lost(one.item, task)
        here.setdefault(one.text, one)
        found.append(one)
    return found, None


def _lost(item: Item, task: str) -> Outcome:
    """An outcome for a text that is not where the index has it, as two digests begin alike."""
    error = EngineError("the text was taken for another one: give it in a run of its own")
    return item.outcome(Prediction(id=item.read.id, task=task, error=Failure.of(error)))


def _made(
    load: Callable[[], Pipeline], here: Path, known: Sequence[FileMark] | None
) -> tuple[Task[Any], Made, list[str]]:
    """What a pipeline is, and what was to be said when it was loaded; runs in a worker."""
    with working_in(here), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        pipeline = load()
        made = Made.by(pipeline, known)
    remarks = [str(one.message) for one in caught if one.category is UserWarning]
    return pipeline.task, made, remarks


@contextmanager
def _own_errors() -> Iterator[None]:
    """Turn what Ray says of an error into the error, and Ray's own into one of ours."""
    try:
        yield
    except RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, BioGPTError | OSError):
            raise cause from None
        last = str(error).strip().splitlines()[-1:] or [""]
        raise EngineError(f"Ray failed with {type(error).__name__}: {last[0]}") from error


def _room(machine: dict[str, float], cpus: int, gpus: float) -> int:
    """Engines that a machine has room for."""
    most = machine.get("CPU", 0) // cpus
    return int(min(most, machine.get("GPU", 0) // gpus) if gpus else most)
