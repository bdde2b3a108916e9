"""Papers from NCBI: what is asked, how often, what is told, and what the file holds."""

import json

import ncbi
import pytest
from lxml import etree
from typer.testing import CliRunner

from biogpt_plugins.cli import app
from biogpt_plugins.corpus import read_records
from biogpt_plugins.corpus.fetch import Database, Eutils, fetch, ids_of
from biogpt_plugins.values.errors import FetchError, InputError
from biogpt_plugins.values.inputs import Paper

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "NCBI_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NCBI_API_KEY", "key")  # with which requests follow each other sooner
    with ncbi.serving() as running:
        yield running


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def eutils(server, clock):
    return Eutils(url=server.url, clock=clock, sleep=clock.sleep)


def run(server, out, *args, stdin=None):
    given = ["-o", str(out), "--url", server.url, *map(str, args)]
    return CliRunner().invoke(app, ["fetch", *given], input=stdin)


def papers(path):
    return [record.value for record in read_records([str(path)])]


class TestCommand:
    def test_a_query(self, server, tmp_path):
        server.search = {"querytranslation": '"lithium"[MeSH Terms] AND "tremor"[MeSH Terms]'}
        done = run(server, tmp_path / "p.xml", "lithium tremor", "--most", 2)
        assert done.exit_code == 0, done.stderr
        assert "3 papers match, the first 2 are fetched" in done.stderr
        assert 'note: pubmed reads the query as "lithium"[MeSH Terms] AND' in done.stderr
        assert [(p.id, p.text) for p in papers(tmp_path / "p.xml")] == [
            ("10", "Lithium caused tremor."),
            ("20", "Lithium caused tremor."),
        ]
        root = etree.parse(tmp_path / "p.xml").getroot()
        assert (root.tag, len(root)) == ("PubmedArticleSet", 2)
        (_, search), (_, fetched) = server.asked
        assert search["term"] == "lithium tremor"
        assert fetched["id"] == "10,20"
        for fields in (search, fetched):
            assert (fields["tool"], fields["api_key"]) == ("biogpt-plugins", "key")
        assert "note: NCBI asks for your e-mail address" in done.stderr

    def test_an_email(self, server, tmp_path, monkeypatch):
        monkeypatch.setenv("NCBI_EMAIL", "me@example.org")
        done = run(server, tmp_path / "p.xml", "10")
        assert "asks for your e-mail" not in done.stderr
        run(server, tmp_path / "q.xml", "10", "--email", "other@example.org")
        assert [fields["email"] for _, fields in server.asked] == [
            "me@example.org",
            "other@example.org",
        ]

    def test_ids_of_which_some_are_not_there(self, server, tmp_path):
        done = run(server, tmp_path / "p.xml", "PMID:30", "99", "10", "98")
        assert done.exit_code == 1
        assert "warning: pubmed does not have 2 of 4 papers: 99, 98" in done.stderr
        assert [p.id for p in papers(tmp_path / "p.xml")] == ["30", "10"]
        assert [utility for utility, _ in server.asked] == ["efetch.fcgi"]

    @pytest.mark.parametrize("text", ["PMID\n10\n20\n\n10\n", "10, 20", "PMID: 10\r\nPMID: 20"])
    def test_ids_of_a_file_and_of_standard_input(self, server, tmp_path, text):
        (tmp_path / "ids.txt").write_text(text)
        assert run(server, tmp_path / "p.xml", f"@{tmp_path / 'ids.txt'}").exit_code == 0
        assert run(server, tmp_path / "q.xml", "@-", stdin=text).exit_code == 0
        assert {fields["id"] for _, fields in server.asked} == {"10,20"}
        assert (tmp_path / "p.xml").read_bytes() == (tmp_path / "q.xml").read_bytes()

    def test_full_texts_of_pmc(self, server, tmp_path):
        done = run(server, tmp_path / "p.xml", "PMC100", "101", "--db", "pmc")
        assert done.exit_code == 1
        assert "pmc does not have 1 of 2 papers: 101" in done.stderr
        assert [p.title for p in papers(tmp_path / "p.xml")] == ["Full text 100"]

    def test_the_file_is_extracted(self, server, tmp_path):
        run(server, tmp_path / "p.xml", "10")
        from biogpt_plugins import Pipeline
        from biogpt_plugins.testing import ScriptedEngine

        engine = ScriptedEngine(["the relation between lithium and tremor exists."])
        done = CliRunner().invoke(
            app,
            ["extract", str(tmp_path / "p.xml")],
            obj=lambda *_, **__: Pipeline("bc5cdr", engine),
        )
        assert json.loads(done.stdout)["id"] == "10"

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            (["lithium", "tremor"], 'the query must be in quotes: "lithium tremor"'),
            (["10", "tremor"], "'tremor' is not a PMID, such as 12345678"),
            (["PMC10"], "'PMC10' is not a PMID, such as 12345678: add --db pmc"),
            (["@{ids}"], "{ids}:2: 'x1' is not a PMID"),
            (["{ids}"], "{ids} is a file, not a query: write @{ids} to read it"),
            (["missing.txt"], "there is no file 'missing.txt', and the query looks like"),
            (["x", "--most", "10000"], "--most must be at most 9,999, not 10,000"),
            (["x", "--url", "file:///etc"], "must begin with https://, not 'file:///etc'"),
        ],
    )
    def test_what_cannot_be_asked(self, server, tmp_path, given, says):
        ids = tmp_path / "ids.txt"
        ids.write_text("10\nx1\n")
        done = run(server, tmp_path / "p.xml", *(one.format(ids=ids) for one in given))
        assert done.exit_code == 2
        assert says.format(ids=ids) in done.stderr
        assert not server.asked
        assert not (tmp_path / "p.xml").exists()

    def test_nothing_is_written_where_nothing_is_found(self, server, tmp_path):
        assert run(server, tmp_path / "p.xml", "98", "99").exit_code == 2
        server.pubmed = []
        done = run(server, tmp_path / "p.xml", "lithum")
        assert done.exit_code == 2
        assert "error: no paper in pubmed matches 'lithum': try other words" in done.stderr
        assert not list(tmp_path.iterdir())

    def test_a_word_that_pubmed_leaves_out_is_told(self, server, tmp_path):
        server.search = {
            "errorlist": {"phrasesnotfound": ["lithum"], "fieldsnotfound": []},
            "warninglist": {"phrasesignored": [], "outputmessages": ["x"]},
        }
        done = run(server, tmp_path / "p.xml", "lithum tremor")
        assert "warning: pubmed does not know 'lithum', and leaves it out" in done.stderr

    def test_papers_that_are_counted_and_not_named(self, server, tmp_path):
        server.search = {"count": "5"}
        done = run(server, tmp_path / "p.xml", "lithium")
        assert done.exit_code == 1
        assert "NCBI does not name 2 of them" in done.stderr

    def test_a_file_is_replaced_only_by_force(self, server, tmp_path):
        (tmp_path / "p.xml").write_text("mine")
        assert "is not empty" in run(server, tmp_path / "p.xml", "10").stderr
        assert not server.asked
        assert run(server, tmp_path / "p.xml", "10", "--force").exit_code == 0

    def test_a_wrong_key_is_told_and_not_asked_for_again(self, server, tmp_path):
        server.fail(ncbi.BAD_KEY, status=400)
        done = run(server, tmp_path / "p.xml", "10")
        assert done.exit_code == 2
        assert "refused the request (HTTP 400: API key invalid)" in done.stderr
        assert len(done.stderr.splitlines()) == 2
        assert len(server.asked) == 1


