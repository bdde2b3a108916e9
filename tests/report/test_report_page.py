"""The report: what the page holds, and that what papers say stays data."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

import pytest
import reported

from biogpt_plugins import Prediction
from biogpt_plugins.report import Content, Source, render, source_of
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper, Question
from biogpt_plugins.values.results import Answer, Evidence, Failure
from biogpt_plugins.values.segments import sentences, whole

FAILED = Failure(type="ParseError", message="what")
DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def data_of(page):
    return json.loads(DATA.search(page)[1])


def test_papers_relations_and_their_graph():
    data = Content.of(reported.predictions(), reported.sources()).data()
    first, second, third = data["papers"][:3]
    assert first["segments"][0] == [0, "Lithium 𝛼 and tremor."]
    assert first["segments"][1] == [22, "Lithium caused tremor in two."]
    assert first["title"] is True
    assert "question" not in first
    assert third["segments"] == [[0, reported.PAPERS[2]["text"]]]
    assert "title" not in third
    (relation,) = second["found"][0]["relations"]
    assert relation["negated"] is True
    assert third["found"][0]["relations"][0]["speculated"] is True
    edge = data["edges"][relation["edge"]]
    assert [data["nodes"][edge[end]]["name"] for end in ("head", "tail")] == ["Lithium", "tremor"]
    assert (edge["papers"], edge["stated"], edge["negated"], edge["possible"]) == (3, 1, 1, 1)
    head = first["entities"][first["found"][0]["relations"][0]["head"]]
    assert (head["text"], head["start"], head["end"]) == ("Lithium", 0, 7)


def test_the_entities_of_the_input_that_no_relation_names():
    prediction = reported.predictions()[1]
    tremor, trial = {"start": 31, "end": 37}, {"start": 2, "end": 7}
    paper = reported.PAPERS[1] | {
        "entities": [
            {"text": "tremor", "type": "Disease", **tremor},
            {"text": "trial", "type": "Study", "id": "X:1", **trial},
        ]
    }
    (shown,) = Content.of([prediction], dict([source_of(paper)])).data()["papers"]
    assert shown["annotated"] == [{"text": "trial", "type": "Study", **trial, "id": "X:1"}]
    (plain,) = Content.of([prediction], dict([source_of(reported.PAPERS[1])])).data()["papers"]
    assert "annotated" not in plain


def test_relations_below_the_least_score_are_candidates():
    sources = dict([source_of(reported.RANKED)])
    content = Content.of(reported.ranked(), sources, min_score=0.5)
    data = content.data()
    assert (content.candidates, data["least"], len(data["edges"])) == (3, 0.5, 1)
    (paper,) = data["papers"]
    named = [*paper["entities"], *paper["annotated"]]
    told = [
        (named[one["head"]]["text"], named[one["tail"]]["text"], one["score"])
        for one in paper["found"][0]["candidates"]
    ]
    assert told == [("lithium", "rash", 0.05), ("Aspirin", "tremor", 0.003), ("Aspirin", "rash", 0)]
    assert [one["text"] for one in paper["entities"]] == ["Lithium", "tremor"]
    assert [one["text"] for one in paper["annotated"]] == ["lithium", "rash", "Aspirin", "Gold"]
    assert [one.get("thing") for one in named] == [0, 1, 0, 2, 3, 4]


def test_without_a_least_score_there_are_no_candidates():
    content = Content.of(reported.ranked())
    assert content.candidates == 0
    assert not {"least", "candidates", "thing"} & set(
        re.findall(r"\w+", json.dumps(content.data()))
    )
    unscored = Content.of(reported.predictions(), min_score=1)
    assert (unscored.candidates, len(unscored.data()["edges"])) == (0, 2)


def test_what_is_no_relation():
    papers = Content.of(reported.predictions(), reported.sources()).data()["papers"]
    assert papers[3]["found"][0]["relations"] == []
    assert papers[5]["found"][0]["completion"] == "nothing that could be read"
    assert papers[5]["found"][0]["error"]["type"] == "ParseError"
    assert papers[6]["question"] == "Does lithium cause tremor?"
    assert papers[6]["found"][0]["answer"]["label"] == "yes"


def test_without_texts_the_sentences_of_the_evidence_stand_in():
    first, *_, last = Content.of(reported.predictions()).data()["papers"]
    assert "whole" not in first
    assert first["segments"] == [
        [0, "Lithium 𝛼 and tremor."],
        [22, "Lithium caused tremor in two."],
    ]
    assert "segments" not in last


def test_a_text_that_is_another_is_not_shown():
    content = Content.of(reported.predictions(), {"1": Source("Something else.")})
    assert content.strangers == 1
    assert content.data()["papers"][0]["segments"][0] == [0, "Lithium 𝛼 and tremor."]


def test_predictions_of_one_paper_are_together_and_count_once():
    predictions = reported.predictions()
    again = Prediction(id="1", task="pubmedqa", result=Answer(label="no"))
    content = Content.of([*predictions, predictions[0], again], reported.sources())
    assert len(content) == len(predictions)
    found = content.data()["papers"][0]["found"]
    assert [one["task"] for one in found] == ["bc5cdr", "pubmedqa"]


def test_papers_without_ids_are_papers_of_their_own():
    nameless = [one.model_copy(update={"id": None}) for one in reported.predictions()[:2]]
    assert len(Content.of(nameless, reported.sources())) == 2


def test_a_full_text_has_its_headings_and_offsets():
    found, sources = reported.by_section(reported.FULL)
    content = Content.of(found, sources)
    (paper,) = content.data()["papers"]
    assert (len(content), content.strangers) == (1, 0)
    assert paper["segments"] == [
        [0, "A trial 𝛼."],
        [11, "We saw that drug1 caused illness1."],
        [46, "We asked all. It took a year."],
        [76, "There was no evidence that drug2 caused illness2."],
    ]
    assert paper["headings"] == ["", "", "Methods", "Results / Renal"]
    assert (paper["title"], paper["whole"]) == (True, True)
    assert [one["section"] for one in paper["found"]] == ["abstract", "Methods", "Results / Renal"]
    text = sources["8"].text
    grounded = [one for one in paper["entities"] if "start" in one]
    assert [one["text"] for one in grounded] == ["drug1", "illness1", "drug2", "illness2"]
    for one in grounded:
        assert text[one["start"] : one["end"]] == one["text"]
        assert any(at <= one["start"] < at + len(part) for at, part in paper["segments"])


def test_a_full_text_without_title_or_abstract_has_headings_alone():
    found, sources = reported.by_section(reported.FULL[1:])
    (paper,) = Content.of(found, sources).data()["papers"]
    assert paper["headings"] == ["Methods", "Results / Renal"]
    assert "title" not in paper


def test_papers_are_counted_by_their_ids():
    found, _ = reported.by_section(reported.FULL)
    failed = [one.model_copy(update={"result": None, "error": FAILED}) for one in found[:1]]
    other = Source("It was another text than that which was read.")
    content = Content.of([*failed, *found[1:]], {"8": other})
    assert len(content.data()["papers"]) == 2, "the failure could be of that text"
    assert len(content) == 1
    answer = Prediction(id="8", section="Methods", task="pubmedqa", result=Answer(label="no"))
    assert len(Content.of([*found, answer])) == 1
    nameless = [one.model_copy(update={"id": None}) for one in found]
    assert len(Content.of([*found, *nameless])) == 4


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"pmid": 3, "title": "A b.", "abstract": "C."}, ("3", Source("A b. C.", "A b."))),
        (Paper(id="3", title="A b.", text="C."), ("3", Source("A b. C.", "A b."))),
        ("A text.", (None, Source("A text."))),
        (
            {"id": "3", "QUESTION": "Why?", "CONTEXTS": ["A.", "B."]},
            ("3", Source("A. B.", question="Why?")),
        ),
        (Question(question="Why?", text="A."), (None, Source("A.", question="Why?"))),
    ],
)
def test_sources(value, expected):
    assert source_of(value) == expected


def test_what_is_no_source():
    with pytest.raises(InputError, match="cannot read 3 as a Paper"):
        source_of(3)


@pytest.mark.parametrize(
    ("text", "title", "expected"),
    [
        ("A b. C.", "A b.", [(0, "A b."), (5, "C.")]),
        ("A b.", "A b.", [(0, "A b.")]),
        ("A b.", "", [(0, "A b.")]),
        ("A b.", "Z.", [(0, "A b.")]),
        ("", "", [(0, "")]),
    ],
)
def test_segments_of_a_whole_text(text, title, expected):
    assert whole(text, title) == expected


def test_sentences_that_overlap_are_one_segment():
    text = "One here. Two there. Three."
    spans = [(10, 20), (0, 9), (10, 27), (0, 9)]
    evidence = [Evidence(text=text[a:b], start=a, end=b) for a, b in spans]
    assert sentences(evidence) == [(0, "One here."), (10, "Two there. Three.")]


def test_text_that_means_harm_stays_data():
    page = render(Content.of(reported.hostile()), title=reported.HOSTILE[0])
    assert page.lower().count("<script") == page.lower().count("</script>") == 2
    data = DATA.search(page)[1]
    assert not set("<>&\u2028\u2029") & set(data)
    papers = data_of(page)["papers"]
    assert [one["id"] for one in papers[::4]] == list(reported.HOSTILE)
    assert papers[0]["segments"] == [[0, reported.HOSTILE[0]]]
    assert "<title>&lt;/script&gt;" in page


def test_the_page_runs_its_own_script_only_and_fetches_nothing():
    page = render(Content.of(reported.predictions(), reported.sources()))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    for text, rule in (
        (SCRIPT.search(page)[1], "script-src"),
        (STYLE.search(page)[1], "style-src"),
    ):
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert not re.search(r"<(link|img|iframe|object)\b|\bsrc=|@import|url\(", page)


@pytest.mark.parametrize(
    "asset", sorted(one.name for one in files("biogpt_plugins.report").joinpath("assets").iterdir())
)
def test_no_asset_makes_markup_of_data(asset):
    text = files("biogpt_plugins.report").joinpath("assets", asset).read_text(encoding="utf-8")
    ways = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|fetch\("
    assert not re.search(ways, text)
    assert len(text.splitlines()) < 300


def test_the_same_predictions_are_the_same_page():
    first, second = (
        render(Content.of(reported.predictions(), reported.sources())) for _ in range(2)
    )
    assert first == second
