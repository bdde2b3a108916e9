"""Writers of PubTator, BioC, GraphML and neo4j-admin's CSV, and what reads them back."""

import csv
import json
from io import StringIO
from xml.etree import ElementTree

import networkx as nx
import pytest
import reported
from doubles import Ruled
from filed import bioc_json, bioc_xml, jats, whole
from shared_data import shared
from typer.testing import CliRunner

from biogpt_plugins import Paper, Pipeline, aggregate
from biogpt_plugins.cli import app
from biogpt_plugins.corpus import Sections, read_gold, read_records, whole_papers
from biogpt_plugins.corpus.export import bioc, documents, graphml, neo4j, pubtator
from biogpt_plugins.corpus.gold.files import read_solved
from biogpt_plugins.corpus.run import results
from biogpt_plugins.corpus.run import run as run_corpus
from biogpt_plugins.values.results import Entity, Prediction, Relation

ODD = 'A "b" <c> & 𝛼;\td|e\r\nf\x00g'


def end(text, type_, start=None, id_=None):
    stop = None if start is None else start + len(text)
    return Entity(text=text, type=type_, start=start, end=stop, id=id_)


def prediction(id_, *relations):
    return Prediction(id=id_, task="bc5cdr", result=list(relations))


TITLE, ABSTRACT = "Lithium 𝛼\tand gold.", "Both caused\r\ntremor."
PAPERS = {
    "1": Paper(id="1", title=TITLE, text=ABSTRACT),
    "2": Paper(id="2", text="No title: rash."),
    "3": Paper(id="3", text="Nothing."),
}
SOURCE = PAPERS["1"].source
LITHIUM = end("Lithium", "chemical", 0, "D008094")
GOLD = end("gold", "chemical", SOURCE.index("gold"))
TREMOR = end("tremor", "disease", SOURCE.index("tremor"), "D014202")
RASH = end("rash", "disease", 10)
FOUND = [
    prediction(
        "1",
        Relation(head=LITHIUM, type="CID", tail=TREMOR, score=0.5),
        Relation(head=GOLD, type="CID", tail=TREMOR),
    ),
    prediction("2", Relation(head=end("Zinc", "chemical"), type="CID", tail=RASH)),
    prediction("3"),
]
PAIRS = {"1": {("D008094", "D014202"), ("gold", "D014202")}, "2": {("zinc", "rash")}, "3": set()}


def placeless(relation):
    """A relation of which only the names are known, as gold's are."""
    ends = {
        name: getattr(relation, name).model_copy(update={"start": None, "end": None})
        for name in ("head", "tail")
    }
    return relation.model_copy(update=ends)


def written(tmp_path, parts):
    path = tmp_path / "written"
    path.write_bytes("".join(parts).encode())
    return path


def pairs_of(path):
    """What our reader of annotated corpora makes of a file."""
    return {
        one.id: {(r.head.id, r.tail.id) for r in one.result}
        for one in read_solved(path, ["bc5cdr"])
    }


@pytest.mark.parametrize("write", [pubtator, bioc])
def test_written_papers_read_back_to_the_same_relations(tmp_path, write):
    path = written(tmp_path, write(documents(FOUND, PAPERS)))
    assert pairs_of(path) == PAIRS


def test_pubtator(tmp_path):
    path = written(tmp_path, pubtator(documents(FOUND, PAPERS)))
    lines = path.read_bytes().decode().split("\n")
    assert lines[:7] == [
        "1|t|Lithium 𝛼 and gold.",
        "1|a|Both caused  tremor.",
        "1\t0\t7\tLithium\tChemical\tD008094",
        "1\t14\t18\tgold\tChemical\tgold",
        "1\t33\t39\ttremor\tDisease\tD014202",
        "1\tCID\tD008094\tD014202",
        "1\tCID\tgold\tD014202",
    ]
    papers = {record.value.id: record.value for record in read_records([str(path)])}
    text = papers["1"].source
    assert (text[14:18], text[33:39]) == ("gold", "tremor")
    assert papers["2"].source.strip() == "No title: rash."


