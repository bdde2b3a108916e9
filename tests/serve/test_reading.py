"""`/v1/tasks`, `/v1/papers` and `/v1/watch`: what the page asks besides the typed endpoints."""

import json

import bundled
import pytest
from doubles import Ruled, unscored_all
from held import PATIENCE, Held
from serving import left, told

from biogpt_plugins import Pipeline, Prediction, load
from biogpt_plugins.corpus import SampleFormat, sample_papers, sample_text
from biogpt_plugins.serve import Limits
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError
from biogpt_plugins.values.results import Result

pytestmark = pytest.mark.enable_socket

PAPER = {"id": "7", "title": "Lithium.", "abstract": "Lithium caused tremor and goitre. It may."}
TREMOR = "the relation between lithium and tremor exists"
ENTITIES = "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10}">' for n in range(1, 9))
BOMB = f'<!DOCTYPE a [<!ENTITY b0 "b">{ENTITIES}]><PubmedArticleSet>&b8;</PubmedArticleSet>'
GOITRE = "the relation between lithium and goitre exists"


def watch(client, paper=PAPER, **options):
    """The steps of a paper that is watched."""
    response = client.post("/v1/watch", json={"paper": paper, **options})
    assert response.headers["content-type"].startswith("application/x-ndjson"), response.text
    return [json.loads(line) for line in response.text.splitlines()]


def found(step):
    """The names of a step's relations as the page marks them, and their scores."""
    paper = step["paper"]
    named = [*paper["entities"], *paper.get("annotated", [])]
    ends = [[named[one[end]]["text"] for end in ("head", "tail")] for one in relations(step)]
    return [(*pair, one.get("score")) for pair, one in zip(ends, relations(step), strict=True)]


def relations(step):
    return step["paper"]["found"][0]["relations"]


class TestTasks:
    def test_the_tasks_that_the_model_was_trained_for_come_first(self, served):
        answer = served.get("/v1/tasks").json()
        assert answer["model"] == "demo"
        assert "do not rely on its results" in answer["note"]
        first, *_, last = answer["data"]
        assert (first["name"], first["kind"], first["trained"]) == ("bc5cdr", "relations", True)
        assert first["warnings"] == []
        assert (last["trained"], len(last["warnings"])) == (False, 1)

    def test_those_of_a_pretrained_model_have_a_warning_where_examples_are_shown(self, serve):
        answer = serve(ScriptedEngine(), tasks=["bc5cdr", "describe"]).get("/v1/tasks").json()
        assert answer["note"] is None
        assert [one["warnings"] for one in answer["data"]] == [
            [
                "model 'scripted' was not trained for bc5cdr: its prompts contain solved examples "
                "instead"
            ],
            [],
        ]


