"""DDI and KD-DTI: typed interactions by their names, in two normal forms.

Reproduces RE-DDI/hard_match_evaluation.py, which RE-DTI shares, and keeps its names. A name is
right in either of two forms: without its final bracket, or as the content of that bracket. So
"cyclooxygenase 1 (COX-1)" is "cyclooxygenase 1" or "COX-1". Within one comparison of two sets all
names are in the same form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import starmap
from typing import NamedTuple

from biogpt_plugins.scoring.figures import Counts, Figure, Value, paired
from biogpt_plugins.scoring.gold import Triple
from biogpt_plugins.scoring.official import FAILED

OTHER_TYPES = "(no type of the gold)"

_ROMAN = ("0", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
_UNWRITTEN = re.compile("[^a-zA-Z0-9]+")


class InteractionScore(Value):
    """All figures that the official script prints, unrounded.

    Attributes:
        num_sample: Documents scored.
        missing: Predicted documents that are not in the gold.
        num_gold: Distinct gold triples per document, summed.
        num_pred: Distinct predicted triples per document, summed.
        sample_acc_d: Heads (drugs): mean over documents of |intersection| / |union|.
        sample_acc_t: Tails (targets): the same mean.
        sample_acc_i: Types (interactions): the same mean.
        tp_p: Mean precision of triples over documents.
        tp_r: Mean recall.
        tp_micro_f1: Mean F1, which BioGPT's paper reports.
        tp_macro_f1: Harmonic mean of `tp_p` and `tp_r`.
        onto_f1_d: F1 of the set of all heads of the corpus.
        onto_f1_t: F1 of the set of all tails.
        onto_f1_i: F1 of the set of all types.
        onto_p: Precision of the set of all triples.
        onto_r: Recall of the set of all triples.
        onto_f1: F1 of the set of all triples.
    """

    num_sample: int
    missing: int
    num_gold: int
    num_pred: int
    sample_acc_d: Figure
    sample_acc_t: Figure
    sample_acc_i: Figure
    tp_p: Figure
    tp_r: Figure
    tp_micro_f1: Figure
    tp_macro_f1: Figure
    onto_f1_d: Figure
    onto_f1_t: Figure
    onto_f1_i: Figure
    onto_p: Figure
    onto_r: Figure
    onto_f1: Figure


class DocumentMatch(NamedTuple):
    """The agreement of one document's triples with its gold."""

    precision: float
    recall: float
    f1: float
    head: float
    tail: float
    type: float


def score_interactions(
    gold: Mapping[str, Iterable[Triple]], predicted: Mapping[str, Iterable[Triple]]
) -> InteractionScore:
    """Score a corpus.

    Args:
        gold: Document -> its (head, tail, type) triples.
        predicted: Document -> the triples read from its completion, in order. If the head of the
            first is "failed", the document counts as having no triples.

    Raises:
        InputError: There are no gold documents, or one has no prediction.
    """
    documents = [(_folded(right), _read(found)) for right, found in paired(gold, predicted)]
    matches = [_match(found, right) for right, found in documents]
    means = [sum(column) / len(matches) for column in zip(*matches, strict=True)]
    mean = DocumentMatch(*means)
    corpus = _in_forms(
        {triple for _, found in documents for triple in found},
        {triple for right, _ in documents for triple in right},
    )
    return InteractionScore(
        num_sample=len(documents),
        missing=len(predicted.keys() - gold.keys()),
        num_gold=sum(len(right) for right, _ in documents),
        num_pred=sum(len(found) for _, found in documents),
        sample_acc_d=mean.head,
        sample_acc_t=mean.tail,
        sample_acc_i=mean.type,
        tp_p=mean.precision,
        tp_r=mean.recall,
        tp_micro_f1=mean.f1,
        tp_macro_f1=_harmonic(mean.precision, mean.recall),
        onto_f1_d=_f1(_column(corpus, 0)),
        onto_f1_t=_f1(_column(corpus, 1)),
        onto_f1_i=_f1(_column(corpus, 2)),
        onto_p=_better(_precision, corpus),
        onto_r=_better(_recall, corpus),
        onto_f1=_f1(corpus),
    )


