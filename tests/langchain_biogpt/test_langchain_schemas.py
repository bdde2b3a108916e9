"""What chains take and return: schemas for tools and servers, and messages as texts."""

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import RunnableLambda
from pydantic import ValidationError

from biogpt_plugins import Answer, Hallmarks, Prediction, Relation
from biogpt_plugins.findings.synthesis import PaperAnswer
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from langchain_biogpt import (
    BioGPTLLM,
    BioGPTTask,
    create_description_chain,
    create_paper_qa_chain,
    create_relation_chain,
)

FOUND = "the relation between lithium and tremor exists."
PAPER = "Lithium caused tremor."
QUESTION = "Does lithium cause tremor?"
AS_TOOL_IS_BETA = pytest.mark.filterwarnings("ignore:This API is in beta")
HISTORY = [
    SystemMessage("You are a curator."),
    HumanMessage("Nothing."),
    AIMessage("[]"),
    HumanMessage(PAPER),
]


def llm(*completions, probabilities=()):
    return BioGPTLLM.from_engine(ScriptedEngine(completions, probabilities))


def asked(chain):
    return chain.llm.pipeline.engine.history[-1].text


def relation_chain(**options):
    return create_relation_chain(llm(*[FOUND] * 3), task="bc5cdr", **options)


def qa_chain():
    papers = RunnableLambda(lambda _: [Document("Lithium causes tremor.", metadata={"pmid": 1})])
    return create_paper_qa_chain(papers, llm(probabilities=[(0.8, 0.1, 0.1)] * 3))


def task(name):
    return BioGPTTask(llm=llm(), task=name)


TYPES = {
    "relations": (relation_chain, ["title", "abstract", "id"], list[Relation]),
    "predictions": (
        lambda: relation_chain(predictions=True),
        ["title", "abstract", "id"],
        Prediction[list[Relation]],
    ),
    "answer": (lambda: task("pubmedqa"), ["question", "context", "long_answer", "id"], Answer),
    "hallmarks": (lambda: task("hoc"), ["text", "id"], Hallmarks),
    "text": (lambda: task("generate"), ["text", "id"], str),
    "description": (lambda: create_description_chain(llm()), ["term", "id"], str),
    "papers": (qa_chain, ["question"], PaperAnswer),
}


class TestSchemas:
    @pytest.mark.parametrize("name", TYPES)
    def test_chains_show_their_fields(self, name):
        make, fields, result = TYPES[name]
        chain = make()
        schema = chain.get_input_jsonschema()
        assert schema["type"] == "object"
        assert list(schema["properties"]) == fields
        assert chain.OutputType == result
        assert result is str or {"properties", "items"} & chain.get_output_jsonschema().keys()

    @AS_TOOL_IS_BETA
    @pytest.mark.parametrize("name", TYPES)
    def test_tools_have_arguments_with_descriptions(self, name):
        make, fields, _ = TYPES[name]
        tool = make().as_tool(name="tool", description="A tool.")
        assert list(tool.args) == fields
        assert all(argument["description"] for argument in tool.args.values())

    @AS_TOOL_IS_BETA
    def test_tools_pass_their_arguments_on(self):
        tool = relation_chain().as_tool(name="tool", description="A tool.")
        assert str(tool.invoke({"title": "Drugs", "abstract": PAPER})[0]) == (
            "Lithium -[CID]-> tremor"
        )
        assert qa_chain().as_tool(name="t", description="A tool.").invoke(
            {"question": QUESTION}
        ).label == "yes"  # fmt: skip

    def test_servers_validate_with_the_schema(self):
        """LangServe validates a request's input with the schema, and passes on its fields."""
        schema = relation_chain().input_schema
        for given in (PAPER, {"Abstract": PAPER}, {"text": PAPER}, [HumanMessage(PAPER)]):
            assert schema.model_validate(given).abstract == PAPER
        read = schema.model_validate({"pmid": 7, "title": "T", "abstract": PAPER})
        assert read.model_dump() == {"id": "7", "title": "T", "abstract": PAPER}
        with pytest.raises(ValidationError, match="is empty"):
            schema.model_validate(" ")
        assert qa_chain().input_schema.model_validate(QUESTION).question == QUESTION

    def test_results_fit_the_schema(self):
        chain = relation_chain()
        found = chain.invoke(PAPER)
        assert chain.output_schema.model_validate(found).root == found


class TestMessages:
    @pytest.mark.parametrize(
        "given",
        [
            HumanMessage(PAPER),
            AIMessage(PAPER),  # what a chat model wrote
            HISTORY,
            [("system", "Curate."), ("human", PAPER)],
            [{"role": "user", "content": "x"}, {"role": "user", "content": PAPER}],
            {"messages": HISTORY},
            {"input": PAPER},
            {"abstract": HISTORY},
            [HumanMessage([{"type": "text", "text": PAPER}])],
        ],
        ids=str,
    )
    def test_the_last_human_text_is_read(self, given):
        chain = relation_chain()
        assert [str(one) for one in chain.invoke(given)] == ["Lithium -[CID]-> tremor"]
        assert asked(chain) == PAPER
        list(chain.stream(given))
        assert asked(chain) == PAPER

    @pytest.mark.parametrize(
        "template",
        [PromptTemplate.from_template("{x}"), ChatPromptTemplate([("human", "{x}")])],
        ids=["text", "chat"],
    )
    def test_prompts(self, template):
        chain = relation_chain()
        (template | chain).invoke({"x": PAPER})
        assert asked(chain) == PAPER

    @pytest.mark.parametrize(
        "given",
        [
            [AIMessage("x"), SystemMessage("y")],
            [HumanMessage([{"type": "image_url", "image_url": {"url": "x"}}])],
            ["x", "y"],
            [],
        ],
        ids=["no human", "no text", "texts", "empty"],
    )
    def test_what_is_no_text_is_refused(self, given):
        with pytest.raises(InputError, match="give a string"):
            relation_chain().invoke(given)

    def test_a_bad_message_costs_the_others_nothing(self):
        found = relation_chain().batch([PAPER, [AIMessage("x")], PAPER], return_exceptions=True)
        assert [type(one) for one in found] == [list, InputError, list]

    def test_questions(self):
        chain = qa_chain()
        for given in (HISTORY, {"messages": HISTORY}, {"input": HISTORY}):
            assert chain.invoke(given).question == PAPER

    def test_llms(self):
        model = llm("x", "x", "x")
        model.invoke(HISTORY)
        model.batch([HISTORY])
        list(model.stream(HISTORY))
        assert [prompt.text for prompt in model.pipeline.engine.history] == [PAPER] * 3

    @pytest.mark.filterwarnings("ignore:RunnableWithMessageHistory is deprecated")
    @pytest.mark.filterwarnings("ignore:The class `InMemoryChatMessageHistory` was deprecated")
    def test_histories(self):
        from langchain_core.chat_history import InMemoryChatMessageHistory
        from langchain_core.runnables.history import RunnableWithMessageHistory

        kept = InMemoryChatMessageHistory()
        chain = relation_chain()
        talk = RunnableWithMessageHistory(chain, lambda session_id: kept)  # noqa: ARG005
        config = {"configurable": {"session_id": "a"}}
        talk.invoke([HumanMessage("Lithium is given for mania.")], config)
        found = talk.invoke([HumanMessage(PAPER)], config)
        assert [str(one) for one in found] == ["Lithium -[CID]-> tremor"]
        assert asked(chain) == PAPER
