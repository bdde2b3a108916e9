"""A model's predictions for a gold corpus; what an interruption leaves is gone on from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from biogpt_plugins.evaluation.matching import name
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.pipeline.provenance import check_same, settings_of
from biogpt_plugins.scoring.gold import Document, GoldSet
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction

PREDICTIONS = "predictions.jsonl"
SETTINGS = "run.json"


def predict(
    pipeline: Pipeline, gold: GoldSet[Any], *, folder: Path | None = None, chunk_size: int = 64
) -> Iterator[Prediction[Any]]:
    """Predict the documents of a corpus, in its order.

    Args:
        pipeline: The task on a model.
        gold: The corpus, with texts.
        folder: Where predictions.jsonl is written as the run goes on. Predictions that are there
            already are taken from there, if they are those of the same settings and documents.
        chunk_size: Documents handed to the model at a time.

    Raises:
        InputError: The corpus is another task's or has no texts, or the folder holds another run.
    """
    if pipeline.task.name != gold.task:
        raise InputError(f"a pipeline for {pipeline.task.name} cannot predict {gold.task} gold")
    check_texts(gold)
    done = _taken_up(pipeline, gold, folder) if folder else []
    yield from done
    rest = [{**(d.input or {}), "id": d.id} for d in gold.documents[len(done) :]]
    if folder is None:
        yield from pipeline.imap(rest, chunk_size=chunk_size)
        return
    with (folder / PREDICTIONS).open("ab") as file:
        for prediction in pipeline.imap(rest, chunk_size=chunk_size):
            file.write(prediction.model_dump_json().encode() + b"\n")
            file.flush()
            yield prediction


def check_texts(gold: GoldSet[Any]) -> None:
    """Find documents that have nothing to predict from.

    Raises:
        InputError: There is one.
    """
    for document in gold.documents:
        if document.input is None:
            raise InputError(
                f"the gold of document {name(document)} has no text to predict from: score "
                "recorded completions instead (`biogpt score`)"
            )


def count_done(folder: Path) -> int:
    """How many predictions a folder holds."""
    path = folder / PREDICTIONS
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def _taken_up(pipeline: Pipeline, gold: GoldSet[Any], folder: Path) -> list[Prediction[Any]]:
    """What the folder holds of this run; makes the folder if there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    path, settings = folder / PREDICTIONS, folder / SETTINGS
    lines = path.read_bytes().split(b"\n") if path.is_file() else [b""]
    part = lines.pop()  # an interruption may leave a part of a line
    ours, texts = settings_of(pipeline), [_mark(document) for document in gold.documents]
    if not lines and (settings.is_file() or not part):
        path.write_bytes(b"")
        _save(settings, ours, texts)
        return []
    try:
        found = [Prediction.model_validate_json(line) for line in lines]
        theirs = json.loads(settings.read_bytes()) if settings.is_file() else {}
    except ValueError as error:
        raise InputError(
            f"{folder} holds no run to go on from, {SETTINGS} or {PREDICTIONS} is broken: name "
            "another folder, or remove that one"
        ) from error
    check_same(folder, {key: theirs[key] for key in theirs if key != "texts"}, ours)
    seen = theirs.get("texts", "").split()
    for document, text, other_text in zip(gold.documents, texts, seen, strict=False):
        if text != other_text:
            raise InputError(
                f"{folder} holds a run over other documents, from {name(document)} on: name "
                "another folder, or remove that one"
            )
    if part:
        path.write_bytes(b"".join(line + b"\n" for line in lines))
    if len(texts) > len(seen):
        _save(settings, ours, texts)
    return found[: len(gold.documents)]


def _mark(document: Document[Any]) -> str:
    """What tells a document's input from others."""
    told = json.dumps([document.id, document.input], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def _save(path: Path, settings: dict[str, Any], texts: list[str]) -> None:
    """Write the settings so that they are never there in part."""
    part = path.with_suffix(".part")
    told = json.dumps({**settings, "texts": " ".join(texts)}, indent=2)
    part.write_text(told + "\n", encoding="utf-8")
    part.replace(path)
