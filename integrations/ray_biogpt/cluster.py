"""Runs over a corpus on a Ray cluster.

    run(Cluster(Spec(task="bc5cdr")), ["papers.pubtator"], "my-run")

One process on this machine reads the files. Each worker has one engine. Results return in the order
of the papers to the process that writes them. Ray replaces workers that die, and gives their papers
to others, unless they have killed too many.
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
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import ray
from ray import cloudpickle
from ray.data import ActorPoolStrategy, DataContext
from ray.exceptions import RayActorError, RayError

from biogpt_plugins.corpus.run import FEWEST, MOST, Sink
from biogpt_plugins.corpus.run.folder import RunFolder
from biogpt_plugins.corpus.run.manifest import Made
from biogpt_plugins.corpus.run.marks import FileMark
from biogpt_plugins.corpus.run.outcome import Outcome
from biogpt_plugins.corpus.run.reading import Item, Reading
from biogpt_plugins.corpus.run.run import Items, predicted_by
from biogpt_plugins.pipeline import Pipeline, Spec
from biogpt_plugins.pipeline.loading import load
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import BioGPTError, EngineError, InputError
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Failure, Prediction
from ray_biogpt.papers import COLUMN, Known, Papers, block, working_in

_BLOCK = 32 << 10  # bytes; Ray's default of 128 MiB would give one worker 50,000 abstracts
_AHEAD = 256 << 20  # bytes of inputs and results that may wait in memory
_TRIES = 5  # for papers whose worker dies
_CPUS = 4  # for an engine without a GPU, if machines have that many


class Each(NamedTuple):
    """The resources of each engine, and the number of engines."""

    cpus: int
    gpus: float
    engines: int


@dataclass(frozen=True)
class Cluster:
    """Engines on a Ray cluster, as the executor of `biogpt_plugins.corpus.run.run`.

    Attributes:
        pipeline: What each worker loads once: a Spec, or a function that makes a pipeline. Workers
            need these packages, and the model or access to the hub.
        address: The cluster's address, as for `ray.init`. None uses the cluster in RAY_ADDRESS or
            on this machine, and starts one here if there is none. If the program has already
            called `ray.init`, that connection stays.
        engines: Number of engines; by default as many as fit. Additional ones wait for resources,
            which an autoscaler may add.
        cpus: CPUs of each engine; by default 1 with a GPU, otherwise 4, or fewer if the smallest
            machine has fewer.
        gpus: GPUs of each engine; by default 1 if the cluster has any.
    """

    pipeline: Spec | Callable[[], Pipeline]
    address: str | None = None
    engines: int | None = None
    cpus: int | None = None
    gpus: float | None = None

    def made(self, known: Sequence[FileMark] | None) -> tuple[Task[Any], Made]:
        """The task, and what produces the results, as seen by a worker.

        Raises:
            InputError: No machine of the cluster is large enough for an engine.
            BioGPTError: A worker cannot load the model.
        """
        each = self.each()
        look = ray.remote(num_cpus=each.cpus, num_gpus=each.gpus, max_retries=3)(_made)
        with _own_errors():
            task, made, remarks = ray.get(look.remote(loader(self.pipeline), Path.cwd(), known))
        for remark in remarks:
            warnings.warn(remark, stacklevel=3)
        device = f"{made.device} x {each.engines} (Ray {ray.__version__})"
        return task, made.model_copy(update={"device": device})

    def each(self) -> Each:
        """The resources of each engine, and the number of engines.

        Raises:
            InputError: No machine of the cluster is large enough for an engine.
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
            wanted = counted(cpus, "CPU")
            if gpus:  # which may be a part of one
                wanted += f" and {gpus:g} {'GPU' if gpus == 1 else 'GPUs'}"
            raise InputError(
                f"no machine of the cluster has {wanted} for an engine: ask for fewer, or set the "
                "number of engines (--ray-engines), for which an autoscaler can add machines"
            )
        return Each(cpus, gpus, self.engines or room)

    def outcomes(
        self, reading: Items, store: Sink, chunk_size: int | None
    ) -> Generator[list[Outcome], None, None]:
        """One outcome for each item of a reading, in order.

        Raises:
            InputError: The results do not go to a run's folder, or the items do not come from
                files; an input is a pipe; or as `Reading.items`.
            OSError: As `Reading.items`.
            EngineError: Ray fails, or the same papers kill every worker that reads them.
        """
        if not isinstance(store, RunFolder) or not isinstance(reading, Reading):
            raise InputError(
                "a Ray cluster reads files and writes to a run's folder: name a folder for the run"
            )
        each = self.each()
        chunk_size = chunk_size or (MOST if each.gpus else FEWEST)
        # Ray gives this warning for corpora that are too small for all workers.
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
                fn_constructor_args=(loader(self.pipeline), Path.cwd()),
                batch_size=chunk_size,
                batch_format="pyarrow",
                num_cpus=each.cpus,
                num_gpus=each.gpus,
                compute=ActorPoolStrategy(size=each.engines),
                max_task_retries=_TRIES - 1,
            )
            for rows in data.iter_batches(batch_size=None, batch_format="pyarrow"):
                outcomes, error = _outcomes(rows, store, reading.task.name)
                if outcomes:
                    yield outcomes
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
                    "or let Ray choose the address (--ray auto)"
                ) from error
            finally:
                main = threading.current_thread() is threading.main_thread()
                if main and callable(ours):  # Ray replaces it with its own
                    signal.signal(signal.SIGTERM, ours)
        if ray.util.client.ray.is_connected():
            raise InputError(
                "Ray's client (ray://) cannot read files of this machine: start the program on a "
                "machine of the cluster, for example with `ray job submit`"
            )


