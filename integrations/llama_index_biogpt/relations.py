"""Relations of nodes as their metadata, for LlamaIndex ingestion pipelines."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from llama_index.core.schema import BaseNode, MetadataMode, TextNode
from pydantic import TypeAdapter

from biogpt_plugins import Pipeline, Prediction, Relation
from biogpt_plugins.binding import relation_task
from biogpt_plugins.errors import InputError
from biogpt_plugins.mentions import spelling
from biogpt_plugins.tasks import TASKS
from llama_index_biogpt.task_extractor import (
    RelationTaskExtractor,
    remark_keys,
    remarks,
    text_of,
)

_RELATIONS = "biogpt_relations"
_KINDS = {name: task.entity_types for name, task in TASKS.items() if task.grounded}
_NAMES = {f"biogpt_{kind}s" for kinds in _KINDS.values() for kind in kinds}

_FOUND = TypeAdapter(list[Relation])
_UNSEEN = "BioGPTRelationExtractor has not seen it"


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
            `metadata_mode`. That of a pipeline is a number of processes, each of which loads the
            model.
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
        found = self._ask([(node, text_of(node)) for node in nodes])
        return [self._told(*pair) for pair in zip(nodes, found, strict=True)]

    def _told(self, node: BaseNode, prediction: Prediction[list[Relation]]) -> dict[str, Any]:
        key = f"{_RELATIONS}_{prediction.task}"
        facts: dict[str, Any] = {f"{key}_model": prediction.model, **remarks(prediction, key)}
        if prediction.result is not None:
            facts[key] = _FOUND.dump_json(prediction.result, exclude_none=True).decode()
        found = _written({**node.metadata, key: facts.get(key)})
        return {**facts, **self._names(found, _KINDS[prediction.task], text_of(node))}

    def _names(
        self, relations: Iterable[list[Relation]], kinds: Container[str], text: str
    ) -> dict[str, Any]:
        """The names of these types, whichever task found them."""
        names: dict[str, dict[str, None]] = {}
        for relation in chain.from_iterable(relations):
            for end in (relation.head, relation.tail):
                if end.type in kinds:
                    names.setdefault(end.type, {})[spelling(end, text)] = None
        if self.flat:
            return {f"biogpt_{kind}:{name}": 1 for kind, found in names.items() for name in found}
        return {f"biogpt_{kind}s": list(found) for kind, found in names.items()}

    def _owns(self, key: str, task: str) -> bool:
        own = f"{_RELATIONS}_{task}"
        return key in (own, f"{own}_model", *remark_keys(own)) or any(
            key == f"biogpt_{kind}s" or key.startswith(f"biogpt_{kind}:") for kind in _KINDS[task]
        )

    def _shows(self, key: str, mode: MetadataMode) -> bool:
        del mode
        return key in _NAMES


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
    wanted = [relation_task(task)] if task else [name for name in _KINDS if _asked(node, name)]
    if not wanted:
        raise InputError(f"node {node.node_id} has no relations: {_UNSEEN}")
    found = []
    for name in wanted:
        written = node.metadata.get(f"{_RELATIONS}_{name}")
        if written is None:
            why = node.metadata.get(f"{_RELATIONS}_{name}_error", _UNSEEN)
            raise InputError(f"node {node.node_id} has no relations of {name}: {why}")
        relations = _FOUND.validate_json(written)
        found += _in_document(relations, node, document) if document else relations
    return found


def _asked(node: BaseNode, task: str) -> bool:
    return f"{_RELATIONS}_{task}_model" in node.metadata


def _written(metadata: Mapping[str, Any]) -> Iterator[list[Relation]]:
    """The relations that metadata hold, of whichever task."""
    for name in _KINDS:
        if written := metadata.get(f"{_RELATIONS}_{name}"):
            yield _FOUND.validate_json(written)


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
