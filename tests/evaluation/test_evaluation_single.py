"""One document by itself: what may be given, what it is worth, and what is said of it."""

import json
import math

import pytest
from shared_data import shared

from biogpt_plugins import TASKS, Answer, Hallmarks, Pipeline, Prediction
from biogpt_plugins.corpus import read_gold
from biogpt_plugins.evaluation import METRICS, evaluate
from biogpt_plugins.evaluation.single import Verdict, score_one
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Failure

NAMES = {
    "chemical2id": {"aspirin": "D1", "asa": "MESH:D1", "lithium": "D2"},
    "disease2id": {"nausea": "D8", "tremor": "D9"},
}
ASPIRIN = "the relation between aspirin and nausea exists"
LITHIUM = "the relation between lithium and tremor exists"
X = "the interaction between a and b is effect"
YES = "the answer to the question given the context is yes."
TYPE = "the type of this document is"
ENERGY, DEATH = "cellular energetics", "resisting cell death"


def predicted(task, completion, **text):
    text = text or {"text": "A text.", "question": "Why?", "context": "So."}
    (found,) = Pipeline(task, ScriptedEngine([completion]), method="complete").run([text])
    return found


PREDICTION = predicted("bc5cdr", f"{ASPIRIN}.", text="Aspirin gave nausea.")
(RELATION,) = PREDICTION.result
SCORED = Answer(label="yes", probabilities={"yes": 1.0, "no": 0.0, "maybe": 0.0})


@pytest.mark.parametrize(
    ("task", "form"),
    [
        ("bc5cdr", f"{ASPIRIN}."),
        ("bc5cdr", f"echoed text. learned1 learned2 {ASPIRIN}."),
        ("bc5cdr", [["Aspirin", "NAUSEA"]]),
        ("bc5cdr", (("aspirin", "nausea", "CID"),)),
        ("bc5cdr", [{"head": "Aspirin", "tail": {"text": "nausea", "start": 3}}]),
        ("bc5cdr", {"head": "aspirin", "type": "CID", "tail": "nausea", "head_start": None}),
        ("bc5cdr", {"relations": [{"head": "Aspirin", "tail": "nausea"}]}),
        ("bc5cdr", PREDICTION),
        ("bc5cdr", PREDICTION.model_dump()),
        ("bc5cdr", PREDICTION.model_dump_json(indent=1)),
        ("bc5cdr", PREDICTION.result),
        ("bc5cdr", [RELATION.model_dump()]),
        ("bc5cdr", RELATION),
        ("bc5cdr", json.dumps([["aspirin", "nausea"]])),
        ("bc5cdr", {"output": {"text": f"{ASPIRIN}."}}),
        ("ddi", f"{X}."),
        ("ddi", [["A", "b", "effect"]]),
        ("ddi", '[{"head": "a", "type": "effect", "tail": "B"}]'),
        ("kd_dti", [["a", "b", "effect"]]),
        ("pubmedqa", YES),
        ("pubmedqa", " Yes"),
        ("pubmedqa", {"label": "yes"}),
        ("pubmedqa", {"answer": "yes"}),
        ("pubmedqa", SCORED),
        ("pubmedqa", SCORED.model_dump()),
        ("pubmedqa", SCORED.model_dump_json()),
        ("pubmedqa", Prediction(task="pubmedqa_reasoning_free", result=SCORED)),
        ("pubmedqa_reasoning_free", "yes"),
        ("hoc", f"{TYPE} {ENERGY}|{DEATH}."),
        ("hoc", f"{DEATH}|{ENERGY}"),
        ("hoc", [DEATH, ENERGY]),
        ("hoc", Hallmarks(labels=(DEATH, ENERGY))),
        ("hoc", json.dumps({"labels": [DEATH, ENERGY]})),
    ],
)
def test_whatever_says_the_same_is_right_on_either_side(task, form):
    plain = {"bc5cdr": ASPIRIN, "ddi": X, "kd_dti": X, "hoc": f"{ENERGY}|{DEATH}"}
    for right, found in ((plain.get(task, "yes"), form), (form, plain.get(task, "yes"))):
        verdict = score_one(task, right, found)
        assert verdict == Verdict(score=1)
        assert verdict.feedback == "nothing missed, nothing wrong"


