"""BioGPTLLM under LlamaIndex's own entry points, on a scripted engine and on the bundled model."""

import asyncio
import copy
import inspect
import pickle
import subprocess
import sys
import warnings
from collections.abc import AsyncGenerator, Generator
from threading import Event, Lock

import bundled
import llama_index.core
import pytest
from held import PATIENCE, Held, cancelling_stops
from llama_index.core import PromptTemplate, Settings
from llama_index.core.callbacks import (
    CallbackManager,
    CBEventType,
    EventPayload,
    LlamaDebugHandler,
    TokenCountingHandler,
)
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.llms import ChatMessage, ImageBlock
from llama_index.core.node_parser import SentenceSplitter

from biogpt_plugins import Decoding, Pipeline, Prompt, load
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.tasks.layouts import CUE
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import (
    ContextOverflowError,
    EngineError,
    InputError,
    ModelError,
    OptionError,
    TruncationWarning,
)
from llama_index_biogpt.llm import BioGPTLLM, biogpt_tokenizer
from llama_index_biogpt.prompts import task_prompt

CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1", "learned2"))
LIMITED = CARD.model_copy(update={"max_source_tokens": 700})
TEXT = "completion 0; and more"
FACTS = {"finish_reason": "stop", "truncated_tokens": 0}
USAGE = {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}
PROMPTS = ["Lithium is", "A tremor of the hand", "Patients with"]
SHORT = Decoding(max_new_tokens=8)
METHODS = [
    *("complete", "acomplete", "stream_complete", "astream_complete"),
    *("chat", "achat", "stream_chat", "astream_chat"),
]
EVERY = pytest.mark.parametrize("method", METHODS)
# Whether the bundled model was trained to continue texts does not matter here.
pytestmark = pytest.mark.filterwarnings("ignore:model 'demo' was trained for")


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine(f"completion {i}; and more" for i in range(50))


@pytest.fixture
def llm(engine: ScriptedEngine) -> BioGPTLLM:
    return BioGPTLLM.from_engine(engine)


async def every(llm, method, prompt, **options):
    """All responses of one of the eight methods."""
    asked = [ChatMessage(content=prompt)] if method.endswith("chat") else prompt
    answer = getattr(llm, method)(asked, **options)
    answer = await answer if inspect.isawaitable(answer) else answer
    assert isinstance(answer, AsyncGenerator) == method.startswith("astream")
    assert isinstance(answer, Generator) == method.startswith("stream")
    if isinstance(answer, AsyncGenerator):
        return [piece async for piece in answer]
    return list(answer) if isinstance(answer, Generator) else [answer]


async def last(llm, method, prompt, **options):
    return (await every(llm, method, prompt, **options))[-1]


def said(response) -> str:
    return response.text if hasattr(response, "text") else response.message.content


def told(response) -> dict:
    return getattr(response, "message", response).additional_kwargs


# --- every way: the right texts, and how often the engine is called ----------------------------


class Counted:
    """An engine that counts its calls."""

    def __init__(self, engine):
        self.engine, self.calls, self._lock = engine, 0, Lock()
        self.model_name, self.context_size = engine.model_name, engine.context_size

    def complete(self, prompts, decoding=SHORT):
        with self._lock:
            self.calls += 1
        return self.engine.complete(prompts, decoding)

    def stream(self, prompt, decoding=SHORT):
        with self._lock:
            self.calls += 1
        return self.engine.stream(prompt, decoding)


class Echo(ScriptedEngine):
    """Answers a prompt with itself, so that answers in the wrong places are noticed."""

    def __init__(self):
        super().__init__()
        self._asking = Lock()

    def complete(self, prompts, decoding=SHORT):
        with self._asking:
            prompts = [prompt if isinstance(prompt, str) else prompt.text for prompt in prompts]
            self._completions = [text.upper() for text in prompts]
            return super().complete(prompts, decoding)


async def gathered(llm, method):
    found = await asyncio.gather(*(last(llm, method, prompt) for prompt in PROMPTS))
    return [said(response) for response in found]


