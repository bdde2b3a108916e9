"""A remote engine gives what the engine of its server gives, for each method of the protocol."""

from dataclasses import asdict
from math import inf

import pytest
from doubles import unscored_all

from biogpt_plugins import Pipeline, load
from biogpt_plugins.engine import Copy, Decoding, Engine, Grammar, Prompt
from biogpt_plugins.serve.limits import Limits
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import ContextOverflowError, EngineError, InputError

pytestmark = pytest.mark.enable_socket

CLAUSE = Grammar(
    clause=("the relation between", Copy(), "and", ("ulcer", "tremor"), "exists"), instead="none"
)
PROMPTS = [
    "lithium induced tremor",
    Prompt(
        text="aspirin and gastric ulcer in patients with renal failure .",
        head="question : ",
        tail=" answer :",
        suffix_tokens=("learned1", "learned2"),
        target="the relation",
        max_source_tokens=9,
    ),
    Prompt(text="warfarin increases risk of ulcer β–γ “quoted” .", grammar=CLAUSE),
    Prompt(text="tremor " * 2000),
    Prompt(text="tremor", suffix_tokens=("learned77",)),
    Prompt(text="half \ud800", grammar=Grammar(clause=("aspirin",))),
    7,
]
WAYS = {
    "greedy": Decoding(max_new_tokens=7),
    "samples": Decoding(max_new_tokens=7, temperature=1.2, top_p=0.9, top_k=20, seed=5, n=3),
    "beams": Decoding(max_new_tokens=7, num_beams=3, n=2),
    "stop": Decoding(max_new_tokens=20, stop=("and", "of"), max_length=60),
    "log-probabilities": Decoding(max_new_tokens=7, logprobs=True, top_logprobs=3),
    "grounded": Decoding(max_new_tokens=20, form="grounded", logprobs=True),
    "among entities": Decoding(max_new_tokens=20, form="entities"),
    "uncut": Decoding(max_new_tokens=7, truncate=False),
}


