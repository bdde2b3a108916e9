"""Read files of solved documents: recognize the format, and read the documents."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from biogpt_plugins.corpus.gold import annotated, official, rows, sheet
from biogpt_plugins.corpus.gold.solved import REMEDY, Solved, at
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.pubmedqa import LABELS
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Answer, Label

# KD-DTI has this and an id in place of names that its authors may not redistribute.
_LICENSED = "DrugBank####"
FILL_IN = "fill in the names, as github.com/bert-nmt/BERT-DTI explains"
_Items = Iterable[tuple[str, Any]]
"""The place of each document in its file, and the document as parsed."""
_Solve = Callable[[Any, Sequence[str]], "Solved | None"]


def read_solved(
    path: str | Path, tasks: Sequence[str], *, ground_truth: str | Path | None = None
) -> list[Solved]:
    """Read the solved documents of some tasks from a file.

    Args:
        path: A file in any of the formats.
        tasks: Names of tasks. Documents of other tasks are left out.
        ground_truth: JSON of id to label for PubMedQA questions. It selects the questions that it
            names, in its order, and its labels replace the file's labels.

    Raises:
        InputError: A file is missing, broken or in an unknown format, has no examples for these
            tasks, or lacks a question that the ground truth names.
    """
    path = Path(path)
    solved: list[Solved] = []
    items, solve = _read(path)
    for place, item in items:
        where = f"{path}, {place}"
        with at(where):
            document = solve(item, tasks)
            if document and document.input is not None:
                get_task(document.task).read_input(document.input, entities=False)
        if document:
            solved.append(replace(document, where=where))
    if ids := sum(map(missing_names, solved)):
        warnings.warn(
            f"{path} has DrugBank ids ({_LICENSED}...) in place of {counted(ids, 'name')}, as "
            f"published. No model writes these ids: {FILL_IN}",
            stacklevel=2,
        )
    if not solved:
        raise InputError(f"{path} has no examples for {', '.join(tasks)}: {REMEDY}")
    if ground_truth is not None:
        solved = _labelled(solved, path, Path(ground_truth))
    for document in solved:
        if document.result is None:
            raise InputError(f"{document.where} has no final_decision: add a ground truth file")
    return solved


def missing_names(solved: Solved) -> int:
    """How many ends of KD-DTI's relations have a DrugBank id in place of their name."""
    relations = solved.result if isinstance(solved.result, list) else []
    ends = (end for relation in relations for end in (relation.head, relation.tail))
    return sum(end.text.startswith(_LICENSED) for end in ends)


def read_rows(path: str | Path) -> list[tuple[str, dict[str, Any]]]:
    """The rows of JSONL, of a JSON array or of a spreadsheet, each with its place in the file.

    Raises:
        InputError: As for `read_solved`; or the file has another format.
    """
    path = Path(path)
    items, solve = _read(path)
    if solve not in (rows.solve, _solve_line):
        raise InputError(f"{path} must be JSONL or a spreadsheet of labelled texts, not a corpus")
    found = []
    for place, item in items:
        with at(f"{path}, {place}"):
            row = read_json(item) if isinstance(item, str) else item
            if not isinstance(row, dict):
                raise InputError(f"it must be a JSON object, not {type(row).__name__}")
            found.append((place, row))
    return found


def _read(path: Path) -> tuple[list[tuple[str, Any]], _Solve]:
    data = read_bytes(path)
    with at(str(path)):
        if data.startswith(sheet.WORKBOOK):
            return list(sheet.sheet_items(sheet.workbook_rows(data))), rows.solve
    text = read_text(path)
    with at(str(path)):
        items, solve = _parse(text)
        return list(items), solve


def read_bytes(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        InputError: The file is missing.
    """
    if not path.is_file():
        raise InputError(f"data file {str(path)!r} does not exist: {REMEDY}")
    return path.read_bytes()


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        InputError: The file is missing, or not UTF-8.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 (byte 0x{error.object[error.start]:02x} at {error.start}): "
            "convert it, for example with iconv"
        ) from error


def read_json(text: str) -> Any:  # noqa: ANN401 - JSON may be anything
    """Parse a text as one JSON value.

    Raises:
        InputError: It is not valid JSON, or an object has a key twice.
    """
    value, end = _first_json(text)
    if text[end:].strip():
        raise InputError(f"not valid JSON: {text[end:].strip()[:40]!r} follows its end")
    return value


def _first_json(text: str) -> tuple[Any, int]:
    """The first JSON value of a text, and the offset of its end."""
    try:
        return _DECODER.raw_decode(text, len(text) - len(text.lstrip()))
    except (ValueError, RecursionError) as error:
        raise InputError(f"not valid JSON: {error}") from error


def _distinct(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for key, value in pairs:
        if key in entries:
            raise ValueError(f"the key {key!r} occurs twice: remove one")
        entries[key] = value
    return entries


_DECODER = json.JSONDecoder(object_pairs_hook=_distinct)


def _parse(text: str) -> tuple[_Items, _Solve]:
    """The parsed documents of a file, and the function that reads one of them."""
    start = text.lstrip()
    if not start:
        return (), rows.solve
    if start.startswith("<"):
        return annotated.bioc_documents(text), annotated.solve_bioc
    if start.startswith(("{", "[")):
        return _parse_json(text)
    if annotated.is_pubtator(start):
        return annotated.pubtator_blocks(text), annotated.solve_pubtator
    if sheet.is_sheet(start):
        return sheet.sheet_items(sheet.csv_rows(start)), rows.solve
    if "\t" in start.split("\n", 1)[0]:
        solve = official.solve_pubmedqa if official.is_pubmedqa(start) else official.solve_hoc
        return official.tsv_lines(text), solve
    raise InputError(f"unknown format: {REMEDY}")


def _parse_json(text: str) -> tuple[_Items, _Solve]:
    value, end = _first_json(text)
    if text[end:].strip():
        return _lines(text), _solve_line
    if isinstance(value, list):
        return ((f"item {n}", row) for n, row in enumerate(value, start=1)), rows.solve
    if value and all(isinstance(entry, dict) for entry in value.values()):
        return ((f"key {key!r}", (key, entry)) for key, entry in value.items()), official.solve
    if "gold" not in value and any(entry in LABELS for entry in value.values()):
        answers = ((key, {"id": key, "gold": label}) for key, label in value.items())
        return ((f"key {key!r}", row) for key, row in answers), rows.solve
    return [("line 1", value)], rows.solve


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"line {number}", line


def _solve_line(line: str, tasks: Sequence[str]) -> Solved | None:
    return rows.solve(read_json(line), tasks)


def _labelled(solved: Sequence[Solved], path: Path, ground_truth: Path) -> list[Solved]:
    """The questions that a ground truth names, with its labels and in its order.

    The order matters: completions for the official test set follow it, and the corpus does not.
    """
    text = read_text(ground_truth)
    with at(str(ground_truth)):
        labels = TypeAdapter(dict[str, Label]).validate_python(read_json(text))
        if not labels:
            raise InputError("it names no question: give JSON of id to label")
    if missing := labels.keys() - {document.id for document in solved}:
        raise InputError(
            f"{ground_truth} names {counted(len(missing), 'question')} that {path} lacks, for "
            f"example {min(missing)}: give the corpus that they are from"
        )
    order = {id_: number for number, id_ in enumerate(labels)}
    named = [(d, d.id) for d in solved if d.id in labels]
    named.sort(key=lambda pair: order[pair[1]])
    return [replace(document, result=Answer(label=labels[id_])) for document, id_ in named]
