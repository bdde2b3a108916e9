"""BioGPT for LlamaIndex: an LLM, an extractor of relations for ingestion, and an evaluator."""

from biogpt_plugins.errors import MissingExtraError

try:
    import llama_index.core  # noqa: F401
except ImportError as error:
    raise MissingExtraError(
        'llama_index_biogpt needs llama-index-core: pip install "biogpt-plugins[llama-index]"'
    ) from error

from llama_index_biogpt.evaluators import BioGPTEvaluator
from llama_index_biogpt.extractors import BioGPTRelationExtractor
from llama_index_biogpt.llm import BioGPTLLM

__all__ = ["BioGPTEvaluator", "BioGPTLLM", "BioGPTRelationExtractor"]
