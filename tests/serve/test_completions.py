"""`/v1/completions`: as the engine writes, in OpenAI's form."""

import json
import socket
from math import fsum

import pytest
from held import PATIENCE, Held
from serving import left, told

from biogpt_plugins import Decoding, load
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError

pytestmark = pytest.mark.enable_socket

PROMPTS = ["lithium-induced tremor. a patient", "aspirin and ulcer"]
GREEDY = Decoding(max_new_tokens=6, logprobs=True, top_logprobs=2)


def ask(client, prompt=PROMPTS, /, **options):
    asked = {"model": "demo", "prompt": prompt, "max_tokens": 6, "temperature": 0, **options}
    return client.post("/v1/completions", json=asked)


def events(response):
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in response.text.split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    *pieces, last = [line.removeprefix("data: ") for line in lines]
    assert last == "[DONE]"
    return [json.loads(piece) for piece in pieces]


@pytest.fixture(scope="module")
def expected():
    return load("demo", "bc5cdr").engine.complete(PROMPTS, GREEDY)


def written(completion):
    """The tokens that are told of a completion."""
    return [*completion.tokens, *filter(None, [completion.end])]


def test_each_prompt_is_continued(served, expected):
    answer = ask(served).json()
    assert [one["text"] for one in answer["choices"]] == [one.text for one in expected]
    assert [one["index"] for one in answer["choices"]] == [0, 1]
    assert [one["finish_reason"] for one in answer["choices"]] == [
        one.finish_reason for one in expected
    ]
    assert answer["usage"] == {
        "prompt_tokens": sum(one.usage.prompt_tokens for one in expected),
        "completion_tokens": sum(one.usage.completion_tokens for one in expected),
        "total_tokens": sum(one.usage.total_tokens for one in expected),
    }
    assert (answer["object"], answer["model"]) == ("text_completion", "demo")


def test_streams_add_up_to_the_same(served, expected):
    pieces = events(ask(served, stream=True, stream_options={"include_usage": True}))
    *written, last = pieces
    for index, one in enumerate(expected):
        choices = [p["choices"][0] for p in written if p["choices"][0]["index"] == index]
        assert "".join(choice["text"] for choice in choices) == one.text
        assert [choice.get("finish_reason") for choice in choices[:-1]] == [None] * (
            len(choices) - 1
        )
        assert choices[-1]["finish_reason"] == one.finish_reason
    assert last["choices"] == []
    assert last["usage"] == ask(served).json()["usage"]
    assert len({piece["id"] for piece in pieces}) == 1


def test_tokens_with_their_alternatives(served, expected):
    (choice, _) = ask(served, logprobs=2).json()["choices"]
    told_, tokens = choice["logprobs"], written(expected[0])
    assert told_["token_logprobs"] == pytest.approx([t.logprob for t in tokens], abs=1e-3)
    assert told_["text_offset"] == [t.start for t in tokens]
    spelt = "".join(told_["tokens"]).replace(" @-@ ", "-").replace(" .", ".")
    spelt = spelt.removesuffix("</s> ").strip()
    assert spelt == choice["text"]
    for token, logprob, top in zip(
        told_["tokens"], told_["token_logprobs"], told_["top_logprobs"], strict=True
    ):
        assert len(top) == 2
        assert top[token] == logprob == max(top.values())


def test_no_alternatives(served):
    (choice, _) = ask(served, logprobs=0).json()["choices"]
    assert choice["logprobs"]["top_logprobs"] is None
    assert len(choice["logprobs"]["tokens"]) == len(choice["logprobs"]["token_logprobs"]) > 0


