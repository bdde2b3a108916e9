"""Routers that select by the probabilities of labels."""

import pytest
from llama_index.core.query_engine import CustomQueryEngine, RouterQueryEngine
from llama_index.core.tools import QueryEngineTool, ToolMetadata

from biogpt_plugins import Pipeline
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.tasks.hoc import LABELS
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError, InputError
from llama_index_biogpt import BioGPTSelector

pytestmark = pytest.mark.filterwarnings("ignore:.*langchain-community.*:DeprecationWarning")
TOOLS = [
    ToolMetadata(name="trials", description="trials of drugs"),
    ToolMetadata(name="genes", description="what genes do"),
]
QUERY = "Which drugs lower blood pressure?"


class Answers(CustomQueryEngine):
    """Answers with its name."""

    name: str

    def custom_query(self, query_str: str) -> str:  # noqa: ARG002 - the host's name
        return self.name


def selector(*probabilities, **options):
    engine = ScriptedEngine(probabilities=probabilities)
    return BioGPTSelector.from_engine(engine, **options), engine


def test_it_selects_the_most_probable_choice():
    found, engine = selector((0.2, 0.6))
    result = found.select(TOOLS, QUERY)
    assert (result.ind, result.reason) == (1, "genes: probability 0.750")
    (prompt,) = engine.history
    assert prompt.text == QUERY
    assert " Options: trials (trials of drugs) or genes (what genes do). " in prompt.tail


async def test_async_and_plain_texts():
    found, engine = selector((0.9, 0.1), question="What is asked for?")
    result = await found.aselect(["drugs", "genes"], QUERY)
    assert result.ind == 0
    assert " Question: What is asked for? Options: drugs or genes. " in engine.history[0].tail


@pytest.mark.usefixtures("host_loop")
def test_a_router_query_engine_uses_it():
    found, _ = selector((0.1, 0.9))
    tools = [QueryEngineTool(Answers(name=one.name), one) for one in TOOLS]
    router = RouterQueryEngine(selector=found, query_engine_tools=tools, llm=found._model)
    response = router.query(QUERY)
    assert str(response) == "genes"
    assert response.metadata["selector_result"].reason == "genes: probability 0.900"


def test_a_trained_model_selects_among_its_labels_only():
    cards = {"hoc": TaskCard()}
    engine = ScriptedEngine(probabilities=[(0.1, 0.9)])
    found = BioGPTSelector.from_pipeline(Pipeline("hoc", engine, cards=cards))
    assert found.select(list(LABELS[:2]), "Cells migrated.").ind == 1
    with pytest.raises(InputError, match="cannot choose among 'trials', 'genes'"):
        found.select(TOOLS, QUERY)


def test_what_cannot_be_selected_is_told():
    found, _ = selector()
    with pytest.raises(InputError, match="a name of its own"):
        found.select(["drugs", "drugs"], QUERY)
    with pytest.raises(InputError, match="needs labels"):
        found.select([], QUERY)
    with pytest.raises(EngineError, match="no probabilities left"):
        found.select(TOOLS, QUERY)
