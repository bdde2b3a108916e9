"""A LlamaIndex extractor that runs a task on nodes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Any

from llama_index.core.extractors import BaseExtractor
from llama_index.core.schema import BaseNode, MetadataMode, TextNode
from pydantic import field_validator
from typing_extensions import Self

from biogpt_plugins import Pipeline, Prediction, __version__
from biogpt_plugins.engine import cancelled, in_thread
from biogpt_plugins.hosts.fields import ModelFields, relation_task
from biogpt_plugins.hosts.titles import TitledText
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.errors import BioGPTError, EngineError, ParseError, error_class
from biogpt_plugins.values.inputs import Paper, document_annotations, paper_title
from llama_index_biogpt.model import ModelComponent

_KNOBS = {
    *ModelFields.KNOBS,
    "in_place",
    "max_retries",
    "metadata_mode",
    "num_workers",
    "raise_on_error",
    "retry_backoff",
    "show_progress",
}


class TaskExtractor(ModelComponent, BaseExtractor):
    """Runs a task on all nodes of a call at once.

    The host's synchronous methods need an event loop, and report every RuntimeError, including an
    EngineError, as nested loops. The methods here do not use an event loop.
    """

    in_place: bool = False
    raise_on_error: bool = False

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> Self:  # noqa: ANN401
        """Make an extractor from the result of `to_dict`."""
        given = {name: value for name, value in data.items() if name != "version"}
        return super().from_dict(given, **kwargs)

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        """The settings that determine the result; the ingestion cache uses them as its key."""
        written = super().to_dict(**kwargs)
        version = {"package": __version__}
        with suppress(BioGPTError):  # raised later, when the extractor is used
            written["task"] = self._task()
            version |= version_of(self, written["task"])
        fields = {name: value for name, value in written.items() if name not in _KNOBS}
        return {**fields, "version": version}

    def extract(self, nodes: Sequence[BaseNode]) -> list[dict[str, Any]]:
        """The new metadata of each node."""
        return self._read(nodes)

    async def aextract(self, nodes: Sequence[BaseNode]) -> list[dict[str, Any]]:
        """`extract` in a thread; cancelling stops the generation."""
        return await in_thread(self._read, nodes)

    def process_nodes(
        self,
        nodes: Sequence[BaseNode],
        excluded_embed_metadata_keys: list[str] | None = None,
        excluded_llm_metadata_keys: list[str] | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[BaseNode]:
        """The nodes with new metadata; the given keys are hidden from embedding models and LLMs."""
        del kwargs
        return self._process(nodes, excluded_embed_metadata_keys, excluded_llm_metadata_keys)

    async def aprocess_nodes(
        self,
        nodes: Sequence[BaseNode],
        excluded_embed_metadata_keys: list[str] | None = None,
        excluded_llm_metadata_keys: list[str] | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[BaseNode]:
        """`process_nodes` in a thread; cancelling stops the generation."""
        del kwargs
        return await in_thread(
            self._process, nodes, excluded_embed_metadata_keys, excluded_llm_metadata_keys
        )

    # Not abstract, because the host traces every call of a method that implements one.

    def _task(self) -> str:
        raise NotImplementedError

    def _read(self, nodes: Sequence[BaseNode]) -> list[dict[str, Any]]:
        raise NotImplementedError

    def _owns(self, key: str, task: str) -> bool:
        """Whether a metadata key belongs to this extractor when it runs this task."""
        raise NotImplementedError

    def _shows(self, key: str, mode: MetadataMode) -> bool:
        """Whether embedding models, or LLMs, see the metadata under this extractor's key."""
        raise NotImplementedError

    def _bind(self) -> Pipeline:
        return self.bind_task(self._task())

    def _ask(self, asked: Sequence[tuple[BaseNode, object]]) -> list[Prediction[Any]]:
        """A prediction for each input, with one call; engine failures are retried."""
        if not asked:
            return []
        pipeline = self._bind()
        inputs = [value for _, value in asked]
        found = pipeline.run(inputs)
        for attempt in range(self.max_retries):
            failed = [at for at, one in enumerate(found) if _is(one, EngineError)]
            if not failed or cancelled():
                break
            time.sleep(self.retry_backoff * 2**attempt)
            again = pipeline.run([inputs[at] for at in failed])
            for at, prediction in zip(failed, again, strict=True):
                found[at] = prediction
        if self.raise_on_error:
            for (node, _), prediction in zip(asked, found, strict=True):
                _raise_error(prediction, node)
        return found

    def _process(self, nodes: Sequence[BaseNode], *excluded: list[str] | None) -> list[BaseNode]:
        # Copy first, so that nodes that cannot be copied fail before the model runs.
        told = list(nodes) if self.in_place else deepcopy(list(nodes))
        found = self._read(told)
        task = self._task() if told else ""
        for node, facts in zip(told, found, strict=True):
            if cancelled():  # the caller is gone, and the results are incomplete
                break
            known = node.metadata.items()
            others = {key: fact for key, fact in known if not self._owns(key, task)}
            node.metadata = {**others, **facts}
            hidden = (node.excluded_embed_metadata_keys, node.excluded_llm_metadata_keys)
            modes = (MetadataMode.EMBED, MetadataMode.LLM)
            for keys, mode, more in zip(hidden, modes, excluded, strict=True):
                own = [key for key in facts if not self._shows(key, mode)]
                keys[:] = dict.fromkeys((*keys, *own, *(more or ())))
            if isinstance(node, TextNode) and not self.disable_template_rewrite:
                node.text_template = self.node_text_template
        return told


