"""Answers to yes/no questions about nodes as metadata, for LlamaIndex ingestion pipelines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, islice
from typing import Any

from llama_index.core.schema import BaseNode, MetadataMode
from pydantic import field_validator, model_validator
from typing_extensions import Self

from biogpt_plugins import Prediction
from biogpt_plugins.hosts.metadata import remark_keys, remarks
from biogpt_plugins.tasks import TASKS, get_task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Answer
from llama_index_biogpt.task_extractor import TaskExtractor, text_of

_ANSWER = "biogpt_answer"


class BioGPTAnswerExtractor(TaskExtractor):
    """Answers yes/no/maybe questions about each node, with one engine call for all nodes.

        BioGPTAnswerExtractor(questions={"rct": "Is this a randomised trial?"})

    Metadata keys for each question, by the question's name; all values are JSON without lists:

    - `biogpt_answer_rct`: "yes", "no" or "maybe".
    - `biogpt_answer_rct_yes`, `biogpt_answer_rct_no`, `biogpt_answer_rct_maybe`: probabilities,
      from 0 to 1; the last digits may depend on the batch.
    - `biogpt_answer_rct_model`: the model.
    - `biogpt_answer_rct_warnings`: warnings, if any, for example that the text was cut.
    - `biogpt_answer_rct_abstained`: why there is no answer, if all probabilities are below
      `abstain_below`; the probabilities are present.
    - `biogpt_answer_rct_error`: the error, if there is no answer. Other answers are not affected.

    LLMs see the answers together with the text; embedding models do not see them. Exceptions, the
    ingestion cache and options work as in BioGPTRelationExtractor; the cache key includes the
    questions.

    Attributes:
        questions: A mapping from names to questions, or a list of questions, which are named after
            their words: "Is it new?" has the key `biogpt_answer_is_it_new`.
        task: A task that answers questions.
    """

    questions: dict[str, str]
    task: str = "pubmedqa"

    @classmethod
    def class_name(cls) -> str:
        return "BioGPTAnswerExtractor"

    @field_validator("questions", mode="before")
    @classmethod
    def _named(cls, questions: object) -> object:
        if isinstance(questions, str) or not isinstance(questions, Iterable):
            raise InputError(
                f"questions must be a list, or a mapping from names to questions, not {questions!r}"
            )
        named = questions
        if not isinstance(questions, Mapping):
            asked = [str(question) for question in questions]
            named = {_name(question): question for question in asked}
            if len(named) < len(asked):
                raise InputError(
                    "two questions have the same words: pass a mapping from names to questions"
                )
        if not named:
            raise InputError("questions is empty: give at least one question")
        return named

    @model_validator(mode="after")
    def _tells_keys_apart(self) -> Self:
        for name, question in self.questions.items():
            if not name.strip() or not question.strip():
                raise InputError(
                    f"questions must not have an empty name or question: {{{name!r}: {question!r}}}"
                )
        keys = [key for name in self.questions for key in self._keys(name)]
        for key in keys:
            if keys.count(key) > 1:
                raise InputError(f"two questions share the metadata key {key}: rename one of them")
        return self

    @field_validator("task")
    @classmethod
    def _answers(cls, task: str) -> str:
        name = get_task(task).name
        if get_task(name).kind != "answer":
            fit = " or ".join(TASKS.of_kind("answer"))
            raise InputError(f"task {task!r} does not answer questions: use {fit}")
        return name

    def _task(self) -> str:
        return self.task

    def _read(self, nodes: Sequence[BaseNode]) -> list[dict[str, Any]]:
        asked = [
            (node, {"question": question, "context": text_of(node)})
            for node in nodes
            for question in self.questions.values()
        ]
        answers = iter(self._ask(asked))
        return [self._told(islice(answers, len(self.questions))) for _ in nodes]

    def _told(self, answers: Iterable[Prediction[Answer]]) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        for name, prediction in zip(self.questions, answers, strict=True):
            key = f"{_ANSWER}_{name}"
            if answer := prediction.result:
                shares = (answer.probabilities or {}).items()
                told = {key: answer.label, f"{key}_abstained": answer.abstained}
                facts |= {name: fact for name, fact in told.items() if fact}
                facts |= {f"{key}_{label}": share for label, share in shares}
            facts |= {f"{key}_model": prediction.model, **remarks(prediction, key)}
        return facts

    def _keys(self, name: str) -> list[str]:
        key = f"{_ANSWER}_{name}"
        shares = (f"{key}_{label}" for label in get_task(self.task).choices)
        return [key, f"{key}_abstained", *shares, f"{key}_model", *remark_keys(key)]

    def _owns(self, key: str, task: str) -> bool:
        del task
        return any(key in self._keys(name) for name in self.questions)

    def _shows(self, key: str, mode: MetadataMode) -> bool:
        return mode == MetadataMode.LLM and key.removeprefix(f"{_ANSWER}_") in self.questions


def _name(question: str) -> str:
    """The name of a question, made from its words."""
    parts = groupby(question.lower(), str.isalnum)
    return "_".join("".join(signs) for word, signs in parts if word)
