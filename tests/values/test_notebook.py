"""What notebooks show of results: all of it, as text, in the colours of the report."""

import json
import re

import pytest
import reported
from browsing import launched, looking
from lxml import html

from biogpt_plugins import Pipeline, Prediction, Predictions
from biogpt_plugins.report import components, highlighted
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.notebook import KNOWN_TYPES, MOST_ROWS, result_style, type_class
from biogpt_plugins.values.results import (
    Answer,
    Cue,
    Entity,
    Evidence,
    Failure,
    Hallmarks,
    Relation,
)

LITHIUM = Entity(text="Lithium", type="chemical", start=0, end=7, id="D008094")
TREMOR = Entity(text="tremor", type="disease", start=20, end=26)
TEXT = "Lithium never caused tremor."


def of(result, **more):
    return Prediction(task="bc5cdr", result=result, **more)


def relation(text=TEXT, **more):
    cue = Cue(kind="negation", text=text[8:13], start=8, end=13)
    evidence = Evidence(text=text, start=0, end=len(text), cues=(cue,))
    tail = Entity(text=text[21:27], type="disease", start=21, end=27)
    return Relation(head=LITHIUM, type="CID", tail=tail, evidence=(evidence,), **more)


def shown(value):
    return html.fromstring(value._repr_html_())


def said(element):
    for style in element.iter("style"):
        style.text = None
    return " ".join(element.text_content().split())


def test_a_prediction_shows_its_evidence_with_entities_and_cues():
    page = shown(of([relation(score=0.25, agreement=0.5)], id="12", warnings=("Cut.",)))
    marks = [(one.text, one.get("class"), one.get("title")) for one in page.iter("mark")]
    assert marks == [
        ("Lithium", "entity type-0", "chemical · D008094"),
        ("tremor", "entity type-1", "disease"),
    ]
    (cue,) = page.find_class("cue")
    assert (cue.text, cue.get("title")) == ("never", "negation")
    assert said(page.find_class("passage")[0]) == TEXT
    told = said(page)
    assert "12 · bc5cdr" in told
    (item,) = page.iter("li")
    assert list(map(said, item)) == [
        "Lithium D008094 CID → tremor",
        "0.25",
        "50% of samples",
        "negated",
    ]
    assert told.endswith("Cut.")


@pytest.mark.parametrize(
    ("prediction", "words"),
    [
        (of([]), "no relations found"),
        (of(Answer(label="yes")), "yes"),
        (of(Answer(abstained="it is not sure")), "no answer: it is not sure"),
        (of(Answer(label="no", probabilities={"yes": 0.25, "no": 0.75})), "no 75.0%"),
        (of(Hallmarks(labels=("inducing angiogenesis",))), "inducing angiogenesis"),
        (of(Hallmarks()), "no hallmark"),
        (of("a sentence"), "a sentence"),
        (
            Prediction(task="t", error=Failure(type="ParseError", message="what"), completion="xy"),
            "ParseError: what",
        ),
    ],
)
def test_every_kind_of_result_is_shown_alone_and_in_a_table(prediction, words):
    first, _, rest = words.partition(" 75")
    assert first in said(shown(prediction))
    assert rest in said(shown(prediction))
    (row,) = shown(Predictions([prediction])).iterfind(".//tbody/tr")
    assert first in said(row)
    if prediction.completion:
        assert shown(prediction).find(".//pre").text == "xy"


def test_a_model_for_trying_out_is_named_as_one():
    note = "a model for trying out"
    assert note in said(shown(of([], model="demo")))
    assert note in said(shown(Predictions([of([]), of([], model="demo")])))
    assert note not in said(shown(of([], model="other")))


def test_what_papers_and_models_say_is_never_markup():
    for words in reported.HOSTILE:
        head = LITHIUM.model_copy(update={"id": words, "type": words, "long_form": words})
        one = relation().model_copy(update={"head": head, "type": words})
        failed = Failure(type="E", message=words)
        given = [
            of([one], id=words, section=words, warnings=(words,)),
            of(words),
            of(Answer(abstained=words)),
            of(Hallmarks(labels=(words,))),
            Prediction(task=words, model=words, error=failed, completion=words),
        ]
        for value in (*given, Predictions(given), highlighted(of([]), words)):
            page = shown(value)
            tags = {element.tag for element in page.iter()}
            assert tags.isdisjoint({"script", "img", "a", "iframe", "link"})
            names = {name for element in page.iter() for name in element.attrib}
            assert names <= {"class", "title", "style", "scope"}
            assert "\n" not in value._repr_html_()
            assert not re.search(r"url\(|@import|https?:", page.find(".//style").text)
            assert " ".join(words.split()) in said(page) + page.text_content()


