"""Values of other libraries as records: tables, rows, objects with fields, hosts' documents.

No other library is imported: values are known by their public attributes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel

from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.names import field_of, is_text

_GAPS = {"nan", "NaN", "<NA>", "NaT"}  # as tables write them when turned into text
_SINGLE = "inputs must be a list, not a single {}; wrap it: [text]"
_WHOLE = re.compile(r"([+-]?\d+)\.0+")


def is_missing(value: object) -> bool:
    """Whether a value stands for none: None, NaN, NaT, pandas.NA."""
    if value is None:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124 - NaN and NaT differ from themselves
    except (TypeError, ValueError, ArithmeticError):  # NA is neither; an array is many
        return type(value).__name__ == "NAType"


def plain(value: object) -> Any:  # noqa: ANN401 - whatever it holds
    """A scalar or array of numpy, pyarrow or a series as Python's own."""
    if isinstance(value, str):
        return str(value)
    for convert in ("tolist", "to_list", "as_py"):
        if callable(method := getattr(value, convert, None)):
            return method()
    return value


def identifier(value: object) -> str | None:
    """An id as a person writes it: 123, not 123.0; None for a gap in a table.

    Raises:
        InputError: It is no number, text, UUID or other value with a text of its own.
    """
    value = plain(value)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    unnamed = type(value).__str__ is object.__str__ and type(value).__repr__ is object.__repr__
    if unnamed or isinstance(value, bytes | bytearray | Mapping | list | tuple | set | BaseModel):
        raise InputError(f"an id must be a text or a number, not a {type(value).__name__}")
    text = "" if is_missing(value) else str(value).strip()
    if text in {"", "None", *_GAPS}:
        return None
    found = _WHOLE.fullmatch(text)
    return found[1] if found else text


def fields_of(value: object) -> dict[str, Any] | None:
    """The fields of a record, whatever its type, without gaps; None if it has no fields.

    Mappings, dataclasses, attrs, pydantic models, named tuples, rows of pandas and of databases are
    records.
    """
    found = _fields(value)
    if found is None:
        return None
    there = ((str(name), plain(field)) for name, field in found.items())
    return {name: field for name, field in there if not is_missing(field) and not _is_gap(field)}


def is_record(value: object) -> bool:
    """Whether a value is one record rather than several."""
    if _is_series(value):
        return any(is_text(str(name)) for name in getattr(value, "index", ()))
    if isinstance(value, str | bytes) or document(value) is not None:
        return True
    return not _is_table(value) and _fields(value) is not None


def several(values: Any) -> Iterable[object]:  # noqa: ANN401
    """The records of a list or an iterator, of a table, or of a series of texts.

    Raises:
        InputError: It is a single record, or a table that has to be converted first.
    """
    if is_record(values):
        raise InputError(_SINGLE.format(type(values).__name__))
    if _is_series(values):
        return _rows_of_series(values)
    if (rows := _rows(values)) is not None:
        return rows
    if hasattr(values, "collect") or (_is_table(values) and not hasattr(values, "to_list")):
        raise InputError(
            "inputs must be a list, or a table of pandas, polars or pyarrow, not a "
            f"{type(values).__name__}: convert it, for example with to_pandas() or collect()"
        )
    if not isinstance(values, Iterable):
        raise InputError(_SINGLE.format(type(values).__name__))
    return values


def _is_series(value: object) -> bool:
    """Whether it is a Series of pandas."""
    return hasattr(value, "iloc") and hasattr(value, "to_frame")


def _is_table(value: object) -> bool:
    marks = ("__dataframe__", "__arrow_c_stream__", "to_pylist", "dtypes")
    return not isinstance(value, type) and any(hasattr(type(value), mark) for mark in marks)


def _rows(table: Any) -> Iterable[Mapping[str, object]] | None:  # noqa: ANN401
    """The rows of a table, one at a time; None if it is of an unknown library."""
    rows: Iterable[Mapping[str, object]] | None = None
    if hasattr(table, "iloc") and hasattr(table, "itertuples"):
        rows = _rows_of_pandas(table)
    elif hasattr(table, "iter_rows"):  # polars
        rows = table.iter_rows(named=True)
    elif hasattr(table, "to_batches"):  # pyarrow
        rows = (row for batch in table.to_batches() for row in batch.to_pylist())
    elif hasattr(table, "to_pylist"):  # a batch of pyarrow, or an array
        rows = table.to_pylist()
    return rows


