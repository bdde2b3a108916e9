"""Matches predictions to gold documents, and checks the gold first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from biogpt_plugins.evaluation.metrics import BC5CDR, PUBMEDQA, Metric
from biogpt_plugins.scoring.gold import TABLES, Document, GoldSet
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction


def check_gold(gold: GoldSet[Any], metric: Metric) -> None:
    """Check that predictions can be scored against this gold.

    Raises:
        InputError: It has no documents, a repeated id, an unknown label, or (BC5CDR) no names.
    """
    if not gold.documents:
        raise InputError(f"the {gold.task} gold has no documents: there is nothing to score")
    first: dict[str, Document[Any]] = {}
    for document in gold.documents:
        if document.id in first:
            raise InputError(
                f"document {name(first[document.id])} of the gold is repeated as "
                f"{name(document)}: give each document once"
            )
        first[document.id] = document
        given = [document.gold] if metric is PUBMEDQA else document.gold
        unknown = [label for label in given if metric.labels and label not in metric.labels]
        if unknown:
            raise InputError(
                f"the gold of document {name(document)} has {unknown[0]!r}, which is not a label "
                f"of {gold.task}: use {', '.join(metric.labels)}"
            )
    if metric is BC5CDR and not gold.names.keys() >= set(TABLES):
        raise InputError(
            "the bc5cdr gold has no table of names and their ids: pass {split}.entities.json, "
            'with "chemical2id" and "disease2id"'
        )


def check_counts(gold: GoldSet[Any], predictions: int) -> None:
    """Check that predictions can be matched by order.

    Raises:
        InputError: Their number differs from the number of documents.
    """
    documents = len(gold.documents)
    if predictions == documents:
        return
    first = "the first document without a prediction is"
    place = first if predictions < documents else "the last document is"
    bare = sum(not document.gold for document in gold.documents)
    hint = (
        f"; {counted(bare, 'document has', 'documents have')} no gold, and the official lists omit "
        "such documents"
        if bare and predictions == documents - bare
        else ""
    )
    raise InputError(
        f"{counted(predictions, 'prediction')} for {counted(documents, 'gold document')} ({place} "
        f"{name(gold.documents[min(predictions, documents - 1)])}{hint}): predictions without "
        "ids are matched by order, so give one for each document"
    )


def match(
    gold: GoldSet[Any], predictions: Sequence[Prediction[Any]]
) -> tuple[list[Prediction[Any]], tuple[str, ...]]:
    """Put predictions in the order of the gold: by id, or by position where ids are missing.

    Returns:
        The predictions, and a note if they were matched by position.

    Raises:
        InputError: An id is repeated, is on one side only, or is in another position.
    """
    ids = [prediction.id for prediction in predictions]
    if twice := [id_ for id_, times in Counter(ids).items() if id_ is not None and times > 1]:
        raise InputError(
            f"more than one prediction for document {_some(twice)}: give one for each document"
        )
    if None in ids or not ids:
        check_counts(gold, len(ids))
        for number, (document, id_) in enumerate(zip(gold.documents, ids, strict=True), 1):
            if id_ not in (None, document.id):
                raise InputError(
                    f"some predictions have no id, so all are matched by order, but number "
                    f"{number} is {id_} and the gold has {name(document)} there: give every "
                    "prediction the id of its document"
                )
        bare, have = ids.count(None), "has" if ids.count(None) == 1 else "have"
        every = counted(len(ids), "prediction")
        note = f"{bare:,} of {every} {have} no id: all were matched by order"
        return list(predictions), (note,)
    by_id = dict(zip(ids, predictions, strict=True))
    missing = [name(document) for document in gold.documents if document.id not in by_id]
    known = {document.id for document in gold.documents}
    strange = [id_ for id_ in ids if id_ is not None and id_ not in known]
    if missing or strange:
        faults = [f"no prediction for document {_some(missing)}"] if missing else []
        faults += [f"no gold document for prediction {_some(strange)}"] if strange else []
        raise InputError(f"{'; '.join(faults)}: predict exactly the documents of the gold")
    return [by_id[document.id] for document in gold.documents], ()


def name(document: Document[Any]) -> str:
    """A document's id and place, for messages."""
    return f"{document.id} ({document.where})" if document.where else document.id


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
