"""BioGPT as a decision model: questions with probabilities, in one call of the engine."""

import asyncio
import warnings

import bundled
import pytest
from langchain_core.documents import Document
from langchain_core.exceptions import ContextOverflowError
from langchain_core.language_models import FakeListChatModel
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers import LangChainTracer
from pydantic import ValidationError

from biogpt_plugins import Pipeline, load
from biogpt_plugins.checkpoints.calibration import AnswerCalibration, Calibration
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.tasks.hoc import LABELS as HALLMARKS
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError, InputError, TruncationWarning
from langchain_biogpt import BioGPTDecisionModel, BioGPTLLM

decisions = pytest.importorskip("langchain_core.decisions", reason="needs langchain-core 1.8")
Box, Choice, Noul, Score = (getattr(decisions, n) for n in ("Box", "Choice", "Noul", "Score"))

PAPER = {"title": "Lithium and tremor", "abstract": "Lithium caused tremor."}
JOINED = "Lithium and tremor. Lithium caused tremor."
TREMOR = Noul(instructions="Does lithium cause tremor?")
CARDS = {"pubmedqa": TaskCard(), "hoc": TaskCard(layout="learned_prompt", learned_tokens=("one",))}


def request(state=PAPER, **questions):
    return {"state": state, "questions": questions or {"tremor": TREMOR}}


def scripted(*probabilities, cards=None, **settings):
    engine = ScriptedEngine(probabilities=probabilities)
    pipeline = Pipeline("pubmedqa", engine, cards=cards, **settings)
    return BioGPTDecisionModel.from_pipeline(pipeline), engine


def test_a_noul_is_yes_and_half_of_maybe():
    model, engine = scripted((0.6, 0.1, 0.3))
    response = model.invoke(request())
    assert response.nouls["tremor"].noul == pytest.approx(0.75)
    assert (response.model, response.usage["output_tokens"]) == ("scripted", 0)
    assert response.usage["input_tokens"] == len(engine.history[0].source.split())


def test_a_choice_of_taught_labels_has_their_probabilities():
    model, engine = scripted((0.5, 0.2), cards=CARDS)
    asked = Choice(instructions="Does it?", criteria={"no": None, "yes": None})
    answer = model.invoke(request(does=asked)).choices["does"]
    assert (answer.choice, answer.confidence) == ("no", pytest.approx(5 / 7))
    assert answer.probabilities == pytest.approx({"no": 5 / 7, "yes": 2 / 7})
    (prompt,) = engine.history
    assert prompt.source == f"question: Does it? context: {JOINED} "
    assert prompt.target == "the answer to the question given the context is"


def test_labels_of_another_task_are_asked_in_its_layout():
    model, engine = scripted((0.1, 0.3), cards=CARDS)
    asked = Choice(instructions="Which?", criteria=dict.fromkeys(HALLMARKS[5:7]))
    answer = model.invoke(request(which=asked)).choices["which"]
    assert (answer.choice, answer.confidence) == (HALLMARKS[6], pytest.approx(0.75))
    (prompt,) = engine.history
    assert (prompt.source, prompt.suffix_tokens) == (JOINED, ("one",))
    assert prompt.target == "the type of this document is"


def test_a_pretrained_model_chooses_among_any_labels_after_solved_examples():
    model, engine = scripted((0.2, 0.6, 0.2))
    criteria = {"drug": "a medicine", "drug effect": None, "neither": None}
    answer = model.invoke(request(what=Choice(instructions="What is it?", criteria=criteria)))
    assert answer.choices["what"].choice == "drug effect"
    (prompt,) = engine.history
    assert prompt.text == JOINED
    assert prompt.tail == (
        " Question: What is it? Options: drug (a medicine), drug effect or neither. Conclusion:"
    )
    assert prompt.head.endswith(
        "the answer to the question given the context is no change. Abstract: "
    )


def test_all_questions_and_all_requests_are_one_call():
    model, engine = scripted((0.6, 0.4, 0), (0, 1, 0), (0.3, 0.7), (0.1, 0.9, 0))
    kind = Choice(instructions="What?", criteria={"trial": None, "case": None})
    first, second = model.batch(
        [request(a=TREMOR, b=Noul(instructions="Is it rare?"), kind=kind), request("Other.")]
    )
    assert list(first.answers) == ["a", "b", "kind"]
    assert (first.nouls["a"].noul, first.nouls["b"].noul) == pytest.approx((0.6, 0))
    assert first.choices["kind"].choice == "case"
    assert second.nouls["tremor"].noul == pytest.approx(0.1)
    (call,) = engine.calls
    assert [prompt.text for prompt in call] == [JOINED] * 3 + ["Other."]