def test_an_echo_begins_with_the_prompt_and_its_tokens(served, expected):
    (choice, _) = ask(served, echo=True, logprobs=0).json()["choices"]
    assert choice["text"] == f"{PROMPTS[0]} {expected[0].text}"
    engine = load("demo", "bc5cdr").engine
    (scored,) = engine.score([""], [PROMPTS[:1]])
    count = len(scored.tokens[0])
    logs = choice["logprobs"]["token_logprobs"]
    assert fsum(logs[:count]) == pytest.approx(fsum(t.logprob for t in scored.tokens[0]), abs=1e-3)
    assert len(logs) == count + len(written(expected[0]))
    first = choice["logprobs"]["text_offset"][count]
    assert choice["text"][first:] == expected[0].text


def test_the_likelihood_of_a_text_alone(served):
    answer = ask(served, PROMPTS[0], echo=True, logprobs=1, max_tokens=0).json()
    (choice,) = answer["choices"]
    assert choice["text"] == PROMPTS[0]
    assert len(choice["logprobs"]["tokens"]) == answer["usage"]["prompt_tokens"] - 1
    assert answer["usage"]["completion_tokens"] == 0


def test_an_echo_is_streamed(served):
    whole = ask(served, PROMPTS[0], echo=True).json()["choices"][0]["text"]
    pieces = events(ask(served, PROMPTS[0], echo=True, stream=True))
    assert "".join(piece["choices"][0]["text"] for piece in pieces) == whole


def test_samples_are_repeatable_and_streams_write_the_first(served):
    options = {"temperature": 1.5, "seed": 4}
    answer = ask(served, PROMPTS[0], n=3, **options).json()
    texts = [choice["text"] for choice in answer["choices"]]
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert len(set(texts)) > 1
    again = ask(served, PROMPTS[0], n=3, **options).json()
    assert texts == [choice["text"] for choice in again["choices"]]
    pieces = events(ask(served, PROMPTS[0], stream=True, **options))
    assert "".join(piece["choices"][0]["text"] for piece in pieces) == texts[0]


def test_several_samples_are_streamed(served):
    pieces = events(
        ask(
            served,
            PROMPTS[0],
            n=2,
            temperature=1.5,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    ends = [p["choices"][0]["index"] for p in pieces[:-1] if p["choices"][0].get("finish_reason")]
    assert sorted(ends) == [0, 1]
    alone = ask(served, PROMPTS[0]).json()["usage"]["prompt_tokens"]
    assert pieces[-1]["usage"]["prompt_tokens"] == alone


def test_stop_ends_a_completion(served):
    whole = ask(served, PROMPTS[0]).json()["choices"][0]["text"]
    word = whole.split()[2]
    for stop in (word, ["never written", word]):
        (choice,) = ask(served, PROMPTS[0], stop=stop).json()["choices"]
        assert choice["text"] == whole.partition(word)[0].rstrip() or word not in choice["text"]
        assert choice["finish_reason"] == "stop"


def test_defaults_are_those_of_openai(serve):
    engine = ScriptedEngine(["yes", "no"])
    client = serve(engine)
    client.post("/v1/completions", json={"model": "scripted", "prompt": "a"})
    nulls = dict.fromkeys(["max_tokens", "temperature", "top_p", "n", "stop", "seed", "logprobs"])
    client.post("/v1/completions", json={"model": "scripted", "prompt": "a", **nulls})
    usual = Decoding(max_new_tokens=16, temperature=1.0, truncate=False)
    assert engine.decodings == [usual, usual]


@pytest.mark.parametrize(
    ("options", "told_"),
    [
        ({"best_of": 3}, "best_of = 3 is not supported"),
        ({"suffix": "end"}, "suffix = 'end' is not supported"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"frequency_penalty": 0.5}, "frequency_penalty = 0.5 is not supported"),
        ({"presence_penalty": -1}, "presence_penalty"),
        ({"n": 2}, "n = 2 completions need a temperature above 0"),
        ({"n": 17}, "17 completions of a prompt are asked for, at most 16"),
        ({"n": 0}, "n: input should be greater than or equal to 1"),
        ({"max_tokens": 0}, "max_tokens must be 1 or more, not 0, without echo"),
        ({"max_tokens": -1}, "max_tokens: "),
        ({"temperature": -0.1}, "temperature: "),
        ({"top_p": 0}, "top_p: "),
        ({"logprobs": 21}, "21 alternatives for a token are asked for, at most 20"),
        ({"stop": ["a"] * 17}, "stop"),
        ({"stop": ""}, "stop must be"),
        ({"prompt": []}, "there is no prompt"),
        ({"prompt": ""}, "is empty"),
        ({"prompt": ["aspirin", " "]}, "is empty"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ["a"] * 513}, "513 prompts are asked for, at most 512"),
        ({"seed": 1, "n": 2, "stream": True, "temperature": 1}, "cannot be repeated"),
        ({"strem": True}, "unrecognized request argument: strem"),
        ({"stream_options": {"x": 1}}, "unrecognized request argument: stream_options.x"),
    ],
    ids=str,
)
def test_what_is_not_understood_is_refused_by_name(served, options, told_):
    error = told(ask(served, **options), 400)
    assert told_ in error["message"]
    assert error["type"] == "invalid_request_error"
    assert error.keys() == {"message", "type", "param", "code"}