class TestRequests:
    def test_keep_the_rate(self, server, clock, eutils):
        list(fetch(eutils, Database.pubmed, ["10"] * 4, most=1))
        assert clock.now >= 1, "four requests take a second at three a second"
        before = clock.now
        keyed = Eutils(url=server.url, api_key="k", clock=clock, sleep=clock.sleep)
        list(fetch(keyed, Database.pubmed, ["10"] * 11, most=1))
        assert 1 <= clock.now - before < 1.2

    @pytest.mark.parametrize(
        "answer",
        [
            (ncbi.RATE, 429),
            ("<html><style>h1 {}</style><body>Bad Gateway</body></html>", 502),
            ("", 500),
            (ncbi.RATE, 200),
            ("", 200),
            (None, 200),
            ("<eFetchResult><ERROR>Unable to obtain query #1</ERROR></eFetchResult>", 200),
            (f"{ncbi.PUBMED_HEAD}<PubmedArticleSet>{ncbi.article(10)}", 200),
            (f"<PubmedArticleSet>{ncbi.article(10)[:-30]}</PubmedArticleSet>", 200),
            (f"<PubmedArticleSet>{ncbi.article(10)}</PubmedArticleSet>".replace("<A", "<&"), 200),
        ],
    )
    def test_are_repeated_where_that_helps(self, server, clock, eutils, answer):
        body, status = answer
        server.fail(body, body, status=status)
        ((id_, paper),) = fetch(eutils, Database.pubmed, ["10"])
        assert id_ == "10"
        assert b"synuclein" in paper
        assert len(server.asked) == 3
        assert {1.0, 2.0} <= set(clock.slept)

    def test_of_which_half_an_answer_arrives(self, server, eutils):
        server.fail("<PubmedArt", headers={"Content-Length": "500"})
        ((_, paper),) = fetch(eutils, Database.pubmed, ["10"])
        assert paper
        assert len(server.asked) == 2

    def test_wait_as_long_as_they_are_told_to(self, server, clock, eutils):
        server.fail(ncbi.RATE, status=429, headers={"Retry-After": "17"})
        list(fetch(eutils, Database.pubmed, ["10"]))
        assert 17.0 in clock.slept

    def test_end_after_five(self, server, clock, eutils):
        server.fail(*["no"] * 9, status=503)
        with pytest.raises(FetchError, match=r"did not answer 5 requests \(HTTP 503: no\): try"):
            list(fetch(eutils, Database.pubmed, ["10"]))
        assert len(server.asked) == 5
        assert sum(clock.slept) < 60

    def test_a_server_that_is_not_there(self, clock):
        nowhere = Eutils(url="http://127.0.0.1:9/x", clock=clock, sleep=clock.sleep)
        with pytest.raises(FetchError, match="did not answer 5 requests"):
            nowhere.search("pubmed", "lithium", most=5)

    @pytest.mark.parametrize(
        ("answer", "says"),
        [
            ({"esearchresult": {"ERROR": "Empty term and query_key - nothing todo"}}, "Empty term"),
            ({"error": "Invalid db name specified"}, "Invalid db name"),
        ],
    )
    def test_that_are_refused_are_not_repeated(self, server, eutils, answer, says):
        server.fail(answer)
        with pytest.raises(FetchError, match=says):
            eutils.search("pubmed", "lithium", most=5)
        assert len(server.asked) == 1

    @pytest.mark.parametrize(
        "answer", [{"esearchresult": {"ERROR": "Search Backend failed: x"}}, ncbi.RATE, "<html>"]
    )
    def test_a_search_is_repeated_where_that_helps(self, server, eutils, answer):
        server.fail(answer)
        assert eutils.search("pubmed", "lithium", most=2).ids == ("10", "20")
        assert len(server.asked) == 2

    def test_ids_that_are_none_at_all(self, server, eutils):
        server.fail(
            "<eFetchResult><ERROR>ID list is empty! Possibly it has no correct IDs.</ERROR>"
            "</eFetchResult>"
        )
        assert list(fetch(eutils, Database.pubmed, ["5"])) == [("5", None)]

    def test_many_ids_go_in_batches(self, server, eutils):
        server.pubmed = list(range(1, 451))
        found = list(fetch(eutils, Database.pubmed, [str(n) for n in server.pubmed]))
        assert [int(id_) for id_, _ in found] == server.pubmed
        assert [len(fields["id"].split(",")) for _, fields in server.asked] == [200, 200, 50]


@pytest.mark.parametrize(
    ("text", "database", "ids"),
    [
        ("12 13;14,12", Database.pubmed, ["12", "13", "14"]),
        ("pmid: 12\nPMID:0013", Database.pubmed, ["12", "13"]),
        ("PMID,\n12.0", Database.pubmed, ["12"]),
        ("PMC12 pmc13 14", Database.pmc, ["12", "13", "14"]),
        ("PMCID: PMC12", Database.pmc, ["12"]),
        ("", Database.pubmed, []),
    ],
)
def test_ids_of_a_text(text, database, ids):
    assert ids_of(text, database) == ids


@pytest.mark.parametrize("text", ["12 pmid", "0", "1234567890", "12-13", "12\ufeff x"])
def test_what_is_no_id(text):
    with pytest.raises(InputError, match="is not a PMID"):
        ids_of(text, Database.pubmed)


def test_a_paper_is_what_the_readers_read(server, tmp_path):
    assert run(server, tmp_path / "p.xml", "20").exit_code == 0
    (paper,) = papers(tmp_path / "p.xml")
    assert paper == Paper(
        id="20", title="Paper 20 on α-synuclein & lithium.", text="Lithium caused tremor."
    )
