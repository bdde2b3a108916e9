"""`--entities` and `--decoding entities` of the commands that read annotated files."""

import json

import pytest
from typer.testing import CliRunner

from biogpt_plugins import Pipeline
from biogpt_plugins.cli import app
from biogpt_plugins.corpus.gold import read_gold
from biogpt_plugins.evaluation.run import predict
from biogpt_plugins.testing import ScriptedEngine

TEXT = "Lithium caused tremor."
MENTIONS = "1\t0\t7\tLithium\tChemical\tD1\n1\t15\t21\ttremor\tDisease\tD2\n"
PUBTATOR = f"1|t|{TEXT}\n1|a|\n{MENTIONS}1\tCID\tD1\tD2\n\n"
BROKEN = PUBTATOR.replace("0\t7\tLithium", "1\t8\tLithium").replace("15\t21", "25\t31")
PUBTATOR_WITHOUT = f"2|t|{TEXT}\n2|a|\n2\tCID\tD1\tD2\n\n"
WRITTEN = "the relation between lithium and tremor exists."


def run(*args, completions=()):
    def load(_, task, **options):
        options = {k: v for k, v in options.items() if v is not None and k != "min_score"}
        return Pipeline(task or "bc5cdr", ScriptedEngine(completions), **options)

    return CliRunner().invoke(app, [str(arg) for arg in args], obj=load)


@pytest.fixture
def papers(tmp_path):
    def write(content):
        path = tmp_path / "papers.pubtator"
        path.write_text(content)
        return path

    return write


def test_extract_among_the_files_entities(papers):
    done = run("extract", papers(PUBTATOR), "--decoding", "entities", completions=[WRITTEN])
    (relation,) = json.loads(done.stdout)["result"]
    assert (relation["head"]["id"], relation["tail"]["id"]) == ("D1", "D2")
    assert done.exit_code == 0


def test_pubtator3_s_file_becomes_a_graph_of_mesh_and_gene_ids(tmp_path):
    text = "Lithium inhibits GSK3B."
    ids = {"Lithium": ("Chemical", "MESH:D008094"), "GSK3B": ("Gene", "2932")}
    annotations = [
        {
            "infons": {"identifier": id_, "type": type_},
            "text": name,
            "locations": [{"offset": text.index(name), "length": len(name)}],
        }
        for name, (type_, id_) in ids.items()
    ]
    passage = {"infons": {"type": "title"}, "offset": 0, "text": text, "annotations": annotations}
    path = tmp_path / "pubtator3.json"
    path.write_text(json.dumps({"PubTator3": [{"id": "1", "passages": [passage]}]}))
    written = "the interaction between lithium and gsk3b is inhibitor."
    asked = ["extract", path, "--task", "kd_dti", "--decoding", "entities"]
    found = run(*asked, completions=[written]).stdout
    done = CliRunner().invoke(app, ["export", "-", "--to", "graphml", "-o", "-"], input=found)
    assert '<edge source="MESH:D008094" target="NCBIGene:2932"' in done.stdout, done.stderr


def test_a_mention_that_is_not_in_the_text_costs_its_paper_only_where_it_matters(papers):
    path = papers(BROKEN)
    done = run("extract", path, "--decoding", "entities")
    assert "'Lithium' of document 1 is not at 1:8" in json.loads(done.stdout)["error"]["message"]
    assert done.exit_code == 1
    assert run("extract", path, completions=[WRITTEN]).exit_code == 0
    contradictory = run("extract", path, "--decoding", "entities", "--entities", "ignore")
    assert "entities must be 'use', not 'ignore'" in contradictory.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["extract"],
        ["ask", "Does it?", "--run", "x", "--corpus"],
        ["eval", "bc5cdr", "--data"],
    ],
    ids=["extract", "ask", "eval"],
)
def test_check_counts_entities_and_names_what_does_not_fit(papers, command):
    sound = run(*command, papers(PUBTATOR), "--entities", "check")
    assert sound.stdout == "1 record, 2 entities: 1 Chemical, 1 Disease\n"
    assert sound.exit_code == 0
    broken = run(*command, papers(BROKEN), "--entities", "check")
    assert "'Lithium' of document 1 is not at 1:8" in " ".join(broken.stderr.split())
    assert broken.exit_code == 1