@pytest.mark.parametrize(
    ("task", "right", "found", "score", "feedback"),
    [
        (
            "bc5cdr",
            f"{ASPIRIN}; {LITHIUM}.",
            f"{ASPIRIN}; the relation between Zinc and pain exists.",
            0.5,
            "missed: lithium -> tremor. wrong: Zinc -> pain",
        ),
        ("bc5cdr", f"{ASPIRIN}.", "[]", 0, "missed: aspirin -> nausea"),
        ("bc5cdr", f"{ASPIRIN}.", f"{ASPIRIN}; {ASPIRIN}; {LITHIUM}", 2 / 3, "wrong: lithium -> "),
        ("bc5cdr", "[]", f"{ASPIRIN}.", None, "the official metric leaves out documents that have"),
        ("bc5cdr", [], [], None, "the official metric leaves out documents that have no right"),
        (
            "ddi",
            [["a", "b (c)", "effect"], ["x", "y", "int"]],
            "the interaction between a and c is effect; the interaction between x and y is advise",
            0.5,
            "missed: x -[int]-> y. wrong: x -[advise]-> y",
        ),
        ("kd_dti", "there is no relation.", [], 1, "nothing missed, nothing wrong"),
        ("kd_dti", [], f"{X}.", 0, "wrong: a -[effect]-> b"),
        ("pubmedqa", "yes", YES.replace("yes", "no"), 0, "missed: yes. wrong: no"),
        ("hoc", [DEATH, ENERGY], TYPE + f" {ENERGY}.", 2 / 3, f"missed: {DEATH}"),
        ("hoc", "empty", f"{TYPE} {ENERGY}.", 0, f"missed: empty. wrong: {ENERGY}"),
        ("hoc", [], {"labels": []}, 1, "nothing missed, nothing wrong"),
        (
            "hoc",
            [ENERGY],
            f"{TYPE} {ENERGY}|fun.",
            1,
            "unknown labels were ignored: ['fun']",
        ),
        (
            "bc5cdr",
            f"{ASPIRIN}.",
            f"{ASPIRIN}; the relation between lithium and tremor may exist.",
            1,
            "a clause could not be read: 'lithium and tremor may exist.'",
        ),
    ],
)
def test_what_was_missed_and_what_is_wrong(task, right, found, score, feedback):
    verdict = score_one(task, right, found)
    assert (None if math.isnan(verdict.score) else verdict.score) == score
    assert verdict.feedback.startswith(feedback)
    assert verdict.failure == ""
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict


UNREAD = Prediction(
    task="ddi", completion="x", error=Failure(type="ParseError", message="cannot be read")
)


@pytest.mark.parametrize(
    ("found", "failure"),
    [
        ("no words of use", "no relation can be read from the completion 'no words of use'"),
        ("", "the completion is empty"),
        ("{half", "no relation can be read from the completion '{half'"),
        ("[" * 100_000, "no relation can be read"),
        (None, "there is nothing to read"),
        ({}, "there is nothing to read"),
        ({"output": None}, "there is nothing to read"),
        (UNREAD, "cannot be read"),
        (UNREAD.model_dump_json(), "cannot be read"),
        ([["a", "b"]], "are not relations of ddi: type: input should be a valid string"),
        ([["a", "", "int"]], "tail.text: field required"),
        (["a", "b"], "['a', 'b'] are not relations of ddi: head.text: field required"),
        ([["a\ud800", "b", "int"]], "head.text: input should be a valid string"),
        # What a model wrote is the model's fault, whatever it is.
        ('{"x": 1, "y": 2}', "{'x': 1, 'y': 2} is not a result of ddi"),
        ('{"task": "ddi", "error": 3}', "is not a result of ddi"),
        (PREDICTION.model_dump_json(), "a prediction of task bc5cdr cannot be scored as ddi"),
    ],
)
def test_what_cannot_be_read_is_scored_as_officially(found, failure):
    verdict = score_one("ddi", [["a", "b", "int"]], found)
    assert (verdict.score, verdict.missed, verdict.wrong) == (0, ("a -[int]-> b",), ())
    assert failure in verdict.failure
    assert verdict.feedback == f"{verdict.failure}. missed: a -[int]-> b"
    assert score_one("ddi", [], found).score == 1, "nothing is right, and nothing was found"


