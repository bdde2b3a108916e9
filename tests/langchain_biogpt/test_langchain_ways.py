"""Every way in which LangChain calls an LLM: the right texts, and how often the engine is called.

On a scripted engine and on the bundled model, through the same table.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from threading import Lock

import bundled
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.load import dumps, loads
from langchain_core.prompts import PromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableParallel

from biogpt_plugins import Decoding, Pipeline, load
from biogpt_plugins.checkpoints import locate
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError, ModelError
from langchain_biogpt import BioGPTLLM

PROMPTS = ["Lithium is", "A tremor of the hand", "Patients with"]
SHORT = Decoding(max_new_tokens=8)
# Whether the bundled model was trained to continue texts does not matter here.
pytestmark = pytest.mark.filterwarnings("ignore:model 'demo' was trained for")


class Counted:
    """An engine that counts its calls, and fails where it is told to."""

    def __init__(self, engine):
        self.engine, self.calls, self.fails, self._lock = engine, 0, set(), Lock()
        self.model_name = engine.model_name

    def complete(self, prompts, decoding=SHORT):
        with self._lock:
            self.calls += 1
            failing, self.fails = self.fails, set()
        if failing:
            prompts = [" " if prompt.text in failing else prompt for prompt in prompts]
        return self.engine.complete(prompts, decoding)

    def stream(self, prompt, decoding=SHORT):
        with self._lock:
            self.calls += 1
        return self.engine.stream(prompt, decoding)


class Echo(ScriptedEngine):
    """Answers a prompt with itself, so that answers in the wrong places are noticed."""

    def complete(self, prompts, decoding=SHORT):
        prompts = [prompt if isinstance(prompt, str) else prompt.text for prompt in prompts]
        self._completions = [
            text.upper() if text.strip() else EngineError("nothing to say") for text in prompts
        ]
        return super().complete(prompts, decoding)


@pytest.fixture(params=["scripted", "demo"])
def engine(request):
    engine = Echo() if request.param == "scripted" else load("demo", "generate").engine
    return Counted(engine)


@pytest.fixture
def llm(engine):
    return BioGPTLLM.from_engine(engine, max_new_tokens=8)


@pytest.fixture
def expected(engine):
    return [c.text for c in engine.engine.complete(PROMPTS, SHORT)]


@dataclass
class Way:
    """A way to ask three prompts.

    Attributes:
        ask: The way.
        calls: How often it calls the engine.
    """

    ask: Callable[[BioGPTLLM], list[str] | Awaitable[list[str]]]
    calls: int


def as_completed(llm):
    return [text for _, text in sorted(llm.batch_as_completed(PROMPTS))]


async def abatch_as_completed(llm):
    return [text for _, text in sorted([found async for found in llm.abatch_as_completed(PROMPTS)])]


async def gathered(llm):
    return await asyncio.gather(*(llm.ainvoke(prompt) for prompt in PROMPTS))


async def astreamed(llm):
    found = []
    for prompt in PROMPTS:
        pieces = [piece async for piece in llm.astream(prompt)]
        found.append("".join(pieces))
    return found


async def evented(llm):
    found = []
    for prompt in PROMPTS:
        events = [e async for e in llm.astream_events(prompt, version="v2")]
        chunks = [e["data"]["chunk"] for e in events if e["event"] == "on_llm_stream"]
        found.append("".join(getattr(chunk, "text", chunk) for chunk in chunks))
    return found


def fallen_back(llm):
    failing = BioGPTLLM.from_engine(ScriptedEngine([EngineError("no")] * 3))
    return failing.with_fallbacks([llm]).batch(PROMPTS)


def configured(llm):
    field = ConfigurableField(id="most")
    chosen = llm.configurable_fields(max_new_tokens=field)
    short = chosen.with_config(configurable={"most": 8})
    return [short.invoke(PROMPTS[0]), *short.batch(PROMPTS[1:])]


def cached(llm):
    kept = llm.model_copy(update={"cache": InMemoryCache()})
    assert kept.batch(PROMPTS) == [kept.invoke(prompt) for prompt in PROMPTS]
    return kept.batch(PROMPTS)


def in_a_chain(llm):
    chain = PromptTemplate.from_template("{text}") | llm
    return chain.batch([{"text": prompt} for prompt in PROMPTS])


def in_parallel(llm):
    found = RunnableParallel(a=llm, b=llm).invoke(PROMPTS[0])
    assert found["a"] == found["b"]
    return [found["a"], *llm.batch(PROMPTS[1:])]


WAYS = {
    "invoke": Way(lambda llm: [llm.invoke(prompt) for prompt in PROMPTS], 3),
    "ainvoke under gather": Way(gathered, 3),
    "batch": Way(lambda llm: llm.batch(PROMPTS), 1),
    "abatch": Way(lambda llm: llm.abatch(PROMPTS), 1),
    "batch, two at a time": Way(lambda llm: llm.batch(PROMPTS, {"max_concurrency": 2}), 2),
    "batch with errors": Way(lambda llm: llm.batch(PROMPTS, return_exceptions=True), 1),
    "abatch with errors": Way(lambda llm: llm.abatch(PROMPTS, return_exceptions=True), 1),
    "batch_as_completed": Way(as_completed, 3),
    "abatch_as_completed": Way(abatch_as_completed, 3),
    "map": Way(lambda llm: llm.map().invoke(PROMPTS), 1),
    "in a chain": Way(in_a_chain, 1),
    "in parallel": Way(in_parallel, 3),
    "stream": Way(lambda llm: ["".join(llm.stream(prompt)) for prompt in PROMPTS], 3),
    "astream": Way(astreamed, 3),
    "astream_events": Way(evented, 3),
    "with_retry": Way(lambda llm: llm.with_retry().batch(PROMPTS), 1),
    "with_fallbacks": Way(fallen_back, 1),
    # The host asks prompt by prompt wherever a field is configured.
    "configurable_fields": Way(configured, 3),
    "cache": Way(cached, 1),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_ways(way, llm, engine, expected):
    found = way.ask(llm)
    assert (found if isinstance(found, list) else await found) == expected
    assert engine.calls == way.calls


@pytest.mark.parametrize("way", ["batch", "abatch"])
async def test_one_bad_prompt_costs_the_others_nothing(way, llm, engine, expected):
    prompts = [PROMPTS[0], " ", *PROMPTS[1:]]
    found = getattr(llm, way)(prompts, return_exceptions=True)
    first, bad, *others = found if way == "batch" else await found
    assert [first, *others] == expected
    assert isinstance(bad, Exception)
    assert engine.calls == 1


@pytest.mark.parametrize("way", ["batch", "abatch"])
async def test_only_the_prompt_that_failed_is_tried_again(way, llm, engine, expected):
    engine.fails = {PROMPTS[1]}
    retried = llm.with_retry(wait_exponential_jitter=False)
    found = getattr(retried, way)(PROMPTS)
    assert (found if way == "batch" else await found) == expected
    assert engine.calls == 2


@pytest.mark.parametrize("way", ["batch", "abatch"])
async def test_only_the_prompt_that_failed_falls_back(way, llm, engine, expected):
    engine.fails = {PROMPTS[1]}
    spare = ScriptedEngine(["spare"])
    both = llm.with_fallbacks([BioGPTLLM.from_engine(spare)])
    found = getattr(both, way)(PROMPTS)
    assert (found if way == "batch" else await found) == [expected[0], "spare", expected[2]]
    assert [[prompt.text for prompt in call] for call in spare.calls] == [[PROMPTS[1]]]


@pytest.mark.parametrize("way", ["batch", "abatch"])
async def test_a_batch_remembers_for_itself_alone(way, llm, engine, expected):
    engine.fails = {PROMPTS[1]}
    for _ in range(2):
        found = getattr(llm, way)(PROMPTS, return_exceptions=True, seed=1)
        first, second, third = found if way == "batch" else await found
        assert [first, third] == [expected[0], expected[2]]
    assert second == expected[1]
    assert engine.calls == 2


async def test_what_a_failed_batch_has_written_is_cached(llm, engine, expected):
    kept = llm.model_copy(update={"cache": InMemoryCache()})
    kept.batch([PROMPTS[0], " "], return_exceptions=True)
    assert kept.invoke(PROMPTS[0]) == expected[0]
    await kept.abatch([PROMPTS[1], " "], return_exceptions=True)
    assert await kept.ainvoke(PROMPTS[1]) == expected[1]
    assert engine.calls == 2


class Runs(BaseCallbackHandler):
    def __init__(self):
        self.started, self.ended, self.failed = [], [], []

    def on_llm_start(self, serialized, prompts, *, invocation_params=None, **_):  # noqa: ARG002
        self.started += [(prompt, invocation_params["max_new_tokens"]) for prompt in prompts]

    def on_llm_end(self, response, **_):
        self.ended.append(response.generations[0][0])

    def on_llm_error(self, error, **_):
        self.failed.append(error)


class AsyncRuns(Runs, AsyncCallbackHandler):
    async def on_llm_start(self, *args, **kwargs):
        Runs.on_llm_start(self, *args, **kwargs)

    async def on_llm_end(self, *args, **kwargs):
        Runs.on_llm_end(self, *args, **kwargs)

    async def on_llm_error(self, *args, **kwargs):
        Runs.on_llm_error(self, *args, **kwargs)


@pytest.mark.parametrize("kind", [Runs, AsyncRuns])
async def test_callbacks_of_each_prompt(kind, llm, expected):
    runs = kind()
    config = {"callbacks": [runs]}
    await llm.abatch(PROMPTS, config) if kind is AsyncRuns else llm.batch(PROMPTS, config)
    assert runs.started == [(prompt, 8) for prompt in PROMPTS]
    assert [generation.text for generation in runs.ended] == expected
    usage = [generation.generation_info for generation in runs.ended]
    assert all(info["prompt_tokens"] > 0 for info in usage)
    assert all(0 < info["completion_tokens"] <= 8 for info in usage)
    assert not runs.failed


def test_callbacks_of_a_batch_in_which_one_failed(llm, expected):
    each = [Runs() for _ in range(2)]
    configs = [{"callbacks": [runs]} for runs in each]
    llm.batch([PROMPTS[0], " "], configs, return_exceptions=True)
    good, bad = each
    assert [generation.text for generation in good.ended] == expected[:1]
    assert not bad.ended
    assert bad.failed


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
def test_dumps_and_loads(llm):
    text = dumps(llm)
    again = loads(text, allowed_objects=[BioGPTLLM], valid_namespaces=["langchain_biogpt"])
    assert again.model == llm.model
    with pytest.raises(ModelError, match="a program made it with a custom engine"):
        again.batch(PROMPTS)  # not with another model of the same name


class TestTheBundledModel:
    async def test_the_event_loop_goes_on(self):
        llm = BioGPTLLM.from_engine(bundled.engine(), task="generate", max_new_tokens=100)

        async def stream():
            return [piece async for piece in llm.astream(bundled.endless())]

        assert await bundled.steps_seen(llm.abatch([bundled.endless()] * 4)) > 5
        assert await bundled.steps_seen(stream()) > 5

    async def test_cancelling_stops_the_generation(self):
        llm = BioGPTLLM.from_engine(bundled.engine(), task="generate", max_new_tokens=400)
        assert await bundled.steps_when_cancelled(llm.abatch([bundled.endless()] * 8)) < 50

    async def test_an_abandoned_stream_stops(self):
        llm = BioGPTLLM(task="generate", max_new_tokens=700)
        stream = llm.astream(PROMPTS[0])
        await anext(stream)
        await stream.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    def test_several_candidates(self):
        llm = BioGPTLLM(max_new_tokens=12, temperature=1.0, seed=3, n=3, logprobs=True)
        result = llm.generate(PROMPTS[:2])
        assert [len(candidates) for candidates in result.generations] == [3, 3]
        assert len({g.text for g in result.generations[0]}) > 1
        assert result == llm.generate(PROMPTS[:2])
        written = sum(
            g.generation_info["completion_tokens"] for own in result.generations for g in own
        )
        assert result.llm_output["token_usage"]["completion_tokens"] == written
        for generation in result.generations[0]:
            told = generation.generation_info["logprobs"]
            assert len(told["tokens"]) == len(told["token_logprobs"]) == len(told["text_offset"])
            assert all(log <= 0 for log in told["token_logprobs"])
            for token, start in zip(told["tokens"], told["text_offset"], strict=True):
                if token.isalnum():  # others may be spelt in another way: "&apos;", "@-@"
                    assert generation.text.startswith(token, start)

    def test_from_model_id(self):
        llm = BioGPTLLM.from_model_id("demo", task="bc5cdr", max_new_tokens=5)
        assert llm == BioGPTLLM(model="demo", task="bc5cdr", max_new_tokens=5)
        with pytest.raises(FileNotFoundError, match="no/such-model"):
            BioGPTLLM.from_model_id(str(locate("demo") / "no/such-model"))

    def test_a_pipeline_that_does_otherwise_has_a_cache_of_its_own(self):
        given = load("demo", "generate")
        other = given.with_decoding(Decoding(max_new_tokens=4))
        asked = [BioGPTLLM(task="generate"), *map(BioGPTLLM.from_pipeline, (given, other))]
        plain, same, short = (llm._identifying_params for llm in asked)
        assert plain == same != short

    def test_another_task_of_a_pipeline_at_hand_has_its_own_layout(self):
        llm = BioGPTLLM.from_pipeline(load("demo", "bc5cdr"))
        assert llm.bind_task("pubmedqa").card == load("demo", "pubmedqa").card
        assert llm.bind_task("pubmedqa").card.layout != "few_shot"
        assert isinstance(llm.bind_with_options("hoc"), Pipeline)