def test_bioc_is_read_by_the_bioc_library(tmp_path):
    biocxml = pytest.importorskip("bioc.biocxml", reason="NO TEST with bioc: pip install bioc")
    path = written(tmp_path, bioc(documents(FOUND, PAPERS)))
    with path.open(encoding="utf-8") as stream:
        first, second, third = biocxml.load(stream).documents
    assert [(p.offset, p.infons["type"]) for p in first.passages] == [
        (0, "title"),
        (20, "abstract"),
    ]
    mentions = {}
    for passage in first.passages:
        for one in passage.annotations:
            start = one.locations[0].offset - passage.offset
            assert passage.text[start : start + one.locations[0].length] == one.text
            mentions[one.id] = one.text
    relation = first.relations[0]
    assert relation.infons["relation"] == "CID"
    assert [(mentions[n.refid], n.role) for n in relation.nodes] == [
        ("Lithium", "head"),
        ("tremor", "tail"),
    ]
    assert [node.role for node in second.relations[0].nodes] == ["tail"]  # Zinc is not in the text
    assert third.relations == []


def test_what_is_left_out_of_documents():
    failed = Prediction(id="1", task="bc5cdr", error={"type": "ParseError", "message": "what"})
    others = {"1": Paper(id="1", text="Another text than that.")}
    assert list(documents([failed], PAPERS)) == []
    assert list(documents(FOUND, others)) == []
    (one,) = documents([FOUND[0], FOUND[0], failed], PAPERS)
    assert len(one.relations) == 2


@pytest.mark.parametrize("write", [pubtator, bioc])
def test_odd_characters_break_nothing(tmp_path, write):
    relation = Relation(head=end(ODD, "chemical", 0, ODD), type="CID", tail=end("h", "disease"))
    found = [prediction("1", relation), FOUND[1]]
    papers = {**PAPERS, "1": Paper(id="1", text=f"{ODD} h.")}
    path = written(tmp_path, write(documents(found, papers)))
    assert len(read_solved(path, ["bc5cdr"])) == 2
    assert [len(value) for _, value in pairs_of(path).items()] == [1, 1]


def test_two_ends_of_one_type_keep_their_ids():
    drugs = [end(name, "drug", id_=name) for name in ("a", "b")]
    found = [prediction("3", Relation(head=drugs[0], type="effect", tail=drugs[1]))]
    text = "".join(bioc(documents(found, PAPERS)))
    assert '<infon key="Drug1">a</infon><infon key="Drug2">b</infon>' in text


def test_graphml_is_read_by_networkx(tmp_path):
    odd = prediction(ODD, Relation(head=end(ODD, "chemical"), type=ODD, tail=TREMOR))
    path = written(tmp_path, graphml(aggregate([*FOUND, odd])))
    graph = nx.read_graphml(path, force_multigraph=True)
    assert graph.nodes["MESH:D008094"] == {
        "name": "Lithium",
        "type": "chemical",
        "identifier": "MESH:D008094",
    }
    (edge,) = graph.get_edge_data("MESH:D008094", "MESH:D014202").values()
    assert edge == {
        "type": "CID",
        "supporting": 1,
        "speculating": 0,
        "contradicting": 0,
        "papers": "1",
        "score": 0.5,
    }
    assert graph.number_of_edges() == 4