async def predicted(llm, method):
    found = []
    for prompt in PROMPTS:
        answer = getattr(llm, method)(PromptTemplate("{text}"), text=prompt)
        answer = await answer if inspect.isawaitable(answer) else answer
        if isinstance(answer, AsyncGenerator):
            answer = "".join([piece async for piece in answer])
        found.append("".join(answer))
    return found


async def one_by_one(llm, method):
    found = []
    for prompt in PROMPTS:
        responses = await every(llm, method, prompt)
        if "stream" in method:
            assert "".join(response.delta for response in responses) == said(responses[-1])
        found.append(said(responses[-1]))
    return found


WAYS = {
    **{method: (one_by_one, method) for method in METHODS},
    **{f"gather of {method}": (gathered, method) for method in METHODS if method[0] == "a"},
    **{method: (predicted, method) for method in ("predict", "apredict", "stream", "astream")},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("model", ["scripted", "demo"])
async def test_ways(way, model):
    engine = Counted(Echo() if model == "scripted" else load("demo", "generate").engine)
    expected = [completion.text for completion in engine.engine.complete(PROMPTS, SHORT)]
    ask, method = way
    assert await ask(BioGPTLLM.from_engine(engine, max_new_tokens=8), method) == expected
    assert engine.calls == len(PROMPTS)


class TestEveryMethod:
    @EVERY
    async def test_what_a_response_tells(self, method, llm, engine):
        *before, response = await every(llm, method, "COVID-19 is")
        assert said(response) == TEXT
        assert response.raw == {**FACTS, "usage": USAGE}
        assert told(response) == {**FACTS, **USAGE}
        assert response.logprobs is None
        assert engine.history == [Prompt(text="COVID-19 is")]
        assert [(one.raw, told(one)) for one in before] == [(None, {})] * len(before)
        assert [said(one) for one in before][:2] == ["completion ", "completion 0; "][: len(before)]

    @EVERY
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({"max_new_tokens": 5}, {"max_new_tokens": 5}),
            ({"temperature": 0.5, "top_p": 0.9, "top_k": 3}, None),
            ({"num_beams": 3}, {"num_beams": 1}),  # in a stream
            ({"seed": 1, "truncate": False, "logprobs": True}, None),
            ({"stop": ["more", "END"]}, {"stop": ("more", "END")}),
            ({"stop": "more"}, {"stop": ("more",)}),
            ({"stop": None, "seed": None}, {}),
        ],
        ids=repr,
    )
    async def test_options(self, method, options, expected, llm, engine):
        response = await last(llm, method, "a", **options)
        usual = Decoding(max_new_tokens=100)
        if "stream" not in method and "num_beams" in options:
            expected = options
        assert engine.decodings == [usual.but(**options if expected is None else expected)]
        assert said(response) == ("completion 0; and " if options.get("stop") else TEXT)

    @EVERY
    async def test_what_is_no_option(self, method, llm, engine):
        with pytest.raises(
            OptionError, match=r"^BioGPTLLM has no option 'n'. Its options are max_new_.*, stop"
        ):
            await last(llm, method, "a", max_tokens=5, n=2)
        with pytest.raises(InputError, match="temperature must be 0 or more, not -1"):
            await last(llm, method, "a", temperature=-1)
        assert not engine.calls

    @EVERY
    async def test_log_probabilities(self, method, llm):
        response = await last(llm, method, "a", logprobs=True)
        tokens = [(token.token, token.logprob) for (token,) in response.logprobs]
        assert tokens == [(word, -0.5) for word in TEXT.split()]

    @EVERY
    async def test_an_error_is_the_engines_own(self, method):
        error = EngineError("out of memory")
        with pytest.raises(EngineError) as caught:
            await last(BioGPTLLM.from_engine(ScriptedEngine([error])), method, "a")
        assert caught.value is error

    @EVERY
    async def test_the_hosts_own_prompt_functions(self, method, engine):
        llm = BioGPTLLM.from_engine(
            engine,
            completion_to_prompt=lambda prompt: f"<{prompt}>",
            messages_to_prompt=lambda messages: f"[{messages[0].content}]",
        )
        await last(llm, method, "a")
        assert engine.history[0].text == ("[a]" if method.endswith("chat") else "<a>")
        if not method.endswith("chat"):
            await last(llm, method, "b", formatted=True)
            assert engine.history[1].text == "b"

    @EVERY
    async def test_observers_are_told_once(self, method, observed, debug):
        llm = BioGPTLLM.from_engine(ScriptedEngine([TEXT, EngineError("no")]))
        llm.callback_manager = CallbackManager([debug])
        events, spans = observed
        responses = await every(llm, method, "a b")
        kind = "Chat" if method.endswith("chat") else "Completion"
        progress = [f"LLM{kind}InProgressEvent"] * len(responses) if "stream" in method else []
        names = [event.class_name() for event in events]
        assert names == [f"LLM{kind}StartEvent", *progress, f"LLM{kind}EndEvent"]
        assert events[0].model_dict["model"] == events[0].model_dict["model_name"] == "scripted"
        assert events[-1].response == responses[-1]
        (span,) = spans.completed_spans
        assert span.id_.startswith(f"BioGPTLLM.{method}-")
        assert {event.span_id for event in events} == {span.id_}
        ((start, end),) = debug.get_llm_inputs_outputs()
        assert start.payload[EventPayload.SERIALIZED]["class_name"] == "BioGPTLLM"
        given = EventPayload.RESPONSE if kind == "Chat" else EventPayload.COMPLETION
        assert end.payload[given] == responses[-1]

        with pytest.raises(EngineError):
            await last(llm, method, "a b")
        _, (_, end) = debug.get_llm_inputs_outputs()
        assert str(end.payload[EventPayload.EXCEPTION]) == "no"
        assert not [event for event in events[len(names) + 1 :] if "End" in event.class_name()]

    @EVERY
    async def test_tokens_are_counted_from_the_response(self, method, engine):
        counter = TokenCountingHandler(tokenizer=str.split)
        llm = BioGPTLLM.from_engine(engine, callback_manager=CallbackManager([counter]))
        await last(llm, method, "a b")
        assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (2, 4)