class _Worker:
    """A worker of the pool, with one engine."""

    def __init__(self, load: Callable[[], Pipeline], here: Path) -> None:
        with working_in(here), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the run has shown them at its start
            self.pipeline = load()

    def __call__(self, rows: pa.Table) -> pa.Table:
        given = [cloudpickle.loads(row) for row in rows[COLUMN].to_pylist()]
        texts = [one.read for one in given if isinstance(one, Item) and isinstance(one.read, Text)]
        predicted = iter(predicted_by(self.pipeline, texts))
        return block([self._passed(one, predicted) for one in given])

    def _passed(self, given: object, predicted: Iterator[Prediction[Any]]) -> object:
        if not isinstance(given, Item):
            return given
        known = given.read if isinstance(given.read, Prediction) else None
        return given.outcome(known or next(predicted))


def loader(pipeline: Spec | Callable[[], Pipeline]) -> Callable[[], Pipeline]:
    """What workers are sent. The pickle of a spec does not say whether files may run code."""
    if isinstance(pipeline, Spec):
        return partial(_load, pipeline, allow_pickle=pipeline.allow_pickle)
    return pipeline


def _load(spec: Spec, *, allow_pickle: bool) -> Pipeline:
    # Not `spec.pipeline()`: it warns once in a process, and Ray uses processes again.
    return load(**spec.but(allow_pickle=allow_pickle).given())


def _outcomes(
    rows: pa.Table, store: RunFolder, task: str
) -> tuple[list[Outcome], BaseException | None]:
    """The outcomes of a block, with known texts looked up, and the error that ended reading."""
    outcomes: list[Outcome] = []
    here: dict[str | None, Outcome] = {}
    for row in rows[COLUMN].to_pylist():
        one = cloudpickle.loads(row)
        if isinstance(one, BaseException):
            return outcomes, one
        if isinstance(one, Known):
            digest = one.item.digest or ""
            known = here.get(digest) or store.find(digest) or store.find(digest, failed=True)
            one = one.item.as_was(known) if known else _lost(one.item, task)
        here.setdefault(one.text, one)
        outcomes.append(one)
    return outcomes, None


def _lost(item: Item, task: str) -> Outcome:
    """An outcome for a text that the index confused with another: their digests begin alike."""
    error = EngineError(
        "the text was mistaken for another with a similar digest: give it in a separate run"
    )
    return item.outcome(Prediction(id=item.read.id, task=task, error=Failure.of(error)))


def _made(
    load: Callable[[], Pipeline], here: Path, known: Sequence[FileMark] | None
) -> tuple[Task[Any], Made, list[str]]:
    """The task, what produces the results, and the warnings of loading; runs in a worker."""
    with working_in(here), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        pipeline = load()
        made = Made.by(pipeline, known)
    remarks = [str(one.message) for one in caught if one.category is UserWarning]
    return pipeline.task, made, remarks


@contextmanager
def _own_errors() -> Iterator[None]:
    """Unwrap our errors from Ray's, and turn other errors of Ray into EngineError."""
    try:
        yield
    except RayActorError as error:
        raise EngineError(
            f"{_TRIES} workers died at the same papers: one that is not done yet needs more memory "
            "than there is, or ends the process. Leave it out; with smaller portions (--chunk) "
            "more of those before it are done"
        ) from error
    except RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, BioGPTError | OSError):
            raise cause from None
        last = str(error).strip().splitlines()[-1:] or [""]
        raise EngineError(f"Ray failed with {type(error).__name__}: {last[0]}") from error


def _room(machine: dict[str, float], cpus: int, gpus: float) -> int:
    """The number of engines that fit on a machine."""
    most = machine.get("CPU", 0) // cpus
    return int(min(most, machine.get("GPU", 0) // gpus) if gpus else most)
