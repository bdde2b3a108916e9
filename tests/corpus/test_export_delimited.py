"""CSV and TSV: what is written, what csv and pandas read back, and what spreadsheets are spared."""

import csv
from io import StringIO

import pytest
from tabled import EVERY, ODD
from typer.testing import CliRunner

from biogpt_plugins import Paper
from biogpt_plugins.cli import app
from biogpt_plugins.corpus.export import csv_line, csv_table, documents, pubtator, tsv_table
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Entity, Prediction, Relation
from biogpt_plugins.values.table import COLUMNS, rows

TABLE = [row for one in EVERY for row in rows(one)]


def read_back(text, mark=","):
    return list(csv.DictReader(StringIO(text, newline=""), delimiter=mark))


def test_14_csv_without_pyarrow():
    found = read_back("".join(csv_table(TABLE)))
    assert list(found[0]) == list(COLUMNS)
    assert [row["kind"] for row in found] == [row["kind"] for row in TABLE]
    first = found[0]
    assert [first[name] for name in ("id", "head_start", "head_end")] == ["1", "40", "43"]
    assert (first["score"], first["negated"], found[1]["head_start"]) == ("0.5", "true", "")
    odd = ODD.replace("\0", "\ufffd")
    assert first["tail_text"] == odd
    assert first["evidence"] == f"One. | {odd}"
    assert first["warnings"] == f"One thing.; {odd}"


def test_14_tsv_has_one_line_for_each_row():
    text = "".join(tsv_table(TABLE))
    assert "\r" not in text
    assert text.count("\n") == len(TABLE) + 1
    found = read_back(text, "\t")
    assert [row["id"] for row in found if row["id"].isdigit()] == [
        row["id"] for row in TABLE if (row["id"] or "").isdigit()
    ]
    assert found[0]["tail_text"] == 'A "b" <c> & 𝛼; d|e  f\ufffdg'


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1", "@a", "\t=1", "\r=1", "＝1"])
def test_14_formulas_are_guarded(text):
    assert read_back(f"a\n{csv_line([text])}")[0]["a"] == f"'{text}"
    (row,) = rows(Prediction(id=text, task="hoc", result="x"))
    for line in (*csv_table([row]), *tsv_table([row])):
        assert not any(cell.startswith(text) for cell in next(csv.reader([line])))


def test_14_numbers_are_no_formulas():
    assert csv_line([-1, 1e-09, 0.5, True, None, "a-b", ""]) == "-1,1e-09,0.5,true,,a-b,\n"
    assert csv_line(["a\rb", "c\nd", 'e"f']) == '"a\rb","c\nd","e""f"\n'


def test_14_pandas_reads_what_was_written():
    pd = pytest.importorskip("pandas", reason="NO TEST with pandas: pip install pandas")
    frame = pd.read_csv(StringIO("".join(csv_table(TABLE)), newline=""), dtype={"id": str})
    assert frame[~frame.negated].shape[0] == len(TABLE) - 1


def biogpt(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture
def predictions(tmp_path):
    path = tmp_path / "found.jsonl"
    path.write_text("".join(f"{one.model_dump_json()}\n" for one in EVERY), encoding="utf-8")
    return path


@pytest.mark.parametrize("to", ["csv", "tsv"])
def test_14_export_of_tables(predictions, tmp_path, to):
    done = biogpt("export", predictions, "--to", to, "-o", tmp_path / "table")
    assert done.exit_code == 0, done.output
    assert f"{len(TABLE)} rows: 3 relation" in done.stderr
    text = (tmp_path / "table").read_bytes().decode()
    assert text == "".join((csv_table if to == "csv" else tsv_table)(TABLE))
    assert biogpt("export", predictions, "--to", to, "-o", "-").stdout_bytes.decode() == text


# --- PubTator -------------------------------------------------------------------------------

RELATION = Relation(
    head=Entity(text="Zinc", type="chemical"), type="CID", tail=Entity(text="rash", type="disease")
)


@pytest.mark.parametrize("id_", ["a|b", "a\tb", "a\nb", "a\r", "a\u2028b", " "])
def test_14_ids_that_pubtator_cannot_hold(id_):
    found = [Prediction(id=id_, task="bc5cdr", result=[RELATION])]
    with pytest.raises(InputError, match="PubTator cannot hold the id"):
        list(pubtator(documents(found, {id_: Paper(id=id_, text="Zinc: rash.")})))


def test_14_empty_ids_are_left_out():
    found = [Prediction(id="", task="bc5cdr", result=[RELATION])]
    assert list(documents(found, {"": Paper(text="Zinc: rash.")})) == []


def test_14_export_tells_of_ids_that_pubtator_cannot_hold(tmp_path):
    papers, found = tmp_path / "papers.jsonl", tmp_path / "found.jsonl"
    papers.write_text(
        '{"id": "1", "text": "Zinc: rash."}\n{"id": "a|t|b", "text": "Zinc."}\n', encoding="utf-8"
    )
    found.write_text(
        "".join(
            f"{Prediction(id=id_, task='bc5cdr', result=[RELATION]).model_dump_json()}\n"
            for id_ in ("1", "a|t|b")
        ),
        encoding="utf-8",
    )
    out = tmp_path / "out"
    done = biogpt("export", found, "-p", papers, "-t", "pubtator", "-o", out)
    assert "PubTator cannot hold the id 'a|t|b': use bioc" in done.stderr
    assert out.read_text(encoding="utf-8").startswith("1|t|Zinc: rash.\n")
    assert "a|t|b" not in out.read_text(encoding="utf-8")
    assert biogpt("export", found, "-p", papers, "-t", "bioc", "-o", out, "--force").exit_code == 0
