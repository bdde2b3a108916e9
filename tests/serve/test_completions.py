"""`/v1/completions`: as the engine writes, in OpenAI's form."""

import json
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
    told_, tokens = choice["logprobs"], expected[0].tokens
    assert told_["token_logprobs"] == pytest.approx([t.logprob for t in tokens], abs=1e-3)
    assert told_["text_offset"] == [t.start for t in tokens]
    spelt = "".join(told_["tokens"]).replace(" @-@ ", "-").replace(" .", ".").strip()
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
    assert len(logs) == count + len(expected[0].tokens)
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
        ({"prompt": [5, 6]}, "token ids are not supported"),
        ({"prompt": [[5, 6]]}, "token ids are not supported"),
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
