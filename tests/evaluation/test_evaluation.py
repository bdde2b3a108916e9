"""Evaluations: both readings, what stands beside the figures, and what cannot be matched."""

import json
import math
from dataclasses import replace

import pytest
from shared_data import shared

from biogpt_plugins import TASKS, Pipeline, register_task
from biogpt_plugins.evaluation import METRICS, Evaluation, evaluate, report
from biogpt_plugins.scoring import Document, GoldSet, Share
from biogpt_plugins.scoring.interactions import OTHER_TYPES
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Answer, Entity, Failure, Hallmarks, Prediction, Relation

NAMES = {
    "chemical2id": {"aspirin": "D1", "asa": "D1", "lithium": "MESH:D2"},
    "disease2id": {"nausea": "D8", "tremor": "D9"},
}
LEARNED = " ".join(f"learned{i}" for i in range(1, 10))
ASPIRIN = "the relation between aspirin and nausea exists"
LITHIUM = "the relation between lithium and tremor exists"
YES = "the answer to the question given the context is yes."
TYPE = "the type of this document is"


def corpus(task, *gold, inputs=(), names=None):
    documents = [
        Document(
            id=str(number),
            gold=each,
            input=inputs[number - 1] if inputs else None,
            where=f"gold.json:{number}",
        )
        for number, each in enumerate(gold, 1)
    ]
    return GoldSet(task=task, documents=tuple(documents), names=names or {})


def bc5cdr(*gold, inputs=()):
    return corpus("bc5cdr", *gold, inputs=inputs, names=NAMES)


def relation(head, tail, type_="CID"):
    return Relation(
        head=Entity(text=head, type="chemical"), type=type_, tail=Entity(text=tail, type="disease")
    )


def prediction(result, id_=None, task="bc5cdr", **facts):
    return Prediction(id=id_, task=task, result=result, **facts)


def numbers(counts):
    return counts.tp, counts.fp, counts.fn


PAIR, OTHER = ("D1", "D8"), ("D2", "D9")

# --- completions ---------------------------------------------------------------------------------


def test_bc5cdr_completions_are_read_strictly_and_by_default():
    gold = bc5cdr([PAIR], [PAIR, OTHER], [OTHER])
    result = evaluate(
        gold,
        [
            f"echoed text {LEARNED} {ASPIRIN}.",
            f"The relation between aspirin and nausea exists; {LITHIUM}.",
            "no words of use",
        ],
    )
    assert (result.task, result.documents, result.figure) == ("bc5cdr", 3, "f1")
    assert numbers(result.strict.score) == (2, 0, 2)
    assert numbers(result.default.score) == (3, 0, 1)
    assert result.main is result.strict
    assert result.strict.value == result.strict.score.f1 == 2 * 1 * 0.5 / 1.5
    assert result.strict.unreadable == result.default.unreadable == Share(part=1, whole=3)
    assert result.strict.linked == Share(part=4, whole=4)
    assert {end: numbers(counts) for end, counts in result.strict.types.items()} == {
        "chemical": (2, 0, 2),
        "disease": (2, 0, 2),
    }
    assert result.strict.interval.low <= result.strict.value <= result.strict.interval.high
    assert result.grounded is None
    assert result.notes == ()


def test_rows_say_what_went_wrong_document_by_document():
    gold = bc5cdr([PAIR], [OTHER], [OTHER], [])
    result = evaluate(gold, [f"{ASPIRIN}.", ASPIRIN.replace("nausea", "pain"), "x", f"{ASPIRIN}."])
    first, second, third, fourth = result.strict.rows
    assert first.gold == first.predicted == ("aspirin (D1) -> nausea (D8)",)
    assert (first.id, first.where, first.score, first.note) == ("1", "gold.json:1", 1, "")
    assert second.gold == ("lithium (D2) -> tremor (D9)",)
    assert second.predicted == ("aspirin (D1) -> pain (-1)",)
    assert (third.predicted, third.score) == ((), 0)
    assert third.note == "the official reader reads nothing"
    # Without gold relations a document does not count.
    assert math.isnan(fourth.score)
    assert [row.id for row in result.strict.worst()] == ["2", "3"]
    assert len(result.strict.worst(1)) == 1
    assert result.default.rows[2].note == "no relation can be read from the completion 'x'"


