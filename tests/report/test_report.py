"""Evaluations for people: rows of figures, and the report in Markdown."""

import pytest

from biogpt_plugins import Answer, Prediction
from biogpt_plugins.evaluation import evaluate, report
from biogpt_plugins.scoring import Document, GoldSet

NAMES = {"chemical2id": {"aspirin": "D1", "zinc|iron": "D2"}, "disease2id": {"nausea": "D8"}}
ASPIRIN = "the relation between aspirin and nausea exists."
YES = "the answer to the question given the context is yes."


def corpus(task, *gold, texts=()):
    documents = [
        Document(str(number), each, {"text": texts[number - 1]} if texts else None)
        for number, each in enumerate(gold, 1)
    ]
    return GoldSet(task, tuple(documents), NAMES if task == "bc5cdr" else {})


def bc5cdr(*completions, texts=(), gold=(("D1", "D8"),)):
    return evaluate(corpus("bc5cdr", *[gold] * len(completions), texts=texts), completions)


def answers(*pairs, completions=True):
    told = [
        Prediction(
            id=str(number),
            task="pubmedqa",
            result=Answer(label=label),
            completion=YES.replace("yes", label) if completions else None,
        )
        for number, (_, label) in enumerate(pairs, 1)
    ]
    return evaluate(corpus("pubmedqa", *[gold for gold, _ in pairs]), told)


def table(evaluation):
    return {name: figures for name, *figures in report.rows(evaluation)}


def section(text, heading):
    """The lines of a table, cell by cell."""
    part = text.split(f"## {heading}")[1].split("\n\n")[1].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in part]


@pytest.mark.parametrize(
    ("evaluation", "expected"),
    [
        (
            bc5cdr(ASPIRIN, "The" + ASPIRIN[3:], texts=["Aspirin gave nausea.", "Nausea."]),
            {
                "F1": ["66.67 (0.00 to 100.00)", "100.00 (100.00 to 100.00)"],
                "true positives": ["1", "2"],
                "precision": ["100.00", "100.00"],
                "recall": ["50.00", "100.00"],
                "unreadable completions": ["50.00 (1 of 2)", "0.00 (0 of 2)"],
                "names that have an id": ["100.00 (2 of 2)", "100.00 (4 of 4)"],
                "ends found in the text": ["", "75.00 (3 of 4)"],
            },
        ),
        # What is undefined is not nought.
        (
            bc5cdr("x", "y"),
            {
                "F1": ["undefined", "undefined"],
                "precision": ["undefined", "undefined"],
                "recall": ["0.00", "0.00"],
                "names that have an id": ["undefined (0 of 0)", "undefined (0 of 0)"],
            },
        ),
        (
            answers(("yes", "yes"), ("no", "maybe")),
            {
                "accuracy": ["50.00 (0.00 to 100.00)", "50.00 (0.00 to 100.00)"],
                "macro-F1": ["33.33", "33.33"],
            },
        ),
        (
            answers(("yes", "yes"), completions=False),
            {"accuracy": ["", "100.00 (100.00 to 100.00)"], "macro-F1": ["", "100.00"]},
        ),
        (
            evaluate(corpus("ddi", [("a", "b", "int")]), ["x"]),
            {
                "tp micro f1 (mean F1)": ["0.00 (0.00 to 0.00)"] * 2,
                "num sample": ["1", "1"],
                "onto f1": ["0.00", "0.00"],
            },
        ),
    ],
)
def test_rows(evaluation, expected):
    found = table(evaluation)
    assert next(iter(found)) == next(iter(expected)), "the main figure comes first"
    assert {name: found[name] for name in expected} == expected
    assert "confusion" not in found


def test_many_documents_are_counted_in_thousands():
    found = table(bc5cdr(*[ASPIRIN] * 1200))
    assert found["true positives"] == ["1,200", "1,200"]
    assert found["unreadable completions"][0] == "0.00 (0 of 1,200)"


