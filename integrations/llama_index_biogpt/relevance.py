"""Select the nodes from a LlamaIndex retriever that are relevant to the question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from pydantic import Field

from biogpt_plugins import Prediction
from biogpt_plugins.engine import in_thread
from biogpt_plugins.findings.relevance import LEAST_SHARED, shared_words
from biogpt_plugins.hosts.metadata import remark_keys, remarks
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Answer
from llama_index_biogpt.judging import ANSWER, Judging, judge, passages_of
from llama_index_biogpt.model import ModelComponent
from llama_index_biogpt.task_extractor import text_of

SHARED_WORDS = "biogpt_shared_words"

_OWN = (SHARED_WORDS, ANSWER, *remark_keys(ANSWER))


class BioGPTRelevancePostprocessor(Judging, ModelComponent, BaseNodePostprocessor):
    """Keeps the nodes that are on the subject of a question and answer it.

    A node is on the subject if it contains enough of the question's words. This check does not use
    the model, because a model that was trained for PubMedQA has only seen relevant passages and
    answers from irrelevant ones too.

    The remaining nodes are judged with one engine call. A node answers the question if the model's
    answer is yes or no; maybe means that the question remains open. A node that cannot be judged is
    kept, and `biogpt_answer_error` in its metadata gives the reason.

    The result is copies of the nodes in the retriever's order, with its scores. Their metadata has
    `biogpt_shared_words`. If the model was used, it also has `biogpt_answer` with `label` and
    `probabilities`, and `biogpt_answer_warnings` if there are warnings. LLMs do not see these keys.

    A BioGPTPaperSynthesizer leaves out irrelevant papers itself. Before one, set `min_decided=0`:
    it judges nodes itself and counts a maybe as a vote.

    Attributes:
        min_shared_words: Minimum share of the question's words, without common words, that a node
            must contain. Single sections, especially methods, contain fewer than whole abstracts.
        min_decided: Minimum total probability of yes and no; 0 does not use the model.
    """

    min_shared_words: float = Field(default=LEAST_SHARED, ge=0, le=1)
    min_decided: float = Field(default=0.5, ge=0, le=1)

    @classmethod
    def class_name(cls) -> str:
        return "BioGPTRelevancePostprocessor"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise InputError("the question is missing: pass query_str or query_bundle")
        question = query_bundle.query_str
        shares = ((node, shared_words(question, text_of(node.node))) for node in nodes)
        found = [(node, share) for node, share in shares if share >= self.min_shared_words]
        judged: Sequence[Prediction[Answer] | None] = [None] * len(found)
        if self.min_decided:
            judged = judge(self, question, passages_of([node for node, _ in found]))
        return [
            _marked(node, {SHARED_WORDS: share, **_facts(prediction)})
            for (node, share), prediction in zip(found, judged, strict=True)
            if self._keeps(prediction)
        ]

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return await in_thread(self._postprocess_nodes, nodes, query_bundle)

    def _keeps(self, prediction: Prediction[Answer] | None) -> bool:
        if prediction is None or (answer := prediction.result) is None:
            return True
        # A label that was written instead of scored counts as certain.
        shares = answer.probabilities or {answer.label or "maybe": 1.0}
        return 1 - shares.get("maybe", 0) >= self.min_decided


def _facts(prediction: Prediction[Answer] | None) -> dict[str, Any]:
    if prediction is None:
        return {}
    answer = prediction.result
    return {
        **({ANSWER: answer.model_dump(exclude_none=True)} if answer else {}),
        **remarks(prediction, ANSWER),
    }


def _marked(found: NodeWithScore, facts: dict[str, Any]) -> NodeWithScore:
    """A copy with new metadata, because retrievers may return nodes that they store."""
    node = found.node
    others = {key: fact for key, fact in node.metadata.items() if key not in _OWN}
    changes: dict[str, Any] = {"metadata": {**others, **facts}}
    for name in ("excluded_embed_metadata_keys", "excluded_llm_metadata_keys"):
        changes[name] = list(dict.fromkeys([*getattr(node, name), *facts]))
    return NodeWithScore(node=node.model_copy(update=changes), score=found.score)