def _rows_of_pandas(table: Any) -> Iterator[Mapping[str, object]]:  # noqa: ANN401
    """The rows; an index that has a name is a column, and often the id."""
    index = [name for name in table.index.names if name is not None]
    if index and not set(index) & set(table.columns):
        table = table.reset_index()
    names = [*map(str, table.columns)]
    texts = [name for name in names if names.count(name) > 1 and field_of(name)]
    if texts:
        raise InputError(f"two columns are called {texts[0]!r}: rename one of them")
    for row in table.itertuples(index=False, name=None):
        yield dict(zip(names, row, strict=True))


def _rows_of_series(series: Any) -> Iterator[object]:  # noqa: ANN401
    """The texts; with ids, if the index has the name of one."""
    name = str(series.index.name or "")
    if field_of(name) in ("id", "pmid"):
        return ({"id": key, "text": text} for key, text in series.items())
    return iter(series)


def _fields(value: Any) -> Mapping[Any, object] | None:  # noqa: ANN401, PLR0911 - a kind each
    if isinstance(value, Mapping):
        return value
    if isinstance(value, str | bytes | type):
        return None
    names: Iterable[str] = ()
    if isinstance(value, BaseModel):
        return _of_model(value)
    if is_dataclass(value):
        names = [field.name for field in fields(value)]
    elif hasattr(value, "__attrs_attrs__"):
        names = [field.name for field in value.__attrs_attrs__]
    elif hasattr(value, "_asdict"):  # a named tuple; a row of pandas or SQLAlchemy
        return dict(value._asdict())
    elif _is_series(value):
        return dict(value.items())
    elif hasattr(value, "keys") and hasattr(value, "__getitem__"):  # a row of sqlite3
        return {name: value[name] for name in value.keys()}  # noqa: SIM118 - it is no mapping
    else:
        return None
    return {name: getattr(value, name) for name in names}


def _of_model(model: BaseModel) -> dict[str, object]:
    """A model's fields, by the alias where that is the name that says what it is."""
    found: dict[str, object] = {}
    for name, info in type(model).model_fields.items():
        known = field_of(name) is not None or not info.alias
        found[name if known else str(info.alias)] = getattr(model, name)
    return found | dict(model.model_extra or {})


def document(value: Any) -> tuple[Mapping[str, object], str, str | None] | None:  # noqa: ANN401
    """The metadata, the text and the own id of a host's document.

    Hosts are LangChain, with its Documents, LlamaIndex, with its nodes, and Haystack.
    """
    if isinstance(value, Mapping | str | bytes | type):
        return None
    value = getattr(value, "node", value)  # a NodeWithScore
    metadata = metadata_of(value)
    if not isinstance(metadata, Mapping):
        return None
    if hasattr(value, "meta") and isinstance(text := getattr(value, "content", None), str):
        return metadata, text, getattr(value, "id", None)  # Haystack's
    if isinstance(text := getattr(value, "page_content", None), str):
        return metadata, text, getattr(value, "id", None)
    if hasattr(value, "node_id") and callable(content := getattr(value, "get_content", None)):
        return metadata, content(), getattr(value, "ref_doc_id", None) or value.node_id
    return None


def metadata_of(value: Any) -> Any:  # noqa: ANN401
    """The metadata of a host's document; None if it has none."""
    found = getattr(value, "metadata", None)
    return getattr(value, "meta", None) if found is None else found


def chunk_start(value: Any) -> int | None:  # noqa: ANN401
    """Where a chunk begins in its document, as splitters of the hosts note it; None if unknown."""
    value = getattr(value, "node", value)
    metadata = metadata_of(value) or {}
    names = ("start_index", "split_idx_start")
    noted = (metadata[name] for name in names if name in metadata)
    start = next(noted, getattr(value, "start_char_idx", None))
    return start if isinstance(start, int) and start >= 0 else None


def _is_gap(value: object) -> bool:
    return isinstance(value, str) and value in _GAPS
