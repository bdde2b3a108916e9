"""PubTator 3's service: what is asked, what is read of its answers, and what is said of others."""

import json
from contextlib import contextmanager

import pytest
from served import Quiet, served

from biogpt_plugins import Paper, Pipeline
from biogpt_plugins.cli.annotated import setting
from biogpt_plugins.corpus.fetch import PubTator3
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import FetchError, InputError

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
PAPER = Paper(id="6794356", title="Lithium toxicity.", text="Lithium caused tremor.")


def annotation(number, text, type_, offset, id_):
    return {
        "id": number,
        "infons": {"identifier": id_, "type": type_, "valid": True, "database": "ncbi_mesh"},
        "text": text,
        "locations": [{"offset": offset, "length": len(text)}],
    }


ANSWER = {
    "PubTator3": [
        {
            "_id": "6794356|None",
            "id": "6794356",
            "infons": {},
            "passages": [
                {
                    "infons": {"type": "title", "section_type": "TITLE"},
                    "offset": 0,
                    "text": "Lithium toxicity.",
                    "sentences": [],
                    "annotations": [annotation("1", "Lithium", "Chemical", 0, "MESH:D008094")],
                    "relations": [],
                },
                {
                    "infons": {"type": "abstract", "section_type": "ABSTRACT"},
                    "offset": 18,
                    "text": "Lithium caused tremor.",
                    "sentences": [],
                    "annotations": [
                        annotation("2", "Lithium", "Chemical", 18, "MESH:D008094"),
                        annotation("3", "tremor", "Disease", 33, "MESH:D014202"),
                    ],
                    "relations": [],
                },
            ],
            "pmid": 6794356,
            "accessions": [],
            "journal": "x",
        }
    ]
}


@contextmanager
def replayed(*answers):
    """A server that gives answers, (status, JSON), one after another; and what it was asked."""
    asked, rest = [], list(answers)

    class Handler(Quiet):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, value = rest.pop(0)
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    slept = []
    with served(Handler) as url:
        source = PubTator3(url=f"{url}/api", clock=lambda: sum(slept), sleep=slept.append)
        yield source, asked, slept


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_the_annotations_of_a_paper():
    with replayed((200, ANSWER)) as (source, asked, _):
        entities = source(PAPER)
    assert asked == ["/api/publications/export/biocjson?pmids=6794356"]
    assert [(e.text, e.type, e.start, e.id) for e in entities] == [
        ("Lithium", "Chemical", 0, "MESH:D008094"),
        ("Lithium", "Chemical", 18, "MESH:D008094"),
        ("tremor", "Disease", 33, "MESH:D014202"),
    ]


def test_another_text_of_the_same_paper():
    other = Paper(id="PMID: 6794356", text="BACKGROUND: Lithium caused a tremor.")
    written = "the relation between lithium and tremor exists."
    with replayed((200, ANSWER), (200, ANSWER)) as (source, _, _):
        assert [(e.text, e.start) for e in source(other)] == [("Lithium", None), ("tremor", None)]
        engine = ScriptedEngine([written])
        pipeline = Pipeline("bc5cdr", engine, decoding="entities", entities=source)
        (found,) = pipeline.run([other])
    (relation,) = found.relations
    assert (relation.tail.id, relation.tail.start) == ("MESH:D014202", 29)


def test_requests_keep_the_rate_and_are_repeated():
    busy = {"error": "API rate limit exceeded"}
    with replayed((429, busy), (502, {}), (200, ANSWER), (200, ANSWER)) as (source, asked, slept):
        assert len(source(PAPER)) == 3
        source(PAPER)
    assert len(asked) == 4
    assert slept == [1.0, 2.0, pytest.approx(0.35)], "two waits, and three requests a second"


@pytest.mark.parametrize(
    ("paper", "answers", "error", "says"),
    [
        (Paper(text="x"), (), InputError, "by their PMID, and the id is None"),
        (Paper(id="PMC7", text="x"), (), InputError, "the id is 'PMC7': give papers their PMIDs"),
        (PAPER, ((200, {"PubTator3": []}),), InputError, "PubTator 3 has no paper 6794356"),
        (PAPER, ((400, {"detail": "bad"}),), FetchError, "refused the request"),
        (PAPER, ((200, {"x": 1}),) * 5, FetchError, "did not answer 5 requests"),
    ],
)
def test_what_is_no_answer(paper, answers, error, says):
    with replayed(*answers) as (source, _, _), pytest.raises(error, match=says):
        source(paper)


def test_a_failure_costs_only_its_paper():
    with replayed((200, {"PubTator3": []})) as (source, _, _):
        pipeline = Pipeline("bc5cdr", ScriptedEngine(), decoding="entities", entities=source)
        (found,) = pipeline.run([PAPER])
    assert "pubtator3 found no entities for document 6794356: PubTator 3 has no" in (
        found.error.message
    )


def test_the_command_knows_it_by_name():
    assert isinstance(setting("use", "pubtator3"), PubTator3)