class TestPapers:
    @pytest.mark.parametrize("form", SampleFormat)
    def test_papers_of_all_formats(self, served, form):
        answer = served.post("/v1/papers", json={"text": sample_text(form)}).json()
        assert answer["faults"] == []
        expected = [(one.id, one.title, one.text) for one in sample_papers()]
        given = [(one["id"], one["title"], one["abstract"]) for one in answer["papers"]]
        assert given == expected

    def test_annotations_come_with_them_and_can_be_sent_back(self, serve):
        client = serve(ScriptedEngine(probabilities=[[0.9, 0.1]]))
        text = "1|t|Gold, tin and rash.\n1|a|Fine.\n" + "".join(
            f"1\t{start}\t{end}\t{name}\t{kind}\tX{start}\n"
            for start, end, name, kind in (
                (0, 4, "Gold", "Chemical"),
                (6, 9, "tin", "Chemical"),
                (14, 18, "rash", "Disease"),
            )
        )
        (paper,) = client.post("/v1/papers", json={"text": text}).json()["papers"]
        (step,) = watch(client, paper, method="rank", least=0.5)
        assert found(step) == [("Gold", "rash", pytest.approx(0.9, abs=1e-3))]
        assert len(step["paper"]["found"][0]["candidates"]) == 1

    def test_a_plain_text_is_one_paper(self, served):
        text = "Lithium caused tremor.\n\nNothing else was seen."
        (paper,) = served.post("/v1/papers", json={"text": text}).json()["papers"]
        assert paper == {"id": None, "title": "", "abstract": text, "entities": []}

    def test_what_looks_like_something_else_is_plain_text_if_that_is_said(self, served):
        text = "1. A report.\nPMID: 12345"
        error = told(served.post("/v1/papers", json={"text": text}), 400)
        assert "Abstract (text)" in error["message"]
        answer = served.post("/v1/papers", json={"text": text, "format": "text"}).json()
        assert [one["abstract"] for one in answer["papers"]] == [text]

    def test_what_cannot_be_read_is_told_beside_the_others(self, served):
        text = "1|t|Gold.\n1|a|Fine.\n1\t0\t3\tTin\tChemical\tX\n\n2|t|Tin.\n2|a|Bad.\n"
        answer = served.post("/v1/papers", json={"text": text}).json()
        assert [one["id"] for one in answer["papers"]] == ["1", "2"]
        assert "Tin" in answer["faults"][0]
        lines = '{"title": "Gold."}\n{broken\n'
        answer = served.post("/v1/papers", json={"text": lines}).json()
        assert (len(answer["papers"]), len(answer["faults"])) == (1, 1)

    @pytest.mark.parametrize(
        ("text", "part"),
        [
            ("", "is empty"),
            (" \n", "is empty"),
            ("<html><body>x</body></html>", "web page"),
            ("12345678", 'a list of ids: papers have texts; format "text" reads'),
        ],
        ids=["nothing", "blank", "html", "ids"],
    )
    def test_what_is_no_paper_is_refused(self, served, text, part):
        assert part in told(served.post("/v1/papers", json={"text": text}), 400)["message"]

    @pytest.mark.parametrize("text", ["\ud800", "PK\x03\x04", "\x1f\x8b\x08", "\0", BOMB])
    def test_no_text_does_harm(self, served, text):
        body = json.dumps({"text": text})
        asked = served.post(
            "/v1/papers", content=body, headers={"Content-Type": "application/json"}
        )
        assert asked.status_code in (200, 400)
        assert len(asked.text) < 1000

    def test_half_of_a_surrogate_pair_is_refused(self, served):
        body = json.dumps({"text": "tremor \ud800"})
        asked = served.post(
            "/v1/papers", content=body, headers={"Content-Type": "application/json"}
        )
        assert "UTF-8" in told(asked, 400)["message"]

    def test_too_many(self, serve):
        client = serve(ScriptedEngine(), limits=Limits(inputs=2))
        text = "".join(f'{{"text": "a {n}"}}\n' for n in range(3))
        error = told(client.post("/v1/papers", json={"text": text}), 400)
        assert error["message"] == "the text has more than 2 papers: divide it"


