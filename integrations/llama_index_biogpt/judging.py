"""Judge nodes by their answers to a question, for components that follow a retriever."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from llama_index.core.schema import BaseNode, NodeWithScore
from typing_extensions import Self

from biogpt_plugins import Engine, Pipeline, Prediction
from biogpt_plugins.findings.relevance import Passage
from biogpt_plugins.hosts.fields import ModelFields
from biogpt_plugins.values.inputs import paper_id, paper_title
from biogpt_plugins.values.results import Answer
from llama_index_biogpt.task_extractor import text_of

ANSWER = "biogpt_answer"

TASK = "pubmedqa"

# How LlamaIndex writes an answer into a node: SubQuestionQueryEngine, RecursiveRetriever, and
# MultiStepQueryEngine.
_ANSWERED = (
    ("Sub question: ", "Response: "),
    ("Query: ", "Response: "),
    ("Question: ", "Answer: "),
)


class Judging:
    """Constructors from a pipeline or an engine; the task is always PubMedQA."""

    @classmethod
    def from_pipeline(cls, pipeline: Pipeline, **options: Any) -> Self:  # noqa: ANN401
        """Make a component that uses the model of a pipeline."""
        make = cast("Callable[..., Self]", cls)
        spec = pipeline.spec.for_task(TASK) if pipeline.task.name != TASK else pipeline.spec
        given = {name: value for name, value in spec.given().items() if name != "task"}
        return make(**{**given, "pipeline": pipeline, **options})

    @classmethod
    def from_engine(cls, engine: Engine, **options: Any) -> Self:  # noqa: ANN401
        """Make a component that uses a custom engine; prompts contain solved examples."""
        return cls.from_pipeline(Pipeline(TASK, engine), **options)


def judge(
    model: ModelFields, question: str, passages: Sequence[Passage]
) -> list[Prediction[Answer]]:
    """The answer of each passage, with one engine call; no call without passages."""
    asked = [
        {"id": passage.paper, "question": question, "context": passage.text} for passage in passages
    ]
    return model.bind_task(TASK).run(asked) if asked else []


def papers_among(
    nodes: Sequence[NodeWithScore], sources: Sequence[NodeWithScore] = ()
) -> tuple[list[NodeWithScore], list[NodeWithScore]]:
    """The nodes that are papers, and those that are answers of query engines.

    Answers are no evidence. The papers that they were answered from take their place.

    Args:
        nodes: Retrieved nodes.
        sources: The sources of the answers among them.
    """
    answers = [found for found in nodes if _is_answer(found.node)]
    papers = [*nodes, *(sources if answers else ())]
    return [found for found in papers if not _is_answer(found.node)], answers


def is_answer(text: str) -> bool:
    """Whether LlamaIndex wrote a text from a question and its answer."""
    first, _, rest = text.strip().partition("\n")
    lines = rest.split("\n")
    return any(
        first.startswith(question) and any(line.startswith(answer) for line in lines)
        for question, answer in _ANSWERED
    )


def _is_answer(node: BaseNode) -> bool:
    # A retriever that finds a query engine keeps the metadata of its response.
    told = node.metadata.get(ANSWER)
    if isinstance(told, Mapping) and "support" in told:
        return True
    # Papers have a document or metadata. LlamaIndex gives its answers neither.
    return not (node.metadata or node.ref_doc_id) and is_answer(text_of(node))


def passages_of(nodes: Sequence[NodeWithScore]) -> list[Passage]:
    """The texts of nodes, with the papers that they belong to."""
    return [_passage(node.node) for node in nodes]


def _passage(node: BaseNode) -> Passage:
    return Passage(
        text=text_of(node),
        paper=paper_id(node.metadata) or node.ref_doc_id or node.node_id,
        title=paper_title(node.metadata),
        id=node.node_id,
    )
