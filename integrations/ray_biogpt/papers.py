"""The items of a run as a Ray Data source, which reads them in one place, in order."""

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
"""The only column of blocks. Its pickles come from this project's own processes."""


class Known(NamedTuple):
    """An item with the same text as an earlier item, or as one of an earlier start."""

    item: Item


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Change to a folder, if this machine has it, so that relative paths mean the same."""
    before = Path.cwd()
    if folder.is_dir():
        os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


class Papers(Datasource):  # type: ignore[misc]  # Ray has no types
    """The items of a run. Every read gives the same blocks.

    Each row is an Item or a Known. If reading fails, the last row is the error.
    """

    def __init__(self, reading: Reading, index: Path, block_size: int) -> None:
        """Name the items to read.

        Args:
            reading: The items.
            index: A TextIndex of the run's finished texts, which the model need not read again.
                Each read uses a copy.
            block_size: Number of rows in a block.

        Raises:
            InputError: An input is a pipe.
        """
        super().__init__()
        for path in filter(is_pipe, reading.files):
            raise InputError(
                f"a Ray cluster cannot read {called(path)}, which is a pipe: name a file"
            )
        self._reading, self._index, self._size = reading, index, block_size

    @property
    def supports_distributed_reads(self) -> bool:
        """Always False: only the machine of the program needs the files."""
        return False

    def estimate_inmemory_data_size(self) -> None:
        """Return None: the size is unknown."""

    def get_read_tasks(
        self,
        parallelism: int,  # noqa: ARG002 - Ray's signature
        per_task_row_limit: int | None = None,
        data_context: DataContext | None = None,  # noqa: ARG002 - the same
    ) -> list[ReadTask]:
        """A single task, which keeps the order."""
        reading, index, size, here = self._reading, self._index, self._size, Path.cwd()
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        task = ReadTask(
            lambda: _blocks(reading, index, size, here), unknown, None, per_task_row_limit
        )
        return [task]


def block(values: list[object]) -> pa.Table:
    """A block of Ray Data."""
    return pa.table({COLUMN: pa.array(map(cloudpickle.dumps, values), pa.binary())})


def _blocks(reading: Reading, index: Path, size: int, here: Path) -> Iterator[pa.Table]:
    with tempfile.TemporaryDirectory() as folder, working_in(here):
        # If this process dies, another reads everything again from the same known texts.
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
