"""The tools that read texts: their words, results, errors and bounds."""

import pytest
from doubles import Ruled

from biogpt_plugins import Pipeline
from biogpt_plugins.hosts.fields import LLMFields
from biogpt_plugins.hosts.tool_texts import EXTRACT_RELATIONS, ONCE
from biogpt_plugins.mcp_server import bounds
from biogpt_plugins.mcp_server.kit import Kit
from biogpt_plugins.mcp_server.reading import Reader
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError

FOUND = "the relation between lithium and tremor exists."
TEXT = "Lithium caused tremor."


class Asking:
    """Calls the tools of an engine, and keeps what the progress was."""

    def __init__(self, engine, **options):
        self.engine = engine
        llm = LLMFields.from_engine(engine, task="bc5cdr", **options)
        self.kit = Kit(Reader(llm).tools())
        self.progress = []

    async def __call__(self, name, /, **arguments):
        return await self.kit.call(name, arguments, self._note)

    async def _note(self, done, total, message):
        self.progress.append((done, total, message))


def relations_of(told):
    return [[str_of(one) for one in paper.relations] for paper in told.result.papers]


def str_of(one):
    return f"{one.head.text} -[{one.type}]-> {one.tail.text}"


async def test_one_text_is_told_as_by_the_tools_of_other_hosts():
    ask = Asking(ScriptedEngine([FOUND], logprob=-0.1))
    told = await ask("extract_relations", text=TEXT)
    engine = ScriptedEngine([FOUND])
    (prediction,) = Pipeline("bc5cdr", engine).run([TEXT])
    same = EXTRACT_RELATIONS.tell({"text": TEXT}, prediction, bounds.CONTENT)
    assert told.content == same.content
    assert ask.engine.history == engine.history
    (paper,) = told.result.papers
    (relation,) = paper.relations
    assert relation.head.model_dump() == {
        "text": "Lithium",
        "type": "chemical",
        "id": None,
        "start": 0,
        "end": 7,
    }
    assert 0 < relation.score < 1
    assert relation.sentence == TEXT
    assert (told.result.task, told.result.model, paper.left_out) == ("bc5cdr", "scripted", 0)


async def test_several_papers_are_read_together_with_their_titles_and_progress():
    ask = Asking(Ruled())
    papers = [
        {"id": str(n), "title": "A case", "text": f"drug{n} caused illness{n}."} for n in range(20)
    ]
    told = await ask("extract_relations", papers=papers)
    assert relations_of(told) == [[f"drug{n} -[CID]-> illness{n}"] for n in range(20)]
    assert [paper.paper for paper in told.result.papers] == [str(n) for n in range(20)]
    assert told.content.startswith("Paper 0: Relations found")
    assert told.content.count("\n\nPaper ") == 19
    assert [len(call) for call in ask.engine.calls] == [8, 8, 4]
    assert [(done, total) for done, total, _ in ask.progress] == [
        (0, 20),
        (8, 20),
        (16, 20),
        (20, 20),
    ]
    place = told.result.papers[3].relations[0].head
    assert "A case drug3 caused"[place.start : place.end] == "drug3"


async def test_a_paper_that_fails_costs_the_others_nothing():
    ask = Asking(ScriptedEngine([FOUND, "rubbish", EngineError("out of memory")]))
    papers = [{"text": TEXT}, {"id": "b", "text": TEXT}, {"text": " "}, {"text": TEXT}]
    told = await ask("extract_relations", papers=papers)
    errors = [paper.error or "" for paper in told.result.papers]
    assert errors[0] == ""
    assert "this is not a finding" in errors[1]
    assert "give at least one word" in errors[2]
    assert "continue without it" in errors[3]
    assert [paper.paper for paper in told.result.papers] == ["1", "b", "3", "4"]
    assert "\n\nPaper b: no relation can be read from the completion 'rubbish'" in told.content


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"text": TEXT}, "Calling this tool again will not help"),
        ({"papers": [{"text": TEXT}] * 2}, "Calling this tool again will not help"),
        ({"text": " "}, "give at least one word"),
    ],
)
async def test_where_nothing_can_be_read_the_call_fails(given, said):
    told = await Asking(ScriptedEngine([EngineError("no"), EngineError("no")]))(
        "extract_relations", **given
    )
    assert told.result is None
    assert said in told.content