class TestWatch:
    def test_relations_come_as_they_are_written(self, serve):
        engine = ScriptedEngine([f"{TREMOR}; {GOITRE}."], logprob=-0.1)
        steps = watch(serve(engine))
        assert "".join(step.get("written", "") for step in steps) == f"{TREMOR}; {GOITRE}."
        shown = [step for step in steps if "paper" in step]
        names = [[pair[:2] for pair in found(step)] for step in shown]
        first, both = [("Lithium", "tremor")], [("Lithium", "tremor"), ("Lithium", "goitre")]
        assert names[0] == first
        assert names[-1] == both
        assert [step["paper"]["segments"] for step in shown] == [
            [[0, "Lithium."], [9, PAPER["abstract"]]]
        ] * len(shown)

    def test_the_last_step_has_the_pipelines_prediction(self, serve):
        script = [f"{TREMOR}; {GOITRE}."]
        *_, last = watch(serve(ScriptedEngine(script)))
        (expected,) = Pipeline("bc5cdr", ScriptedEngine(script)).run([PAPER])
        assert Prediction[Result].model_validate(last["prediction"]) == expected
        assert "solved examples" in last["warnings"][0]
        assert last["paper"]["id"] == "7"

    def test_the_bundled_model(self, served):
        *_, last = watch(served, task="bc5cdr", decoding="grounded")
        expected = load("demo", "bc5cdr", decoding="grounded").run([PAPER])
        given = [Prediction[Result].model_validate(last["prediction"])]
        assert unscored_all(given) == unscored_all(expected)
        assert last["warnings"] == []

    def test_relations_have_their_probabilities_as_they_are_written(self, serve):
        client = serve(bundled.engine())
        with bundled.dictated(f"{TREMOR}; {GOITRE}."):
            *steps, last = watch(client)
        shown = [found(step) for step in steps if "paper" in step]
        assert [len(one) for one in shown] in ([1], [1, 2])
        assert shown[-1] == found(last)[: len(shown[-1])]
        assert all(0 <= score <= 1 for *_, score in found(last))

    def test_a_long_text_is_read_in_windows_and_marked_in_all_of_them(self, serve):
        text = " ".join(f"We saw that drug{n} caused illness{n} in a man." for n in range(12))
        steps = watch(serve(Ruled(context_size=160)), text)
        *_, last = steps
        assert [pair[0] for pair in found(last)] == [f"drug{n}" for n in range(12)]
        assert len([step for step in steps if "paper" in step]) > 2
        for one in last["paper"]["entities"]:
            assert text[one["start"] : one["end"]] == one["text"]
        assert "windows" in last["paper"]["found"][0]["warnings"][0]

    def test_what_cannot_be_read_or_fails_is_told_in_the_last_step(self, serve):
        client = serve(ScriptedEngine(["what?", EngineError("it broke"), "no relation."]))
        *_, last = watch(client)
        failed = last["paper"]["found"][0]
        assert (failed["error"]["type"], failed["completion"]) == ("ParseError", "what?")
        *_, last = watch(client)
        assert last["paper"]["found"][0]["error"]["message"] == "it broke"
        (step,) = watch(client, {"abstrct": "a"})
        assert "abstract" in step["prediction"]["error"]["message"]

    def test_hallmarks_come_at_once(self, serve):
        client = serve(ScriptedEngine(["sustaining proliferative signaling."]), "hoc")
        *_, last = watch(client, "Cells grew.", task="hoc")
        assert last["paper"]["found"][0]["task"] == "hoc"

    @pytest.mark.parametrize(
        ("body", "status", "part"),
        [
            ({"task": "nix"}, 404, "no task 'nix' here"),
            ({"task": "pubmedqa"}, 404, "the tasks served are"),
            ({"model": "other"}, 404, "ask for 'demo'"),
            ({"samples": 3}, 400, "samples"),
            ({"least": 2}, 400, "least: "),
            ({"paper": 3}, 400, "paper"),
        ],
        ids=str,
    )
    def test_what_is_not_understood_is_refused_by_name(self, served, body, status, part):
        response = served.post("/v1/watch", json={"paper": PAPER, **body})
        assert part in told(response, status)["message"]

    def test_a_client_that_goes_away_stops_its_work(self, serve):
        engine = Held([f"{TREMOR}."])
        with left(serve(engine), "/v1/watch", paper=PAPER):
            assert engine.started.wait(PATIENCE)
        assert engine.stopped.wait(PATIENCE)


def test_predictions_of_a_pretrained_model_tell_of_the_examples_in_their_prompts(serve):
    client = serve(ScriptedEngine([f"{TREMOR}."]))
    answer = client.post("/v1/extract", json={"papers": [PAPER]}).json()
    assert (
        "was not trained for bc5cdr: its prompts contain solved examples" in answer["warnings"][0]
    )