def test_the_calibration_corrects_yes_no_and_maybe():
    corrects = AnswerCalibration(temperature=2, contextual=True)
    calibration = Calibration(answers={"pubmedqa": corrects})
    model, engine = scripted((0.8, 0.1, 0.1), (0.5, 0.25, 0.25), calibration=calibration)
    asked = Choice(instructions="Does it?", criteria=dict.fromkeys(("yes", "no", "maybe")))
    answer = model.invoke(request(does=asked)).choices["does"]
    assert answer.probabilities == pytest.approx({"yes": 0.5, "no": 0.25, "maybe": 0.25}, abs=0.05)
    own, prior = (
        dict(zip(("yes", "no", "maybe"), p, strict=True))
        for p in ((0.8, 0.1, 0.1), (0.5, 0.25, 0.25))
    )
    assert answer.probabilities == pytest.approx(corrects.correct(own, prior))
    (call,) = engine.calls
    assert [JOINED in prompt.source for prompt in call] == [True, False]


@pytest.mark.parametrize(
    "state",
    [
        PAPER,
        JOINED,
        Document(PAPER["abstract"], metadata={"title": PAPER["title"]}),
        HumanMessage(JOINED),
        [HumanMessage("Hello."), AIMessage("Yes?"), HumanMessage(JOINED)],
        {"messages": [("human", JOINED)]},
        {"text": JOINED},
    ],
    ids=["title and abstract", "text", "Document", "message", "messages", "graph state", "mapping"],
)
def test_states(state):
    model, engine = scripted((1, 0, 0))
    assert model.invoke(request(state)).nouls["tremor"].noul == 1
    assert engine.history[0].text == JOINED


IMAGE = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
LABELS = {"a": None, "b": None}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (request(tone=Score(instructions="How?", criteria=["calm", "angry"])), "'tone' is a Score"),
        (request(where=Box(instructions="Where?")), "'where' is a Box, which BioGPT cannot answer"),
        (request(dose=Noul(instructions="What dose is safe?")), "more than yes, no or maybe"),
        (
            request(a=Noul(instructions="Is it?", criteria={"true": "It is."})),
            "'a' has criteria, which BioGPT does not read",
        ),
        (request(a=Noul(instructions={"ask": "Is it?"})), "instructions of question 'a' must be"),
        (request(a=Choice(instructions="?", criteria={"x": ["y"]})), "label 'x' of question 'a'"),
        (
            request(a=Choice(instructions="Is it?", criteria={"yes": "It is.", "no": None})),
            "reads no description of them",
        ),
        (request(a=Choice(instructions="Which?", criteria=LABELS)), "cannot choose among 'a', 'b'"),
        (request(a=Choice(instructions="Which?", criteria={" ": None})), "the label ' ' is empty"),
        (request(a=Noul(instructions=" ")), "question of .* is empty"),
        (request(""), "text of .* is empty"),
        (request({"title": ""}), "text of .* is empty"),
        (request(HumanMessage(["See this.", IMAGE])), "block of type 'image'"),
        (request({"abstract": "See this.", "figure": IMAGE}), "block of type 'image'"),
        ({"state": PAPER, "questions": {}}, "at least one question"),
        ({"state": PAPER, "questions": {"a": {"type": "maybe"}}}, "cannot read the questions: a"),
    ],
)
def test_what_it_cannot_answer_is_refused_by_name(asked, message):
    model, engine = scripted(cards=CARDS)
    with pytest.raises(InputError, match=message):
        model.invoke(asked)
    assert not engine.calls


def test_an_untaught_label_is_told_with_the_taught_ones():
    model, _ = scripted(cards=CARDS)
    with pytest.raises(InputError, match=r"Choose among 'yes', 'no', 'maybe' \(pubmedqa\) or 'act"):
        model.invoke(request(a=Choice(instructions="Which?", criteria=LABELS)))


def test_a_failed_request_costs_the_others_nothing():
    model, engine = scripted((1, 0, 0), (0, 1, 0))
    asked = [request(), request(""), request("Other.")]
    first, failed, last = model.batch(asked, return_exceptions=True)
    assert (first.nouls["tremor"].noul, last.nouls["tremor"].noul) == (1, 0)
    assert isinstance(failed, InputError)
    assert len(engine.calls) == 1
    with pytest.raises(EngineError, match="no probabilities left"):
        model.batch(asked)


async def test_async_is_the_same_and_leaves_the_loop_free():
    model, engine = scripted((1, 0, 0), (0, 1, 0), (0, 0, 1))
    assert (await model.ainvoke(request())).nouls["tremor"].noul == 1
    found = await asyncio.gather(model.abatch([request(), request()]))
    assert [one.nouls["tremor"].noul for one in found[0]] == [0, 0.5]
    assert len(engine.calls) == 2


def test_max_concurrency_divides_a_batch():
    model, engine = scripted(*[(1, 0, 0)] * 3)
    assert len(model.batch([request()] * 3, {"max_concurrency": 2})) == 3
    assert [len(call) for call in engine.calls] == [2, 1]
    assert model.batch([]) == []


