"""Texts of the agent tools: descriptions, results, and advice after failures.

The texts are written for chat models that call tools. The adapters pass them on unchanged.
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
"""Enough characters for the first relation at its maximum length and the text around it."""

ONCE = "Call it once for each paper."
"""What descriptions say where a tool takes one text; where it takes several, it is replaced."""

_ENTRY = 400  # characters of one relation and its sentence
_NOTE = 200

_FOR_A_FAULT = {
    "InputError": "",
    "ContextOverflowError": "",
    "ParseError": " The tool failed; this is not a finding. Try once more with a shorter text, or "
    "continue without the tool.",
}
_FOR_ANY_OTHER = " Calling this tool again will not help: continue without it."

_Words = tuple[str, list[str]]  # the first line, and list entries


class ToolAnswer(NamedTuple):
    """The result of a tool.

    Attributes:
        content: Text for the chat model.
        result: The complete result for the program.
    """

    content: str
    result: Any

    def __str__(self) -> str:
        return self.content


@dataclass(frozen=True, kw_only=True)
class ToolText:
    """The texts of a tool.

    Attributes:
        name: The tool's name for chat models.
        description: When to use the tool, and when not.
        task: The task that the tool runs; None for a relation task, see `wanted_relations`.
        arguments: The arguments with descriptions; they are the fields of the task's input.
        options: Decoding options of the task, as in `Decoding`.
        words: Converts a prediction's result to text.
    """

    name: str
    description: str
    task: str | None = None
    arguments: type[BaseModel]
    words: Callable[[Mapping[str, str], Prediction[Any]], _Words]
    options: Mapping[str, Any] = field(default_factory=dict)

    def tell(self, asked: Mapping[str, str], prediction: Prediction[Any], most: int) -> ToolAnswer:
        """The result of a successful prediction, in at most `most` characters."""
        head, entries = self.words(asked, prediction)
        remarks = "; ".join(prediction.warnings)
        notes = [shorten(f"Note: {remarks}", _NOTE)] if remarks else []
        return ToolAnswer(within(most, head, entries, notes), prediction.result)


def explain(failure: Failure) -> str:
    """Why a tool failed, and what the chat model should do."""
    advice = _FOR_A_FAULT.get(failure.type, _FOR_ANY_OTHER)
    return f"{failure.message.rstrip('.')}.{advice}"


# --- relations ------------------------------------------------------------------------------


def wanted_relations(
    llm: LLMFields, task: str | None = None, *, local_files_only: bool | None = None
) -> str:
    """The relation task of a tool.

    This is the given task, or else the LLM's own task if it finds relations, or else the first
    relation task that the model was trained for, or else "bc5cdr" with solved examples in the
    prompt.

    Raises:
        ModelError: The model cannot be found; with `local_files_only` the hub is not searched.
    """
    with suppress(InputError):
        return relation_task(task or llm.task or "")
    with suppress(InputError):
        return llm.own_relation_task(local_files_only=local_files_only)
    return "bc5cdr"


def describe_relations(llm: LLMFields, task: str | None = None) -> str:
    """The description of EXTRACT_RELATIONS with the relations it finds; does not use the hub."""
    try:
        finds = get_task(wanted_relations(llm, task, local_files_only=True)).summary
    except ModelError:  # the model is not on this machine yet
        finds = "the relations that its model was trained to find"
    return EXTRACT_RELATIONS.description.format(finds=finds)


def _relations(asked: Mapping[str, str], prediction: Prediction[Any]) -> _Words:
    finds = get_task(prediction.task).summary
    if not prediction.result:
        return f"No relations were found in this text. Searched for: {finds}.", []
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
        description="The exact text to read: a title and abstract, or a few sentences. "
        "Not a summary, a question or search terms."
    )


EXTRACT_RELATIONS = ToolText(
    name="extract_relations",
    description=(
        "Extract relations from a biomedical text: {finds}. Use this tool when you have a "
        f"passage of a paper and need to know which of these relations it states. {ONCE} It reads "
        "only the passage that you pass, does not search for papers, and finds no other kinds of "
        "relations. It is a small local model that misses some relations and gets others wrong. "
        "Each relation comes with its sentence, so that you can check it."
    ),
    arguments=_Passage,
    words=_relations,
    options={"logprobs": True},
)

# --- answers --------------------------------------------------------------------------------


def _answer(asked: Mapping[str, str], prediction: Prediction[Any]) -> _Words:  # noqa: ARG001
    answer: Any = prediction.result
    found = answer.label or f"No answer: {answer.abstained}"
    if not answer.probabilities:  # the answer was written, not scored
        return found, []
    shares = (f"{label} {share:.1%}" for label, share in answer.probabilities.items())
    return f"{found} (probabilities: {', '.join(shares)})", []


class _QuestionAndContext(BaseModel):
    question: str = Field(description="A question whose answer is yes, no or maybe.")
    context: str = Field(
        description="The exact text that answers the question: an abstract, or its findings."
    )


ANSWER_QUESTION = ToolText(
    name="answer_question",
    description=(
        "Answer a biomedical yes/no question from a passage: yes, no or maybe, with the "
        "probability of each. Use this tool when you have an abstract and need to know whether it "
        f"supports a claim. {ONCE} It reads only the passage that you pass and does not search "
        "for papers. Do not use it for questions that ask what, which or how many. It is a small "
        "local model: if the probabilities are close, read the passage yourself."
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
    term: str = Field(description="Only the term: a gene, protein, drug, disease or method.")


class _Beginning(BaseModel):
    text: str = Field(
        description="The beginning of a scientific sentence or paragraph, in the style of a "
        "PubMed abstract. Not an instruction or a question."
    )


_WHOLE = {"truncate": False}  # a continuation of a text whose end was cut off is useless

DESCRIBE_TERM = ToolText(
    name="describe_term",
    description=(
        "Describe a biomedical term, such as a gene, protein, drug, disease or method, in a "
        "sentence or two. Use this tool for a term that you do not know and have no text about. Do "
        "not use it for questions or passages. It is a small local model that writes from memory "
        "and may be wrong: never state what it says as a fact without another source."
    ),
    task="describe",
    arguments=_Term,
    words=_description,
    options=_WHOLE,
)

COMPLETE_TEXT = ToolText(
    name="complete_text",
    description=(
        "Continue a biomedical text in the style of a PubMed abstract. Returns only the "
        "continuation. Use this tool to draft wording. It does not follow instructions or answer "
        "questions. It is a small local model that makes up facts and figures: never cite what it "
        "writes."
    ),
    task="generate",
    arguments=_Beginning,
    words=_continuation,
    options=_WHOLE,
)


def within(most: int, head: str, entries: Sequence[str], notes: Sequence[str]) -> str:
    """Join the head, as many entries as fit, and the notes; count what is left out.

    A head that is too long is cut. The notes are always included.
    """
    for shown in range(len(entries), -1, -1):
        left = [f"... and {len(entries) - shown} more"] if shown < len(entries) else []
        text = "\n".join([head, *entries[:shown], *left, *notes])
        if len(text) <= most:
            return text
    excess = len(text) - most + len(f"... and {len(head)} more characters")
    kept = head[: len(head) - excess].rstrip()
    return "\n".join([f"{kept}... and {len(head) - len(kept)} more characters", *notes])
