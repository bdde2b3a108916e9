"""BioGPTLLM under LangChain's own entry points: exact prompts, number of engine calls."""

import asyncio

import pytest
from held import Held, at_work
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.exceptions import ContextOverflowError as HostContextOverflowError
from langchain_core.load import dumps, loads
from langchain_core.prompts import PromptTemplate
from langchain_core.runnables import ConfigurableField

from biogpt_plugins import Decoding, Pipeline, Prompt, Usage
from biogpt_plugins.engine import Completion, TaskCard
from biogpt_plugins.tasks.layouts import CUE
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import (
    ContextOverflowError,
    EngineError,
    InputError,
    OptionError,
    TruncationWarning,
)
from langchain_biogpt import BioGPTLLM

CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1", "learned2"))
LOADS_IS_BETA = pytest.mark.filterwarnings("ignore:The function `loads` is in beta")


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine(f"completion {i}; and more" for i in range(50))


@pytest.fixture
def llm(engine: ScriptedEngine) -> BioGPTLLM:
    return BioGPTLLM.from_engine(engine)


class Tokens(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.ends = []

    def on_llm_new_token(self, token: str, **_: object) -> None:
        self.seen.append(token)

    def on_llm_end(self, response, **_):
        self.ends.append(response)


class AsyncTokens(AsyncCallbackHandler):
    def __init__(self) -> None:
        self.loops: set[int] = set()

    async def on_llm_new_token(self, *_: object, **__: object) -> None:
        self.loops.add(id(asyncio.get_running_loop()))


class TestPrompts:
    def test_without_a_task_the_prompt_is_continued_as_it_stands(self, llm, engine):
        assert llm.invoke("COVID-19 is ") == "completion 0; and more"
        assert engine.history == [Prompt(text="COVID-19 is ")]

    def test_a_task_and_its_card_make_the_prompt(self, engine):
        llm = BioGPTLLM.from_pipeline(Pipeline("bc5cdr", engine, card=CARD))
        llm.invoke("Lithium. Tremor.")
        assert engine.history == [
            Prompt(text="lithium. tremor.", suffix_tokens=("learned1", "learned2"))
        ]
        assert engine.decodings == [Decoding(max_length=1025)]

    def test_a_pretrained_model_is_shown_examples_and_stopped_before_its_own(self, engine):
        llm = BioGPTLLM.from_engine(engine, task="bc5cdr", stop=["\t"])
        llm.invoke("Lithium.", stop=["END"])
        assert engine.history[0].head.startswith("Abstract: Reversible deafness")
        assert engine.decodings[0].stop == (CUE, "\t", "END")

    def test_a_custom_task_comes_with_its_pipeline(self, engine):
        from dataclasses import replace

        from biogpt_plugins import TASKS

        task = replace(TASKS["hoc"], name="mine", source=lambda text: Prompt(text=text.text))
        BioGPTLLM.from_pipeline(Pipeline(task, engine, card=CARD)).invoke("x")
        assert engine.history[0].suffix_tokens == CARD.learned_tokens


class TestCalls:
    def test_a_batch_is_one_call(self, llm, engine):
        assert llm.batch(["a", "b", "c"]) == [f"completion {i}; and more" for i in range(3)]
        assert [len(call) for call in engine.calls] == [3]

    def test_a_chain_batch_is_one_call(self, llm, engine):
        chain = PromptTemplate.from_template("{term} is") | llm
        chain.batch([{"term": "a"}, {"term": "b"}])
        assert [[p.text for p in call] for call in engine.calls] == [["a is", "b is"]]

    async def test_abatch_is_one_call(self, llm, engine):
        assert len(await llm.abatch(["a", "b", "c"])) == 3
        assert [len(call) for call in engine.calls] == [3]

    def test_options_of_the_fields_and_of_the_call(self, engine):
        llm = BioGPTLLM.from_engine(engine, temperature=0.5, seed=1, max_new_tokens=9)
        llm.bind(seed=2).invoke("a", top_k=3)
        assert engine.decodings == [Decoding(temperature=0.5, seed=2, max_new_tokens=9, top_k=3)]

    def test_nothing_given_is_the_tasks_own_decoding(self, engine):
        BioGPTLLM.from_engine(engine, task="describe").invoke("BRCA1 is")
        assert engine.decodings == [Decoding(max_new_tokens=100, num_beams=5)]

    def test_a_misspelt_option_is_an_error(self, llm, engine):
        says = (
            r"^BioGPTLLM has no option 'max_tokes'. Did you mean 'max_tokens'\? "
            r"Its options are [a-z_, ]+$"
        )
        for ask in (
            llm.invoke,
            llm.bind(max_tokes=5).invoke,
            lambda *a, **b: list(llm.stream(*a, **b)),
        ):
            with pytest.raises(OptionError, match=says):
                ask("a", max_tokes=5)
        with pytest.raises(
            OptionError, match=r"^BioGPTLLM has no option 'tempertur'. Did you mean 'temp"
        ):
            BioGPTLLM(tempertur=5)
        assert not engine.calls

    def test_the_hosts_own_words(self, llm, engine):
        llm.invoke("a", max_tokens=5, temperature=0.5, stop=["x"])
        list(llm.bind(max_tokens=5, temperature=0.5, stop=["x"]).stream("a"))
        llm.but(max_tokens=5, temperature=0.5, stop=["x"]).batch(["a"])
        assert len(set(engine.decodings)) == 1
        asked = engine.decodings[0]
        assert (asked.max_new_tokens, asked.temperature, asked.stop[-1]) == (5, 0.5, "x")
        assert BioGPTLLM(max_tokens=5) == BioGPTLLM(max_new_tokens=5)
        with pytest.raises(OptionError, match=r"max_tokens and max_new_tokens are the same option"):
            llm.invoke("a", max_tokens=5, max_new_tokens=6)

    def test_stop_is_not_part_of_the_completion(self, llm):
        assert llm.invoke("a", stop=[";"]) == "completion 0"

    def test_usage_of_every_generation_and_of_the_call(self, llm):
        result = llm.generate(["one two", "three"])
        assert [g[0].generation_info for g in result.generations] == [
            {
                "finish_reason": "stop",
                "prompt_tokens": n,
                "completion_tokens": 4,
                "truncated_tokens": 0,
            }
            for n in (2, 1)
        ]
        assert result.llm_output == {
            "token_usage": {"prompt_tokens": 3, "completion_tokens": 8, "total_tokens": 11},
            "model_name": "scripted",
        }

    @pytest.mark.parametrize("kind", [EngineError, ContextOverflowError])
    def test_a_failed_prompt_raises_its_error_and_is_named(self, kind):
        llm = BioGPTLLM.from_engine(ScriptedEngine(["fine", kind("too long")]))
        with pytest.raises(kind, match=r"^prompt 1 of 2: too long$"):
            llm.batch(["a", "b"])

    @pytest.mark.parametrize("way", ["invoke", "stream"])
    def test_an_overflow_is_the_hosts_error_too(self, way):
        for kind in (ContextOverflowError, HostContextOverflowError):
            engine = ScriptedEngine([ContextOverflowError("too long")])
            llm = BioGPTLLM.from_engine(engine, truncate=False)
            with pytest.raises(kind, match="too long"):
                list(getattr(llm, way)("a"))
            assert not engine.decodings[0].truncate

    def test_an_overlong_prompt_is_cut_or_told(self, tiny_biogpt):
        long = "lithium " * 200
        llm = BioGPTLLM(model=str(tiny_biogpt), max_new_tokens=4)
        with pytest.warns(TruncationWarning):
            (cut,) = llm.generate([long]).generations[0]
        assert cut.generation_info["truncated_tokens"] > 100
        with pytest.raises(HostContextOverflowError, match="the prompt has 200 tokens, but only"):
            llm.invoke(long, truncate=False)
        with pytest.raises(HostContextOverflowError, match="the prompt has 200 tokens, but only"):
            list(llm.stream(long, truncate=False))

    def test_several_candidates_and_their_tokens(self):
        engine = ScriptedEngine(["a b", "c", "d e f", "g"], logprob=-0.25)
        llm = BioGPTLLM.from_engine(engine, temperature=1.0, n=2, logprobs=True)
        result = llm.generate(["one two", "three"])
        texts = [[g.text for g in own] for own in result.generations]
        assert texts == [["a b", "c"], ["d e f", "g"]]
        assert result.generations[0][0].generation_info["logprobs"] == {
            "tokens": ["a", "b"],
            "token_logprobs": [-0.25, -0.25],
            "text_offset": [0, 2],
        }
        assert result.llm_output["token_usage"] == {
            "prompt_tokens": 3,
            "completion_tokens": 7,
            "total_tokens": 10,
        }
        assert engine.decodings == [
            Decoding(temperature=1.0, n=2, logprobs=True, max_new_tokens=100)
        ]

    def test_sampling_that_is_asked_for_comes_before_a_tasks_beams(self, engine):
        llm = BioGPTLLM.from_engine(engine, task="describe")
        llm.invoke("BRCA1 is", temperature=0.7)
        assert engine.decodings[0] == Decoding(max_new_tokens=100, temperature=0.7)
        with pytest.raises(InputError, match="cannot be combined with temperature"):
            llm.invoke("BRCA1 is", temperature=0.7, num_beams=5)

    def test_a_model_that_is_not_there_fails_every_prompt(self, tmp_path):
        llm = BioGPTLLM(model=str(tmp_path / "none"))
        found = llm.batch(["a", "b"], return_exceptions=True)
        assert [type(error).__name__ for error in found] == ["ModelNotFoundError"] * 2
        assert llm.batch([], return_exceptions=True) == []

    def test_tokens_are_counted_by_the_engine(self, llm):
        assert llm.get_num_tokens("a b c") == 3
        assert len(set(llm.get_token_ids("a b a"))) == 2
        own = llm.model_copy(update={"custom_get_token_ids": lambda text: [7] * len(text)})
        assert (own.get_num_tokens("ab"), own.get_token_ids("ab")) == (2, [7, 7])


class TestStreams:
    def test_pieces_add_up(self, llm, engine):
        tokens = Tokens()
        pieces = list(llm.stream("a", config={"callbacks": [tokens]}, stop=["more"], seed=3))
        assert "".join(pieces) == "completion 0; and "
        assert len(pieces) > 3
        assert tokens.seen == [piece for piece in pieces if piece]
        assert engine.decodings == [Decoding(stop=("more",), seed=3, max_new_tokens=100)]
        (end,) = tokens.ends
        assert end.generations[0][0].generation_info["finish_reason"] == "stop"
        assert end.generations[0][0].generation_info["completion_tokens"] == 3

    async def test_astream_and_its_callbacks_stay_in_the_loop(self, llm):
        tokens = AsyncTokens()
        pieces = [piece async for piece in llm.astream("a", config={"callbacks": [tokens]})]
        assert "".join(pieces) == "completion 0; and more"
        assert tokens.loops == {id(asyncio.get_running_loop())}

    async def test_events(self, llm):
        events = [e async for e in llm.astream_events("a", version="v2")]
        streamed = [e["data"]["chunk"] for e in events if e["event"] == "on_llm_stream"]
        assert "".join(getattr(c, "text", c) for c in streamed) == "completion 0; and more"

    def test_closing_a_stream_closes_the_engines(self):
        class Endless(ScriptedEngine):
            closed = False

            def stream(self, prompt, decoding=Decoding()):
                try:
                    while True:
                        yield from super().stream(prompt, decoding)
                finally:
                    self.closed = True

        engine = Endless(["a b"] * 9)
        stream = BioGPTLLM.from_engine(engine).stream("x")
        next(stream)
        stream.close()
        assert engine.closed

    def test_an_error_is_the_engines_own(self):
        llm = BioGPTLLM.from_engine(ScriptedEngine([EngineError("out of memory")]))
        with pytest.raises(EngineError, match="out of memory"):
            list(llm.stream("a"))

    def test_a_stream_never_uses_beams(self, engine):
        list(BioGPTLLM.from_engine(engine, task="describe").stream("BRCA1 is"))
        assert engine.decodings[0].num_beams == 1


@pytest.mark.parametrize("way", ["ainvoke", "abatch", "astream"])
async def test_the_event_loop_goes_on(way):
    engine = Held(["x"] * 3)
    llm = BioGPTLLM.from_engine(engine)

    async def ask():
        if way == "astream":
            return [piece async for piece in llm.astream("a")]
        return await getattr(llm, way)("a" if way == "ainvoke" else ["a", "b"])

    task = await at_work(ask(), engine)
    engine.freed.set()
    assert await task == {"ainvoke": "x", "abatch": ["x", "x"], "astream": ["x", ""]}[way]


class TestIdentity:
    @pytest.mark.parametrize(
        "change",
        [
            {"model": "other"},
            {"task": "bc5cdr"},
            {"revision": "main"},
            {"dtype": "float32"},
            {"stop": ["x"]},
            {"max_new_tokens": 5},
            {"temperature": 0.5},
            {"top_p": 0.5},
            {"top_k": 5},
            {"num_beams": 2},
            {"seed": 5},
            {"truncate": False},
            {"n": 2},
            {"logprobs": True},
        ],
        ids=str,
    )
    def test_what_changes_the_text_is_in_it(self, change):
        assert BioGPTLLM(**change)._identifying_params != BioGPTLLM()._identifying_params

    @pytest.mark.parametrize("change", [{"device": "cpu"}, {"tags": ["x"]}, {"verbose": True}])
    def test_nothing_else_is(self, change):
        assert BioGPTLLM(**change)._identifying_params == {"model": "demo"}

    def test_the_cache_tells_settings_apart(self, engine):
        llm = BioGPTLLM.from_engine(engine, cache=InMemoryCache())
        ways = [
            llm,
            llm.model_copy(update={"stop": ["x"]}),
            llm.bind(stop=["x"]),
            llm.bind(seed=1),
            llm.bind(seed=1, temperature=1.0),
        ]
        first = [way.invoke("a") for way in ways]
        assert len(set(first)) == len(engine.calls) == len(ways)
        assert [way.invoke("a") for way in ways] == first
        assert len(engine.calls) == len(ways)

    async def test_the_cache_is_for_async_as_well(self, engine):
        llm = BioGPTLLM.from_engine(engine, cache=InMemoryCache())
        assert llm.invoke("a") == await llm.ainvoke("a")
        assert await llm.ainvoke("a", seed=1) != await llm.ainvoke("a")
        assert len(engine.calls) == 2

    def test_configurable_fields_share_the_engine(self, llm, engine):
        chain = llm.configurable_fields(
            temperature=ConfigurableField(id="t"), task=ConfigurableField(id="task")
        )
        chain.with_config(configurable={"t": 0.7, "task": "hoc"}).invoke("x")
        assert engine.decodings[0].temperature == 0.7
        assert "hallmark" not in engine.history[0].head
        assert engine.history[0].head.startswith("Abstract: Knock-down")

    @LOADS_IS_BETA
    def test_dumps_and_loads(self):
        llm = BioGPTLLM(model="microsoft/biogpt", task="bc5cdr", stop=["x"], temperature=0.0)
        text = dumps(llm)
        assert "pipeline" not in text
        again = loads(text, allowed_objects=[BioGPTLLM], valid_namespaces=["langchain_biogpt"])
        assert again == llm

    def test_a_model_at_hand_is_not_dumped(self, llm):
        text = dumps(llm)
        assert "not_implemented" not in text
        assert "scripted" in text

    def test_tracing_parameters(self):
        params = BioGPTLLM(temperature=0.5, max_new_tokens=9)._get_ls_params(stop=["x"])
        assert params == {
            "ls_provider": "biogpt",
            "ls_model_type": "llm",
            "ls_model_name": "demo",
            "ls_temperature": 0.5,
            "ls_max_tokens": 9,
            "ls_stop": ["x"],
        }

    def test_making_one_loads_nothing(self):
        assert BioGPTLLM(model="no/such-model")._llm_type == "biogpt"


def test_truncation_is_told():
    class Cutting(ScriptedEngine):
        def complete(self, prompts, _=Decoding()):
            usage = Usage(prompt_tokens=9, completion_tokens=1)
            return [
                Completion(text="x", finish_reason="length", usage=usage, truncated_tokens=4)
                for _ in prompts
            ]

    with pytest.warns(TruncationWarning):
        result = BioGPTLLM.from_engine(Cutting()).generate(["a"])
    info = result.generations[0][0].generation_info
    assert (info["finish_reason"], info["truncated_tokens"]) == ("length", 4)


HALF = "half \ud83e pair"


async def test_12_half_of_a_surrogate_pair_costs_its_prompt_alone():
    llm = BioGPTLLM(model="demo", task="bc5cdr", max_tokens=2)
    alone = [llm.invoke(prompt) for prompt in ("Lithium", "Tremor")]
    prompts = ["Lithium", HALF, "Tremor"]
    for found in (
        llm.batch(prompts, return_exceptions=True),
        await llm.abatch(prompts, return_exceptions=True),
    ):
        first, error, last = found
        assert [first, last] == alone
        assert isinstance(error, InputError)
        assert str(error) == (
            r"the text 'half \ud83e pair' contains half of a surrogate pair: decode it as UTF-8"
        )
    with pytest.raises(InputError, match=r"prompt 1 of 3: the text .* surrogate pair"):
        llm.batch(prompts)


def test_12_half_of_a_surrogate_pair_in_other_calls():
    llm = BioGPTLLM(model="demo", task="bc5cdr", max_tokens=2)
    for call in (llm.invoke, llm.get_num_tokens, lambda prompt: list(llm.stream(prompt))):
        with pytest.raises(InputError, match="half of a surrogate pair"):
            call(HALF)