def test_texts_are_at_hand_for_reading_and_grounding():
    text = {"title": "Aspirin.", "abstract": "Nausea and pain came of aspirin and codeine."}
    completion = (
        "the relation between aspirin and nausea and pain exists; "
        "the relation between aspirin and tremor exists."
    )
    bare = evaluate(bc5cdr([PAIR]), [completion])
    read = evaluate(bc5cdr([PAIR], inputs=[text]), [completion])
    assert bare.default.rows[0].predicted[0] == "aspirin and nausea (-1) -> pain (-1)"
    assert read.default.rows[0].predicted[0] == "aspirin (D1) -> nausea and pain (-1)"
    assert read.strict == bare.strict
    assert bare.grounded is None
    assert read.grounded == Share(part=3, whole=4)


@pytest.mark.parametrize(
    ("task", "gold", "completion"),
    [
        ("ddi", [("a", "b", "effect")], "the interaction between a and b is effect."),
        ("kd_dti", [("a", "b (c)", "agonist")], "the interaction between a and c is agonist"),
        ("kd_dti", [], "nothing to be read"),
        ("pubmedqa", "yes", YES),
        ("pubmedqa_reasoning_free", "yes", f"question: q? context: c. {LEARNED} {YES}"),
        ("hoc", [], f"{TYPE} empty."),
        ("hoc", ["empty"], f"{TYPE} empty."),
        (
            "hoc",
            ["cellular energetics", "inducing angiogenesis"],
            f"{TYPE} inducing angiogenesis| cellular energetics.",
        ),
    ],
)
def test_what_is_right_scores_one(task, gold, completion):
    result = evaluate(corpus(task, gold), [completion])
    for assessment in (result.strict, result.default):
        assert assessment.value == getattr(assessment.score, result.figure) == 1
        assert (assessment.interval.low, assessment.interval.high) == (1, 1)
        assert assessment.worst() == []
        assert assessment.linked is None


@pytest.mark.parametrize("task", METRICS)
def test_gold_texts_score_one(task):
    results = {
        "pubmedqa": [Answer(label="no"), Answer(label="yes")],
        "hoc": [Hallmarks(labels=TASKS["hoc"].parse(f"{TYPE} cellular energetics").labels)],
        "bc5cdr": [[relation("asa", "tremor"), relation("lithium", "tremor")]],
    }
    typed = [[relation("x", "y-type 2 (z)", "effect"), relation("x", "q", "int")]]
    wanted = results.get(task.removesuffix("_reasoning_free"), typed)
    gold = {
        "bc5cdr": lambda found: [("D1", "D9"), ("D2", "D9")] if found else [],
        "hoc": lambda found: list(found.labels),
    }.get(
        task,
        lambda found: (
            found.label
            if isinstance(found, Answer)
            else [(each.head.text, each.tail.text, each.type) for each in found]
        ),
    )
    golds = corpus(task, *map(gold, wanted), names=NAMES)
    result = evaluate(golds, [TASKS[task].target(each) for each in wanted])
    assert result.strict.value == result.default.value == 1


def test_labels_that_are_none_are_no_failure_of_the_official_reader():
    result = evaluate(corpus("pubmedqa", "yes", "no"), [f"{YES} {YES}", "No"])
    assert result.strict.value == 0
    assert result.strict.unreadable.part == 1
    assert result.strict.score.confusion == {"no": {"(no label)": 1}, "yes": {"(no label)": 1}}
    assert result.default.value == 1
    assert numbers(result.default.types["maybe"]) == (0, 0, 0)


