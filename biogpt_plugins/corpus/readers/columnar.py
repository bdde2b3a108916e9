"""Tables that are no text: Parquet, Feather and Excel's workbooks, some rows at a time."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import IO, Any
from zipfile import ZipFile

from biogpt_plugins.corpus.readers.records import ParsedRecord
from biogpt_plugins.corpus.readers.tables import Header
from biogpt_plugins.values.errors import InputError, LostError, installing
from biogpt_plugins.values.names import OURS

_BATCH = 1024
_LARGEST_SHEETS = 1 << 30
_PARQUET = f"to read it install pyarrow ({installing('parquet')}), or save it as CSV"
_EXCEL = f"to read it install openpyxl ({installing('excel')}), or save it as CSV"


def read_parquet(stream: IO[bytes], told: Mapping[str, str]) -> Iterator[ParsedRecord]:
    """Read a Parquet file; of its columns those alone that are texts and ids."""
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an extra
    except ImportError:
        yield ParsedRecord(1, InputError(f"it is a Parquet file: {_PARQUET}"))
        return
    try:
        file = parquet.ParquetFile(stream)
        wanted = _wanted(file.schema_arrow.names, told)
        yield from _rows(file.iter_batches(_BATCH, columns=wanted), told)
    except InputError as error:
        yield ParsedRecord(1, error)
    except (ArrowException, OSError) as error:
        yield ParsedRecord(1, LostError(f"cannot read further: {_line(error)}"))


def read_feather(stream: IO[bytes], told: Mapping[str, str]) -> Iterator[ParsedRecord]:
    """Read a Feather file, which is Arrow's own format."""
    try:
        from pyarrow import ArrowException, ipc  # noqa: PLC0415
    except ImportError:
        yield ParsedRecord(1, InputError(f"it is a Feather file: {_PARQUET}"))
        return
    try:
        names = ipc.open_file(stream).schema.names
        at = [names.index(name) for name in _wanted(names, told)]
        file = ipc.open_file(stream, options=ipc.IpcReadOptions(included_fields=at))
        batches = (file.get_batch(n) for n in range(file.num_record_batches))
        small = (b.slice(n, _BATCH) for b in batches for n in range(0, b.num_rows, _BATCH))
        yield from _rows(small, told)
    except InputError as error:
        yield ParsedRecord(1, error)
    except (ArrowException, OSError) as error:
        yield ParsedRecord(1, LostError(f"cannot read further: {_line(error)}"))


def read_xlsx(stream: IO[bytes], told: Mapping[str, str]) -> Iterator[ParsedRecord]:
    """Read the sheets of a workbook that have columns of texts."""
    try:
        import openpyxl  # noqa: PLC0415
    except ImportError:
        yield ParsedRecord(1, InputError(f"it is an Excel workbook: {_EXCEL}"))
        return
    with ZipFile(stream) as package:
        if sum(info.file_size for info in package.infolist()) > _LARGEST_SHEETS:
            yield ParsedRecord(1, InputError("it has more than 1 GiB of sheets: save them as CSV"))
            return
    stream.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions, which hold no text
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        except (KeyError, ValueError, OSError) as error:
            yield ParsedRecord(1, InputError(f"it is no workbook that can be read: {_line(error)}"))
            return
    faults: list[tuple[str, InputError]] = []
    found = False
    for sheet in book.worksheets:
        rows = enumerate(sheet.iter_rows(values_only=True), start=1)
        first = next(((n, row) for n, row in rows if any(map(_is_filled, row))), None)
        if first is None:
            continue
        width = max(at for at, value in enumerate(first[1], 1) if _is_filled(value))
        names = ["" if v is None else str(v).strip() for v in first[1][:width]]
        try:
            header = Header(names, told)
        except InputError as error:
            faults.append((sheet.title, error))
            continue
        found = True
        for number, row in rows:
            cells = [_cell(value) for value in row[:width]]
            if any(map(_is_filled, row)):
                record = header.record(
                    _as_text(c) for c in [*cells, *[None] * (width - len(cells))]
                )
                yield ParsedRecord(number, record)
    if not found:
        told_ = [f"sheet {name!r}: {fault}" for name, fault in faults]
        yield ParsedRecord(1, InputError("; ".join(told_) or "all of its sheets are empty"))
    elif faults:
        names = [name for name, _ in faults]
        warnings.warn(f"sheets without a column of a text are left out: {names}", stacklevel=2)


def _wanted(names: Sequence[str], told: Mapping[str, str]) -> list[str]:
    header = Header(list(names), told)
    if len(set(names)) < len(names):
        raise InputError("two columns have the same name: rename one of them")
    wanted = [
        n for n, key in zip(names, header.keys, strict=True) if key != n.lower() or key in OURS
    ]
    return wanted or list(names)


def _rows(batches: Iterator[Any], told: Mapping[str, str]) -> Iterator[ParsedRecord]:
    """The rows of batches of Arrow; a row's number stands for its line."""
    number = 0
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        return
    header = Header(list(first.schema.names), told)
    for batch in chain([first], batches):
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            number += 1
            record = header.record(map(_cell, row))
            if record:
                yield ParsedRecord(number, record)


def _is_filled(value: object) -> bool:
    return value is not None and str(value).strip() != ""


def _cell(value: object) -> object:
    """What stands in a cell: None where it is empty; a whole number is no fraction."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() else value
    return None if value == "" else value


def _as_text(value: object) -> object:
    return value if value is None or isinstance(value, str | int) else str(value)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