def test_the_whole_text_of_a_paper():
    prediction, paper = reported.predictions()[0], reported.PAPERS[0]
    page = shown(highlighted(prediction, paper))
    lines = [said(one) for one in page.iterfind(".//div[@class='passage']/p")]
    assert lines == [paper["title"], paper["abstract"]]
    assert [one.text for one in page.iter("mark")] == ["Lithium", "tremor"]


def test_the_text_of_another_paper_is_refused():
    with pytest.raises(InputError, match="do not fit this text"):
        highlighted(reported.predictions()[0], reported.PAPERS[3])


def test_offsets_in_a_title_beside_the_text_count_there():
    evidence = Evidence(text="Lithium and tremor", start=0, end=18, part="title")
    ends = {"head": LITHIUM, "tail": TREMOR.model_copy(update={"start": 12, "end": 18})}
    ends = {name: end.model_copy(update={"part": "title"}) for name, end in ends.items()}
    both = Relation(**ends, type="CID", evidence=(evidence, *relation().evidence))
    page = shown(of([both]))
    first, second = page.iterfind(".//div[@class='passage']/p")
    assert [one.text for one in first.iter("mark")] == ["Lithium", "tremor"]
    assert not list(second.iter("mark"))


def test_an_end_that_is_not_in_the_text_is_named():
    gone = Relation(head=LITHIUM, type="CID", tail=Entity(text="rash", type="disease"))
    assert "not in the text: rash" in said(shown(of([gone])))


def test_a_long_table_says_how_much_it_leaves_out():
    page = shown(Predictions([of([relation()] * 60), of([relation()] * 60)]))
    assert len(page.findall(".//tbody/tr")) == MOST_ROWS
    assert "and 20 more rows" in said(page)
    assert "0 predictions" in said(shown(Predictions()))


def test_a_part_of_predictions_is_shown_as_they_are():
    given = Predictions([of([]), of("x"), of("y")])
    assert type(given[1:]) is Predictions
    assert given[1:] == [of("x"), of("y")]
    assert given[-1] == of("y")


def test_a_pipeline_shows_what_it_runs():
    pipeline = Pipeline("bc5cdr", ScriptedEngine([]), min_score=0.5, decoding="grounded")
    rows = dict(map(said, row) for row in shown(pipeline).iterfind(".//tr"))
    assert rows["Task"].startswith("bc5cdr: ")
    assert rows["Model"] == pipeline.model_name
    assert rows["Decoding"].startswith("grounded")
    assert rows["Prompt"] == "solved examples"
    assert rows["min_score"] == "0.5"
    assert "calibration" not in rows


def test_the_pages_take_colours_and_types_from_here():
    assert components.style("page.css").startswith(result_style())
    assert f"const KNOWN_TYPES = {json.dumps(KNOWN_TYPES)};" in components.script()
    assert [type_class(one.upper()) for one in KNOWN_TYPES] == [f"type-{n}" for n in range(4)]
    assert {type_class("gene"), type_class("study")} == {"type-4", "type-5"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("attribute", "forced"),
    [
        ("", None),
        ('data-jp-theme-light="false"', "dark"),
        ('data-jp-theme-light="true"', "light"),
        ('class="vscode-dark"', "dark"),
    ],
)
def test_colours_follow_the_notebook_or_else_the_system(attribute, forced, scheme, browser):
    with looking(browser, color_scheme=scheme) as (context, complaints, asked):
        page = context.new_page()
        page.set_content(f"<body {attribute}>{of([relation()])._repr_html_()}</body>")
        ink = page.eval_on_selector("mark", "mark => getComputedStyle(mark).color")
        ground = page.eval_on_selector(".biogpt", "own => getComputedStyle(own).backgroundColor")
    dark = (forced or scheme) == "dark"
    assert ink == ("rgb(185, 213, 255)" if dark else "rgb(18, 70, 143)")
    assert ground == ("rgb(29, 33, 38)" if dark else "rgb(255, 255, 255)")
    assert (complaints, asked) == ([], [])


@pytest.fixture(scope="module")
def browser():
    with launched() as started:
        yield started
