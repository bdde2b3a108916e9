"""What BioGPT finds in nodes as their metadata, for LlamaIndex ingestion pipelines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, islice
from typing import Any

from llama_index.core.schema import BaseNode, MetadataMode, TextNode
from pydantic import TypeAdapter, field_validator, model_validator
from typing_extensions import Self

from biogpt_plugins import Pipeline, Prediction, Relation
from biogpt_plugins.errors import InputError
from biogpt_plugins.inputs import Question
from biogpt_plugins.mentions import spelling
from biogpt_plugins.results import Answer, Entity
from biogpt_plugins.tasks import TASKS, get_task
from llama_index_biogpt.task_extractor import RelationTaskExtractor, TaskExtractor, remarks, text_of

RELATIONS = "biogpt_relations"
TASK = "biogpt_task"
MODEL = "biogpt_model"
ERROR = "biogpt_error"
WARNINGS = "biogpt_warnings"
_FACTS = (RELATIONS, TASK, MODEL, ERROR, WARNINGS)
_KINDS = {kind for task in TASKS.values() if task.grounded for kind in task.entity_types}
_NAMES = {f"biogpt_{kind}s" for kind in _KINDS}
_FLAGS = tuple(f"biogpt_{kind}:" for kind in _KINDS)

_ANSWER = "biogpt_answer_"
_ANSWERS_MODEL = "biogpt_answers_model"
_ANSWERS = [name for name, task in TASKS.items() if task.choices and task.input is Question]

_FOUND = TypeAdapter(list[Relation])


class BioGPTRelationExtractor(RelationTaskExtractor):
    """Finds the relations in each node's own text; one call of the engine for all nodes.

    Keys of the metadata, all of it JSON:

    - `biogpt_relations`: the relations as one JSON text, which `relations_of` reads back; "[]" if
      the model says that there are none. Offsets count in the node's text (`node.get_content()`).
    - `biogpt_chemicals`, `biogpt_diseases`, `biogpt_drugs`, `biogpt_targets`: lists of the names
      found, to filter by (`FilterOperator.CONTAINS`, `ANY`, `ALL`), spelled as within a sentence:
      "lithium" also where the paper has "Lithium", but "BRCA1". Only types that were found.
    - `biogpt_task`, `biogpt_model`: what was asked, and of whom.
    - `biogpt_warnings`: remarks, such as that the text was cut to fit the model, if there are any.
    - `biogpt_error`: why a node has no relations, in their stead. The others go unharmed.

    What an earlier run wrote is replaced. Lists of names are shown to embedding models and LLMs
    with the text, the rest is not. A model that cannot be loaded is an exception. Give title and
    abstract as one text: BioGPT was taught on both.

    The ingestion cache knows a result by the texts, the model, its revision and dtype, the task
    with the version of its prompt, and the options that change what is written. It keeps what
    failed as well: nodes with an error are asked again by calling the extractor with them.

    Attributes:
        task: A relation task: "bc5cdr", "ddi" or "kd_dti"; None for the first that the model was
            taught, which is looked for when the extractor is used or written down.
        logprobs: Give relations scores; their last digits may change with the batch.
        flat: For stores that take no lists (Chroma's, LanceDB's): in their stead a key for each
            name, `"biogpt_chemical:lithium": 1`, to filter by, and shown to nobody.
        in_place: Change the nodes given, instead of copies. A docstore then takes a Document for
            another one on the next run, and so does the cache, unless a parser stands between.
        raise_on_error: Raise the error of the first node that failed, instead of telling it.
        max_retries: How often nodes are asked again that failed in the engine; they alone are.
        num_workers: Plays no part, as there is one call; likewise `show_progress` and
            `metadata_mode`.
    """

    logprobs: bool = False
    flat: bool = False

    @classmethod
    def class_name(cls) -> str:
        return "BioGPTRelationExtractor"

    def _bind(self) -> Pipeline:
        pipeline = super()._bind()
        if not self.logprobs:
            return pipeline
        return pipeline.with_decoding(pipeline.decoding.but(logprobs=True))

    def _read(self, nodes: Sequence[BaseNode]) -> list[dict[str, Any]]:
        asked = [(node, text_of(node)) for node in nodes]
        pairs = zip(asked, self._ask(asked), strict=True)
        return [self._told(prediction, text) for (_, text), prediction in pairs]

    def _told(self, prediction: Prediction[list[Relation]], text: str) -> dict[str, Any]:
        facts: dict[str, Any] = {TASK: prediction.task, MODEL: prediction.model}
        found = prediction.result
        if found is not None:
            facts[RELATIONS] = _FOUND.dump_json(found, exclude_none=True).decode()
            facts |= self._names(found, text)
        return {**facts, **remarks(prediction, ERROR, WARNINGS)}

    def _names(self, relations: list[Relation], text: str) -> dict[str, Any]:
        names: dict[str, dict[str, None]] = {}
        for relation in relations:
            for end in (relation.head, relation.tail):
                names.setdefault(end.type, {})[spelling(end, text)] = None
        if self.flat:
            return {f"biogpt_{kind}:{name}": 1 for kind, found in names.items() for name in found}
        return {f"biogpt_{kind}s": list(found) for kind, found in names.items()}

    def _owns(self, key: str) -> bool:
        return key in _FACTS or key in _NAMES or key.startswith(_FLAGS)

    def _shows(self, key: str, mode: MetadataMode) -> bool:
        del mode
        return key in _NAMES


class BioGPTAnswerExtractor(TaskExtractor):
    """Asks yes/no/maybe questions of each node; one call of the engine for all of them.

        BioGPTAnswerExtractor(questions={"rct": "Is this a randomised trial?"})

    Keys of the metadata, for each question by its name, all of it JSON and no lists:

    - `biogpt_answer_rct`: "yes", "no" or "maybe".
    - `biogpt_answer_rct_yes`, `biogpt_answer_rct_no`, `biogpt_answer_rct_maybe`: probabilities,
      from 0 to 1; their last digits may change with the batch.
    - `biogpt_answer_rct_warnings`: remarks, such as that the text was cut, if there are any.
    - `biogpt_answer_rct_error`: why there is no answer, in its stead. The others go unharmed.

    `biogpt_answers_model` tells who was asked. LLMs are shown the answers with the text, embedding
    models nothing of it. Exceptions, the ingestion cache and options are those of
    BioGPTRelationExtractor; asking other questions is another result.

    Attributes:
        questions: Name to question; or a list of questions, whose names then are their words: "Is
            it new?" has the key `biogpt_answer_is_it_new`.
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
                f"questions = {questions!r}: give a list of questions, or a mapping from names"
            )
        named = questions
        if not isinstance(questions, Mapping):
            asked = [str(question) for question in questions]
            named = {_name(question): question for question in asked}
            if len(named) < len(asked):
                raise InputError("two questions have the same words: give a mapping from names")
        if not named:
            raise InputError("there are no questions: give one at least")
        return named

    @model_validator(mode="after")
    def _tells_keys_apart(self) -> Self:
        for name, question in self.questions.items():
            if not name.strip() or not question.strip():
                raise InputError(
                    f"questions = {{{name!r}: {question!r}}}: a name or question is empty"
                )
        keys = [key for name in self.questions for key in self._keys(name)]
        for key in keys:
            if keys.count(key) > 1:
                raise InputError(
                    f"two questions would have the key {key}: give another name to one"
                )
        return self

    @field_validator("task")
    @classmethod
    def _answers(cls, task: str) -> str:
        name = get_task(task).name
        if name not in _ANSWERS:
            raise InputError(f"task = {task!r} answers no questions: use {' or '.join(_ANSWERS)}")
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
            key = f"{_ANSWER}{name}"
            facts[_ANSWERS_MODEL] = prediction.model
            if answer := prediction.result:
                shares = (answer.probabilities or {}).items()
                facts |= {key: answer.label, **{f"{key}_{label}": p for label, p in shares}}
            facts |= remarks(prediction, f"{key}_error", f"{key}_warnings")
        return facts

    def _keys(self, name: str) -> list[str]:
        key = f"{_ANSWER}{name}"
        others = (*get_task(self.task).choices, "error", "warnings")
        return [key, *(f"{key}_{other}" for other in others)]

    def _owns(self, key: str) -> bool:
        return any(key in self._keys(name) for name in self.questions)

    def _shows(self, key: str, mode: MetadataMode) -> bool:
        return mode == MetadataMode.LLM and key.removeprefix(_ANSWER) in self.questions