@pytest.mark.parametrize(
    ("task", "score"), [("bc5cdr", math.nan), ("kd_dti", 1), ("pubmedqa", 0), ("hoc", 0)]
)
def test_what_cannot_be_read_in_other_tasks(task, score):
    verdict = score_one(task, "yes" if task == "pubmedqa" else [], "words")
    assert str(verdict.score) == str(float(score))
    assert verdict.failure
    assert verdict.wrong == ()


# --- by the official reader ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "right", "found", "score", "feedback"),
    [
        ("bc5cdr", ASPIRIN, f"{ASPIRIN}.", 1, "nothing missed"),
        ("bc5cdr", ASPIRIN, {"output": f"{ASPIRIN}."}, 1, "nothing missed"),
        ("bc5cdr", ASPIRIN, PREDICTION, 1, "nothing missed"),
        ("bc5cdr", ASPIRIN, PREDICTION.model_dump_json(), 1, "nothing missed"),
        ("bc5cdr", ASPIRIN, f"The{ASPIRIN[3:]}.", 0, "the official reader reads nothing. missed"),
        ("ddi", [], "x", 1, "the official reader reads nothing"),
        ("ddi", f"{X}.", UNREAD, 0, "the official reader reads nothing"),
        ("pubmedqa", "yes", f"{YES} indeed", 0, "missed: yes. wrong: yes. indeed"),
        ("pubmedqa", "yes", '{"label": "yes"}', 0, "the official reader reads nothing"),
        ("hoc", [ENERGY], f"{TYPE} {ENERGY}|fun", 1, "wrong: fun"),
        ("hoc", [ENERGY], {}, 0, "there is nothing to read"),
        ("hoc", [ENERGY], {"output": None}, 0, "there is nothing to read"),
        ("ddi", f"{X}.", f"the interaction between \ud800 and b is effect; {X}", 2 / 3, "wrong: ?"),
        (
            "pubmedqa",
            "yes",
            Prediction(task="pubmedqa", error=Failure(type="EngineError", message="fire")),
            0,
            "fire. missed: yes",
        ),
    ],
)
def test_strict(task, right, found, score, feedback):
    verdict = score_one(task, right, found, strict=True)
    assert verdict.score == score
    assert verdict.feedback.startswith(feedback)


@pytest.mark.parametrize(
    ("task", "found", "fault"),
    [
        ("ddi", [["a", "b", "effect"]], "the official reader takes a completion, not [['a', "),
        ("pubmedqa", SCORED, "the official reader takes a completion, not Answer("),
        ("pubmedqa", Prediction(task="pubmedqa", result=SCORED), "takes a completion, not Predic"),
        ("ddi", PREDICTION, "a prediction of task bc5cdr cannot be scored as ddi"),
        ("ddi", {"x": X, "y": ""}, "the official reader takes a completion, not {'x': "),
    ],
)
def test_results_without_a_completion_cannot_be_read_strictly(task, found, fault):
    with pytest.raises(InputError) as error:
        score_one(task, "yes" if task == "pubmedqa" else [], found, strict=True)
    assert fault in str(error.value)


# --- BC5CDR's ids --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "found", "score", "feedback"),
    [
        ([["D1", "D8"]], f"{ASPIRIN}.", 1, "nothing missed"),
        ([["MESH:D1", "D8"]], ASPIRIN.replace("aspirin", "asa"), 1, "nothing missed"),
        (f"{ASPIRIN}.", [["ASA", "Nausea"]], 1, "nothing missed"),
        ([{"head": {"text": "Pill", "id": "D1"}, "tail": "nausea"}], f"{ASPIRIN}.", 1, "nothing"),
        # As officially: names are looked up exactly as they were written.
        (
            f"{ASPIRIN}.",
            "the relation between Aspirin and nausea exists.",
            0,
            "missed: aspirin (D1",
        ),
        (
            [["D1", "D8"], ["D2", "D9"]],
            f"{ASPIRIN}; the relation between zinc and tremor exists.",
            0.5,
            "missed: lithium (D2) -> tremor (D9). wrong: zinc (-1) -> tremor (D9)",
        ),
    ],
)
def test_tables_of_names_compare_ids(right, found, score, feedback):
    verdict = score_one("bc5cdr", right, found, names=NAMES)
    assert verdict.score == score
    assert verdict.feedback.startswith(feedback)