def plain(value):
    """A value without the last digits of its numbers, which depend on the batch."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, Exception):
        # A half of a surrogate pair is found where it is, in one part of a prompt or another.
        half = "half of a surrogate pair" in str(value)
        return type(value).__name__, "half" if half else str(value)
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def plain_all(outcomes):
    return [plain(asdict(one)) for one in outcomes]


def raised(work):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - it is compared
        work()
    return type(caught.value), str(caught.value)


def test_it_is_an_engine(both):
    near, far = both
    protocol = {name for name in vars(Engine) if not name.startswith("_")}
    assert protocol <= set(dir(far))
    for name in ("context_size", "runtime", "free_logprobs"):
        assert getattr(far, name) == getattr(near, name)
    assert str(near.dtype) == f"torch.{far.dtype}"
    assert far.model_name.startswith("http://127.0.0.1:")
    assert far.device == f"cpu at {far.model_name}"
    assert not far.closed


@pytest.mark.parametrize("way", WAYS)
def test_complete(both, way):
    near, far = both
    assert plain_all(far.complete(PROMPTS, WAYS[way])) == plain_all(
        near.complete(PROMPTS, WAYS[way])
    )
    assert far.complete([], WAYS[way]) == []


@pytest.mark.parametrize("way", ["greedy", "samples", "log-probabilities", "grounded", "stop"])
def test_stream(both, way):
    near, far = both
    asked = PROMPTS[2]
    ours, theirs = (list(one.stream(asked, WAYS[way])) for one in (far, near))
    assert "".join(one.text for one in ours) == "".join(one.text for one in theirs)
    assert plain(asdict(ours[-1].completion)) == plain(asdict(theirs[-1].completion))
    assert [one.completion for one in ours[:-1]] == [None] * (len(ours) - 1)


@pytest.mark.parametrize("number", [4, 6], ids=["unknown token", "no prompt"])
def test_a_stream_that_cannot_be(both, number):
    near, far = both
    ours, theirs = (
        raised(lambda one=one: next(one.stream(PROMPTS[number], WAYS["greedy"])))
        for one in (far, near)
    )
    assert ours == theirs


def test_choose(both):
    near, far = both
    labels = ["yes", "no", "may be"]
    assert plain_all(far.choose(PROMPTS, labels)) == plain_all(near.choose(PROMPTS, labels))
    uncut = {"truncate": False}
    assert plain_all(far.choose(PROMPTS, labels, **uncut)) == plain_all(
        near.choose(PROMPTS, labels, **uncut)
    )
    for wrong in ([], "yes", ["yes", ""], ["yes", "yes no"]):
        assert raised(lambda wrong=wrong: far.choose(PROMPTS, wrong)) == raised(
            lambda wrong=wrong: near.choose(PROMPTS, wrong)
        )


def test_score(both):
    near, far = both
    texts = [["tremor .", "ulcer", "a b β"], ["x"], [], ["", "y"], ["z"], ["u"], ["v"]]
    for options in ({}, {"truncate": False, "top_logprobs": 2}):
        assert plain_all(far.score(PROMPTS, texts, **options)) == plain_all(
            near.score(PROMPTS, texts, **options)
        )
    of_ids = [Prompt(text="", ids=tuple(near.token_ids("aspirin and")))], [["a b", (70, 71, 72)]]
    for asked in (([""], [["tremor and ulcer"]]), of_ids):
        assert plain_all(far.score(*asked)) == plain_all(near.score(*asked))
    for wrong in (texts[:1], ["x"] * len(PROMPTS)):
        assert raised(lambda wrong=wrong: far.score(PROMPTS, wrong)) == raised(
            lambda wrong=wrong: near.score(PROMPTS, wrong)
        )


def test_tokens(both):
    near, far = both
    texts = ["", "lithium-induced tremor (β) & more ...", "x" * 500, "a\nb"]
    far.foresee([*texts, "half \ud800"])
    for text in texts:
        assert far.token_ids(text) == near.token_ids(text)
        assert far.count_tokens(text) == near.count_tokens(text)
    with pytest.raises(InputError, match="half of a surrogate pair"):
        far.count_tokens("half \ud800")


def test_infinite_logarithms_arrive(serve):
    far, _ = serve(ScriptedEngine(["yes no"], [[0.0, 1.0]], logprob=-inf))
    (completion,) = far.complete(["a"], Decoding(logprobs=True))
    assert [token.logprob for token in completion.tokens] == [-inf, -inf]
    (scored,) = far.score(["a"], [["x", "y"]])
    assert [tokens[0].logprob for tokens in scored.tokens] == [-inf, 0]


def test_values_arrive_as_they_were(serve):
    engine = ScriptedEngine(["yes"] * 2)
    far, _ = serve(engine)
    decoding = Decoding(max_new_tokens=3, stop=("a", "b"), temperature=0.5, seed=2, form="grounded")
    far.complete(PROMPTS[1:3], decoding)
    assert engine.calls == [PROMPTS[1:3]]
    assert engine.calls[0][1].grammar == CLAUSE
    assert engine.decodings == [decoding]


def test_each_error_is_of_its_prompt(serve):
    far, _ = serve(ScriptedEngine([EngineError("broken"), "yes", ContextOverflowError("long")]))
    first, second, third = far.complete(["a", "b", "c"])
    assert (type(first.error), str(first.error)) == (EngineError, "broken")
    assert second.text == "yes"
    assert (type(third.error), str(third.error)) == (ContextOverflowError, "long")


class TestLimits:
    def test_prompts_are_divided_among_requests(self, serve):
        engine = ScriptedEngine(str(number) for number in range(7))
        far, _ = serve(engine, limits=Limits(inputs=3))
        assert [one.text for one in far.complete(list("abcdefg"))] == list("0123456")
        assert [len(call) for call in engine.calls] == [3, 3, 1]

    def test_a_request_leaves_half_of_the_places_to_others(self, serve):
        engine = ScriptedEngine(["yes"] * 10)
        far, _ = serve(engine, limits=Limits(queue=8))
        far.complete(list("abcde"), Decoding(temperature=1, n=2))
        assert [len(call) for call in engine.calls] == [2, 2, 1]

    def test_large_requests_are_divided(self, serve):
        engine = ScriptedEngine(["yes"] * 3)
        far, _ = serve(engine, limits=Limits(body=20 << 10))
        large = [letter * 3000 for letter in "abc"]
        assert [one.text for one in far.complete(large)] == ["yes"] * 3
        assert [len(call) for call in engine.calls] == [1, 1, 1]

    def test_what_fits_no_request_is_the_error_of_its_prompt(self, serve):
        far, _ = serve(ScriptedEngine(["yes"] * 2), limits=Limits(body=20 << 10, prompt=5000))
        first, second, third = far.complete(["a" * 5001, "b", "\u0001" * 4000])
        assert "has 5,001 characters, and the server takes 5,000" in str(first.error)
        assert second.text == "yes"
        assert "and the server takes 20,480" in str(third.error)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"n": 17, "temperature": 1}, "n = 17 is more than this server allows: 16"),
            ({"num_beams": 17}, "num_beams = 17 is more"),
            ({"logprobs": True, "top_logprobs": 21}, "top_logprobs = 21 is more"),
            ({"stop": ("x",) * 513}, "the number of stop strings = 513 is more"),
        ],
    )
    def test_more_than_a_server_allows(self, serve, options, said):
        far, _ = serve(ScriptedEngine(["yes"]))
        with pytest.raises(InputError, match=said):
            far.complete(["a"], Decoding(**options))

    @pytest.mark.parametrize(
        ("grammar", "said"),
        [
            (Grammar(clause=("a",) * 101), "a clause has 101 parts, at most 100 are read"),
            (Grammar(clause=()), "at least one part"),
            (Grammar(clause=("a", " ")), "words that are not blank"),
            (Grammar(clause=((),)), "wordings to choose from"),
            (Grammar(clause=(Copy(most_words=0),)), "names of at least one word"),
            (Grammar(clause=("a",), end=""), "and an end"),
        ],
        ids=["parts", "none", "blank", "wordings", "words", "end"],
    )
    def test_grammars_that_cannot_be_followed(self, serve, grammar, said):
        far, _ = serve(ScriptedEngine(["yes"]))
        with pytest.raises(InputError, match=said):
            far.complete([Prompt(text="a", grammar=grammar)], Decoding(form="grounded"))


def test_a_pipeline_on_it(address):
    near, far = load("demo", "bc5cdr"), load(address, "bc5cdr")
    texts = [
        "Lithium-induced tremor. A patient on lithium had a tremor.",
        "Cisplatin caused hearing loss in a child. " * 60,
        {"id": 7, "title": "No text"},
        7,
    ]
    assert unscored_all(far.run(texts)) == unscored_all(near.run(texts))
    grounded = near.spec.but(decoding="grounded", min_score=0.1)
    ours = far.with_settings(grounded).run(texts)
    theirs = near.with_settings(grounded).run(texts)
    assert unscored_all(ours)[:1] == unscored_all(theirs)[:1]
    streamed = list(far.stream(texts[1]))[-1].prediction
    assert streamed.completion == list(near.stream(texts[1]))[-1].prediction.completion


def test_among_entities_and_ranked(address):
    paper = {
        "text": "Lithium caused tremor and nausea.",
        "entities": [
            {"text": "Lithium", "type": "chemical", "start": 0, "end": 7, "id": "D1"},
            {"text": "tremor", "type": "disease", "start": 15, "end": 21, "id": "D2"},
            {"text": "nausea", "type": "disease", "start": 26, "end": 32, "id": "D3"},
        ],
    }
    for options in ({"decoding": "entities"}, {"method": "rank", "min_score": 0}):
        near, far = (
            load(model, "bc5cdr", **options).run([paper])[0] for model in ("demo", address)
        )
        assert [str(one) for one in far.relations] == [str(one) for one in near.relations]
        assert far.warnings == near.warnings


def test_answers(address):
    asked = {"question": "Does lithium cause tremor?", "context": "Lithium caused tremor."}
    near, far = (load(model, "pubmedqa").run([asked])[0] for model in ("demo", address))
    assert far.result.label == near.result.label
    assert far.result.probabilities == pytest.approx(near.result.probabilities, abs=1e-3)


def test_many_texts_are_counted_by_one_request(serve):
    far, client = serve(ScriptedEngine(["yes"] * 40))
    Pipeline("bc5cdr", far).run([f"aspirin {number}" for number in range(40)])
    counted = 'biogpt_requests_total{path="/v1/engine/count",status="200"} '
    page = ""
    while counted not in page:  # a request is counted after its answer has left
        page = client.get("/metrics").text
    assert f"{counted}1.0" in page