def test_types_of_interactions():
    gold = corpus("ddi", [("a", "b", "effect"), ("a", "c", "int")], [("a", "b", "effect")])
    told = "the interaction between a and b is effect; the interaction between a and c is inte."
    types = evaluate(gold, [told, "x"]).strict.types
    assert {type_: numbers(counts) for type_, counts in types.items()} == {
        OTHER_TYPES: (0, 1, 0),
        "effect": (1, 0, 1),
        "int": (0, 0, 1),
    }


def test_completions_of_odd_letters_can_be_written():
    result = evaluate(bc5cdr([PAIR]), ["the relation between \ud800 and β\x00 exists"])
    assert result.strict.rows[0].predicted == ("? (-1) -> β\x00 (-1)",)
    assert Evaluation.model_validate_json(result.model_dump_json()) == result


def test_an_evaluation_round_trips():
    for gold, completions in (
        (bc5cdr([]), ["x"]),
        (bc5cdr([PAIR], []), [ASPIRIN, ASPIRIN]),
        (corpus("ddi", [("a", "b", "int")]), ["x"]),
        (corpus("pubmedqa", "yes"), [YES]),
        (corpus("hoc", []), ["x"]),
    ):
        result = evaluate(gold, completions)
        read = Evaluation.model_validate_json(result.model_dump_json())
        assert read == result
        assert type(read.main.score) is type(result.main.score)
        assert "NaN" not in json.dumps(result.model_dump(mode="json"))


def test_a_corpus_without_gold_relations_has_no_figure():
    result = evaluate(bc5cdr([], []), [ASPIRIN, "x"])
    assert math.isnan(result.main.value)
    assert math.isnan(result.main.interval.low)
    assert result.main.worst() == []


# --- Predictions ---------------------------------------------------------------------------------


def test_predictions_are_matched_by_id():
    gold = bc5cdr([PAIR], [OTHER])
    told = [
        prediction([relation("lithium", "tremor")], "2", completion="x"),
        prediction([relation("aspirin", "nausea")], "1", completion=ASPIRIN),
    ]
    result = evaluate(gold, told)
    assert result.default.value == 1
    # The official reading is of the completion, whatever its result.
    assert numbers(result.strict.score) == (1, 0, 1)
    assert result.notes == ()


def test_predictions_without_ids_are_matched_by_order_which_is_said():
    gold = bc5cdr([PAIR], [OTHER])
    told = [
        prediction([relation("aspirin", "nausea")]),
        prediction([relation("lithium", "tremor")], "2"),
    ]
    result = evaluate(gold, told)
    assert result.default.value == 1
    assert result.notes == ("1 of 2 predictions has no id: all were matched by order",)


def test_scored_labels_have_no_strict_reading():
    told = [
        prediction(Answer(label="yes"), "1", task="pubmedqa"),
        Prediction(id="2", task="pubmedqa", error=Failure(type="InputError", message="no text")),
    ]
    result = evaluate(corpus("pubmedqa", "yes", "no"), told)
    assert result.strict is None
    assert result.main is result.default
    assert result.default.value == 0.5
    assert result.default.unreadable == Share(part=1, whole=2)
    assert result.default.rows[1].note == "no text"
    # One completion among scored labels does not make a reading of the corpus.
    told[1] = prediction(Answer(label="no"), "2", task="pubmedqa", completion=YES)
    assert evaluate(corpus("pubmedqa", "yes", "no"), told).strict is None


@pytest.fixture
def species():
    """A user's own task of kind "labels", registered."""
    task = replace(TASKS["hoc"], name="species", summary="the species", metric="")
    register_task(task)


@pytest.mark.usefixtures("species")
def test_labels_of_a_users_own_task():
    found = [
        prediction(Hallmarks(labels=names), task="species") for names in (("rat",), ("man", "cat"))
    ]
    seen = evaluate(corpus("species", ("rat",), ("man", "dog")), found)
    assert (seen.figure, seen.strict) == ("f1", None)
    assert numbers(seen.default.score) == (2, 1, 1)
    assert {name: numbers(counts) for name, counts in seen.default.types.items()} == {
        "cat": (0, 1, 0),
        "dog": (0, 0, 1),
        "man": (1, 0, 0),
        "rat": (1, 0, 0),
    }


