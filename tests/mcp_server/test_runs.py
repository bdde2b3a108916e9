"""Finished runs: searches and resources."""

import asyncio
import json
from threading import Event

import pytest
from small_run import TEXTS

from biogpt_plugins.engine import in_thread
from biogpt_plugins.mcp_server import bounds
from biogpt_plugins.mcp_server.findings import FinishedRun, named_runs
from biogpt_plugins.mcp_server.kit import Kit
from biogpt_plugins.mcp_server.resources import RunResources
from biogpt_plugins.mcp_server.searching import Searcher
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import BioGPTError, InputError


async def unheard(*_):
    """Progress that nobody listens to."""


@pytest.fixture
def search(corpus):
    """Searches runs: `await search(**arguments)`; by itself one run."""

    async def ask(*folders, **arguments):
        kit = Kit([Searcher(named_runs(folders or [corpus()])).tool()])
        return await kit.call("search_relations", arguments, unheard)

    return ask


@pytest.fixture
def read(corpus):
    """Reads a resource of one run."""
    resources = RunResources(named_runs([corpus()]))

    async def ask(uri):
        return json.loads(await resources.read(uri))

    ask.resources = resources
    return ask


async def test_the_papers_that_say_it_are_told_with_their_sentences(search):
    told = await search(head="drug1", tail="illness1")
    (edge,) = told.result.relations
    assert (edge.head.name, edge.type, edge.tail.name) == ("drug1", "CID", "illness1")
    assert (edge.supporting, edge.speculating, edge.contradicting) == (2, 1, 1)
    assert [paper.paper for paper in edge.papers] == ["101", "102", "103", "104"]
    assert [paper.stances for paper in edge.papers] == [
        ["states"],
        ["states"],
        ["suspects"],
        ["negates"],
    ]
    assert edge.papers[1].sentences == ["Later drug1 caused illness1."]
    assert told.content.startswith("1 found from 'drug1' to 'illness1':\n- drug1 (chemical)")
    assert 'PMID 104 negates it: "It is not true that drug1 caused illness1."' in told.content


async def test_one_end_or_another_name_is_enough(search):
    told = await search(tail="Illness1")
    assert [edge.head.name for edge in told.result.relations] == ["drug1", "drug2"]
    assert (await search(head="drug2", type="cid")).result.relations
    assert not (await search(head="drug2", type="ddi")).result.relations


async def test_what_is_left_out_is_counted(search):
    told = await search(tail="illness1", most_relations=1, most_papers=3)
    (edge,) = told.result.relations
    assert (len(edge.papers), edge.papers_left_out, told.result.left_out) == (3, 1, 1)
    assert "  and 1 more paper" in told.content
    assert "(1 more relation is not told)" in told.content


async def test_a_long_answer_is_cut(search, corpus):
    texts = {str(n): f"{'Long ago ' * 40}drug{n} caused illness1." for n in range(60)}
    told = await search(corpus(texts, name="long"), tail="illness1", most_relations=50)
    assert len(told.result.relations) == 50
    assert len(told.content) <= bounds.CONTENT
    assert told.content.endswith("(10 more relations are not told)")
    assert all(
        len(edge.papers[0].sentences[0]) <= bounds.SENTENCE for edge in told.result.relations
    )


async def test_what_is_not_found_is_told_with_similar_names(search):
    told = await search(head="drug11")
    assert told.result.relations == []
    assert told.result.similar_names == ["drug1", "drug2"]
    assert "No paper of the runs states a relation from 'drug11' to anything" in told.content
    assert "spelled like it: drug1, drug2" in told.content


async def test_a_part_of_a_name_finds_the_whole(search, corpus):
    engine = ScriptedEngine(["the relation between lithium carbonate and tremor exists."])
    folder = corpus({"1": "Lithium carbonate caused tremor."}, name="lithium", engine=engine)
    told = await search(folder, head="lithium")
    assert [edge.head.name for edge in told.result.relations] == ["Lithium carbonate"]


async def test_several_runs_are_searched_together_or_one_alone(search, corpus):
    folders = [corpus(), corpus({"9": "drug1 caused illness9."}, name="other")]
    told = await search(*folders, head="drug1")
    assert [edge.run for edge in told.result.relations] == ["corpus", "other"]
    alone = await search(*folders, head="drug1", run="other")
    assert [edge.tail.name for edge in alone.result.relations] == ["illness9"]
    unknown = await search(*folders, head="drug1", run="nix")
    assert unknown.result is None
    assert "the runs are corpus, other" in unknown.content


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give head or tail"),
        ({"head": " "}, "give head or tail"),
        ({"head": "a", "most_relations": 51}, "most_relations: input should be less than"),
        ({"head": "a", "most_papers": 0}, "most_papers: input should be greater than"),
        ({"chemical": "a"}, "chemical: extra inputs are not permitted"),
    ],
)
async def test_a_wrong_search_is_told_how_to_be_right(search, given, said):
    told = await search(**given)
    assert told.result is None
    assert said in told.content