def test_the_source_divides_names_on_both_sides():
    text = "Aspirin gave nausea and vomiting."
    told = "the relation between aspirin and nausea and vomiting exists."
    right = [["aspirin", "nausea and vomiting"]]
    assert score_one("bc5cdr", right, told).score == 0
    for source in (text, {"text": text}, {"input": text}, {"title": text, "abstract": "So."}):
        assert score_one("bc5cdr", right, told, source=source).score == 1
        assert score_one("bc5cdr", told, right, source=source).score == 1
    for source in ("", {}, {"messages": []}, {"a": 1, "b": 2}, 7):
        assert score_one("bc5cdr", right, told, source=source).score == 0


# --- what cannot be scored -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "right", "found", "names", "fault"),
    [
        ("describe", "x", "x", None, "task describe has no metric; tasks with one: "),
        ("nonsense", "x", "x", None, "no task is called 'nonsense'"),
        (
            "ddi",
            "x",
            f"{X}.",
            None,
            "cannot read the right result: no relation .* give a text like",
        ),
        ("ddi", "", f"{X}.", None, "cannot read the right result: the completion is empty; give a"),
        ("ddi", None, f"{X}.", None, "cannot read the right result: there is nothing to read"),
        (
            "ddi",
            {"a": X, "b": ""},
            f"{X}.",
            None,
            "is not a result of ddi: name the field that holds it",
        ),
        ("pubmedqa", "often", YES, None, "cannot read the right result: no answer in"),
        (
            "hoc",
            "empty|fun",
            TYPE,
            None,
            r"cannot read all of the right result: unknown labels .*fun",
        ),
        (
            "ddi",
            f"{X}; {X.replace(' is', ' is not')}",
            X,
            None,
            "cannot read all of the right result: ",
        ),
        (
            "ddi",
            [],
            {"x": 1, "y": 2},
            None,
            "{'x': 1, 'y': 2} is not a result of ddi: name the field",
        ),
        ("ddi", [], 7, None, "7 is not a result of ddi"),
        ("ddi", [], PREDICTION, None, "a prediction of task bc5cdr cannot be scored as ddi"),
        ("ddi", [], f"{X}.", NAMES, "tables of names are for bc5cdr: leave them out for ddi"),
        ("bc5cdr", [], ASPIRIN, {"chemical2id": {}}, 'are "chemical2id" and "disease2id": give'),
        (
            "bc5cdr",
            [["zinc", "D8"]],
            ASPIRIN,
            NAMES,
            "the right end 'zinc' has no id in the tab",
        ),
    ],
)
def test_a_call_that_is_wrong(task, right, found, names, fault):
    with pytest.raises(InputError, match=fault):
        score_one(task, right, found, names=names)


# --- against the corpus --------------------------------------------------------------------------


@pytest.mark.parametrize("task", METRICS)
def test_solved_examples_score_one_against_themselves(task):
    for _, target in TASKS[task].shots:
        for strict in (False, True):
            assert score_one(task, target, target, strict=strict) == Verdict(score=1)


@pytest.mark.parametrize("file", ["bc5cdr/corrupt", "ddi/drop30", "pubmedqa/corrupt"])
def test_each_recorded_document_has_the_score_that_it_has_in_its_corpus(file):
    task = file.split("/")[0]
    gold = read_gold(shared(f"scorer/{task}/test.gold.json"), task)
    lines = shared(f"scorer/{file}.detok").read_text(encoding="utf-8").split("\n")
    whole = evaluate(gold, lines[: len(gold.documents)])
    names = gold.names or None
    for document, line, strict, default in list(
        zip(gold.documents, lines, whole.strict.rows, whole.default.rows, strict=False)
    )[:150]:
        for row, strictly in ((strict, True), (default, False)):
            found = score_one(task, document.gold, line, strict=strictly, names=names)
            assert str(found.score) == str(row.score), document.id
            assert bool(found.failure) == (row.predicted == () and row.note != "")