@pytest.mark.usefixtures("species")
def test_a_task_without_an_official_reading_has_no_column_for_it():
    seen = evaluate(
        corpus("species", ("rat",)), [prediction(Hallmarks(labels=("rat",)), task="species")]
    )
    assert report.table(seen)[:2] == [("", "default reading"), ("F1", "100.00 (100.00 to 100.00)")]
    assert "official" not in report.markdown(seen, title="x")


def test_a_failed_prediction_counts_as_one_that_cannot_be_read():
    lost = Prediction(id="2", task="bc5cdr", error=Failure(type="EngineError", message="fire"))
    cut = prediction([], "1", completion="x", warnings=("cut off", "odd"))
    result = evaluate(bc5cdr([PAIR], [OTHER]), [cut, lost])
    assert [row.note for row in result.strict.rows] == ["the official reader reads nothing", "fire"]
    assert [row.note for row in result.default.rows] == ["cut off; odd", "fire"]
    assert (result.strict.unreadable.part, result.default.unreadable.part) == (2, 1)


def test_a_pipeline_and_its_completions_are_worth_the_same():
    papers = [
        {"id": "1", "title": "Aspirin", "abstract": "gave nausea."},
        {"id": "2", "title": "Lithium", "abstract": "and tremors: lithium gave tremor."},
    ]
    completions = [f"{ASPIRIN}.", f"{LITHIUM}; the relation between lithium and fire exists."]
    gold = bc5cdr([PAIR], [OTHER], inputs=papers)
    of_pipeline = evaluate(gold, Pipeline("bc5cdr", ScriptedEngine(completions)).run(papers))
    assert of_pipeline == evaluate(gold, completions)
    assert of_pipeline.grounded == Share(part=5, whole=6)
    # The offsets of a pipeline's results tell of its texts where the gold has none.
    bare = evaluate(
        bc5cdr([PAIR], [OTHER]), Pipeline("bc5cdr", ScriptedEngine(completions)).run(papers)
    )
    assert bare.grounded == of_pipeline.grounded


# --- what cannot be evaluated --------------------------------------------------------------------

ONE, TWO = prediction([], "1"), prediction([], "2")


@pytest.mark.parametrize(
    ("predictions", "fault"),
    [
        ([ONE], r"no prediction for document 2 \(gold.json:2\)"),
        ([ONE, prediction([], "3")], r"document 2 \(gold.json:2\); no gold document for .* 3:"),
        ([ONE, TWO, prediction([], "9")], "no gold document for prediction 9"),
        ([ONE, TWO, TWO], "more than one prediction for document 2"),
        ([ONE, prediction([])] * 2, "more than one prediction for document 1"),
        ([prediction([]), ONE], r"number 2 is 1 and the gold has 2 \(gold.json:2\)"),
        (
            [prediction([])],
            "1 prediction for 2 gold documents .* without a prediction is 2 .gold.json:2",
        ),
        ([prediction([])] * 3, "3 predictions for 2 gold documents .* last document is 2"),
        ([], "0 predictions for 2 gold documents"),
        (["x"], "1 prediction for 2 gold documents"),
        (["x"] * 3, "3 predictions for 2 gold documents"),
        (["x", TWO], "a list of completions or a list of Predictions"),
        ([{"id": "1"}, TWO], "a list of completions or a list of Predictions"),
        ("ab", "a list of completions or a list of Predictions"),
        ([ONE, prediction(Answer(label="no"), "2", task="pubmedqa")], "of task pubmedqa cannot"),
    ],
)
def test_predictions_that_are_not_those_of_the_documents(predictions, fault):
    with pytest.raises(InputError, match=fault):
        evaluate(bc5cdr([PAIR], [OTHER]), predictions)