def test_a_prompt_that_does_not_fit(served):
    for stream in (False, True):
        error = told(ask(served, "aspirin " * 2000, stream=stream), 400)
        assert error["code"] == "context_length_exceeded"


def test_another_model(served):
    error = told(ask(served, model="gpt-5"), 404)
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert "ask for 'demo'" in error["message"]


def test_neutral_arguments_change_nothing(served):
    neutral = {"best_of": 1, "suffix": "", "logit_bias": {}, "user": "x"}
    neutral |= {"frequency_penalty": 0, "presence_penalty": 0.0, "top_k": 0}
    assert ask(served, **neutral).json()["choices"] == ask(served).json()["choices"]


def test_an_engine_that_fails(serve):
    client = serve(ScriptedEngine([EngineError("the device is lost")] * 2))
    error = told(ask(client, "a", model="scripted"), 500)
    assert (error["code"], error["message"]) == ("engine_error", "the device is lost")
    assert told(ask(client, "a", model="scripted", stream=True), 500)["code"] == "engine_error"


def test_an_error_in_the_middle_of_a_stream_ends_it(serve):
    class Breaking(ScriptedEngine):
        def stream(self, prompt, decoding=Decoding()):
            yield from list(super().stream(prompt, decoding))[:2]
            raise EngineError("the device is lost")

    client = serve(Breaking(["one two three"]))
    text = ask(client, "a", model="scripted", stream=True).text
    last = [json.loads(line[6:]) for line in text.split("\n\n") if line][-1]
    assert last["error"]["message"] == "the device is lost"
    assert "[DONE]" not in text


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_stops_its_work(serve, stream):
    engine = Held(["yes"])
    with left(serve(engine), "/v1/completions", model="scripted", prompt="a", stream=stream):
        assert engine.started.wait(PATIENCE)
    assert engine.stopped.wait(PATIENCE)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_ends_its_writing_side_counts_as_gone(serve, stream):
    engine = Held(["yes"])
    with left(
        serve(engine), "/v1/completions", model="scripted", prompt="a", stream=stream
    ) as wire:
        assert engine.started.wait(PATIENCE)
        wire.shutdown(socket.SHUT_WR)
        assert engine.stopped.wait(PATIENCE)
        assert wire.recv(1) == b""


def test_a_stream_that_is_closed_stops_its_work(served):
    engine = load("demo", "bc5cdr").engine
    with served.stream(
        "POST",
        "/v1/completions",
        json={"model": "demo", "prompt": "aspirin", "max_tokens": 900, "stream": True},
    ) as response:
        next(response.iter_lines())
    while engine.load.running or engine.load.waiting:
        pass
    metrics = served.get("/metrics").text
    assert "biogpt_results_asked 0.0" in metrics


# What its `local-completions` asks to tell the likelihood of texts.
LM_EVAL = {"max_tokens": 1, "logprobs": 1, "echo": True, "seed": 1234}


