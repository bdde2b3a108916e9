"""`/v1/extract`, `/v1/answer` and `/v1/describe`: the pipeline's Predictions as JSON."""

import json

import pytest
from doubles import unscored_all
from held import PATIENCE, Held
from serving import left, told

from biogpt_plugins import Prediction, load
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.results import Result

pytestmark = pytest.mark.enable_socket

PAPERS = [
    {"id": "1", "title": "Lithium and tremor.", "abstract": "Lithium caused tremor in a man."},
    "Cisplatin induced hearing loss in nine patients.",
]
QUESTION = {"question": "Does lithium cause tremor?", "context": "Lithium caused tremor."}


def read(predictions):
    return [Prediction[Result].model_validate(one) for one in predictions]


def same(ours, theirs):
    assert unscored_all(ours) == unscored_all(theirs)
    scores = [[one.score for one in found.relations] for found in ours]
    assert scores == [
        pytest.approx([one.score for one in found.relations], abs=1e-3) for found in theirs
    ]


@pytest.mark.parametrize("options", [{}, {"decoding": "grounded"}, {"min_score": 0.9}], ids=str)
def test_papers_have_the_relations_of_the_pipeline(served, options):
    response = served.post("/v1/extract", json={"papers": PAPERS, **options})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert (answer["model"], answer["task"], answer["warnings"]) == ("demo", "bc5cdr", [])
    expected = load("demo", "bc5cdr", **options).run(PAPERS)
    assert expected[0].id == "1"
    same(read(answer["predictions"]), expected)


def test_a_stream_has_a_line_for_each_paper(served):
    papers = PAPERS * 10
    response = served.post("/v1/extract", json={"papers": papers, "stream": True})
    assert response.headers["content-type"].startswith("application/x-ndjson")
    found = read(json.loads(line) for line in response.text.splitlines())
    same(found, load("demo", "bc5cdr").run(papers))


def test_a_paper_that_cannot_be_read_costs_no_other(served):
    papers = [PAPERS[0], {"id": "x", "abstrct": "y"}, "", PAPERS[1]]
    answer = served.post("/v1/extract", json={"papers": papers}).json()
    found = read(answer["predictions"])
    assert [one.ok for one in found] == [True, False, False, True]
    assert found[1].id == "x"
    assert "abstract" in found[1].error.message
    streamed = served.post("/v1/extract", json={"papers": papers, "stream": True})
    assert [json.loads(line)["error"] is None for line in streamed.text.splitlines()] == [
        True,
        False,
        False,
        True,
    ]


def test_given_entities_are_ranked(served):
    entities = [
        {"text": "Lithium", "type": "chemical", "start": 0, "end": 7},
        {"text": "tremor", "type": "disease", "start": 15, "end": 21},
    ]
    paper = {"text": "Lithium caused tremor.", "entities": entities}
    answer = served.post("/v1/extract", json={"papers": [paper], "method": "rank"}).json()
    (relation,) = read(answer["predictions"])[0].relations
    assert (relation.head.text, relation.tail.text) == ("Lithium", "tremor")


def test_another_task(serve):
    engine = ScriptedEngine(["the interaction between a and b is mechanism."])
    client = serve(engine, tasks=["bc5cdr", "ddi"])
    answer = client.post("/v1/extract", json={"papers": ["a b"], "task": "DDI"}).json()
    assert answer["task"] == "ddi"
    assert read(answer["predictions"])[0].relations[0].type == "mechanism"


def test_a_task_that_the_model_was_not_trained_for_is_told(served):
    service = served.app.state.service
    for task, told_ in (("kd_dti", "not kd_dti: its results are unreliable"), ("bc5cdr", "")):
        remarks = service.remark(service.pipeline(("relations",), task, {}))
        assert told_ in "".join(remarks)
        assert bool(remarks) == bool(told_)


def test_questions_have_answers_with_probabilities(served):
    answer = served.post("/v1/answer", json={"questions": [QUESTION]}).json()
    (expected,) = load("demo", "pubmedqa").run([QUESTION])
    (found,) = read(answer["predictions"])
    assert found.result.label == expected.result.label
    assert found.result.probabilities == pytest.approx(expected.result.probabilities, abs=1e-3)
    unsure = {"questions": [QUESTION], "abstain_below": 1}
    (found,) = read(served.post("/v1/answer", json=unsure).json()["predictions"])
    assert found.result.label is None
    assert found.result.abstained


def test_terms_are_described(serve):
    client = serve(ScriptedEngine(["a drug."]), tasks=["describe"])
    answer = client.post("/v1/describe", json={"terms": ["aspirin"]}).json()
    assert [one["result"] for one in answer["predictions"]] == ["a drug."]
    assert client.get("/v1/models").json()["data"][0]["tasks"] == ["describe"]
    error = told(client.post("/v1/extract", json={"papers": ["a"]}), 404)
    assert error["message"] == "no task of this kind is served: the tasks served are none"


@pytest.mark.parametrize(
    ("path", "body", "status", "told_"),
    [
        ("extract", {"papers": PAPERS, "task": "nix"}, 404, "no task 'nix' here"),
        ("extract", {"papers": PAPERS, "task": "pubmedqa"}, 404, "the tasks served are bc5cdr"),
        ("extract", {"papers": PAPERS, "task": "/etc/task.toml"}, 404, "no task"),
        ("extract", {"papers": PAPERS, "model": "other"}, 404, "ask for 'demo'"),
        ("extract", {"papers": []}, 400, "papers: "),
        ("extract", {"papers": "a paper"}, 400, "papers: "),
        ("extract", {"papers": ["a"] * 513}, 400, "513 inputs are given, at most 512"),
        ("extract", {"papers": PAPERS, "entities": "spacy:en"}, 400, "entities: "),
        ("extract", {"papers": PAPERS, "dictionary": "/etc/passwd"}, 400, "dictionary"),
        ("extract", {"papers": PAPERS, "calibration": "x"}, 400, "calibration"),
        ("extract", {"papers": PAPERS, "decoding": "wild"}, 400, "decoding: "),
        (
            "extract",
            {"papers": ["a"] * 100, "samples": 16},
            400,
            "asks for 1,600 results, and 1,024 are",
        ),
        ("extract", {"papers": PAPERS, "samples": 17}, 400, "samples = 17 is more than"),
        ("extract", {"papers": PAPERS, "entities": "decoded"}, 400, "without method 'rank'"),
        ("answer", {"questions": [QUESTION], "abstain_below": 2}, 400, "abstain_below: "),
        ("answer", {"papers": PAPERS}, 400, "questions"),
        ("describe", {"terms": ["a"], "temperature": 1}, 400, "temperature"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_not_understood_is_refused_by_name(served, path, body, status, told_):
    assert told_ in told(served.post(f"/v1/{path}", json=body), status)["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_stops_its_work(serve, stream):
    engine = Held(["the relation between a and b exists."])
    with left(serve(engine), "/v1/extract", papers=["a b"], stream=stream):
        assert engine.started.wait(PATIENCE)
    assert engine.stopped.wait(PATIENCE)