def test_eval_among_the_corpus_entities(papers):
    path = papers(PUBTATOR)
    done = run("eval", "bc5cdr", "--data", path, "--decoding", "entities", completions=[WRITTEN])
    assert "100.0" in done.stdout
    gold = read_gold(path, "bc5cdr")
    engine = ScriptedEngine([WRITTEN])
    (found,) = predict(Pipeline("bc5cdr", engine, decoding="entities"), gold)
    assert [(r.head.id, r.tail.id) for r in found.relations] == [("D1", "D2")]


def test_extract_among_found_entities_instead_of_the_files(papers, names):
    names.write_text(names.read_text().replace("D", "X").replace("Xisease", "Disease"))
    for content, ids in ((PUBTATOR, ("D1", "D2")), (PUBTATOR_WITHOUT, ("X1", "X2"))):
        done = run("extract", papers(content), "--entities-from", names, completions=[WRITTEN])
        (relation,) = json.loads(done.stdout)["result"]
        assert (relation["head"]["id"], relation["tail"]["id"]) == ids
    for content in (PUBTATOR, PUBTATOR_WITHOUT, BROKEN):
        asked = ["extract", papers(content), "--entities-from", names, "--entities", "ignore"]
        done = run(*asked, completions=[WRITTEN])
        (relation,) = json.loads(done.stdout)["result"]
        assert (relation["head"]["id"], relation["tail"]["id"]) == ("X1", "X2")


def test_other_values_are_refused(papers):
    done = run("extract", papers(PUBTATOR), "--entities", "maybe")
    assert "--entities must be use or ignore or check, not 'maybe'" in done.stderr


def ranking(*args, shares):
    def load(_, task, **options):
        options = {k: v for k, v in options.items() if v is not None}
        return Pipeline(task or "bc5cdr", ScriptedEngine(probabilities=shares), **options)

    return CliRunner().invoke(app, [str(arg) for arg in args], obj=load)


TWO = PUBTATOR.replace("1\tCID", "1\t8\t14\tcaused\tDisease\tD3\n1\tCID")


def test_ranked_pairs_above_a_probability(papers):
    asked = ["extract", papers(TWO), "--method", "rank"]
    done = ranking(*asked, shares=[[0.6, 0.2]])
    assert [r["tail"]["id"] for r in json.loads(done.stdout)["result"]] == ["D2", "D3"]
    done = ranking(*asked, "--min-probability", "0.5", shares=[[0.6, 0.2]])
    assert [r["tail"]["id"] for r in json.loads(done.stdout)["result"]] == ["D2"]


def test_the_best_threshold_of_a_corpus(papers):
    path = papers(TWO)
    asked = ["extract", path, "--method", "rank", "--best-f1", path]
    engine = ScriptedEngine(probabilities=[[0.6, 0.2], [0.5, 0.3]])

    def load(_, task, **options):
        options = {k: v for k, v in options.items() if v is not None}
        return Pipeline(task or "bc5cdr", engine, **options)

    done = CliRunner().invoke(app, list(map(str, asked)), obj=load)
    assert [r["tail"]["id"] for r in json.loads(done.stdout)["result"]] == ["D2"]
    assert "--min-probability 0.4 has the best F1" in done.stderr
    other = ranking("extract", path, "--best-f1", path, shares=[])
    assert "--best-f1 needs --method rank" in other.stderr


def test_a_calibration_of_ranked_pairs(papers, tmp_path):
    numbered = (PUBTATOR.replace("1|a|", f"1|a|Paper {n}.") for n in range(10, 60))
    rows = [
        row.replace("1|", f"{n}|").replace("\n1\t", f"\n{n}\t")
        for n, row in enumerate(numbered, start=10)
    ]
    wrong = [row.replace("CID\tD1\tD2", "CID\tD2\tD1") for row in rows[::2]]
    path = papers("".join(wrong + rows[1::2]))
    out = tmp_path / "calibration.json"
    shares = [[0.2 + n / 100] for n in range(25)] + [[0.3 + n / 100] for n in range(25)]
    asked = ["calibrate", "bc5cdr", "--data", path, "--method", "rank", "-o", out]
    done = ranking(*asked, shares=shares)
    assert done.exit_code == 0, done.stderr
    assert json.loads(out.read_text())["ranked"]["bc5cdr"]["examples"] == 50


