"""The items of a run as a source of Ray Data: read in one place, in order, a few at a time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from ray import cloudpickle
from ray.data import DataContext
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask

from biogpt_plugins.corpus.readers.files import called, is_pipe
from biogpt_plugins.corpus.run.reading import Item, Reading, taken
from biogpt_plugins.corpus.run.text_index import TextIndex
from biogpt_plugins.values.errors import InputError

COLUMN = "pickled"
"""The one column of blocks; what stands there is this project's own, in its processes only."""


class Known(NamedTuple):
    """An item whose text is that of one before it, or of an earlier start of the run."""

    item: Item


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Work in a folder, if this machine has it: names of files mean there what they mean here."""
    before = Path.cwd()
    if folder.is_dir():
        os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


class Papers(Datasource):  # type: ignore[misc]  # Ray has no types
    """What a run is to read, once in each order: each time it is read, the same blocks come out.

    Each row is an Item, or Known; and where reading ended early, the last is the error.
    """

    def __init__(self, reading: Reading, index: Path, block_size: int) -> None:
        """Name what is to be read.

        Args:
            reading: What.
            index: The texts that the run has, which are not to be asked again; a TextIndex, of
                which copies are made.
            block_size: Rows of a block.

        Raises:
            InputError: A pipe is among it.
        """
        super().__init__()
        for path in filter(is_pipe, reading.files):
            raise InputError(
                f"on a cluster {called(path)} cannot be read, as it is a pipe: name a file"
            )
        self._reading, self._index, self._size = reading, index, block_size

    @property
    def supports_distributed_reads(self) -> bool:
        """Files are read where the program runs, which has them; nobody else needs to."""
        return False

    def estimate_inmemory_data_size(self) -> None:
        """Nobody knows."""

    def get_read_tasks(
        self,
        parallelism: int,  # noqa: ARG002 - Ray's signature
        per_task_row_limit: int | None = None,
        data_context: DataContext | None = None,  # noqa: ARG002 - the same
    ) -> list[ReadTask]:
        """One task, for one order."""
        reading, index, size, here = self._reading, self._index, self._size, Path.cwd()
        nobody_knows = BlockMetadata(
            num_rows=None, size_bytes=None, input_files=None, exec_stats=None
        )
        task = ReadTask(
            lambda: _blocks(reading, index, size, here), nobody_knows, None, per_task_row_limit
        )
        return [task]


def block(values: list[object]) -> pa.Table:
    """A block of Ray Data."""
    return pa.table({COLUMN: pa.array(map(cloudpickle.dumps, values), pa.binary())})


def _blocks(reading: Reading, index: Path, size: int, here: Path) -> Iterator[pa.Table]:
    with tempfile.TemporaryDirectory() as folder, working_in(here):
        # If this process dies, Ray has another one read all again, which must know as little.
        own = Path(folder, "texts")
        shutil.copyfile(index, own)
        with closing(TextIndex(own)) as seen, closing(reading.items()) as items:
            error: Exception | None = None
            while error is None:
                chunk, error = taken(items, size)
                rows: list[object] = [_noticed(item, seen) for item in chunk]
                if error:
                    rows.append(error)
                if not rows:
                    break
                yield block(rows)
                seen.keep()


def _noticed(item: Item, seen: TextIndex) -> Item | Known:
    return item if item.digest is None or seen.note(item.digest) else Known(item)
