"""A LlamaIndex parser that divides papers into sections."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from llama_index.core.node_parser import NodeParser
from llama_index.core.node_parser.node_utils import build_nodes_from_splits
from llama_index.core.schema import (
    BaseNode,
    Document,
    NodeRelationship,
    TextNode,
)
from llama_index.core.utils import get_tqdm_iterable
from pydantic import Field

from biogpt_plugins import __version__
from biogpt_plugins.text.grounding import sentences
from biogpt_plugins.text.sections import passages, sections
from biogpt_plugins.values.inputs import paper_title
from llama_index_biogpt.task_extractor import text_of

SENTENCES = "biogpt_sentences"


class BioGPTSectionParser(NodeParser):
    """Divides papers into title and sections, with one or more nodes for each.

    Offsets are exact: `document.text[node.start_char_idx : node.end_char_idx] == node.text`. To
    convert an offset in a node to an offset in the paper, add `node.start_char_idx`, as
    `relations_of(node, document=document)` does. Input nodes that were already cut from a paper
    keep their offsets in the paper; the host's parsers lose these after another parser.

    Nodes have the metadata of their Document (`pmid`, `title`), refer to it as source and parent
    and to each other as previous and next, and have these additional metadata:

    - `section`: "title", if the text begins with the title in the metadata or has one sentence
      before its first label; "abstract", if there are no labels; one of MEDLINE's categories
      "background", "objective", "methods", "results" or "conclusions" ("PATIENTS AND METHODS:" is
      "methods"); "case"; or another label in lower case.
    - `biogpt_sentences`: JSON text, `[[start, end], ...]`, with the offsets of the node's sentences
      in the paper. Embedding models and LLMs do not see it.

    BioGPT was trained on title and abstract as one text. An extractor before this parser reads
    complete papers, and the sections inherit the paper's metadata. An extractor after this parser
    reads each node separately.

    Attributes:
        max_chars: Maximum length of a node; longer sections are divided between sentences. The
            default is shorter than the 640 tokens with which the official models were trained.
    """

    max_chars: int = Field(default=2500, gt=0)

    @classmethod
    def class_name(cls) -> str:
        return "BioGPTSectionParser"

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        """The settings that determine the result; the ingestion cache uses them as its key."""
        return {**super().to_dict(**kwargs), "version": __version__}

    def _parse_nodes(
        self,
        nodes: Sequence[BaseNode],
        show_progress: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[BaseNode]:
        del kwargs
        progress = get_tqdm_iterable(nodes, show_progress, "Parsing nodes")
        return [part for node in progress for part in self._parts(node)]

    def _postprocess_parsed_nodes(
        self, nodes: list[BaseNode], parent_doc_map: dict[str, Document]
    ) -> list[BaseNode]:
        # The host searches for each node's text in its document, where it may occur twice.
        parts = [node for node in nodes if isinstance(node, TextNode)]
        places = [(part.start_char_idx, part.end_char_idx) for part in parts]
        nodes = super()._postprocess_parsed_nodes(nodes, parent_doc_map)
        for part, (start, end) in zip(parts, places, strict=True):
            part.start_char_idx, part.end_char_idx = start, end
        return nodes

    def _parts(self, node: BaseNode) -> list[TextNode]:
        text = text_of(node)
        found = [
            (section.name, place)
            for section in sections(text, title=paper_title(node.metadata) or "")
            for place in passages(text, section, self.max_chars)
        ]
        splits = [text[start:end] for _, (start, end) in found]
        parts = build_nodes_from_splits(splits, node, id_func=self.id_func)
        before = (node.start_char_idx or 0) if isinstance(node, TextNode) else 0
        whole = node.as_related_node_info()
        for part, (name, (start, end)) in zip(parts, found, strict=True):
            part.start_char_idx, part.end_char_idx = before + start, before + end
            part.relationships[NodeRelationship.PARENT] = whole
            inside = [[part.start_char_idx + at for at in place] for place in sentences(part.text)]
            part.metadata |= {"section": name, SENTENCES: json.dumps(inside)}
            for hidden in (part.excluded_embed_metadata_keys, part.excluded_llm_metadata_keys):
                hidden[:] = dict.fromkeys((*hidden, SENTENCES))
        return parts