@pytest.fixture
def observed():
    """Events and spans, as the host's instrumentation is told them."""

    class Events(BaseEventHandler):
        def handle(self, event, **_):
            seen.append(event)

    seen, spans, root = [], SimpleSpanHandler(), get_dispatcher()
    before = root.event_handlers, root.span_handlers
    root.event_handlers, root.span_handlers = [Events()], [spans]
    yield seen, spans
    root.event_handlers, root.span_handlers = before


@pytest.fixture
def debug():
    return LlamaDebugHandler(print_trace_on_end=False)


class TestPrompts:
    def test_a_task_and_its_card_make_the_prompt(self, engine):
        BioGPTLLM.from_pipeline(Pipeline("bc5cdr", engine, card=CARD)).complete("Lithium.")
        assert engine.history == [Prompt(text="lithium.", suffix_tokens=CARD.learned_tokens)]
        assert engine.decodings == [Decoding(max_length=1025)]

    def test_options_of_the_fields_and_of_the_call(self, engine):
        llm = BioGPTLLM.from_engine(engine, task="hoc", stop=["\t"], seed=1, logprobs=True)
        llm.complete("x", stop=["END"], temperature=0.5)
        (decoding,) = engine.decodings
        assert decoding.stop == (CUE, "\t", "END")
        assert (decoding.seed, decoding.temperature, decoding.logprobs) == (1, 0.5, True)

    def test_a_misspelt_field_is_an_error(self):
        with pytest.raises(OptionError, match=r"no option 'max_tokes'. Did you mean 'max_tokens'"):
            BioGPTLLM(max_tokes=5)

    def test_the_hosts_own_words(self, llm, engine):
        llm.complete("a", max_tokens=5, temperature=0.5, stop=["x"])
        llm.but(max_tokens=5, temperature=0.5, stop=["x"]).complete("a")
        llm.but(additional_kwargs={"max_tokens": 5, "temperature": 0.5, "stop": ["x"]}).complete(
            "a"
        )
        assert len(set(engine.decodings)) == 1
        assert engine.decodings[0].max_new_tokens == 5
        assert BioGPTLLM(max_tokens=5).metadata.num_output == 5

    def test_observers_are_told_of_a_prediction(self, llm, debug):
        llm.callback_manager = CallbackManager([debug])
        llm.predict(PromptTemplate("{term} is"), term="BRCA1")
        (start, _), *_ = debug.get_event_pairs(CBEventType.TEMPLATING)
        assert start.payload[EventPayload.TEMPLATE_VARS] == {"term": "BRCA1"}

    def test_chat_is_what_was_said(self, llm, engine):
        first = llm.chat([ChatMessage(role="system", content="Be {brief}.")])
        messages = [ChatMessage(content="Lithium is"), first.message, ChatMessage(content="And")]
        llm.chat([*messages, ChatMessage(role="assistant", content=None)])
        assert [prompt.text for prompt in engine.history] == [
            "Be {brief}.",
            f"Lithium is\n{TEXT}\nAnd",
        ]
        with pytest.raises(
            InputError, match="BioGPT reads only text, but a message holds a ImageBlock"
        ):
            llm.chat([ChatMessage(content=[ImageBlock(image=b"x")])])