@pytest.fixture(scope="module")
def ids():
    return [load("demo", "bc5cdr").engine.token_ids(prompt) for prompt in PROMPTS]


class TestTokenIds:
    """Prompts as token ids, as lm-evaluation-harness sends them."""

    def test_the_likelihood_of_what_follows_a_context(self, served, ids):
        """It adds the numbers from the context's length to the last but one."""
        answer = ask(served, ids, **LM_EVAL).json()
        engine = load("demo", "bc5cdr").engine
        for choice, prompt, own in zip(answer["choices"], PROMPTS, ids, strict=True):
            logprobs = choice["logprobs"]
            (scored,) = engine.score([""], [[prompt]])
            found = logprobs["token_logprobs"][:-1]
            assert found == pytest.approx([t.logprob for t in scored.tokens[0]], abs=1e-3)
            assert {len(one) for one in logprobs.values()} == {len(own) + 1}
            tops = logprobs["top_logprobs"]
            for token, one, top in zip(logprobs["tokens"], found, tops, strict=False):
                assert top[token] == one <= max(top.values())  # the same number if it is the best
        assert answer["usage"]["prompt_tokens"] == sum(map(len, ids)) + len(ids)

    def test_a_beginning_of_their_own_has_no_likelihood(self, served, ids):
        plain, begun = (
            ask(served, prompt, **LM_EVAL).json()["choices"][0] for prompt in (ids[0], [2, *ids[0]])
        )
        assert begun["text"] == plain["text"]
        assert begun["logprobs"]["tokens"] == ["</s> ", *plain["logprobs"]["tokens"]]
        for name in ("token_logprobs", "top_logprobs"):
            assert begun["logprobs"][name][0] is None
        assert begun["logprobs"]["token_logprobs"][1:] == pytest.approx(
            plain["logprobs"]["token_logprobs"], abs=1e-3
        )

    def test_a_token_is_told_even_if_the_model_ends(self, serve):
        client = serve(ScriptedEngine(["", "one two"], [[0.5], [0.5]]))
        for prompt in ([7, 8], [7, 8, 9]):
            asked = {**LM_EVAL, "model": "scripted", "temperature": 0}
            (choice,) = ask(client, prompt, **asked).json()["choices"]
            tokens = choice["logprobs"]["tokens"]
            assert tokens[: len(prompt)] == [f"{token} " for token in prompt]
            assert tokens[-1] == "</s> "
            assert choice["text"][choice["logprobs"]["text_offset"][-1] :] == ""

    def test_they_are_continued_as_their_text(self, served, ids, expected):
        texts = [one.text for one in expected]
        answer = ask(served, ids, stop=["</s>", "\n\n"], seed=1234).json()
        assert [choice["text"] for choice in answer["choices"]] == texts
        assert answer["usage"] == ask(served).json()["usage"]
        pieces = events(ask(served, ids[0], stream=True, echo=True))
        written = "".join(piece["choices"][0]["text"] for piece in pieces)
        assert written == ask(served, ids[0], echo=True).json()["choices"][0]["text"]
        assert written.endswith(texts[0])

    def test_their_likelihood_alone(self, served, ids):
        answer = ask(served, ids[0], **{**LM_EVAL, "max_tokens": 0}).json()
        assert len(answer["choices"][0]["logprobs"]["tokens"]) == len(ids[0])
        assert answer["usage"]["prompt_tokens"] == len(ids[0]) + 1

    @pytest.mark.parametrize(
        ("prompt", "told_"),
        [
            ([0, 5], r"token 0 (<s>) is no piece of a text: give ids of text alone, behind 2"),
            ([[5], [1 << 20]], "token 1048576 (unknown)"),
            ([[]], "there is no prompt"),
            ([5] * 2000, "the prompt has 2000 tokens"),
        ],
        ids=["beginning", "unknown", "none", "long"],
    )
    def test_what_is_not_understood(self, served, prompt, told_):
        assert told_ in told(ask(served, prompt), 400)["message"]
