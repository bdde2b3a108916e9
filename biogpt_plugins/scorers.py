"""The official metrics of BC5CDR and PubMedQA, as pure functions.

BC5CDR reproduces the BioCreative V evaluation jar on what RE-BC5CDR/postprocess.py reads; PubMedQA
the accuracy of the benchmark's own script. The other tasks' metrics are not here yet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from biogpt_plugins.errors import InputError

UNKNOWN_ID = "-1"


class RelationScore(BaseModel):
    """Counts over a corpus and what follows from them; NaN where nothing was counted."""

    model_config = ConfigDict(frozen=True)

    tp: int
    fp: int
    fn: int

    @property
    def precision(self) -> float:
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        return _ratio(2 * self.precision * self.recall, self.precision + self.recall)


def score_bc5cdr(
    gold: Mapping[str, Iterable[tuple[str, str]]],
    predicted: Mapping[str, Iterable[tuple[str, str]]],
    ids: Mapping[str, Mapping[str, str]],
) -> RelationScore:
    """Score chemical-disease pairs by their MeSH ids, as the BioCreative V jar counts.

    Distinct (document, chemical id, disease id) triples are counted; a name without an id is
    "-1", which is never right; documents without gold relations are left out.

    Args:
        gold: Document to its (chemical id, disease id) pairs.
        predicted: Document to its (chemical name, disease name) pairs, as the model wrote them.
        ids: "chemical2id" and "disease2id": name to id, as in {split}.entities.json.

    Raises:
        InputError: A document with gold relations has no prediction.
    """
    found: set[tuple[str, str, str]] = set()
    wanted = {(doc, c, d) for doc, pairs in gold.items() for c, d in pairs}
    for document in {doc for doc, _, _ in wanted}:
        if document not in predicted:
            raise InputError(f"no prediction for document {document}: predict every gold document")
        for chemical, disease in predicted[document]:
            chemical_id = ids["chemical2id"].get(chemical, UNKNOWN_ID)
            disease_id = ids["disease2id"].get(disease, UNKNOWN_ID)
            found.add((document, chemical_id, disease_id))
    right = {triple for triple in found & wanted if UNKNOWN_ID not in triple[1:]}
    return RelationScore(tp=len(right), fp=len(found - right), fn=len(wanted - right))


def accuracy(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """Share of exactly equal labels; PubMedQA's accuracy.

    Raises:
        InputError: The two differ in length, or are empty.
    """
    if len(gold) != len(predicted) or not gold:
        raise InputError(
            f"{len(gold)} gold labels and {len(predicted)} predicted: give one for each, and one "
            "at least"
        )
    return sum(g == p for g, p in zip(gold, predicted, strict=True)) / len(gold)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