def test_neo4j_import_files():
    odd = prediction(ODD, Relation(head=end(ODD, "chemical"), type="partial agonist", tail=TREMOR))
    nodes, edges = (
        list(csv.DictReader(StringIO("".join(lines)))) for lines in neo4j(aggregate([*FOUND, odd]))
    )
    ids = [node["id:ID"] for node in nodes]
    assert len(set(ids)) == len(ids) == 6
    assert {":START_ID", ":END_ID", ":TYPE"} <= edges[0].keys()
    assert all(edge[":START_ID"] in ids and edge[":END_ID"] in ids for edge in edges)
    assert {node[":LABEL"] for node in nodes} == {"Chemical", "Disease"}
    (other,) = [edge for edge in edges if edge[":TYPE"] == "PARTIAL_AGONIST"]
    assert other["supporting:string[]"].count(";") == 0
    assert [edge["score:double"] for edge in edges if edge[":START_ID"].endswith("94")] == ["0.5"]


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture
def files(tmp_path):
    found, papers = tmp_path / "found.jsonl", tmp_path / "papers.jsonl"
    lines = [one.model_dump_json() for one in reported.predictions()]
    found.write_text("\n".join(lines), encoding="utf-8")
    papers.write_text("\n".join(map(json.dumps, reported.PAPERS)), encoding="utf-8")
    return found, papers


