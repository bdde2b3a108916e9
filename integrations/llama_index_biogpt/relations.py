"""Relations of nodes as their metadata, for LlamaIndex ingestion pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.schema import BaseNode, MetadataMode, TextNode

from biogpt_plugins import Relation
from biogpt_plugins.hosts.metadata import (
    is_name_key,
    is_relation_fact,
    relation_facts,
    relations_by_task,
)
from biogpt_plugins.values.errors import InputError
from llama_index_biogpt.task_extractor import RelationTaskExtractor, text_of


class BioGPTRelationExtractor(RelationTaskExtractor):
    """Finds the relations in each node's own text; one call of the engine for all nodes.

    Keys of the metadata, all of it JSON; of the task "bc5cdr":

    - `biogpt_relations_bc5cdr`: the relations as one JSON text, which `relations_of` reads back;
      "[]" if the model says that there are none. Offsets count in the node's text
      (`node.get_content()`).
    - `biogpt_relations_bc5cdr_model`: who was asked.
    - `biogpt_relations_bc5cdr_warnings`: remarks, such as that the text was cut to fit the model,
      if there are any.
    - `biogpt_relations_bc5cdr_error`: why a node has no relations, in their stead. The others go
      unharmed.
    - `biogpt_chemicals`, `biogpt_diseases`; of other tasks `biogpt_drugs`, `biogpt_targets`: lists
      of the names found, to filter by (`FilterOperator.CONTAINS`, `ANY`, `ALL`), spelled as within
      a sentence: "lithium" also where the paper has "Lithium", but "BRCA1". An abbreviation that
      the text defines is there in full. Only types that were found.

    What an earlier run of the same task wrote is replaced; extractors of several tasks may follow
    each other. Lists of names are shown to embedding models and LLMs with the text, the rest is
    not. A model that cannot be loaded is an exception. Give title and abstract as one text: BioGPT
    was taught on both.

    The ingestion cache knows a result by the texts, the model, its revision and dtype, the task
    with the version of its prompt, and the options that change what is written. A model is known by
    its name: give one that was trained anew another folder, or revision. The cache keeps what
    failed as well: nodes with an error are asked again by calling the extractor with them.

    Attributes:
        task: A relation task, by its name or its TOML file; None for the first that the model was
            taught, which is looked for when the extractor is used or written down.
        decoding: "grounded" writes nothing but names that stand in the text; see the README.
        min_score: As in `biogpt_plugins.Spec`; likewise its other settings.
        logprobs: Give relations scores; their last digits may change with the batch.
        flat: For stores that take no lists (Chroma's, LanceDB's): in their stead a key for each
            name, `"biogpt_chemical:lithium": 1`, to filter by, and shown to nobody.
        in_place: Change the nodes given, instead of copies. A docstore then takes a Document for
            another one on the next run, and so does the cache, unless a parser stands between.
        raise_on_error: Raise the error of the first node that failed, instead of telling it.
        max_retries: How often nodes are asked again that failed in the engine; they alone are.
        num_workers: Plays no part, as there is one call; likewise `show_progress` and
            `metadata_mode`. That of a pipeline is a number of processes, each of which loads the
            model.
    """

    logprobs: bool = False
    flat: bool = False

    @classmethod
    def class_name(cls) -> str:
        return "BioGPTRelationExtractor"

    def _tells_scores(self) -> bool | None:
        return self.logprobs or None

    def _read(self, nodes: Sequence[BaseNode]) -> list[dict[str, Any]]:
        found = self._ask([(node, text_of(node)) for node in nodes])
        return [
            relation_facts(prediction, text_of(node), node.metadata, flat=self.flat)
            for node, prediction in zip(nodes, found, strict=True)
        ]

    def _owns(self, key: str, task: str) -> bool:
        return is_relation_fact(key, task)

    def _shows(self, key: str, mode: MetadataMode) -> bool:
        del mode
        return is_name_key(key)


def relations_of(
    node: BaseNode, *, task: str | None = None, document: BaseNode | None = None
) -> list[Relation]:
    """The relations that BioGPTRelationExtractor found in a node.

    Args:
        node: The node, or what a store gives back of it.
        task: Those of this task; of all that the node was asked for by default.
        document: The whole paper that the node was cut from. Offsets then count in its text,
            instead of in the node's, and `document.text[start:end]` is the mention; also if the
            relations were found in the whole before it was divided.

    Raises:
        InputError: The extractor has not seen the node, or could not read it; the message says
            which, and for which task. Or the node is no part of the document, or more than one.
    """
    told = relations_by_task(
        node.metadata,
        task,
        whose=f"node {node.node_id}",
        unseen="BioGPTRelationExtractor has not seen it",
    )
    return [
        relation
        for found in told.values()
        for relation in (_in_document(found, node, document) if document else found)
    ]


def _in_document(relations: list[Relation], node: BaseNode, document: BaseNode) -> list[Relation]:
    """A node's relations with offsets that count in the document."""
    if not _stand_in(relations, node):
        if _stand_in(relations, document):
            return relations
        raise InputError(f"the relations of node {node.node_id} were found in another text")
    by = _place(node, document)
    return [relation.moved(by) for relation in relations]


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
