"""BioGPTLLM under LlamaIndex's own entry points."""

import asyncio
import copy
import pickle
import subprocess
import sys
import time

import pytest
from llama_index.core import PromptTemplate, Settings
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.llms import ChatMessage

from biogpt_plugins import Decoding, Pipeline, Prompt
from biogpt_plugins.errors import EngineError
from biogpt_plugins.prompts import CUE, TaskCard
from biogpt_plugins.testing import ScriptedEngine
from llama_index_biogpt import BioGPTLLM

CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1", "learned2"))
TEXT = "completion 0; and more"
FACTS = {"finish_reason": "stop", "truncated_tokens": 0}
USAGE = {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine(f"completion {i}; and more" for i in range(50))


@pytest.fixture
def llm(engine: ScriptedEngine) -> BioGPTLLM:
    return BioGPTLLM.from_engine(engine)


class TestComplete:
    def test_the_prompt_is_continued_as_it_stands(self, llm, engine):
        response = llm.complete("COVID-19 is")
        assert response.text == TEXT
        assert response.raw == {**FACTS, "usage": USAGE}
        assert response.additional_kwargs == {**FACTS, **USAGE}
        assert engine.history == [Prompt(text="COVID-19 is")]

    async def test_acomplete(self, llm):
        assert (await llm.acomplete("COVID-19 is")).raw["usage"] == USAGE

    def test_a_task_and_its_card_make_the_prompt(self, engine):
        BioGPTLLM.from_pipeline(Pipeline("bc5cdr", engine, card=CARD)).complete("Lithium.")
        assert engine.history == [Prompt(text="lithium.", suffix_tokens=CARD.learned_tokens)]
        assert engine.decodings == [Decoding(max_length=1025)]

    def test_options_of_the_fields_and_of_the_call(self, engine):
        llm = BioGPTLLM.from_engine(engine, task="hoc", stop=["\t"], seed=1)
        llm.complete("x", stop=["END"], temperature=0.5)
        (decoding,) = engine.decodings
        assert decoding.stop == (CUE, "\t", "END")
        assert (decoding.seed, decoding.temperature) == (1, 0.5)

    def test_a_misspelt_option_is_an_error(self, llm, engine):
        with pytest.raises(TypeError, match="max_tokens"):
            llm.complete("a", max_tokens=5)
        with pytest.raises(ValueError, match="max_tokens"):
            BioGPTLLM(max_tokens=5)
        assert not engine.calls

    def test_an_error_is_the_engines_own(self):
        llm = BioGPTLLM.from_engine(ScriptedEngine([EngineError("out of memory")]))
        with pytest.raises(EngineError, match="out of memory"):
            llm.complete("a")

    def test_the_hosts_own_prompt_function_is_used_once(self, engine):
        llm = BioGPTLLM.from_engine(engine, completion_to_prompt=lambda prompt: f"<{prompt}>")
        llm.complete("a")
        llm.complete("b", formatted=True)
        assert [p.text for p in engine.history] == ["<a>", "b"]

    def test_predict(self, llm, engine):
        assert llm.predict(PromptTemplate("{term} is"), term="BRCA1") == TEXT
        assert engine.history[0].text == "BRCA1 is"

    def test_chat_is_one_prompt(self, llm, engine):
        response = llm.chat([ChatMessage(role="user", content="Hello")])
        assert response.message.content == TEXT
        assert engine.history[0].text == "user: Hello\nassistant: "


class TestStreams:
    def test_pieces_add_up(self, llm, engine):
        responses = list(llm.stream_complete("a b", stop=["more"]))
        assert "".join(r.delta for r in responses) == "completion 0; and "
        assert [r.text for r in responses][:2] == ["completion ", "completion 0; "]
        assert [r.raw is None for r in responses] == [*[True] * (len(responses) - 1), False]
        assert responses[-1].raw["usage"]["completion_tokens"] == 3
        assert engine.decodings[0].stop == ("more",)

    async def test_astream(self, llm):
        responses = [r async for r in await llm.astream_complete("a b")]
        assert "".join(r.delta for r in responses) == TEXT
        assert responses[-1].text == TEXT

    async def test_astream_chat(self, llm):
        message = ChatMessage(role="user", content="Hello")
        responses = [r async for r in await llm.astream_chat([message])]
        assert responses[-1].message.content == TEXT


class Slow(ScriptedEngine):
    def complete(self, prompts, decoding=Decoding()):
        time.sleep(0.5)
        return super().complete(prompts, decoding)


@pytest.mark.parametrize("way", ["acomplete", "astream_complete", "achat", "astream_chat"])
async def test_the_event_loop_goes_on(way):
    llm = BioGPTLLM.from_engine(Slow(["x"]))
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticker = asyncio.create_task(tick())
    asked = [ChatMessage(role="user", content="a")] if "chat" in way else "a"
    answer = await getattr(llm, way)(asked)
    if "stream" in way:
        async for _ in answer:
            pass
    ticker.cancel()
    assert ticks > 10


class TestComponent:
    def test_metadata(self, llm):
        metadata = llm.metadata
        assert (metadata.context_window, metadata.num_output) == (1024, 100)
        assert metadata.model_name == "scripted"
        assert not metadata.is_chat_model

    def test_round_trip_without_the_model(self, llm):
        llm.temperature = 0.5
        data = llm.to_dict()
        assert data["class_name"] == BioGPTLLM.class_name() == "BioGPTLLM"
        assert "pipeline" not in data
        again = BioGPTLLM.from_dict(data)
        assert (again.model, again.temperature, again.pipeline) == ("scripted", 0.5, None)

    def test_a_pickle_holds_no_model_and_takes_none_away(self, llm, caplog):
        again = pickle.loads(pickle.dumps(llm))
        assert (again.model, again.pipeline) == ("scripted", None)
        assert llm.complete("a").text == TEXT
        assert not caplog.records

    def test_copies_share_the_engine(self, llm, engine):
        copy.copy(llm).complete("a")
        llm.model_copy(update={"task": "hoc"}).complete("a")
        assert len(engine.calls) == 2

    def test_making_one_loads_nothing(self):
        Settings.llm = BioGPTLLM(model="no/such-model")
        assert Settings.llm.to_payload()["model"] == "no/such-model"

    def test_tokens_are_counted_from_the_response(self, engine):
        counter = TokenCountingHandler(tokenizer=str.split)
        llm = BioGPTLLM.from_engine(engine, callback_manager=CallbackManager([counter]))
        llm.complete("a b")
        assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (2, 4)


def test_importing_loads_no_torch():
    code = (
        "import sys, llama_index_biogpt; "
        "sys.exit(bool({'torch', 'transformers', 'langchain_core'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_extra_is_named():
    code = (
        "import sys; sys.modules['llama_index.core'] = None\n"
        "try: import llama_index_biogpt\n"
        "except ImportError as e: "
        "assert 'biogpt-plugins[llama-index]' in str(e) and e.__cause__; sys.exit(0)\n"
        "sys.exit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
