"""Relations of nodes as metadata, for LlamaIndex ingestion pipelines."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from llama_index.core.extractors import BaseExtractor
from llama_index.core.schema import BaseNode, MetadataMode
from pydantic import field_validator

from biogpt_plugins import Prediction, Relation
from biogpt_plugins.binding import relation_task
from biogpt_plugins.errors import BioGPTError
from llama_index_biogpt.model import ModelComponent

RELATIONS = "biogpt_relations"
ERROR = "biogpt_error"
WARNINGS = "biogpt_warnings"
_HIDDEN = (RELATIONS, ERROR, WARNINGS)
_KNOBS = {
    "device",
    "in_place",
    "max_retries",
    "metadata_mode",
    "num_workers",
    "raise_on_error",
    "retry_backoff",
    "show_progress",
}


class BioGPTRelationExtractor(ModelComponent, BaseExtractor):
    """Finds the relations in each node's own text; one call of the engine for all nodes.

    Keys of the metadata, all of it JSON:

    - `biogpt_relations`: a list, empty if the model says that there are none, of `head`, `type`,
      `tail`, `head_type`, `tail_type`, `head_start`, `head_end`, `tail_start`, `tail_end` and
      `grounded`. Offsets count in the node's text (`node.get_content()`), and are None for an end
      that does not stand there.
    - `biogpt_chemicals`, `biogpt_diseases`, ...: the names found of each type, as the text spells
      them, to filter nodes by. Only types that were found.
    - `biogpt_error`: why a node has no relations, instead of the above.
    - `biogpt_warnings`: remarks, such as that the text was cut to fit the model.

    Lists of names are shown to embedding models and LLMs with the text, the rest is not. A model
    that cannot be loaded is an exception; a node that cannot be read has an error and costs the
    others nothing. Give title and abstract as one text: BioGPT was trained on both.

    The ingestion cache knows a result by the text, the model, its revision and dtype, and the task.

    Attributes:
        task: A relation task: "bc5cdr", "ddi" or "kd_dti"; None for the first that the model was
            taught, which is looked for when the extractor is used or written down.
    """

    task: str | None = None

    @classmethod
    def class_name(cls) -> str:
        return "BioGPTRelationExtractor"

    @field_validator("task")
    @classmethod
    def _finds_relations(cls, task: str | None) -> str | None:
        return relation_task(task) if task else None

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        """What the result depends on; the ingestion cache is keyed by this."""
        written = super().to_dict(**kwargs)
        # A model that is not on this machine yet tells its task when it is used.
        with suppress(BioGPTError):
            written["task"] = self.task or self.own_relation_task(local_files_only=True)
        return {name: value for name, value in written.items() if name not in _KNOBS}

    async def aextract(self, nodes: Sequence[BaseNode]) -> list[dict[str, Any]]:
        """The metadata of each node."""
        texts = [node.get_content(metadata_mode=MetadataMode.NONE) for node in nodes]
        predictions = await asyncio.to_thread(self._read, texts)
        return [_metadata(prediction) for prediction in predictions]

    async def aprocess_nodes(
        self,
        nodes: Sequence[BaseNode],
        excluded_embed_metadata_keys: list[str] | None = None,
        excluded_llm_metadata_keys: list[str] | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[BaseNode]:
        """Add the metadata; the keys to exclude are added to those this class excludes."""
        return await super().aprocess_nodes(
            nodes,
            excluded_embed_metadata_keys=[*_HIDDEN, *(excluded_embed_metadata_keys or ())],
            excluded_llm_metadata_keys=[*_HIDDEN, *(excluded_llm_metadata_keys or ())],
            **kwargs,
        )

    def _read(self, texts: list[str]) -> list[Prediction[list[Relation]]]:
        return self.bind_task(self.task or self.own_relation_task()).run(texts)


def _metadata(prediction: Prediction[list[Relation]]) -> dict[str, Any]:
    warnings = {WARNINGS: list(prediction.warnings)} if prediction.warnings else {}
    if prediction.error:
        return {ERROR: f"{prediction.error.type}: {prediction.error.message}", **warnings}
    relations = prediction.result or []
    names: dict[str, dict[str, str]] = {}
    for relation in relations:
        for entity in (relation.head, relation.tail):
            found = names.setdefault(f"biogpt_{entity.type}s", {})
            found.setdefault(entity.text.casefold(), entity.text)
    lists = {key: list(found.values()) for key, found in names.items()}
    return {RELATIONS: [_flat(relation) for relation in relations], **lists, **warnings}


def _flat(relation: Relation) -> dict[str, Any]:
    head, tail = relation.head, relation.tail
    return {
        "head": head.text,
        "type": relation.type,
        "tail": tail.text,
        "head_type": head.type,
        "tail_type": tail.type,
        "head_start": head.start,
        "head_end": head.end,
        "tail_start": tail.start,
        "tail_end": tail.end,
        "grounded": relation.grounded,
    }
