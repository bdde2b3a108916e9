"""What agents' tools say: what each is for, what it found, and what to do where it could not.

The texts are for chat models that call tools. Adapters hand them over as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from biogpt_plugins.hosts.fields import LLMFields, relation_task
from biogpt_plugins.tasks import get_task
from biogpt_plugins.text.source import SourceText
from biogpt_plugins.text.spelling import sentence_of
from biogpt_plugins.values.errors import InputError, ModelError
from biogpt_plugins.values.results import Failure, Prediction, Relation

LEAST = 800
"""Characters for the first relation, whatever its length, and all that stands around it."""

_ENTRY = 400  # characters of one relation and its sentence
_NOTE = 200

_FOR_A_FAULT = {
    "InputError": "",
    "ContextOverflowError": "",
    "ParseError": " This is a failure of the tool and no finding: try once more with a shorter "
    "text, or go on without it.",
}
_FOR_ANY_OTHER = " Calling this tool again does not help: go on without it."

_Words = tuple[str, list[str]]  # what stands first, and a list if there is one


class ToolAnswer(NamedTuple):
    """The answer of a tool.

    Attributes:
        content: The answer as text, for the chat model.
        result: The whole result, for the program.
    """

    content: str
    result: Any

    def __str__(self) -> str:
        return self.content


@dataclass(frozen=True, kw_only=True)
class ToolText:
    """The texts of a tool.

    Attributes:
        name: What chat models call it by.
        description: When to use it, and when not.
        task: The task that it asks; None for a relation task, see `wanted_relations`.
        arguments: Its arguments, described; they are the fields of the task's input.
        options: How its task is decoded, as in `Decoding`.
        words: A prediction's result in words.
    """

    name: str
    description: str
    task: str | None = None
    arguments: type[BaseModel]
    words: Callable[[Mapping[str, str], Prediction[Any]], _Words]
    options: Mapping[str, Any] = field(default_factory=dict)

    def tell(self, asked: Mapping[str, str], prediction: Prediction[Any], most: int) -> ToolAnswer:
        """What a prediction that did not fail found, in at most so many characters."""
        head, entries = self.words(asked, prediction)
        remarks = "; ".join(prediction.warnings)
        notes = [shorten(f"Note: {remarks}", _NOTE)] if remarks else []
        return ToolAnswer(_within(most, head, entries, notes), prediction.result)


def explain(failure: Failure) -> str:
    """Why a tool failed, and what the chat model can do about it."""
    advice = _FOR_A_FAULT.get(failure.type, _FOR_ANY_OTHER)
    return f"{failure.message.rstrip('.')}.{advice}"


# --- relations ------------------------------------------------------------------------------


def wanted_relations(
    llm: LLMFields, task: str | None = None, *, local_files_only: bool | None = None
) -> str:
    """The relation task of a tool.

    It is the one that is named, or the LLM's own if it finds relations, or the first such task that
    the model was taught, or else "bc5cdr": a model that was taught none is shown solved examples.

    Raises:
        ModelError: The model cannot be found; on the hub it is not looked for if
            `local_files_only`.
    """
    with suppress(InputError):
        return relation_task(task or llm.task or "")
    with suppress(InputError):
        return llm.own_relation_task(local_files_only=local_files_only)
    return "bc5cdr"


def describe_relations(llm: LLMFields, task: str | None = None) -> str:
    """The description of EXTRACT_RELATIONS, with what the tool finds; the hub is not asked."""
    try:
        finds = get_task(wanted_relations(llm, task, local_files_only=True)).summary
    except ModelError:  # it is not on this machine yet
        finds = "which relations its model was taught to find"
    return EXTRACT_RELATIONS.description.format(finds=finds)


def _relations(asked: Mapping[str, str], prediction: Prediction[Any]) -> _Words:
    finds = get_task(prediction.task).summary
    if not prediction.result:
        return f"No relation was found in this text. Looked for: {finds}.", []
    text = SourceText(asked["text"])
    entries = [_relation(relation, text) for relation in prediction.result]
    return f"Relations found ({finds}):", entries


def _relation(relation: Relation, text: str) -> str:
    ends = (relation.head, relation.tail)
    head, tail = (f"{end.text} ({end.type})" for end in ends)
    line = f"- {head} -[{relation.type}]-> {tail}"
    strange = [repr(end.name) for end in ends if not end.grounded]
    if strange:
        return shorten(f"{line} (not in this text: {', '.join(strange)})", _ENTRY)
    doubts = [relation.negated * "negated", relation.speculated * "speculated"]
    if any(doubts):
        cues = dict.fromkeys(repr(cue.text) for one in relation.evidence for cue in one.cues)
        line += f" (perhaps {' and '.join(filter(None, doubts))} by {', '.join(cues)})"
    sentence = sentence_of(relation, text)
    return shorten(f'{line}: "{text[slice(*sentence)]}"' if sentence else line, _ENTRY)


class _Passage(BaseModel):
    text: str = Field(
        description="The passage to read, word for word: a title and abstract, or a few sentences. "
        "No summary, no question, no search terms."
    )


EXTRACT_RELATIONS = ToolText(
    name="extract_relations",
    description=(
        "Extract relations from a biomedical text: {finds}. Use it when you have a "
        "passage of a paper and need to know which of these relations it states; call it "
        "once for each paper. It reads the passage that you pass and nothing else, does "
        "not search for papers, and finds no other kind of relation. It is a small local "
        "model that misses some and mistakes others: each relation comes with the "
        "sentence that it stands in, so that you can check it."
    ),
    arguments=_Passage,
    words=_relations,
    options={"logprobs": True},
)

# --- answers --------------------------------------------------------------------------------


def _answer(asked: Mapping[str, str], prediction: Prediction[Any]) -> _Words:  # noqa: ARG001
    answer: Any = prediction.result
    found = answer.label or f"No answer: {answer.abstained}"
    if not answer.probabilities:  # the pipeline at hand writes its answers
        return found, []
    shares = (f"{label} {share:.1%}" for label, share in answer.probabilities.items())
    return f"{found} (probabilities: {', '.join(shares)})", []


class _QuestionAndContext(BaseModel):
    question: str = Field(description="A question that can be answered by yes, no or maybe.")
    context: str = Field(
        description="The passage to answer it from, word for word: an abstract, or its findings."
    )


ANSWER_QUESTION = ToolText(
    name="answer_question",
    description=(
        "Answer a biomedical yes/no question from a passage: yes, no or maybe, with the "
        "probability of each. Use it when you have an abstract and need to know whether it "
        "supports a claim; call it once for each paper. It reads the passage that you pass and "
        "nothing else, and does not search for papers. Not for questions that ask what, which or "
        "how many. It is a small local model: where the probabilities are close, read the passage "
        "yourself."
    ),
    task="pubmedqa",
    arguments=_QuestionAndContext,
    words=_answer,
)

# --- texts ----------------------------------------------------------------------------------


def _description(asked: Mapping[str, str], prediction: Prediction[Any]) -> _Words:
    return f"{asked['term'].strip()} is {prediction.result}", []


def _continuation(asked: Mapping[str, str], prediction: Prediction[Any]) -> _Words:  # noqa: ARG001
    return str(prediction.result), []


class _Term(BaseModel):
    term: str = Field(description="The term alone: a gene, protein, drug, disease or method.")


class _Beginning(BaseModel):
    text: str = Field(
        description="The beginning of a scientific sentence or paragraph, in the style of a "
        "PubMed abstract. No instruction, no question."
    )


_WHOLE = {"truncate": False}  # nothing can be made of a text that goes on where its end was cut off

DESCRIBE_TERM = ToolText(
    name="describe_term",
    description=(
        "Describe a biomedical term, such as a gene, protein, drug, disease or method, in a "
        "sentence or two. Use it for a term that you do not know and have no text about. Not for "
        "questions and not for passages. It is a small local model that writes from memory and "
        "may be wrong: never give what it says as a fact without another source."
    ),
    task="describe",
    arguments=_Term,
    words=_description,
    options=_WHOLE,
)

COMPLETE_TEXT = ToolText(
    name="complete_text",
    description=(
        "Continue a biomedical text in the style of a PubMed abstract; gives the continuation "
        "alone. Use it to draft wording. It follows no instructions and answers no questions. It "
        "is a small local model that makes up facts and figures: never cite what it writes."
    ),
    task="generate",
    arguments=_Beginning,
    words=_continuation,
    options=_WHOLE,
)


def _within(most: int, head: str, entries: Sequence[str], notes: Sequence[str]) -> str:
    """As many entries as fit, and how many more there are; a head that is too long loses its end.

    The notes are always there.
    """
    for shown in range(len(entries), -1, -1):
        left = [f"... and {len(entries) - shown} more"] if shown < len(entries) else []
        text = "\n".join([head, *entries[:shown], *left, *notes])
        if len(text) <= most:
            return text
    excess = len(text) - most + len(f"... and {len(head)} more characters")
    kept = head[: len(head) - excess].rstrip()
    return "\n".join([f"{kept}... and {len(head) - len(kept)} more characters", *notes])
