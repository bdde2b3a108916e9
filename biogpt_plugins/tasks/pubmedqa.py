"""PubMedQA: a question about an abstract, answered yes, no or maybe.

The layouts follow microsoft/BioGPT, examples/QA-PubMedQA. The reasoning-required source is
`question: {q} context: {c} `. The reasoning-free source includes the abstract's conclusion:
`question: {q} context: {c} answer: {long answer}`. The target of both is
`the answer to the question given the context is {yes|no|maybe}.`
"""

from __future__ import annotations

from dataclasses import replace

from biogpt_plugins.engine import Decoding, Grammar, Prompt
from biogpt_plugins.tasks.layouts import OFFICIAL_MAX_LENGTH
from biogpt_plugins.tasks.readers import Reading, read_answer
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Question
from biogpt_plugins.values.results import Answer

LABELS = ("yes", "no", "maybe")
STEM = "the answer to the question given the context is"


def source(question: Question) -> Prompt:
    """Reasoning-required layout. The context may be cut, the question never; case is kept."""
    return Prompt(
        head=f"question: {_flat(question.question)} context: ",
        text=f"{_flat(question.text)} ",
    )


def source_with_answer(question: Question) -> Prompt:
    """Reasoning-free layout: `source`, then the long answer, which is never cut."""
    prompt = source(question)
    answer = _flat(question.long_answer)
    if not answer:
        return prompt
    return replace(prompt, tail=f"answer: {answer}" if answer[-1] == "." else f"answer: {answer}.")


def text_first(question: Question) -> Prompt:
    """This package's own layout: the text, then the question, which is never cut."""
    return Prompt(text=_flat(question.text), tail=f" Question: {_flat(question.question)} ")


def text_first_with_answer(question: Question) -> Prompt:
    """As `text_first`, with the abstract's conclusion after the question."""
    prompt, answer = text_first(question), _flat(question.long_answer)
    return replace(prompt, tail=f"{prompt.tail}Answer: {answer} ") if answer else prompt


def target(answer: Answer) -> str:
    """Write the target text of an answer.

    Raises:
        InputError: The answer abstained.
    """
    if answer.label is None:
        raise InputError(f"an answer that abstained has no target text: {answer.abstained}")
    return f"{STEM} {answer.label}."


def read(completion: str, source: str | None, cut: bool) -> Reading[Answer]:  # noqa: ARG001
    """Read the answer; `source` and `cut` are not used."""
    return read_answer(completion)


def _flat(text: str) -> str:
    return " ".join(text.split())


PUBMEDQA = Task[Answer](
    name="pubmedqa",
    metric="pubmedqa",
    summary="a question about a passage, answered yes, no or maybe",
    kind="answer",
    input=Question,
    source=source,
    text_first=text_first,
    target=target,
    read=read,
    choices=LABELS,
    stem=STEM,
    grammar=Grammar(before=STEM, clause=(LABELS,), separator=None),
    decoding=Decoding(max_length=OFFICIAL_MAX_LENGTH),
    shots=(
        (
            Question(
                question="Does early walking shorten the stay after hip surgery?",
                text="Patients who walked on the first day went home after 4 days, the others "
                "after 7 days (p = 0.01).",
                long_answer="Early walking shortens the stay.",
            ),
            f"{STEM} yes.",
        ),
        (
            Question(
                question="Is vitamin C of use against the common cold in runners?",
                text="Colds were as frequent (31% and 30%) and as long with vitamin C as with "
                "placebo.",
                long_answer="Vitamin C does not prevent colds in runners.",
            ),
            f"{STEM} no.",
        ),
        (
            Question(
                question="Can a questionnaire replace the sleep laboratory?",
                text="The questionnaire found most severe cases but few mild ones, and the "
                "sample was small.",
                long_answer="The questionnaire may serve for a first selection.",
            ),
            f"{STEM} maybe.",
        ),
    ),
)

PUBMEDQA_REASONING_FREE = replace(
    PUBMEDQA,
    name="pubmedqa_reasoning_free",
    summary="a question about a passage with its conclusion (`long_answer`), answered the same way",
    source=source_with_answer,
    text_first=text_first_with_answer,
)
