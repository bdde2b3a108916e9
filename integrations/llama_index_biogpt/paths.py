"""Relations of nodes as property graph paths, for LlamaIndex's PropertyGraphIndex."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

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
from biogpt_plugins.findings import property_graph as graph
from biogpt_plugins.findings.nodes import Nodes
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
    """Finds the relations in the texts of nodes, as paths for a PropertyGraphIndex.

    All nodes are read with one engine call. The paths are added to the metadata `nodes` and
    `relations`, where PropertyGraphIndex expects them, after the paths of other extractors:

    - An EntityNode for each entity. Its `name`, which LlamaIndex uses as the id, is the CURIE of
      its identifier, "MESH:D008094", or else consists of type and name, "chemical:lithium", where
      case, hyphens and plural do not count. A name without identifier becomes the node of an
      identifier that the nodes read together give to this name, unless they give several. A
      relation whose end has several identifiers, "D001|D002", becomes a relation for each. These
      are the nodes of `biogpt aggregate` and of its exports. `label` is "Chemical", "Disease",
      "Drug" or "Target". The properties are `mention`, the name that a dictionary prefers, or the
      most frequent one; `synonyms`, a list of the other names in the texts; `abbreviation`, if the
      paper defines one; `type`; and `identifier`, the CURIE. Unknown values are left out.
    - A Relation for each relation. `label` is "CID", "MECHANISM", "PARTIAL_AGONIST" and so on. The
      properties are `type`, as the model wrote it; `pmid`, from the metadata, or else the source
      document's id; `sentence`, which contains both ends; `evidence`, all supporting sentences, one
      per line; `negated` and `speculated`, from cues in these sentences; `score`, from 0 to 1;
      `grounded`, whether both ends occur in the text; `head_start`, `head_end`, `tail_start`,
      `tail_end`, offsets in the node's text; `task`; `model`. Unknown values are left out.

    A node without relations gets empty lists. A node that fails gets empty lists too; its metadata
    `biogpt_paths_bc5cdr_error` (with the name of the task) gives the reason, and the error is
    logged. Other nodes are not affected. `biogpt_paths_bc5cdr_warnings` contains warnings, if any.

    A node is read again only if its text, its paths or the settings have changed;
    `biogpt_paths_bc5cdr` in the metadata records them. The same extractors, for several tasks or
    models, can therefore be part of both an ingestion pipeline and the index. Paths that a cache or
    a docstore returns as plain dictionaries are converted back. Nodes with an engine failure are
    read again.

    If a name gets its identifier only in a later call, the store keeps the node of the name with
    its earlier relations beside the node of the identifier. To have one, read all nodes in one
    call, or with one dictionary.

    Retrieve with VectorContextRetriever or Cypher. LlamaIndex's LLMSynonymRetriever does not work:
    it searches for capitalised names without a type, such as "Lithium", and no entity has one.

    LlamaIndex's docstores cannot save nodes that already have paths from any extractor ("Object of
    type EntityNode is not JSON serializable"). If a pipeline has read the nodes of an index,
    persist only the graph, `index.property_graph_store.persist(path)`; or let the index read the
    documents, and persist its complete storage context.

    Graph stores keep one relation of each type between two entities, with the properties from the
    first paper, from the last one, or from none. Wrap the store in a BioGPTGraphStore to keep every
    paper, and to delete papers again.

    Attributes:
        task: A relation task: its name or its TOML file. None uses the first that the model was
            trained for; it is determined when the extractor is used or saved.
        decoding: "grounded" writes only names that occur in the text; see docs/grounding.md.
        min_score: As in `biogpt_plugins.Spec`. The same holds for the other settings.
        possible_entities: Types of entities to keep, with the relations between them; empty keeps
            all.
        possible_relations: Types of relations to keep, with their ends, or triples of source type,
            type and target type; empty keeps all. Matching ignores case.
        disable_template_rewrite: Do not change the nodes' text templates, like the host's path
            extractors. The host's other options are as in BioGPTRelationExtractor.
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
        reader = self._reader()
        key = _key(reader.task)
        known = [(node, _known(node)) for node in nodes]
        unread = [
            (node, text_of(node))
            for node, paths in known
            if reader.reading(node, paths) not in _readings(node, key)
        ]
        found = {id(node): one for (node, _), one in zip(unread, self._ask(unread), strict=True)}
        every = graph.nodes_of((one.relations for one in found.values()), self.dictionary)
        if every.merged or every.ambiguous:
            _log.info("%s", every.report)
        return [self._told(*pair, found.get(id(pair[0])), reader, every) for pair in known]

    def _told(
        self,
        node: BaseNode,
        paths: _Paths,
        prediction: Prediction[Any] | None,
        reader: _Reader,
        every: Nodes,
    ) -> dict[str, Any]:
        key = _key(reader.task)
        if prediction is None:
            own = {name: node.metadata[name] for name in _keys(key) if name in node.metadata}
            return {**paths, **own}
        facts = remarks(prediction, key)
        if failure := prediction.error:
            _log.warning(
                "no paths for node %s: %s: %s", node.node_id, failure.type, failure.message
            )
        else:
            self._add(paths, node, prediction, every)
        readings = _readings(node, key)
        if not failure or failure.type != EngineError.__name__:
            readings.append(reader.reading(node, paths))
        return {**paths, **facts, key: " ".join(dict.fromkeys(readings))}

    def _reader(self) -> _Reader:
        # A dictionary may have a million rows: its fingerprint stands for them.
        plain = self.model_copy(update={"dictionary": None}).to_dict()
        rows = self.dictionary.fingerprint if self.dictionary else None
        settings = sha256(f"{plain} {rows}".encode(errors="replace")).hexdigest()
        return _Reader(plain["task"], plain["model"], settings)

    def _add(
        self, paths: _Paths, node: BaseNode, prediction: Prediction[Any], every: Nodes
    ) -> None:
        schema = self._schema(prediction.task)
        found = edges_of(
            prediction.relations,
            text_of(node),
            nodes=every,
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


class _Reader(NamedTuple):
    """The settings of an extractor while it reads nodes.

    Attributes:
        task: The task's name.
        model: The model's name.
        settings: A hash of all settings that the results depend on.
    """

    task: str
    model: str
    settings: str

    def reading(self, node: BaseNode, paths: _Paths) -> str:
        """The key of a reading: a hash of the text, the settings and the number of relations."""
        asked = {"task": self.task, "model": self.model}
        found = sum(asked.items() <= one.properties.items() for one in paths[KG_RELATIONS_KEY])
        read = f"{self.settings} {found} {text_of(node)}{node.metadata.get('entities', '')}"
        return sha256(read.encode(errors="replace")).hexdigest()[:16]


def _known(node: BaseNode) -> _Paths:
    """Copies of the lists of paths that a node has."""
    paths = {}
    for key, kind in _KINDS.items():
        try:
            paths[key] = kind.validate_python(node.metadata.get(key, []))
        except ValidationError as error:
            raise InputError(
                f"the metadata {key!r} of node {node.node_id} must hold LlamaIndex's graph paths "
                "and holds another value: move that value to another key"
            ) from error
    return paths


def _put(paths: list[Any], found: Iterable[Any]) -> None:
    """Add new paths, which replace earlier ones from the same model."""
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
    """The keys of the readings of a node by extractors of a task."""
    return str(node.metadata.get(key, "")).split()


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
    # LlamaIndex replaces them by spaces in ids, but some stores use the name itself as the id.
    return node.id.replace('"', "''")