def relations_of(node: BaseNode, *, document: BaseNode | None = None) -> list[Relation]:
    """The relations that BioGPTRelationExtractor found in a node.

    Args:
        node: The node, or what a store gives back of it.
        document: The whole paper that the node was cut from. Offsets then count in its text,
            instead of in the node's, and `document.text[start:end]` is the mention; also if the
            relations were found in the whole before it was divided.

    Raises:
        InputError: The extractor has not seen the node, or could not read it; the message says
            which. Or the node is no part of the document, or more than one.
    """
    written = node.metadata.get(RELATIONS)
    if written is None:
        why = node.metadata.get(ERROR, "BioGPTRelationExtractor has not seen it")
        raise InputError(f"node {node.node_id} has no relations: {why}")
    found = _FOUND.validate_json(written)
    if document is None:
        return found
    if not _stand_in(found, node):
        if _stand_in(found, document):
            return found
        raise InputError(f"the relations of node {node.node_id} were found in another text")
    by = _place(node, document)
    return [
        relation.model_copy(
            update={"head": _moved(relation.head, by), "tail": _moved(relation.tail, by)}
        )
        for relation in found
    ]


def _stand_in(relations: list[Relation], node: BaseNode) -> bool:
    ends = [end for relation in relations for end in (relation.head, relation.tail)]
    return all(text_of(node)[end.start : end.end] == end.text for end in ends if end.grounded)


def _place(node: BaseNode, document: BaseNode) -> int:
    """Where the node's text begins in that of the document."""
    part, whole = text_of(node), text_of(document)
    start = node.start_char_idx if isinstance(node, TextNode) else None
    if start is not None and whole.startswith(part, start):
        return start
    if whole.count(part) != 1:
        raise InputError(
            f"the text of node {node.node_id} stands {whole.count(part)} times in document "
            f"{document.node_id}: give the document that the node was cut from, and cut it by a "
            "parser that tells places, such as BioGPTSectionParser"
        )
    return whole.find(part)


def _moved(end: Entity, by: int) -> Entity:
    if end.start is None or end.end is None:
        return end
    return end.model_copy(update={"start": end.start + by, "end": end.end + by})


def _name(question: str) -> str:
    """The words of a question, as a name for it."""
    parts = groupby(question.lower(), str.isalnum)
    return "_".join("".join(signs) for word, signs in parts if word)
