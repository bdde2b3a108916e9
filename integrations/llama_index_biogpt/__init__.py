"""BioGPT for LlamaIndex: LLM, extractors, property graph, answers from papers, tools, evaluator."""

from biogpt_plugins.values.errors import MissingExtraError

try:
    import llama_index.core  # noqa: F401
except ImportError as error:
    raise MissingExtraError.of(
        "llama_index_biogpt needs llama-index-core", "llama-index"
    ) from error

from llama_index_biogpt.answers import BioGPTAnswerExtractor
from llama_index_biogpt.evaluators import BioGPTEvaluator
from llama_index_biogpt.graph_store import BioGPTGraphStore, statements_of
from llama_index_biogpt.llm import BioGPTLLM, biogpt_tokenizer, join_messages
from llama_index_biogpt.parsers import (
    AnswerOutputParser,
    HallmarksOutputParser,
    RelationOutputParser,
    UnreadableCompletionError,
)
from llama_index_biogpt.paths import BioGPTPathExtractor
from llama_index_biogpt.prompts import TaskPromptTemplate, few_shot_prompt, task_prompt
from llama_index_biogpt.relations import BioGPTRelationExtractor, relations_of
from llama_index_biogpt.relevance import BioGPTRelevancePostprocessor
from llama_index_biogpt.sections import BioGPTSectionParser
from llama_index_biogpt.selectors import BioGPTSelector
from llama_index_biogpt.synthesizer import BioGPTPaperSynthesizer, paper_answer_of
from llama_index_biogpt.tools import BioGPTToolSpec

__all__ = [
    "AnswerOutputParser",
    "BioGPTAnswerExtractor",
    "BioGPTEvaluator",
    "BioGPTGraphStore",
    "BioGPTLLM",
    "BioGPTPaperSynthesizer",
    "BioGPTPathExtractor",
    "BioGPTRelationExtractor",
    "BioGPTRelevancePostprocessor",
    "BioGPTSectionParser",
    "BioGPTSelector",
    "BioGPTToolSpec",
    "HallmarksOutputParser",
    "RelationOutputParser",
    "TaskPromptTemplate",
    "UnreadableCompletionError",
    "biogpt_tokenizer",
    "few_shot_prompt",
    "join_messages",
    "paper_answer_of",
    "relations_of",
    "statements_of",
    "task_prompt",
]