class Traces:
    """A client of LangSmith that keeps what it is sent."""

    tracing_queue = None

    def __init__(self):
        self.runs = {}

    def create_run(self, **run):
        self.runs[str(run["id"])] = run

    def update_run(self, run_id, **run):
        self.runs[str(run_id)].update(run)


async def test_traces_name_model_provider_and_tokens():
    model, engine = scripted(*[(1, 0, 0)] * 5)
    client = Traces()
    config = {"callbacks": [LangChainTracer(client=client)], "tags": ["one"]}
    model.invoke(request(), config)
    model.batch([request(), request()], config)
    await model.ainvoke(request(), config)
    await model.abatch([request()], config)
    tokens = len(engine.history[0].source.split())
    assert len(client.runs) == 5
    for run in client.runs.values():
        assert (run["run_type"], run["tags"]) == ("llm", ["one"])
        told = run["extra"]["metadata"]
        assert (told["ls_provider"], told["ls_model_name"]) == ("biogpt", "scripted")
        assert told["usage_metadata"]["input_tokens"] == tokens
        assert run["outputs"]["output"].nouls["tremor"].noul == 1


def test_it_composes_with_other_runnables():
    model, _ = scripted((0.9, 0.1, 0))
    ask = RunnableLambda(request)
    chain = ask | model | (lambda response: response.nouls["tremor"].noul >= 0.8)
    assert chain.invoke("Lithium caused tremor.") is True


def test_questions_may_be_plain_mappings():
    model, _ = scripted((0.2, 0.8))
    asked = {"type": "choice", "instructions": "Which?", "criteria": LABELS}
    assert model.invoke(request(which=asked)).choices["which"].choice == "b"


def test_settings_that_do_not_apply_are_refused():
    with pytest.raises(ValidationError, match="does not abstain"):
        BioGPTDecisionModel(abstain_below=0.5)
    with pytest.raises(ValidationError, match="method must be 'choose'"):
        BioGPTDecisionModel(method="complete")


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
def test_it_is_saved_by_name():
    model = BioGPTDecisionModel(model="demo", device="cpu")
    read = loads(
        dumps(model),
        allowed_objects=[BioGPTDecisionModel],
        valid_namespaces=["langchain_biogpt"],
    )
    assert read == model


def test_a_text_that_is_cut_is_told():
    with pytest.warns(TruncationWarning, match="the text does not fit the model"):
        BioGPTDecisionModel(model="demo").invoke(request(bundled.LONG))


@pytest.mark.filterwarnings("ignore:.*was not trained for pubmedqa")
def test_solved_examples_that_do_not_fit_are_an_error(tiny_biogpt):
    with pytest.raises(ContextOverflowError, match="of them must not be cut"):
        BioGPTDecisionModel(model=str(tiny_biogpt)).invoke(request())


def test_the_bundled_model_answers_as_its_pipeline_does():
    model = BioGPTDecisionModel(model="demo")
    asked = Choice(instructions=TREMOR.instructions, criteria=dict.fromkeys(("yes", "no", "maybe")))
    case = bundled.case()
    found = model.invoke(request(case, tremor=TREMOR, same=asked))
    text = f"{case['title']} {case['abstract']}"
    (told,) = load("demo", "pubmedqa").run([{"question": TREMOR.instructions, "context": text}])
    shares = told.result.probabilities
    assert found.choices["same"].probabilities == pytest.approx(shares, abs=1e-4)
    assert found.nouls["tremor"].noul == pytest.approx(
        shares["yes"] + shares["maybe"] / 2, abs=1e-4
    )


def test_an_agent_routes_by_it():
    middleware = pytest.importorskip("langchain.agents.middleware", reason="needs langchain")
    agents = pytest.importorskip("langchain.agents")
    if not hasattr(middleware, "ModelRouterMiddleware"):
        pytest.skip("needs langchain 1.5")
    classifier, engine = scripted((0.1, 0.9))
    models = {name: FakeListChatModel(responses=[name]) for name in ("chemistry", "clinic")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the host's: the router is in beta
        router = middleware.ModelRouterMiddleware(
            choices={
                name: middleware.ModelChoice(model=model, criteria=f"about {name}")
                for name, model in models.items()
            },
            instructions="Whom is it for?",
            classifier=classifier,
        )
    agent = agents.create_agent(models["chemistry"], middleware=[router])
    state = agent.invoke({"messages": [("human", "Which dose is safe?")]})
    assert state["messages"][-1].text == "clinic"
    assert state["model_route"].confidence == pytest.approx(0.9)
    assert engine.history[0].text == "Which dose is safe?"


def test_it_uses_the_pipeline_of_an_llm():
    engine = ScriptedEngine(probabilities=[(1, 0, 0)])
    llm = BioGPTLLM.from_engine(engine)
    model = BioGPTDecisionModel.from_pipeline(llm.pipeline)
    assert model.invoke(request()).nouls["tremor"].noul == 1