# --- the event loop goes on, and whoever stops waiting stops the work ---------------------------


class Pieces(ScriptedEngine):
    """Streams without end."""

    def __init__(self):
        super().__init__()
        self.stopped = Event()

    def stream(self, prompt, decoding=Decoding()):  # noqa: ARG002
        complete = ScriptedEngine(["x"] * 10_000)
        try:
            for _ in range(10_000):
                yield next(iter(complete.stream("x")))
        finally:
            self.stopped.set()


class TestAsync:
    @pytest.mark.parametrize("method", [name for name in METHODS if name[0] == "a"])
    async def test_the_event_loop_goes_on(self, method):
        engine = Held([TEXT])
        await cancelling_stops(last(BioGPTLLM.from_engine(engine), method, "a"), engine)

    @pytest.mark.parametrize("method", [name for name in METHODS if "stream" in name])
    async def test_closing_a_stream_stops_it(self, method):
        engine = Pieces()
        llm = BioGPTLLM.from_engine(engine)
        asked = [ChatMessage(content="a")] if method.endswith("chat") else "a"
        if method[0] == "a":
            stream = await getattr(llm, method)(asked)
            assert (await anext(stream)).delta == "x"
            assert not engine.stopped.is_set()
            await stream.aclose()
            await asyncio.to_thread(engine.stopped.wait, PATIENCE)  # the host leaves it to the loop
        else:
            stream = getattr(llm, method)(asked)
            assert next(stream).delta == "x"
            assert not engine.stopped.is_set()
            stream.close()
        assert engine.stopped.is_set()


