"""Parquet: the rows of `biogpt_plugins.values.table`, for pandas, polars, DuckDB and Spark.

Every file has all columns, always with the same types, so that files of several tasks and runs can
be read as one table. Text is string, numbers are int64 and double; `evidence` is a list of structs,
`warnings` a list of strings. The schema's metadata names the writer and its version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from biogpt_plugins import __version__
from biogpt_plugins.corpus.writers import STDOUT, whole
from biogpt_plugins.values.errors import InputError, MissingExtraError
from biogpt_plugins.values.table import COLUMNS, TableRow

if TYPE_CHECKING:
    import pyarrow as pa

# A batch is kept as Python rows, a row group as a pyarrow table, which is much smaller.
_BATCH = 1_024
_BATCHES = 32


def schema() -> pa.Schema:
    """The columns of `biogpt_plugins.values.table` with their types.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    pa = _pyarrow()
    text, place = pa.string(), pa.int64()
    words = {"text": text, "start": place, "end": place}

    def several(type_: Any) -> Any:  # noqa: ANN401 - types of pyarrow
        return pa.list_(pa.field("element", type_))  # its name in the file

    cue = pa.struct({"kind": text, **words})
    sentence = pa.struct({**words, "holds": text, "cues": several(cue), "part": text})
    lists = {"evidence": several(sentence), "warnings": several(text)}
    types = {str: text, int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    fields = {name: lists.get(name) or types[type_] for name, type_ in COLUMNS.items()}
    return pa.schema(fields, metadata={"written_by": f"biogpt-plugins {__version__}"})


def write_parquet(path: str, rows: Iterable[TableRow]) -> None:
    """Write rows to a file, completely or not at all, in constant memory.

    Args:
        path: The file; an existing one is replaced.
        rows: Rows as in `biogpt_plugins.values.table.rows`.

    Raises:
        InputError: `path` is standard output.
        MissingExtraError: pyarrow is not installed.
        OSError: The file cannot be written.
    """
    if path == STDOUT:
        raise InputError("Parquet cannot be written to a pipe: name a file")
    parquet, columns = _pyarrow().parquet, schema()
    with (
        whole(path) as stream,
        parquet.ParquetWriter(stream, columns, compression="zstd") as writer,
    ):
        for group in _groups(iter(rows), columns):
            writer.write_table(group)


def _groups(rows: Iterator[TableRow], columns: pa.Schema) -> Iterator[pa.Table]:
    pa = _pyarrow()
    while batches := [
        pa.RecordBatch.from_pylist(batch, schema=columns)
        for batch in islice(iter(lambda: list(islice(rows, _BATCH)), []), _BATCHES)
    ]:
        yield pa.Table.from_batches(batches)


def _pyarrow() -> Any:  # noqa: ANN401 - a module without types
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError.of("Parquet needs pyarrow", "parquet") from error
    return pa
