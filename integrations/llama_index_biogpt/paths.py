"""Relations of nodes as paths of a property graph, for LlamaIndex's PropertyGraphIndex."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

from llama_index.core.graph_stores.types import (
    KG_NODES_KEY,
    KG_RELATIONS_KEY,
    ChunkNode,
    EntityNode,
    LabelledNode,
    Relation,
)
from llama_index.core.schema import BaseNode, MetadataMode
from pydantic import InstanceOf, TypeAdapter, ValidationError, model_validator
from typing_extensions import Self

from biogpt_plugins import Pipeline, Prediction
from biogpt_plugins.findings.property_graph import Edge, GraphNode, Schema, edges_of
from biogpt_plugins.hosts.metadata import remark_keys, remarks
from biogpt_plugins.values.errors import EngineError, InputError
from biogpt_plugins.values.inputs import paper_id
from llama_index_biogpt.task_extractor import RelationTaskExtractor, text_of

_log = logging.getLogger(__name__)

_KINDS: dict[str, TypeAdapter[Any]] = {
    KG_NODES_KEY: TypeAdapter(list[EntityNode | ChunkNode | InstanceOf[LabelledNode]]),
    KG_RELATIONS_KEY: TypeAdapter(list[Relation]),
}
_Paths = dict[str, list[Any]]


class BioGPTPathExtractor(RelationTaskExtractor):
    """Finds the relations in each node's own text, as paths for a PropertyGraphIndex.

    All nodes are one call of the engine. The paths are written where PropertyGraphIndex looks for
    them, in the metadata `nodes` and `relations`, behind those that other extractors found:

    - An EntityNode for each entity. Its `name`, which LlamaIndex takes for its id, is type and
      name, "chemical:lithium", so that types keep entities apart; names keep case and punctuation,
      but for capitals that only begin a sentence, and for double quotes, which LlamaIndex takes
      out of ids and which become two single ones. `label` is "Chemical", "Disease", "Drug" or
      "Target"; properties are `mention`, the name as the paper spells it, `abbreviation`, if it
      defines one, `type`, and `identifier`, in a vocabulary such as MeSH, where one is known.
    - A Relation for each relation. `label` is "CID", "MECHANISM", "PARTIAL_AGONIST"; properties are
      `type`, as the model wrote it; `pmid`, from the metadata, or else the source document's id;
      `sentence`, the one around both ends; `evidence`, all sentences that it rests on, a line each;
      `negated` and `speculated`, by cues in these; `score`, from 0 to 1; `grounded`, whether both
      ends stand in the text; `head_start`, `head_end`, `tail_start`, `tail_end`, counted in the
      node's text; `task`; `model`. What is not known is left out.

    A node in which nothing is found gets empty lists. A node that cannot be read gets them too; its
    metadata `biogpt_paths_bc5cdr_error`, or of another task, says why, it is logged, and it costs
    the others nothing. `biogpt_paths_bc5cdr_warnings` has remarks, if there are any.

    A node is not read again as long as its text, its paths and what the result depends on are the
    same, as `biogpt_paths_bc5cdr` in its metadata tells; so the same extractors, of several tasks
    or several models, may stand in an ingestion pipeline and in the index. Paths that a cache or a
    docstore gives back as mere dictionaries become paths again. Nodes that failed in the engine are
    read again.

    Retrieve by VectorContextRetriever, or by Cypher. LlamaIndex's LLMSynonymRetriever asks for
    names with a capital and no type, "Lithium", which are nobody's.

    LlamaIndex's docstores cannot write nodes to disk that have paths already, whoever found them
    ("Object of type EntityNode is not JSON serializable"). Where a pipeline has read the nodes of
    an index, persist the graph alone, `index.property_graph_store.persist(path)`; or let the index
    read the documents, and persist its whole storage context.

    Stores keep one relation of a type between two entities, SimplePropertyGraphStore with the
    properties that the first paper gave it, others with none. Where every paper's sentence and
    score are to be kept, write the relations into a table of your own as well.

    Attributes:
        task: A relation task, by its name or its TOML file; None for the first that the model was
            taught, which is looked for when the extractor is used or written down.
        decoding: "grounded" writes nothing but names that stand in the text; see the README.
        min_score: As in `biogpt_plugins.Spec`; likewise its other settings.
        possible_entities: Types of entities to keep, with the relations among them; empty for all.
        possible_relations: Types of relations to keep, with their ends, or triples of source type,
            type and target type; empty for all. Case plays no part.
        disable_template_rewrite: Leave the nodes' text templates alone, as the host's extractors of
            paths do. The host's other options are as in BioGPTRelationExtractor.
    """

    possible_entities: tuple[str, ...] = ()
    possible_relations: tuple[str | tuple[str, str, str], ...] = ()
    disable_template_rewrite: bool = True

    @classmethod
    def class_name(cls) -> str:
        return "BioGPTPathExtractor"

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.task:
            self._schema(self.task)
        return self

    def _schema(self, task: str) -> Schema:
        return Schema.of(task, self.possible_entities, self.possible_relations)

    def _bind(self) -> Pipeline:
        self._schema(self._task())  # raises before the model is loaded
        return super()._bind()

    def _read(self, nodes: Sequence[BaseNode]) -> list[dict[str, Any]]:
        settings = self.to_dict()
        key = _key(settings["task"])
        known = [(node, _known(node)) for node in nodes]
        unread = [
            (node, text_of(node))
            for node, paths in known
            if _reading(node, paths, settings) not in _readings(node, key)
        ]
        found = {id(node): one for (node, _), one in zip(unread, self._ask(unread), strict=True)}
        return [self._told(*pair, found.get(id(pair[0])), settings) for pair in known]

    def _told(
        self,
        node: BaseNode,
        paths: _Paths,
        prediction: Prediction[Any] | None,
        settings: dict[str, Any],
    ) -> dict[str, Any]:
        key = _key(settings["task"])
        if prediction is None:
            own = {name: node.metadata[name] for name in _keys(key) if name in node.metadata}
            return {**paths, **own}
        facts = remarks(prediction, key)
        if failure := prediction.error:
            _log.warning("no paths of node %s: %s: %s", node.node_id, failure.type, failure.message)
        else:
            self._add(paths, node, prediction)
        readings = _readings(node, key)
        if not failure or failure.type != EngineError.__name__:
            readings.append(_reading(node, paths, settings))
        return {**paths, **facts, key: " ".join(dict.fromkeys(readings))}

    def _add(self, paths: _Paths, node: BaseNode, prediction: Prediction[Any]) -> None:
        schema = self._schema(prediction.task)
        found = edges_of(
            prediction.result or [],
            text_of(node),
            pmid=paper_id(node.metadata) or node.ref_doc_id or node.node_id,
            task=prediction.task,
            model=prediction.model,
        )
        edges = [edge for edge in found if schema.has_edge(edge)]
        nodes = {n.id: n for e in edges for n in (e.source, e.target) if schema.has_node(n)}
        kept = [e for e in edges if e.source.id in nodes and e.target.id in nodes]
        _put(paths[KG_NODES_KEY], map(_entity, nodes.values()))
        _put(paths[KG_RELATIONS_KEY], map(_relation, kept))

    def _owns(self, key: str, task: str) -> bool:
        return key in (KG_NODES_KEY, KG_RELATIONS_KEY, *_keys(_key(task)))

    def _shows(self, key: str, mode: MetadataMode) -> bool:
        del key, mode
        return False


def _known(node: BaseNode) -> _Paths:
    """The paths that a node has, in lists that nobody else holds."""
    paths = {}
    for key, kind in _KINDS.items():
        try:
            paths[key] = kind.validate_python(node.metadata.get(key, []))
        except ValidationError as error:
            raise InputError(
                f"node {node.node_id} has something else under {key!r} in its metadata than the "
                "paths that LlamaIndex keeps there: give it another key"
            ) from error
    return paths


def _put(paths: list[Any], found: Iterable[Any]) -> None:
    """Add what was found, in place of what was found before by the same model."""
    new = {_identity(one): one for one in found}
    paths[:] = [*(one for one in paths if _identity(one) not in new), *new.values()]


def _identity(path: LabelledNode | Relation) -> tuple[object, ...]:
    if isinstance(path, LabelledNode):
        return path.label, path.id
    told = path.properties
    return path.id, path.source_id, path.target_id, told.get("task"), told.get("model")


def _key(task: str) -> str:
    return f"biogpt_paths_{task}"


def _keys(key: str) -> tuple[str, ...]:
    return key, *remark_keys(key)


def _readings(node: BaseNode, key: str) -> list[str]:
    """What all extractors of a task that have read a node leave there to be known by."""
    return str(node.metadata.get(key, "")).split()


def _reading(node: BaseNode, paths: _Paths, settings: dict[str, Any]) -> str:
    """What tells a reading by: the text, what read it, and that its relations are there."""
    asked = {name: settings[name] for name in ("task", "model")}
    found = sum(asked.items() <= one.properties.items() for one in paths[KG_RELATIONS_KEY])
    read = f"{settings} {found} {text_of(node)}"
    return sha256(read.encode(errors="replace")).hexdigest()[:16]


def _entity(node: GraphNode) -> EntityNode:
    # Neo4j's store overwrites a property `name`.
    told = {"mention" if key == "name" else key: value for key, value in node.properties.items()}
    return EntityNode(name=_name(node), label=node.label, properties=told)


def _relation(edge: Edge) -> Relation:
    return Relation(
        label=edge.label,
        source_id=_name(edge.source),
        target_id=_name(edge.target),
        properties=edge.properties,
    )


def _name(node: GraphNode) -> str:
    # An EntityNode's id has spaces for them, while some stores take the name itself for the id.
    return node.id.replace('"', "''")