class TestComponent:
    def test_round_trip_without_the_model(self, llm):
        llm.temperature = 0.5
        data = llm.to_dict()
        assert data["class_name"] == BioGPTLLM.class_name() == "BioGPTLLM"
        assert "pipeline" not in data
        for again in (BioGPTLLM.from_dict(data), BioGPTLLM.from_json(llm.to_json())):
            assert (again.model, again.temperature, again.pipeline) == ("scripted", 0.5, None)
            assert again.to_dict() == data
        with pytest.raises(ModelError, match="scripted"):
            again.complete("a")

    def test_a_pickle_holds_no_model_and_takes_none_away(self, llm, caplog):
        again = pickle.loads(pickle.dumps(llm))
        assert (again.model, again.pipeline) == ("scripted", None)
        assert again.to_dict() == llm.to_dict()
        assert llm.complete("a").text == TEXT
        assert not caplog.records

    def test_copies_share_the_engine(self, llm, engine):
        copy.copy(llm).complete("a")
        llm.model_copy(update={"task": "hoc"}).complete("a")
        assert len(engine.calls) == 2

    @pytest.mark.parametrize(
        ("task", "options", "limits"),
        [
            ("generate", {}, (1024, 100)),
            ("bc5cdr", {}, (1024, 200)),
            ("bc5cdr", {"card": CARD}, (1024, 256)),  # the host's own, where there is no limit
            ("bc5cdr", {"card": LIMITED}, (1024, 324)),
            ("bc5cdr", {"card": LIMITED, "decoding": Decoding(max_new_tokens=9)}, (709, 9)),
            ("bc5cdr", {"card": LIMITED, "decoding": Decoding(max_new_tokens=400)}, (1024, 400)),
            ("bc5cdr", {"card": CARD, "decoding": Decoding(max_length=513)}, (512, 256)),
            ("bc5cdr", {"card": CARD, "decoding": Decoding(max_new_tokens=9)}, (1024, 9)),
        ],
    )
    def test_metadata(self, task, options, limits, engine):
        pipeline = Pipeline(task, engine, **options)
        metadata = BioGPTLLM.from_pipeline(pipeline).metadata
        assert (metadata.context_window, metadata.num_output) == limits
        assert (metadata.model_name, metadata.is_chat_model) == ("scripted", False)
        assert BioGPTLLM.from_pipeline(pipeline, max_new_tokens=7).metadata.num_output == 7
        assert not engine.calls

    def test_metadata_of_a_model_that_is_not_loaded(self, tiny_biogpt):
        assert BioGPTLLM(model=str(tiny_biogpt)).metadata.context_window == 96
        for task in ("bc5cdr", "hoc", None):
            at_hand = BioGPTLLM.from_pipeline(load("demo", task or "generate"))
            assert BioGPTLLM(task=task).metadata == at_hand.metadata
        with pytest.raises(ModelError, match="no/such-model"):
            _ = BioGPTLLM(model="./no/such-model").metadata


@pytest.fixture
def settings():
    """The host's settings, as they were when the test has ended."""
    before, tokenizer = copy.copy(Settings.__dict__), llama_index.core.global_tokenizer
    yield Settings
    Settings.__dict__.update(before)
    llama_index.core.global_tokenizer = tokenizer