async def test_questions_are_answered_from_each_paper():
    ask = Asking(ScriptedEngine(probabilities=[(0.7, 0.2, 0.1), (0.1, 0.8, 0.1)]))
    papers = [{"id": "1", "text": TEXT}, {"id": "2", "title": "No tremor.", "text": "None had it."}]
    told = await ask("answer_question", question="Does lithium cause tremor?", papers=papers)
    assert [paper.answer for paper in told.result.papers] == ["yes", "no"]
    assert told.result.papers[0].probabilities["yes"] == pytest.approx(0.7)
    assert "Paper 2: no (probabilities: yes 10.0%" in told.content
    assert "No tremor. None had it." in ask.engine.history[1].text
    ask = Asking(ScriptedEngine(probabilities=[(0.7, 0.2, 0.1)]))
    told = await ask("answer_question", question="Does it?", context=TEXT, papers=None)
    assert told.content == "yes (probabilities: yes 70.0%, no 20.0%, maybe 10.0%)"


async def test_terms_are_described():
    told = await Asking(ScriptedEngine(["a light metal."]))("describe_term", term="lithium")
    assert told.content == "lithium is a light metal."
    assert told.result.description == "a light metal."
    failed = await Asking(ScriptedEngine([]))("describe_term", term=" ")
    assert failed.result is None


async def test_a_model_that_cannot_be_loaded_is_a_remedy_and_no_crash():
    kit = Kit(Reader(LLMFields(model="./nowhere", task="bc5cdr")).tools())

    async def progress(*_):
        pass

    told = await kit.call("extract_relations", {"text": TEXT}, progress)
    assert told.result is None
    assert "nowhere" in told.content
    assert "continue without it" in told.content


async def test_a_fault_is_told_and_logged(caplog):
    class Broken(Reader):
        async def describe(self, *_):
            raise RuntimeError("a secret")

    kit = Kit(Broken(LLMFields.from_engine(ScriptedEngine())).tools())
    told = await kit.call("describe_term", {"term": "lithium"}, print)
    assert told.result is None
    assert told.content.startswith("a fault: RuntimeError")
    assert "a secret" not in told.content
    assert "a secret" in caplog.text


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("extract_relations", {}, "exactly one of the two"),
        ("extract_relations", {"text": "a", "papers": [{"text": "b"}]}, "exactly one of the two"),
        ("extract_relations", {"text": "a" * (bounds.TEXT + 1)}, "at most 100000 characters"),
        (
            "extract_relations",
            {"papers": [{"text": "a"}] * 33},
            "papers: list should have at most 32",
        ),
        ("extract_relations", {"papers": [{"txt": "a"}]}, "papers.0.text: field required"),
        ("extract_relations", {"text": 3}, "text: input should be a valid string"),
        ("answer_question", {"context": "a"}, "question: field required"),
        ("describe_term", {"term": "a" * 201}, "at most 200 characters"),
        ("describe_terms", {"term": "a"}, "Did you mean 'describe_term'?"),
    ],
)
async def test_a_wrong_call_is_told_how_to_be_right(name, given, said):
    ask = Asking(ScriptedEngine([FOUND]))
    told = await ask(name, **given)
    assert told.result is None
    assert said in told.content
    assert not ask.engine.calls


async def test_what_is_cut_is_counted():
    most = bounds.RELATIONS
    pairs = [(f"drug{n}", f"illness{n}") for n in range(most + 5)]
    text = " ".join(f"{drug} caused {illness}." for drug, illness in pairs)
    told = await Asking(Ruled(context_size=10_000))("extract_relations", text=text)
    (paper,) = told.result.papers
    assert (len(paper.relations), paper.left_out) == (most, 5)
    assert len(told.content) <= bounds.CONTENT
    shown = told.content.count("\n- ")
    assert f"... and {most + 5 - shown} more" in told.content
    long = await Asking(Ruled())("extract_relations", papers=[{"text": text[:1200]}] * 32)
    assert len(long.content) < 32 * 900


def test_schemas_say_all_and_refer_to_nothing():
    tools = Reader(LLMFields.from_engine(ScriptedEngine(), task="ddi")).tools()
    for tool in tools:
        assert ONCE not in tool.description
        for schema in (tool.input_schema(), tool.output_schema()):
            assert schema["type"] == "object"
            assert "$" not in str(schema)
    extract = tools[0].input_schema()["properties"]
    assert "drug" in tools[0].description
    assert extract["papers"]["maxItems"] == bounds.PAPERS
    assert extract["papers"]["items"]["required"] == ["text"]
    assert "title" in extract["papers"]["items"]["properties"]
    assert "search terms" in extract["text"]["description"]