@pytest.mark.parametrize("to", ["pubtator", "bioc"])
def test_export_of_papers(files, tmp_path, to):
    found, papers = files
    done = run("export", found, "--to", to, "--papers", papers, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert "4 relations in 5 papers" in done.stderr
    assert "warning: 2 papers were left out" in done.stderr
    assert len(read_gold(tmp_path / "out", "bc5cdr").documents) == 5


def test_what_pubmed_deleted_is_no_fault(files, tmp_path):
    found, _ = files
    papers = tmp_path / "pubmed.xml"
    papers.write_text(reported.PUBMED, encoding="utf-8")
    done = run("export", found, "--to", "pubtator", "--papers", papers, "-o", tmp_path / "out")
    assert done.exit_code == 1, done.stderr
    assert "1 relation in 1 paper" in done.stderr
    assert "deleted from PubMed" not in done.stderr
    assert "1 line could not be used" in done.stderr


def test_export_of_the_graph(files, tmp_path):
    found, _ = files
    assert run("export", found, "--to", "graphml", "-o", tmp_path / "g").exit_code == 0
    assert nx.read_graphml(tmp_path / "g").number_of_edges() == 2
    done = run("export", found, "--to", "neo4j", "-o", tmp_path / "n")
    assert "2 relations" in done.stderr
    assert {path.name for path in (tmp_path / "n").iterdir()} == {"nodes.csv", "relationships.csv"}
    assert (
        "is not empty: choose another file"
        in run("export", found, "-t", "neo4j", "-o", tmp_path / "n").stderr
    )


def test_export_says_what_it_lacks(files, tmp_path):
    found, papers = files
    done = run("export", found, "--to", "bioc", "-o", tmp_path / "out")
    assert (done.exit_code, "give the papers with --papers" in done.stderr) == (2, True)
    other = tmp_path / "other.jsonl"
    other.write_text('{"id": "99", "text": "Another."}', encoding="utf-8")
    done = run("export", found, "--to", "bioc", "-p", other, "-o", tmp_path / "out")
    assert (done.exit_code, "their ids must be the same" in done.stderr) == (2, True)
    done = run("export", found, "--to", "neo4j", "-o", papers)
    assert (done.exit_code, "name a folder for them" in done.stderr) == (2, True)


# --- papers that were read by section -------------------------------------------------------

SAID = "There was no evidence that drug7 caused illness7."
FULL = [
    (
        *("1", "A first – one.", "We saw that drug1 caused illness1."),
        ("Results", SAID),
        ("Results / Renal", "In all, drug2 caused illness2."),
        ("Discussion", SAID),
    ),
    ("2", "", "", ("Results", SAID), ("End", "In all, drug3 caused illness3.")),
    ("3", "That drug9 caused illness9 𝛼 < β.", "", ("Begin", SAID)),
]
PLACES = {
    "PMC1": {("drug1", 27), ("drug7", 77), ("drug2", 108), ("drug7", 158)},
    "PMC2": {("drug7", 27), ("drug3", 58)},
    "PMC3": {("drug9", 5), ("drug7", 61)},
}


@pytest.fixture(params=[jats, bioc_xml, bioc_json])
def full(request, tmp_path):
    """A run by section, and its papers."""
    papers = tmp_path / "papers"
    papers.write_text(request.param(*FULL), encoding="utf-8")
    pipeline = Pipeline("bc5cdr", Ruled())
    assert run_corpus(pipeline, [papers], tmp_path / "r", sections=Sections.all).failed == 0
    return tmp_path / "r", papers


def exported(full, tmp_path, to):
    found, papers = full
    done = run("export", found, "--to", to, "--papers", papers, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert "8 relations in 3 papers" in done.stderr
    assert "warning" not in done.stderr
    return tmp_path / "out"


def by_section(path):
    """What our reader makes of a file: id, section, place and text."""
    records = read_records([str(path)], sections=Sections.all)
    return [(r.value.id, r.section.lower(), r.start, r.value.source) for r in records]


def test_bioc_of_full_texts_reads_back_to_the_same_sections(full, tmp_path):
    out = exported(full, tmp_path, "bioc")
    assert by_section(out) == by_section(full[1])
    records = list(whole_papers(read_records([str(out)], sections=Sections.all)))
    assert [one.value.text for one in records] == [whole(*paper) for paper in FULL]


def test_bioc_of_full_texts_has_mentions_in_their_passages(full, tmp_path):
    collection = ElementTree.parse(exported(full, tmp_path, "bioc"))
    passages = [
        (int(one.findtext("offset")), one.findtext("text"), one.findall("annotation"))
        for one in collection.iter("passage")
    ]
    assert [len(found) for *_, found in passages] == [0, 2, 2, 2, 2, 2, 2, 2, 2]
    for offset, text, annotations in passages:
        for one in annotations:
            start = int(one.find("location").get("offset")) - offset
            length = int(one.find("location").get("length"))
            assert text[start : start + length] == one.findtext("text")
    kinds = [
        {i.get("key"): i.text.lower() for i in one.findall("infon")}
        for one in collection.iter("passage")
    ]
    assert kinds[:4] == [
        {"type": "title"},
        {"type": "abstract"},
        {"type": "paragraph", "section": "results"},
        {"type": "paragraph", "section": "results / renal"},
    ]
    first = next(collection.iter("document"))
    names = {one.get("id"): one.findtext("text") for one in first.iter("annotation")}
    ends = [
        [names[node.get("refid")] for node in one.iter("node")] for one in first.iter("relation")
    ]
    assert ends == [[f"drug{n}", f"illness{n}"] for n in (1, 7, 2, 7)]


def test_bioc_of_full_texts_is_read_by_the_bioc_library(full, tmp_path):
    biocxml = pytest.importorskip("bioc.biocxml", reason="NO TEST with bioc: pip install bioc")
    with exported(full, tmp_path, "bioc").open(encoding="utf-8") as stream:
        documents = biocxml.load(stream).documents
    for document, paper in zip(documents, FULL, strict=True):
        text = whole(*paper)
        for passage in document.passages:
            assert text[passage.offset :].startswith(passage.text)
            for one in passage.annotations:
                start, length = one.locations[0].offset, one.locations[0].length
                assert text[start : start + length] == one.text
    assert [len(document.relations) for document in documents] == [4, 2, 2]


def test_pubtator_of_full_texts_has_the_sections_in_the_line_of_the_abstract(full, tmp_path):
    out = exported(full, tmp_path, "pubtator")
    papers = {one.value.id: one.value for one in read_records([str(out)])}
    assert [one.source for one in papers.values()] == [whole(*paper) for paper in FULL]
    assert [one.title for one in papers.values()] == [FULL[0][1], SAID, FULL[2][1]]
    rows = [line.split("\t") for line in out.read_text("utf-8").splitlines()]
    mentions = [row for row in rows if len(row) == 6]
    assert len(mentions) == 16
    for id_, start, end, text, *_ in mentions:
        assert papers[id_].source[int(start) : int(end)] == text
    places = {id_: set() for id_ in papers}
    for id_, start, _, text, kind, _ in mentions:
        if kind == "Chemical":
            places[id_].add((text, int(start)))
    assert places == PLACES
    assert pairs_of(out)["PMC1"] == {(f"drug{n}", f"illness{n}") for n in (1, 2, 7)}


def test_a_section_without_a_name_has_none(tmp_path):
    passages = [(0, "title", "Gold."), (6, "", "Rash came."), (20, "paragraph", "Tremor.")]
    told = [{"offset": at, "infons": {"type": kind}, "text": text} for at, kind, text in passages]
    papers = tmp_path / "papers"
    papers.write_text(json.dumps({"documents": [{"id": "1", "passages": told}]}))
    records = whole_papers(read_records([str(papers)], sections=Sections.all))
    rash = Relation(head=end("Gold", "chemical", 0), type="CID", tail=end("Rash", "disease", 6))
    parts = bioc(documents([prediction("1", rash)], {"1": next(records).value}))
    assert by_section(written(tmp_path, parts)) == by_section(papers)
    assert [name for _, name, *_ in by_section(papers)] == ["abstract", "", "paragraph"]


def test_full_texts_beside_abstracts(full, tmp_path):
    found, papers = full
    again = tmp_path / "more.jsonl"
    records = [Paper(id="PMC1", title=FULL[0][1], text=FULL[0][2])]
    lines = [one.model_dump_json() for one in Pipeline("bc5cdr", Ruled()).run(records)]
    some = [one.model_dump_json() for one in results(found) if one.id == "PMC2"]
    again.write_text("\n".join(lines + some), encoding="utf-8")
    done = run("export", again, "--to", "pubtator", "--papers", papers, "-o", tmp_path / "out")
    assert "3 relations in 2 papers" in done.stderr
    first, second = (one.value.source for one in read_records([str(tmp_path / "out")]))
    assert first == f"{FULL[0][1]} {FULL[0][2]}"
    assert second == whole(*FULL[1])
    done = run("export", found, again, "-t", "bioc", "-p", papers, "-o", tmp_path / "both")
    assert "8 relations in 3 papers" in done.stderr, "what is found twice counts once"


def test_tables_and_graphs_take_predictions_by_section(full, tmp_path):
    found, _ = full
    assert "5 relations" in run("export", found, "--to", "graphml", "-o", tmp_path / "g").stderr
    edges = nx.read_graphml(tmp_path / "g").edges(data=True)
    assert sorted(one["papers"] for *_, one in edges) == ["PMC1"] * 2 + [
        "PMC1 PMC2 PMC3",
        "PMC2",
        "PMC3",
    ]
    assert run("export", found, "--to", "neo4j", "-o", tmp_path / "n").exit_code == 0
    assert (tmp_path / "n/relationships.csv").read_text().count("PMC3") == 2


def test_full_texts_that_are_not_given_leave_their_papers_out(full, tmp_path):
    found, _ = full
    abstracts = tmp_path / "abstracts.jsonl"
    papers = [{"id": f"PMC{n}", "title": title, "text": text} for n, title, text, *_ in FULL[::2]]
    abstracts.write_text("\n".join(map(json.dumps, papers)), encoding="utf-8")
    done = run("export", found, "--to", "bioc", "-p", abstracts, "-o", tmp_path / "out")
    assert (done.exit_code, "no relations belong to the given papers" in done.stderr) == (2, True)


@pytest.mark.parametrize("write", [pubtator, bioc])
def test_gold_of_a_real_corpus_comes_back(tmp_path, write):
    path = shared("bc5cdr/CDR_DevelopmentSet.PubTator.txt")
    found = [
        prediction(one.id, *map(placeless, one.result)) for one in read_solved(path, ["bc5cdr"])
    ]
    papers = {record.value.id: record.value for record in read_records([str(path)])}
    back = written(tmp_path, write(documents(found, papers)))
    assert pairs_of(back) == pairs_of(path)
    assert len(pairs_of(back)) == 500