class TestSettings:
    def test_making_one_loads_nothing(self, settings):
        settings.llm = BioGPTLLM(model="no/such-model")
        assert settings.llm.to_payload()["model"] == "no/such-model"

    def test_the_tokenizer_is_the_models_own(self, settings):
        settings.tokenizer = pickle.loads(pickle.dumps(biogpt_tokenizer("demo")))
        engine = load("demo").engine
        assert settings.tokenizer("Lithium, 5%") == engine.token_ids("Lithium, 5%")
        assert SentenceSplitter()._tokenizer is settings.tokenizer
        counter = TokenCountingHandler()
        llm = BioGPTLLM(max_new_tokens=3, callback_manager=CallbackManager([counter]))
        response = llm.complete("lithium, 5%")  # in lower case, as a card may ask for it
        assert counter.prompt_llm_token_count == response.raw["usage"]["prompt_tokens"]
        with pytest.raises(ModelError, match="no/such-model"):
            biogpt_tokenizer("./no/such-model")("a")

    def test_what_the_model_was_taught_is_no_matter(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert biogpt_tokenizer("demo", dtype="float32")("Lithium")

    def test_of_a_pretrained_model(self, tiny_biogpt):
        ids = biogpt_tokenizer(str(tiny_biogpt), device="cpu", dtype="float32")("lithium tremor")
        assert len(ids) == 2

    def test_a_splitter_counts_with_it(self):
        tokenizer = biogpt_tokenizer()
        splitter = SentenceSplitter(tokenizer=tokenizer, chunk_size=40, chunk_overlap=0)
        chunks = pickle.loads(pickle.dumps(splitter)).split_text(LONG)
        assert len(chunks) > 10
        assert max(len(tokenizer(chunk)) for chunk in chunks) <= 40

    @pytest.mark.parametrize(
        ("task", "output"), [("bc5cdr", 192), ("pubmedqa", 192), ("generate", 100)]
    )
    def test_what_prompt_helper_packs_fits(self, task, output, settings):
        settings.tokenizer = biogpt_tokenizer()
        settings.llm = BioGPTLLM(task=task, truncate=False)
        prompt = task_prompt(task).partial_format(question="Does lithium cause tremor?")
        helper = settings.prompt_helper
        limit = load("demo", task).card.max_source_tokens
        room = min(768, limit + output) if limit else 768
        assert (helper.context_window, settings.num_output) == (room, output)
        first, *others = helper.repack(prompt, [LONG])
        assert others
        full = prompt.format(llm=settings.llm, context_str=first)
        assert len(settings.tokenizer(full)) > 500
        assert settings.llm.complete(full, max_new_tokens=1).raw["truncated_tokens"] == 0
        with pytest.raises(ContextOverflowError, match="shorten the text, or allow truncation"):
            settings.llm.complete(prompt.format(llm=settings.llm, context_str=LONG))
        with pytest.warns(TruncationWarning):
            cut = settings.llm.complete(
                prompt.format(llm=settings.llm, context_str=LONG), truncate=True, max_new_tokens=1
            )
        assert cut.raw["truncated_tokens"] > 100


LONG = " ".join(f"Patient {i} took lithium and had a tremor of the hand." for i in range(99))


class TestTheBundledModel:
    @pytest.mark.parametrize("method", ["acomplete", "astream_complete"])
    async def test_the_event_loop_goes_on(self, method):
        llm = BioGPTLLM.from_engine(bundled.engine(), max_new_tokens=100)
        assert await bundled.steps_seen(last(llm, method, bundled.endless())) > 5

    async def test_cancelling_stops_the_generation(self):
        llm = BioGPTLLM.from_engine(bundled.engine(), max_new_tokens=700)
        assert await bundled.steps_when_cancelled(llm.acomplete(bundled.endless())) < 50

    def test_a_round_trip_writes_the_same(self):
        at_hand = BioGPTLLM.from_pipeline(load("demo", "bc5cdr"), max_new_tokens=12)
        text = at_hand.complete("Deafness after tobramycin.").text
        for again in (BioGPTLLM.from_dict(at_hand.to_dict()), pickle.loads(pickle.dumps(at_hand))):
            assert again.complete("Deafness after tobramycin.").text == text
            assert again.task == "bc5cdr"

    def test_a_seed_repeats_a_sample(self):
        llm = BioGPTLLM(max_new_tokens=8, temperature=1.0)
        texts = [llm.complete(PROMPTS[0], seed=seed).text for seed in (1, 1, 2)]
        assert texts[0] == texts[1] != texts[2]

    def test_stop_strings_and_reasons(self):
        llm, prompt = BioGPTLLM(max_new_tokens=12), bundled.endless()
        whole = llm.complete(prompt)
        assert whole.raw["finish_reason"] == "length"
        word = whole.text.split()[2]
        for stopped in (
            llm.complete(prompt, stop=word),
            list(llm.stream_complete(prompt, stop=word))[-1],
        ):
            assert stopped.text == whole.text.partition(word)[0]
            assert stopped.raw["finish_reason"] == "stop"

    @EVERY
    async def test_log_probabilities(self, method):
        llm = BioGPTLLM.from_engine(bundled.engine(), max_new_tokens=8, logprobs=True)
        with bundled.dictated("of the left hand, and of the right in two patients."):
            response = await last(llm, method, "a tremor")
        assert len(response.logprobs) == response.raw["usage"]["completion_tokens"]
        assert all(token.logprob <= 0 for (token,) in response.logprobs)
        assert all(token.token in said(response) for (token,) in response.logprobs)


def test_importing_and_metadata_load_no_torch():
    code = (
        "import sys, llama_index_biogpt\n"
        "from llama_index_biogpt.llm import BioGPTLLM, biogpt_tokenizer\n"
        "llm, tokenizer = BioGPTLLM(task='bc5cdr'), biogpt_tokenizer()\n"
        "assert llm.metadata.context_window == 768 and llm.to_payload()\n"
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


def test_12_half_of_a_surrogate_pair():
    llm = BioGPTLLM(model="demo", task="bc5cdr", max_tokens=2)
    for call in (llm.complete, biogpt_tokenizer("demo"), lambda p: list(llm.stream_complete(p))):
        with pytest.raises(InputError, match="half of a surrogate pair: decode it as UTF-8"):
            call("half \ud83e pair")
