"""Questions with labels of the user's own, for models that were not trained for any task.

The layout is this package's: the text, the question and its options. Solved examples precede it;
PubMedQA's words and one of the options follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from biogpt_plugins.engine import PRETRAINED, Prompt
from biogpt_plugins.tasks.layouts import lay_out
from biogpt_plugins.tasks.pubmedqa import STEM, text_first
from biogpt_plugins.values.inputs import Question


def prompt_with_options(question: Question, options: Mapping[str, str]) -> Prompt:
    """The prompt, which ends before the option.

    Args:
        question: The question and its text, whose end is cut if the prompt is too long.
        options: The labels to choose from, each with its description, which may be "".
    """
    solved = [(_source(asked, known), f"{STEM} {label}.") for asked, known, label in _SOLVED]
    prompt = lay_out(_source(question, options), PRETRAINED, shots=solved)
    return replace(prompt, target=STEM)


def _source(question: Question, options: Mapping[str, str]) -> Prompt:
    told = [f"{label} ({about})" if about else label for label, about in options.items()]
    listed = " or ".join([", ".join(told[:-1]), told[-1]] if told[1:] else told)
    return replace(source := text_first(question), tail=f"{source.tail}Options: {listed}. ")


# The right option is the first, the last and the one between, so that no place is preferred.
_SOLVED: tuple[tuple[Question, dict[str, str], str], ...] = (
    (
        Question(
            question="What kind of study is it?",
            text="Of 120 patients with migraine, 60 received the drug by lot and 60 placebo.",
        ),
        {"trial": "treatments are assigned to patients", "case report": "", "review": ""},
        "trial",
    ),
    (
        Question(
            question="Where was it studied?",
            text="Loss of the gene slowed the growth of cultured fibroblasts.",
        ),
        {"patients": "", "animals": "", "cells": ""},
        "cells",
    ),
    (
        Question(
            question="How did blood pressure change?",
            text="Blood pressure was 131 mm Hg before and 130 mm Hg after the treatment.",
        ),
        {"rise": "", "no change": "", "fall": ""},
        "no change",
    ),
)