class RelationTaskExtractor(TaskExtractor):
    """Runs a relation task on all nodes of a call at once."""

    task: str | None = None

    @field_validator("task")
    @classmethod
    def _finds_relations(cls, task: str | None) -> str | None:
        return relation_task(task) if task else None

    def _task(self) -> str:
        return self.task or self.own_relation_task()

    def _bind(self) -> Pipeline:
        pipeline = super()._bind()
        logprobs = self._tells_scores()
        return pipeline.with_decoding(pipeline.decoding.but(logprobs=logprobs))

    def _tells_scores(self) -> bool | None:
        return True

    def _ask(self, asked: Sequence[tuple[BaseNode, object]]) -> list[Prediction[Any]]:
        """As for other tasks, with the titles of papers; offsets count in the nodes' texts."""
        nodes = [node for node, _ in asked]
        if not nodes or not issubclass(self._bind().task.input, Paper):
            return super()._ask([(node, _input_of(node)) for node in nodes])
        papers = [TitledText.of(text_of(node), paper_title(node.metadata)) for node in nodes]
        pairs = list(zip(nodes, papers, strict=True))
        found = super()._ask(
            [(node, paper.input(None, document_annotations(node))) for node, paper in pairs]
        )
        return [paper.place(one) for one, paper in zip(found, papers, strict=True)]


def version_of(component: ModelComponent, task: str) -> dict[str, Any]:
    """What determines results besides a component's fields, for cache keys."""
    given = component._pipeline_at_hand()
    own = given if given and given.task.name == task else None
    asked = own.task if own else get_task(task)
    scored = own.chooses if own else bool(asked.choices)
    return {"prompt": asked.fingerprint, "scored": scored, **component.own_ways()}


def _input_of(node: BaseNode) -> object:
    """A node as the input of a task that reads texts without titles."""
    entities = document_annotations(node)
    return text_of(node) if entities is None else {"text": text_of(node), "entities": entities}


def text_of(node: BaseNode) -> str:
    """The text of a node that the model reads and that offsets refer to."""
    return node.get_content(metadata_mode=MetadataMode.NONE)


def _is(prediction: Prediction[Any], kind: type[BioGPTError]) -> bool:
    return prediction.error is not None and prediction.error.type == kind.__name__


def _raise_error(prediction: Prediction[Any], node: BaseNode) -> None:
    """Raise the error of a failed prediction."""
    if failure := prediction.error:
        message = f"node {node.node_id}: {failure.message}"
        if _is(prediction, ParseError):
            raise ParseError(message, prediction.completion or "")
        raise error_class(failure.type)(message)
