import asyncio
import threading

import pytest

from biogpt_plugins import Decoding, Paper, Pipeline, Prediction, Prompt
from biogpt_plugins.engine import Completion, TaskCard
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import (
    ContextOverflowError,
    EngineError,
    InputError,
    TruncationWarning,
)

CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
ONE = "the relation between aspirin and nausea exists."


def pipeline(*completions, **options):
    return Pipeline("bc5cdr", ScriptedEngine(completions), card=CARD, **options)


def test_every_input_gets_its_prediction_in_order_by_one_call():
    pipe = pipeline(
        ONE,
        "unreadable words",
        ContextOverflowError("too long"),
        "no relation was found.",
    )
    found = pipe.run(
        [
            {"id": "1", "title": "Aspirin", "abstract": "and Nausea."},
            {"id": "1b", "abstract": " "},
            {"id": 2, "abstract": "b"},
            Paper(id="3", text="c"),
            4,
            "d",
        ]
    )
    assert [p.id for p in found] == ["1", "1b", "2", "3", None, None]
    assert [p.error.type if p.error else None for p in found] == [
        None,
        "InputError",
        "ParseError",
        "ContextOverflowError",
        "InputError",
        None,
    ]
    assert found[2].completion == "unreadable words"
    assert found[5].result == []
    assert all(p.task == "bc5cdr" and p.model == "scripted" for p in found)
    assert len(pipe.engine.calls) == 1
    prompt = Prompt(text="aspirin. and nausea.", suffix_tokens=("learned1",))
    assert pipe.engine.history[0] == prompt


def test_relations_are_grounded_in_the_original_text():
    paper = Paper(title="Aspirin", text="and Nausea.")
    relation = pipeline(ONE).run([paper])[0].result[0]
    assert (relation.head.text, relation.head.name) == ("Aspirin", "aspirin")
    assert paper.source[relation.tail.start : relation.tail.end] == relation.tail.text == "Nausea"


def test_an_end_that_is_not_in_the_text_is_flagged():
    relation = pipeline(ONE).run(["nausea"])[0].result[0]
    assert not relation.head.grounded
    assert relation.tail.grounded


def test_a_broken_engine_costs_no_input():
    found = pipeline(ONE).run(["a", "", "b"])
    assert [p.error.type for p in found] == ["EngineError", "InputError", "EngineError"]
    assert found[0].id is None


def test_an_engine_that_raises_anything_costs_no_input():
    class Broken(ScriptedEngine):
        def complete(self, prompts, decoding=Decoding()):  # noqa: ARG002
            raise RuntimeError("on fire")

    pipe = Pipeline("bc5cdr", Broken(), card=CARD)
    found = [*pipe.run(["a", ""]), list(pipe.stream("a"))[-1].prediction]
    assert [p.error.type for p in found] == ["EngineError", "InputError", "EngineError"]
    assert found[0].error.message == "the engine failed with RuntimeError: on fire"


@pytest.mark.parametrize("task", ["bc5cdr", "pubmedqa"])
def test_an_engine_that_loses_one_says_how_many(task):
    class Losing(ScriptedEngine):
        def complete(self, prompts, decoding=Decoding()):
            return super().complete(prompts[1:], decoding)

        def choose(self, prompts, choices, *, truncate=True):
            return super().choose(prompts[1:], choices, truncate=truncate)

    pipe = Pipeline(task, Losing([ONE], [(0.2, 0.1, 0.7)]), card=CARD)
    found = pipe.run([{"question": "Is it?", "context": "C.", "abstract": "C."}] * 2)
    assert {p.error.type for p in found} == {"EngineError"}
    assert found[0].error.message.startswith("the engine returned 1 result for 2 prompts")


def test_what_json_cannot_hold_is_replaced():
    completion = "the relation between \ud83e and nausea exists."
    found = pipeline(completion).run([{"id": "\ud83e", "abstract": "nausea"}])[0]
    assert found.id == "?"
    assert Prediction.model_validate_json(found.model_dump_json()) == found


def test_labels_are_chosen_with_probabilities():
    engine = ScriptedEngine(probabilities=[(0.2, 0.1, 0.7)])
    pipe = Pipeline("pubmedqa", engine, card=CARD)
    found = pipe.run([{"id": "q", "question": "Is it?", "context": "C."}])[0]
    assert found.result.label == "maybe"
    assert found.result.probabilities == {"yes": 0.2, "no": 0.1, "maybe": 0.7}
    assert found.completion is None
    assert engine.history[0].target == "the answer to the question given the context is"


def test_labels_can_be_written_instead():
    text = "the answer to the question given the context is no."
    pipe = Pipeline("pubmedqa", ScriptedEngine([text]), card=CARD, method="complete")
    found = pipe.run([{"question": "Is it?", "context": "C."}])[0]
    assert found.result.label == "no"
    assert found.completion == text