def test_a_corpus_without_entities_is_refused_where_they_are_needed(papers, tmp_path):
    bare, some = tmp_path / "bare.json", papers(PUBTATOR + PUBTATOR_WITHOUT)
    names = {"chemical2id": {"lithium": "D1"}, "disease2id": {"tremor": "D2"}}
    paper = {"title": TEXT, "abstract": "", "relations": [{"chemical": "D1", "disease": "D2"}]}
    bare.write_text(json.dumps({"1": paper | names}))
    for way in (["--decoding", "entities"], ["--method", "rank"], ["--methods", "free,entities"]):
        done = run("eval", "bc5cdr", "--data", bare, *way)
        assert done.exit_code == 2
        assert "needs annotated entities, and the data have none" in " ".join(done.stderr.split())
    decoding = ["--decoding", "entities"]
    done = run("eval", "bc5cdr", "--data", some, *decoding, "--entities", "ignore")
    assert "--entities ignore gives none" in " ".join(done.stderr.split())
    done = run("eval", "bc5cdr", "--data", some, *decoding, completions=[WRITTEN])
    assert "1 of 2 documents has no annotated entities" in " ".join(done.stderr.split())


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text("name,id,type\nlithium,D1,Chemical\ntremor,D2,Disease\n")
    return path


def test_eval_among_found_entities(papers, names, tmp_path):
    gold = papers(BROKEN + PUBTATOR_WITHOUT)  # annotations are not even read
    asked = ["eval", "bc5cdr", "--data", gold, "--entities-from", names]
    for more in ([], ["--entities", "ignore"], ["--methods", "free,entities"]):
        done = run(*asked, *more, completions=[WRITTEN] * 2)
        assert done.exit_code == 0, done.stderr
        assert "entities from" in done.stdout
        assert "names.csv" in done.stdout
        done = run(*asked, *more, "--json", completions=[WRITTEN] * 2)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert told[-1]["entities"] == str(names)
        assert told[-1]["default"]["value"] == 1
        assert [one["entities"] for one in told[:-1]] == [""] * (len(told) - 1)
    done = ranking(*asked, "--method", "rank", "--out", tmp_path / "run", shares=[[0.6], [0.4]])
    assert done.exit_code == 0, done.stderr
    assert "| entities from |  | names.csv |" in (tmp_path / "run/report.md").read_text()
    done = run("eval", "bc5cdr", "--data", papers(PUBTATOR), "--decoding", "entities",
               "--json", completions=[WRITTEN])  # fmt: skip
    assert json.loads(done.stdout)["entities"] == "annotations"


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        (["--decoding", "free"], "is for the methods entities and rank, not for free: add one"),
        (["--methods", "free,grounded"], "not for free, grounded: add one"),
        (["--entities", "check"], "--entities check looks only at annotations: leave"),
        (["--entities-from", "none.dict"], "there is no file 'none.dict' to find entities with"),
    ],
    ids=["decoding", "methods", "check", "no file"],
)
def test_eval_refuses_a_source_of_entities_that_makes_no_sense(papers, names, more, fault):
    done = run("eval", "bc5cdr", "--data", papers(PUBTATOR), "--entities-from", names, *more)
    assert done.exit_code == 2
    assert fault in " ".join(done.stderr.split())


def test_the_summary_counts_papers_without_entities(papers):
    path = papers(PUBTATOR_WITHOUT)
    done = run("extract", path, "--decoding", "entities")
    assert done.exit_code == 0
    summary = " ".join(done.stderr.split())
    assert "1 with warnings in its line; the first: " in summary
    assert "the text has no entities" in summary
