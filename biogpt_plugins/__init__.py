"""BioGPT for LangChain and LlamaIndex: typed, grounded results from a model on your own machine."""

from typing import TYPE_CHECKING

from biogpt_plugins.values.on_first_use import on_first_use

if TYPE_CHECKING:
    from biogpt_plugins.engine import Choice, Chunk, Completion, Decoding, Engine, Prompt
    from biogpt_plugins.entities import EntityDictionary
    from biogpt_plugins.findings.edges import Aggregate, Edge, aggregate
    from biogpt_plugins.findings.synthesis import PaperAnswer
    from biogpt_plugins.pipeline import Pipeline, Spec
    from biogpt_plugins.pipeline.loading import load
    from biogpt_plugins.tasks import TASKS, register_task
    from biogpt_plugins.tasks.task import Task
    from biogpt_plugins.values.entities import EntitySource
    from biogpt_plugins.values.errors import BioGPTError, TruncationWarning
    from biogpt_plugins.values.inputs import Paper, Question, Text
    from biogpt_plugins.values.predictions import Predictions
    from biogpt_plugins.values.results import (
        Answer,
        Confidence,
        Entity,
        Evidence,
        Hallmarks,
        Prediction,
        Relation,
        Usage,
    )

__version__ = "0.2.0"

__all__ = [
    "TASKS",
    "Aggregate",
    "Answer",
    "BioGPTError",
    "Choice",
    "Chunk",
    "Completion",
    "Confidence",
    "Decoding",
    "Edge",
    "Engine",
    "Entity",
    "EntityDictionary",
    "EntitySource",
    "Evidence",
    "Hallmarks",
    "Paper",
    "PaperAnswer",
    "Pipeline",
    "Prediction",
    "Predictions",
    "Prompt",
    "Question",
    "Relation",
    "Spec",
    "Task",
    "Text",
    "TruncationWarning",
    "Usage",
    "aggregate",
    "load",
    "register_task",
]

_HOMES = {
    "Aggregate": "findings.edges",
    "Answer": "values.results",
    "BioGPTError": "values.errors",
    "Choice": "engine",
    "Chunk": "engine",
    "Completion": "engine",
    "Confidence": "values.results",
    "Decoding": "engine",
    "Edge": "findings.edges",
    "Engine": "engine",
    "Entity": "values.results",
    "EntityDictionary": "entities",
    "EntitySource": "values.entities",
    "Evidence": "values.results",
    "Hallmarks": "values.results",
    "Paper": "values.inputs",
    "PaperAnswer": "findings.synthesis",
    "Pipeline": "pipeline",
    "Prediction": "values.results",
    "Predictions": "values.predictions",
    "Prompt": "engine",
    "Question": "values.inputs",
    "Relation": "values.results",
    "Spec": "pipeline",
    "TASKS": "tasks",
    "Task": "tasks.task",
    "Text": "values.inputs",
    "TruncationWarning": "values.errors",
    "Usage": "values.results",
    "aggregate": "findings.edges",
    "load": "pipeline.loading",
    "register_task": "tasks",
}
__getattr__ = on_first_use(__name__, _HOMES)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