def test_what_was_cut_is_said():
    class Cutting(ScriptedEngine):
        def complete(self, prompts, decoding=Decoding()):  # noqa: ARG002
            return [Completion(text=ONE, finish_reason="length", truncated_tokens=9)]

    with pytest.warns(TruncationWarning):
        found = Pipeline("bc5cdr", Cutting(), card=CARD).run(["aspirin"])[0]
    assert found.truncated_tokens == 9
    assert found.warnings == (
        "the text was cut: its last 9 tokens did not fit the model's limit",
        "the completion was cut off at the length limit",
    )


def test_passed_over_clauses_are_said():
    found = pipeline(f"{ONE[:-1]}; the relation between x").run(["a"])[0]
    assert found.warnings == ("a clause could not be read: 'x'",)


@pytest.mark.parametrize("inputs", ["a text", {"title": "t"}, Paper(text="x"), b"bytes", None, 3])
def test_a_single_input_is_not_taken_for_a_list(inputs):
    with pytest.raises(InputError, match="list"):
        pipeline().run(inputs)
    with pytest.raises(InputError, match="list"):
        next(pipeline().imap(inputs))


def test_no_inputs_make_no_call():
    pipe = pipeline()
    assert pipe.run([]) == []
    assert pipe.run([""])[0].error.type == "InputError"
    assert pipe.engine.calls == []


def test_imap_is_lazy_and_in_order():
    pipe = pipeline(*[ONE] * 5)
    seen = []

    def papers():
        for i in range(5):
            seen.append(i)
            yield {"id": str(i), "abstract": "aspirin"}

    found = pipe.imap(papers(), chunk_size=2)
    assert next(found).id == "0"
    assert seen == [0, 1]
    assert [p.id for p in found] == ["1", "2", "3", "4"]
    assert [len(call) for call in pipe.engine.calls] == [2, 2, 1]


def test_a_stream_ends_in_its_prediction():
    chunks = list(pipeline(ONE).stream({"id": "1", "abstract": "aspirin"}))
    assert "".join(c.text for c in chunks) == ONE
    assert [c.prediction for c in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].prediction == pipeline(ONE).run([{"id": "1", "abstract": "aspirin"}])[0]


@pytest.mark.parametrize(
    ("completion", "value", "error"),
    [(ONE, "", "InputError"), (EngineError("x"), "a", "EngineError"), ("huh", "a", "ParseError")],
)
def test_a_failed_stream_ends_in_a_prediction_too(completion, value, error):
    assert list(pipeline(completion).stream(value))[-1].prediction.error.type == error


async def test_arun_leaves_the_event_loop_alone():
    release = threading.Event()

    class Slow(ScriptedEngine):
        def complete(self, prompts, decoding=Decoding()):
            assert release.wait(10)
            return super().complete(prompts, decoding)

    task = asyncio.create_task(Pipeline("bc5cdr", Slow([ONE]), card=CARD).arun(["aspirin"]))
    await asyncio.sleep(0.05)
    assert not task.done()
    release.set()
    assert (await task)[0].ok


def test_a_task_without_labels_cannot_choose():
    with pytest.raises(InputError, match="no labels"):
        pipeline(method="choose")


@pytest.mark.parametrize(
    "option",
    [
        {"max_new_tokens": 0},
        {"max_length": 0},
        {"stop": ("",)},
        {"stop": "word"},
        {"temperature": -1},
        {"top_p": 0},
        {"top_k": -1},
        {"temperature": float("inf")},
        {"num_beams": 0},
    ],
)
def test_decoding_out_of_range_is_named(option):
    with pytest.raises(InputError, match=next(iter(option))):
        Decoding(**option)


class TestNumbersThatAreNotFinite:
    """An engine of the user's own may return NaN; no result holds it, and no other input fails."""

    @pytest.mark.parametrize("share", [float("nan"), float("inf")])
    def test_probabilities_of_labels(self, share):
        engine = ScriptedEngine(probabilities=[(share, 0.1, 0.1), (0.1, 0.8, 0.1)])
        asked = [{"question": "Is it?", "context": "It is."}] * 2
        first, second = Pipeline("pubmedqa", engine).run(asked)
        assert (first.result, first.error.type) == (None, "EngineError")
        assert f"the engine returned {share} as a probability" in first.error.message
        assert second.result.label == "no"

    def test_probabilities_of_words(self):
        engine = ScriptedEngine([ONE] * 2, logprob=float("nan"))
        pipe = Pipeline("bc5cdr", engine, card=CARD, min_score=0.5)
        for found in pipe.run(["Aspirin and nausea."] * 2):
            assert (found.result, found.error.type) == (None, "EngineError")

    def test_a_probability_of_zero(self):
        engine = ScriptedEngine([ONE], logprob=float("-inf"))
        pipe = Pipeline("bc5cdr", engine, card=CARD, min_score=0)
        (found,) = pipe.run(["Aspirin and nausea."])
        assert Prediction.model_validate_json(found.model_dump_json()) == found
