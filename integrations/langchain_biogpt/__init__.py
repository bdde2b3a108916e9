"""BioGPT for LangChain: an LLM, prompt templates, output parsers, chains and an evaluator."""

from biogpt_plugins.errors import MissingExtraError

try:
    import langchain_core  # noqa: F401
except ImportError as error:
    raise MissingExtraError(
        'langchain_biogpt needs langchain-core: pip install "biogpt-plugins[langchain]"'
    ) from error

from langchain_biogpt.chains import create_relation_chain
from langchain_biogpt.evaluators import BioGPTEvaluator
from langchain_biogpt.llm import BioGPTLLM
from langchain_biogpt.parsers import AnswerOutputParser, RelationOutputParser
from langchain_biogpt.prompts import (
    TaskFewShotPromptTemplate,
    TaskPromptTemplate,
    few_shot_prompt,
    question_prompt,
    relation_prompt,
    task_prompt,
)

__all__ = [
    "AnswerOutputParser",
    "BioGPTEvaluator",
    "BioGPTLLM",
    "RelationOutputParser",
    "TaskFewShotPromptTemplate",
    "TaskPromptTemplate",
    "create_relation_chain",
    "few_shot_prompt",
    "question_prompt",
    "relation_prompt",
    "task_prompt",
]
