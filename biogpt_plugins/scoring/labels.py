"""PubMedQA and HoC: one label, or several.

`score_pubmedqa` reproduces QA-PubMedQA/hard_match_evaluation.py and, for the macro-F1, PubMedQA's
own evaluation.py; `score_hoc` reproduces DC-HoC/hard_match_evaluation.py. All three use
scikit-learn, which is not needed here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import get_args

from biogpt_plugins.scoring.figures import Counts, Figure, Value, paired
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Label

OTHER_LABELS = "(no label)"


class AnswerScore(Value):
    """The agreement of answers with the gold.

    Attributes:
        accuracy: Share of exactly equal labels.
        macro_f1: Mean F1 over all labels in gold or predictions.
        confusion: Gold label -> predicted label -> number of documents; a prediction that is not a
            label counts as `OTHER_LABELS`.
    """

    accuracy: Figure
    macro_f1: Figure
    confusion: dict[str, dict[str, int]]


def score_pubmedqa(gold: Mapping[str, str], predicted: Mapping[str, str]) -> AnswerScore:
    """Score a corpus of answers, document -> label; labels must be equal letter for letter.

    Raises:
        InputError: There are no gold documents, or one has no prediction.
    """
    import numpy as np  # noqa: PLC0415 - a tenth of a second at every start of the command

    pairs = paired(gold, predicted)
    truth, answers = [right for right, _ in pairs], [found for _, found in pairs]
    seen = count_labels([[label] for label in truth], [[label] for label in answers])
    known = {*truth, *get_args(Label)}
    confusion = Counter(
        (right, found if found in known else OTHER_LABELS) for right, found in pairs
    )
    return AnswerScore(
        accuracy=accuracy(truth, answers),
        macro_f1=float(np.mean([counts.f1 for counts in seen.values()])),
        confusion={
            label: {found: n for (right, found), n in sorted(confusion.items()) if right == label}
            for label in sorted(set(truth))
        },
    )


def score_hoc(
    gold: Mapping[str, Iterable[str]],
    predicted: Mapping[str, Iterable[str]],
    classes: Collection[str],
) -> Counts:
    """Score a corpus of sentences by the micro-F1 over `classes`; other labels are ignored.

    Args:
        gold: Sentence -> its labels, `empty` if it has no other.
        predicted: Sentence -> its predicted labels.
        classes: The ten hallmarks and `empty`.

    Raises:
        InputError: There are no gold sentences, or one has no prediction.
    """
    pairs = paired(gold, predicted)
    counts = count_labels([right for right, _ in pairs], [found for _, found in pairs], classes)
    return Counts.total(counts.values())


def count_labels(
    gold: Sequence[Iterable[str]],
    predicted: Sequence[Iterable[str]],
    classes: Collection[str] | None = None,
) -> dict[str, Counts]:
    """Count each label over a corpus; without `classes`, all labels that occur."""
    pairs = [(set(right), set(found)) for right, found in zip(gold, predicted, strict=True)]
    right, found, both = (
        Counter(label for labels in column for label in labels)
        for column in (
            [wanted for wanted, _ in pairs],
            [given for _, given in pairs],
            [wanted & given for wanted, given in pairs],
        )
    )
    return {
        label: Counts.of(both[label], found[label] - both[label], right[label] - both[label])
        for label in (sorted(right | found) if classes is None else classes)
    }


def accuracy(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """The share of exactly equal labels: PubMedQA's accuracy.

    Raises:
        InputError: The lists differ in length, or are empty.
    """
    if len(gold) != len(predicted) or not gold:
        raise InputError(
            f"{counted(len(gold), 'gold label')}, but {counted(len(predicted), 'prediction')}: "
            "give one prediction for each gold label, and at least one"
        )
    return sum(g == p for g, p in zip(gold, predicted, strict=True)) / len(gold)
