"""Relations of nodes as metadata, for LlamaIndex ingestion pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.schema import BaseNode, MetadataMode, TextNode

from biogpt_plugins import Relation
from biogpt_plugins.hosts.metadata import (
    Errors,
    Flat,
    is_name_key,
    is_relation_fact,
    relation_facts,
    relations_by_task,
)
from biogpt_plugins.hosts.types import check_host
from biogpt_plugins.values.errors import InputError
from llama_index_biogpt.task_extractor import RelationTaskExtractor, text_of


class BioGPTRelationExtractor(RelationTaskExtractor):
    """Finds the relations in the texts of nodes, with one engine call for all nodes.

    Metadata keys for the task "bc5cdr"; all values are JSON:

    - `biogpt_relations_bc5cdr`: the relations as JSON text, which `relations_of` reads; "[]" if the
      model found none. Offsets refer to the node's text (`node.get_content()`) or, with the part
      "title", to the title in the metadata, which is read before the text.
    - `biogpt_relations_bc5cdr_model`: the model.
    - `biogpt_relations_bc5cdr_warnings`: warnings, if any, for example that the text was cut.
    - `biogpt_relations_bc5cdr_error`: the error, if the node could not be processed; the relations
      are missing then. Other nodes are not affected.
    - `biogpt_chemicals`, `biogpt_diseases` (other tasks: `biogpt_drugs`, `biogpt_targets`): lists
      of the names found, for filters (`FilterOperator.CONTAINS`, `ANY`, `ALL`). They are spelled
      as within a sentence: "lithium" even if the paper has "Lithium", but "BRCA1". Abbreviations
      that the text defines are written in full. Types without names have no list.
    - `biogpt_chemicals_folded`, ...: the same names in lower case, for filters by
      `name.casefold()`.

    Results of an earlier run of the same task are replaced. Extractors for several tasks can be
    applied one after another. Embedding models and LLMs see the lists of names together with the
    text, but not the other keys. If the model cannot be loaded, the extractor raises an exception.
    BioGPT was trained on title and abstract: put the title into the text or the metadata.

    The key of the ingestion cache consists of the texts, the model with its revision and dtype, the
    task with the version of its prompt, and the options that change results. Models are identified
    by name, so save a retrained model in another folder or as another revision. The cache also
    keeps failures; to retry, call the extractor with the failed nodes.

    Attributes:
        task: A relation task: its name or its TOML file. None uses the first that the model was
            trained for; it is determined when the extractor is used or saved.
        decoding: "grounded" writes only names that occur in the text; see docs/grounding.md.
        min_score: As in `biogpt_plugins.Spec`. The same holds for the other settings.
        logprobs: Whether relations have scores; the last digits may depend on the batch.
        flat: For stores without lists. "text" writes the names as one text, "|lithium|gold|", for
            filters such as `FilterOperator.TEXT_MATCH` with "|lithium|" (LanceDB, DuckDB). Every
            key of the task is there then, even if it is empty, because LanceDB adds no columns.
            True writes a key for each name instead, `"biogpt_chemical:lithium": 1` (Chroma).
            Models do not see these keys. docs/vector_stores.md says what each store takes.
        in_place: Change the given nodes instead of copies. On the next run, a docstore and the
            cache then treat a Document as changed, unless a parser runs before the extractor.
        raise_on_error: Raise the error of the first failed node instead of recording it.
        max_retries: How often nodes with an engine failure are retried.
        num_workers: Ignored, because there is one call; so are `show_progress` and
            `metadata_mode`. A pipeline's `num_workers` is a number of processes, each of which
            loads the model.
    """

    logprobs: bool = False
    flat: Flat = False

    @classmethod
    def class_name(cls) -> str:
        return "BioGPTRelationExtractor"

    def _tells_scores(self) -> bool | None:
        return self.logprobs or None

    def _read(self, nodes: Sequence[BaseNode]) -> list[dict[str, Any]]:
        found = self._ask([(node, text_of(node)) for node in nodes])
        scored = bool(nodes) and self._bind().decoding.logprobs
        return [
            relation_facts(prediction, text_of(node), node.metadata, flat=self.flat, scored=scored)
            for node, prediction in zip(nodes, found, strict=True)
        ]

    def _owns(self, key: str, task: str) -> bool:
        return is_relation_fact(key, task)

    def _shows(self, key: str, mode: MetadataMode) -> bool:
        del mode
        return is_name_key(key) and not self.flat


def relations_of(
    node: BaseNode,
    *,
    task: str | None = None,
    document: BaseNode | None = None,
    errors: Errors = "raise",
) -> list[Relation]:
    """The relations that BioGPTRelationExtractor found in a node.

        [relation for node in nodes for relation in relations_of(node, errors="skip")]

    Args:
        node: The node, or a copy of it from a store.
        task: Return only the relations of this task; by default those of all tasks.
        document: The complete paper that the node was cut from. Offsets then refer to its text
            instead of the node's, and `document.text[start:end]` is the mention. This also works
            if the relations were found before the paper was divided.
        errors: "skip" returns no relations of a task that failed, instead of raising its error.

    Raises:
        InputError: The node was not processed, or processing failed; the message gives the task and
            the reason. Or the node's text does not occur exactly once in the document.
    """
    check_host(node, BaseNode, "the node of relations_of", "llama_index_biogpt")
    told = relations_by_task(
        node.metadata,
        task,
        whose=f"node {node.node_id}",
        unseen="BioGPTRelationExtractor has not processed it",
        errors=errors,
    )
    return [
        relation
        for found in told.values()
        for relation in (_in_document(found, node, document) if document else found)
    ]


def _in_document(relations: list[Relation], node: BaseNode, document: BaseNode) -> list[Relation]:
    """A node's relations with offsets into the document."""
    if not _stand_in(relations, node):
        if _stand_in(relations, document):
            return relations
        raise InputError(
            f"the relations of node {node.node_id} come from another text: pass its own document"
        )
    by = _place(node, document)
    return [relation.moved(by) for relation in relations]


def _stand_in(relations: list[Relation], node: BaseNode) -> bool:
    ends = [end for relation in relations for end in (relation.head, relation.tail)]
    inside = [end for end in ends if end.grounded and not end.part]
    return all(text_of(node)[end.start : end.end] == end.text for end in inside)


def _place(node: BaseNode, document: BaseNode) -> int:
    """The offset of the node's text in the document."""
    part, whole = text_of(node), text_of(document)
    start = node.start_char_idx if isinstance(node, TextNode) else None
    if start is not None and whole.startswith(part, start):
        return start
    if whole.count(part) != 1:
        raise InputError(
            f"the text of node {node.node_id} occurs {whole.count(part)} times in document "
            f"{document.node_id}: pass the document that the node was cut from, and cut it with a "
            "parser that records offsets, such as BioGPTSectionParser"
        )
    return whole.find(part)