@pytest.mark.parametrize(
    ("task", "reported"),
    [
        ("bc5cdr", "RE-BC5CDR-BioGPT F1 44.98"),
        ("hoc", "DC-HoC-BioGPT micro-F1 85.12"),
        ("pubmedqa", "QA-PubMedQA-BioGPT accuracy 78.2; QA-PubMedQA-BioGPT-Large accuracy 81.0"),
        (
            "pubmedqa_reasoning_free",
            "QA-PubMedQA-BioGPT accuracy 78.2; QA-PubMedQA-BioGPT-Large accuracy 81.0",
        ),
        ("describe", ""),
    ],
)
def test_what_the_paper_reports(task, reported):
    assert report.paper(task) == reported


def test_markdown():
    evaluation = bc5cdr(ASPIRIN, "no words of use", texts=["Aspirin gave nausea.", "Rain."])
    text = report.markdown(evaluation, title="bc5cdr: demo", facts=["model: demo", "2 s"])
    assert text.startswith("# bc5cdr: demo\n\n- model: demo\n- 2 s\n\n|  | official reading |")
    assert "| F1 | 66.67 (0.00 to 100.00) | 66.67 (0.00 to 100.00) |\n" in text
    assert "on its own test set: RE-BC5CDR-BioGPT F1 44.98.\n" in text
    assert section(text, "Type by type")[2:] == [
        ["chemical", "100.00", "50.00", "66.67", "2"],
        ["disease", "100.00", "50.00", "66.67", "2"],
    ]
    assert text.endswith(
        "## The worst documents (1)\n\n### 2 (0.00)\n\n"
        "- gold: aspirin (D1) -> nausea (D8)\n- predicted: nothing\n"
        "- no relation can be read from the completion 'no words of use'\n"
    )
    assert "Gold label" not in text


def test_where_all_is_right_there_are_no_worst_documents():
    assert "worst" not in report.markdown(bc5cdr(ASPIRIN), title="x")


def test_only_the_ten_worst_are_shown():
    text = report.markdown(bc5cdr(*["x"] * 12), title="x")
    assert "## The worst documents (10)" in text
    assert text.count("\n### ") == 10


def test_pipes_and_line_breaks_do_no_harm():
    wrong = "the interaction between a|b and c is d."
    evaluation = evaluate(corpus("kd_dti", [("a", "b", "x|y")], []), [wrong, wrong])
    text = report.markdown(evaluation, title="x")
    rows = text.split("## Type by type")[1].splitlines()
    assert [row for row in rows if "x\\|y" in row] == ["| x\\|y | undefined | 0.00 | 0.00 | 1 |"]
    assert "- predicted: a|b -[d]-> c\n" in text
    told = evaluation.default.rows[0].model_copy(update={"predicted": ("a\n\n# b",)})
    broken = evaluation.default.model_copy(update={"rows": (told,)})
    text = report.markdown(evaluation.model_copy(update={"default": broken}), title="x")
    assert "- predicted: a # b\n" in text


def test_the_confusion_of_answers():
    evaluation = evaluate(
        corpus("pubmedqa", "yes", "yes", "no", "maybe"), [YES, "x", YES, YES.replace("yes", "no")]
    )
    text = report.markdown(evaluation, title="x")
    assert section(text, "Gold label (row) and answer (column)") == [
        ["", "(no label)", "maybe", "no", "yes"],
        ["---", "---:", "---:", "---:", "---:"],
        ["maybe", "0", "0", "1", "0"],
        ["no", "0", "0", "0", "1"],
        ["yes", "1", "0", "0", "1"],
    ]
    assert section(text, "Type by type")[3] == ["no", "0.00", "0.00", "0.00", "1"]


def test_scored_labels_have_no_official_reading_and_that_is_said():
    evaluation = answers(("yes", "yes"), ("no", "yes"), completions=False)
    assert report.notes(evaluation) == [
        "the official reading needs completions, and some of these results have none"
    ]
    text = report.markdown(evaluation, title="x")
    assert "- the official reading needs completions" in text
    assert "| accuracy |  | 50.00 (0.00 to 100.00) |" in text
    assert report.notes(answers(("yes", "yes"))) == []


def test_notes_of_the_evaluation_are_told():
    evaluation = evaluate(
        corpus("pubmedqa", "yes"), [Prediction(task="pubmedqa", result=Answer(label="yes"))]
    )
    assert report.notes(evaluation)[0] == "1 of 1 prediction has no id: all were matched by order"