def test_a_run_that_grows_is_read_again(corpus):
    folder = corpus()
    run = FinishedRun(folder)
    first = run.findings()
    assert run.findings() is first
    corpus(TEXTS, {"106": "drug6 caused illness6."})
    assert len(run.findings().edges) == len(first.edges) + 1


async def test_a_search_that_is_cancelled_stops_reading(corpus):
    run, told = FinishedRun(corpus()), []
    begun, free, ended = Event(), Event(), Event()

    def work():
        begun.set()
        free.wait()
        try:
            run.findings()
        except BioGPTError as error:
            told.append(str(error))
        ended.set()

    searching = asyncio.ensure_future(in_thread(work))
    await asyncio.to_thread(begun.wait)
    searching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await searching
    free.set()
    await asyncio.to_thread(ended.wait)
    assert told == ["the search was cancelled"]
    assert run.findings().edges  # the next one reads it


async def test_a_run_without_results_has_none(search, corpus):
    told = await search(corpus({}, name="empty"), head="drug1")
    assert told.result.relations == []


async def test_a_damaged_run_is_a_remedy(search, corpus):
    folder = corpus()
    (folder / "shards/000000.jsonl").write_text("{}\n")
    told = await search(folder, head="drug1")
    assert told.result is None
    assert "give the command of the run again" in told.content


def test_what_is_no_run_of_relations_is_refused(corpus, tmp_path):
    with pytest.raises(InputError, match="is not the folder of a run"):
        named_runs([tmp_path])
    engine = ScriptedEngine(["a metal."])
    described = corpus({"1": "lithium"}, name="terms", task="describe", engine=engine)
    with pytest.raises(InputError, match="finds no relations to search"):
        named_runs([described])
    folder = corpus()
    with pytest.raises(InputError, match="two runs are called 'corpus'"):
        named_runs([folder, folder])


async def test_edges_and_papers_are_resources(read):
    listed = [one.uri for one in read.resources.listed()]
    assert listed == [
        "biogpt://runs/corpus/edges",
        "biogpt://runs/corpus/papers",
        "biogpt://runs/corpus/papers/{paper}",
    ]
    edges = await read(listed[0])
    assert (edges["total"], edges["left_out"], edges["next"]) == (3, 0, None)
    assert edges["edges"][0]["papers"] == ["101", "102", "103", "104"]
    papers = await read(listed[1])
    assert papers["papers"][0] == {"id": "101", "relations": 2}
    assert papers["total"] == 5
    paper = await read("biogpt://runs/corpus/papers/104")
    assert paper["relations"][0]["negated"] is True
    assert paper["relations"][0]["sentences"] == ["It is not true that drug1 caused illness1."]


async def test_resources_have_pages(corpus, monkeypatch):
    monkeypatch.setattr(bounds, "IDS_PAGE", 2)
    resources = RunResources(named_runs([corpus(name="my corpus")]))
    seen, uri = [], resources.listed()[1].uri
    assert uri == "biogpt://runs/my%20corpus/papers"
    while uri:
        page = json.loads(await resources.read(uri))
        seen += [paper["id"] for paper in page["papers"]]
        assert page["left_out"] == 5 - len(seen) or uri == page["next"]
        uri = page["next"]
    assert seen == ["101", "102", "103", "104", "105"]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("biogpt://runs/nix/edges", "the resources are biogpt://runs/corpus/edges"),
        ("biogpt://runs/corpus/papers/9", "no paper '9'"),
        ("biogpt://runs/corpus/edges?from=x", "from=x must be a number"),
        ("file:///etc/passwd", "there is no resource"),
        ("biogpt://runs/corpus/papers/1/2", "there is no resource"),
    ],
)
async def test_what_is_no_resource_is_refused(read, uri, said):
    with pytest.raises(InputError, match=said):
        await read(uri)


async def test_failures_are_counted_and_papers_without_an_id_found(corpus):
    engine = ScriptedEngine(["the relation between drug1 and illness1 exists.", "rubbish"])
    folder = corpus({"": "drug1 caused illness1.", "2": "Nothing."}, name="odd", engine=engine)
    resources = RunResources(named_runs([folder]))
    papers = json.loads(await resources.read("biogpt://runs/odd/papers"))
    assert papers["records_that_failed"] == 1
    (paper,) = papers["papers"]
    assert paper["id"].startswith("unnamed-")
    found = json.loads(await resources.read(f"biogpt://runs/odd/papers/{paper['id']}"))
    assert len(found["relations"]) == 1