@pytest.mark.parametrize(
    ("gold", "predicted", "right"),
    [
        ("pubmedqa", "pubmedqa_reasoning_free", True),
        ("pubmedqa-reasoning-free", "pubmedqa", True),
        ("ddi", "kd_dti", False),
        ("ddi", "generate", False),
    ],
)
def test_predictions_of_another_task_are_refused(gold, predicted, right):
    of_gold = corpus(gold, "yes" if "qa" in gold else [])
    told = [prediction(Answer(label="yes") if "qa" in gold else [], task=predicted)]
    if right:
        assert evaluate(of_gold, told).default.value == 1
    else:
        with pytest.raises(InputError, match=f"of task {predicted} cannot"):
            evaluate(of_gold, told)


def test_many_faults_are_counted_and_bare_documents_named():
    many = bc5cdr(*[[PAIR]] * 9)
    with pytest.raises(InputError, match=r"document 2 .*, 6 \(gold.json:6\) and 3 more"):
        evaluate(many, [ONE])
    with pytest.raises(InputError, match="1 document has no gold, and the official lists omit"):
        evaluate(bc5cdr([PAIR], []), [ASPIRIN])


@pytest.mark.parametrize(
    ("gold", "fault"),
    [
        (corpus("bc5cdr", names=NAMES), "gold has no documents"),
        (corpus("bc5cdr", [PAIR]), "no table of names"),
        (corpus("describe", "x"), "task describe has no metric.*bc5cdr, ddi"),
        (corpus("nonsense", "x"), "no task is called"),
        (corpus("pubmedqa", "Yes"), r"document 1 \(gold.json:1\) has 'Yes', which is not a label"),
        (corpus("hoc", "empty"), "has 'e', which is not a label of hoc"),
        (corpus("pubmedqa", ["yes"]), "which is not a label of pubmedqa"),
        (corpus("hoc", ["empty", "fun"]), "has 'fun', which is not a label of hoc"),
        (
            GoldSet("ddi", (Document("7", [], where="a:1"), Document("7", [], where="a:2"))),
            r"document 7 \(a:1\) of the gold is repeated as 7 \(a:2\)",
        ),
        (
            bc5cdr([PAIR], inputs=[{"abstract": " "}]),
            r"document 1 \(gold.json:1\): the text of .* is empty",
        ),
    ],
)
def test_gold_that_cannot_be_scored_by(gold, fault):
    with pytest.raises(InputError, match=fault):
        evaluate(gold, ["x"])


# --- recorded completions ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file",
    ["bc5cdr/corrupt.detok", "bc5cdr/drop30.detok", "ddi/drop30.detok", "pubmedqa/corrupt.detok"],
)
def test_recorded_figures_are_those_of_the_strict_reading(file):
    task = file.split("/")[0]
    results = json.loads(shared("scorer/official_results.json").read_text())
    official = next(r["official"] for r in results if r["predictions_file"] == file)
    documents = json.loads(shared(f"scorer/{task}/test.gold.json").read_text(encoding="utf-8"))
    names = json.loads(shared("scorer/bc5cdr/test.entities.json").read_text(encoding="utf-8"))
    gold = GoldSet(
        task=task,
        documents=tuple(Document(id=each["id"], gold=each["gold"]) for each in documents),
        names=names if task == "bc5cdr" else {},
    )
    lines = shared(f"scorer/{file}").read_text(encoding="utf-8").split("\n")
    result = evaluate(gold, lines[: len(documents)])
    figure = {"bc5cdr": "F-score", "ddi": "tp_micro_f1", "pubmedqa": "accuracy"}[task]
    digits = 4 if task == "ddi" else 17
    assert round(result.strict.value, digits) == official[figure]
    assert result.strict.unreadable.part == official["failed"]
    assert result.strict.interval.low < result.strict.value < result.strict.interval.high
    # What the official reader cannot read costs the forgiving one less.
    assert result.default.value >= result.strict.value
    assert result.default.unreadable.part <= result.strict.unreadable.part