def match_document(gold: Iterable[Triple], predicted: Iterable[Triple]) -> DocumentMatch:
    """Compare one document's triples with its gold; if both are empty, figures are 1."""
    return _match(_read(predicted), _folded(gold))


def count_types(
    gold: Iterable[Triple], predicted: Iterable[Triple], types: Iterable[str]
) -> dict[str, Counts]:
    """Count one document's triples by type, each type in the form that gets more of it right.

    Args:
        gold: The document's triples.
        predicted: The triples read from its completion.
        types: The types of the corpus; triples of other types count as `OTHER_TYPES`.
    """
    right, found = _folded(gold), _read(predicted)
    known = {_fold(type_): type_ for type_ in sorted(types)}
    groups: dict[str, set[str]] = {}
    for _, _, type_ in found | right:
        groups.setdefault(known.get(type_, OTHER_TYPES), set()).add(type_)
    return {
        name: max(
            starmap(Counts.between, _in_forms(_of_types(found, group), _of_types(right, group))),
            key=lambda counts: counts.tp,
        )
        for name, group in groups.items()
    }


def _of_types(triples: Iterable[Triple], types: AbstractSet[str]) -> list[Triple]:
    return [triple for triple in triples if triple[2] in types]


# --- comparing sets -----------------------------------------------------------------------------

_Set = AbstractSet[object]
_Forms = Sequence[tuple[_Set, _Set]]  # (predicted, gold) in each normal form


def _match(found: Collection[Triple], right: Collection[Triple]) -> DocumentMatch:
    forms = _in_forms(found, right)
    return DocumentMatch(
        _better(_precision, forms),
        _better(_recall, forms),
        _f1(forms),
        *(_better(_overlap, _column(forms, at)) for at in range(3)),
    )


def _better(metric: Callable[[_Set, _Set], float], forms: _Forms) -> float:
    return max(starmap(metric, forms))


def _f1(forms: _Forms) -> float:
    return _harmonic(_better(_precision, forms), _better(_recall, forms))


def _precision(found: _Set, right: _Set) -> float:
    return len(found & right) / len(found) if found else float(not right)


def _recall(found: _Set, right: _Set) -> float:
    return _precision(right, found)


def _overlap(found: _Set, right: _Set) -> float:
    return len(found & right) / len(found | right) if right else float(not found)


def _harmonic(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


# --- normal forms -----------------------------------------------------------------------------


def _in_forms(
    found: Collection[Triple], right: Collection[Triple]
) -> list[tuple[set[Triple], set[Triple]]]:
    return [
        ({_triple(form, each) for each in found}, {_triple(form, each) for each in right})
        for form in (_without_bracket, _bracketed)
    ]


def _triple(form: Callable[[str], str], triple: Triple) -> Triple:
    head, tail, type_ = triple
    return form(head), form(tail), form(type_)


def _column(forms: Iterable[tuple[set[Triple], set[Triple]]], at: int) -> _Forms:
    return [({each[at] for each in found}, {each[at] for each in right}) for found, right in forms]


def _read(triples: Iterable[Triple]) -> frozenset[Triple]:
    given = list(triples)
    return _folded(given) if given and given[0][0] != FAILED else frozenset()


def _folded(triples: Iterable[Triple]) -> frozenset[Triple]:
    return frozenset((_fold(head), _fold(tail), _fold(type_)) for head, tail, type_ in triples)


def _fold(name: str) -> str:
    return name.strip().lower().replace(" ", "")


@lru_cache(maxsize=1 << 16)
def _without_bracket(name: str) -> str:
    name = name.strip()
    return _normal(name[: name.rfind("(")] if _ends_in_bracket(name) else name)


@lru_cache(maxsize=1 << 16)
def _bracketed(name: str) -> str:
    name = name.strip()
    return _normal(name[name.rfind("(") + 1 : -1] if _ends_in_bracket(name) else name)


def _ends_in_bracket(name: str) -> bool:
    return "(" in name and name.endswith(")")


def _normal(name: str) -> str:
    """Turn a single final digit into a Roman numeral; keep only ASCII letters and digits."""
    name = name.strip()
    if len(name) > 2 and name[-1] in "0123456789" and not name[-2].isnumeric():  # noqa: PLR2004
        name = name[:-1] + _ROMAN[int(name[-1])]
    return _UNWRITTEN.sub("", name.replace("-type", ""))
