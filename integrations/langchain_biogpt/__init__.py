"""BioGPT for LangChain: LLM, decision model, templates, parsers, chains, tools, evaluator."""

from biogpt_plugins.values.errors import MissingExtraError

try:
    import langchain_core  # noqa: F401
except ImportError as error:
    raise MissingExtraError.of("langchain_biogpt needs langchain-core", "langchain") from error

from langchain_biogpt.chains import create_relation_chain
from langchain_biogpt.decisions import BioGPTDecisionModel
from langchain_biogpt.descriptions import BioGPTDescription, create_description_chain
from langchain_biogpt.evaluators import BioGPTEvaluator
from langchain_biogpt.graphs import (
    BioGPTGraphTransformer,
    GraphDocument,
    Node,
    Relationship,
    merge_graph_documents,
)
from langchain_biogpt.llm import BioGPTContextOverflowError, BioGPTLLM
from langchain_biogpt.parsers import AnswerOutputParser, HallmarksOutputParser, RelationOutputParser
from langchain_biogpt.prompts import (
    FIX_PROMPT,
    RETRY_PROMPT,
    TaskFewShotPromptTemplate,
    TaskPromptTemplate,
    few_shot_prompt,
    question_prompt,
    relation_prompt,
    task_prompt,
)
from langchain_biogpt.qa import create_paper_qa_chain
from langchain_biogpt.runnables import BioGPTTask
from langchain_biogpt.tools import (
    BioGPTAnswerTool,
    BioGPTCompleteTool,
    BioGPTDescribeTool,
    BioGPTRelationTool,
    BioGPTToolkit,
)
from langchain_biogpt.transformers import BioGPTRelationTransformer, relations_of

__all__ = [
    "FIX_PROMPT",
    "RETRY_PROMPT",
    "AnswerOutputParser",
    "BioGPTAnswerTool",
    "BioGPTCompleteTool",
    "BioGPTContextOverflowError",
    "BioGPTDecisionModel",
    "BioGPTDescribeTool",
    "BioGPTDescription",
    "BioGPTEvaluator",
    "BioGPTGraphTransformer",
    "BioGPTLLM",
    "BioGPTRelationTool",
    "BioGPTRelationTransformer",
    "BioGPTTask",
    "BioGPTToolkit",
    "GraphDocument",
    "HallmarksOutputParser",
    "Node",
    "RelationOutputParser",
    "Relationship",
    "TaskFewShotPromptTemplate",
    "TaskPromptTemplate",
    "create_description_chain",
    "create_paper_qa_chain",
    "create_relation_chain",
    "few_shot_prompt",
    "merge_graph_documents",
    "question_prompt",
    "relation_prompt",
    "relations_of",
    "task_prompt",
]
