"""Parquet: what is written, what pyarrow reads back, and `biogpt export --to parquet`."""

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from doubles import Ruled
from tabled import EVERY, SHARES, rebuilt
from typer.testing import CliRunner

from biogpt_plugins import Answer, Pipeline, Prediction, __version__
from biogpt_plugins.cli import app
from biogpt_plugins.corpus.export import schema, write_parquet
from biogpt_plugins.corpus.run import outcomes, run
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.table import COLUMNS, rows


def table(predictions):
    return [row for one in predictions for row in rows(one)]


def written(tmp_path, predictions):
    path = tmp_path / "results.parquet"
    write_parquet(str(path), table(predictions))
    return path


def names_in(folder):
    return {path.name for path in folder.iterdir()}


# --- the file -------------------------------------------------------------------------------


def test_what_is_read_is_what_was_written(tmp_path):
    found = pq.read_table(written(tmp_path, EVERY)).to_pylist()
    assert found == table(EVERY)
    assert rebuilt(found) == EVERY


@pytest.mark.parametrize("number", range(len(EVERY)))
def test_the_schema_is_the_same_whatever_was_found(tmp_path, number):
    path = written(tmp_path, EVERY[number : number + 1])
    assert pq.read_schema(path).equals(schema(), check_metadata=True)
    assert pq.read_schema(path).names == list(COLUMNS)


def test_types_of_columns():
    types = dict(zip(schema().names, map(str, schema().types), strict=True))
    assert types["id"] == types["head_text"] == types["label"] == "string"
    assert types["number"] == types["tail_end"] == types["prompt_tokens"] == "int64"
    assert types["score"] == types["probability_yes"] == types["confidence_type"] == "double"
    assert types["negated"] == "bool"
    assert types["warnings"].startswith("list<")
    assert [field.name for field in schema().field("evidence").type.value_type] == [
        *("text", "start", "end", "holds", "cues", "part"),
    ]


def test_files_of_several_tasks_are_one_table(tmp_path):
    for number, one in enumerate(EVERY):
        write_parquet(str(tmp_path / f"{number}.parquet"), rows(one))
    assert pq.read_table(tmp_path).num_rows == len(table(EVERY))


def test_no_rows_are_a_file_with_columns(tmp_path):
    found = pq.read_table(written(tmp_path, []))
    assert (found.num_rows, found.schema) == (0, schema())


def test_types_that_others_guess_of_rows_are_the_schemas():
    """Of Ray and pandas; a column that is empty has none to be guessed."""
    for field in pa.Table.from_pylist(table(EVERY)).schema:
        expected = schema().field(field.name).type
        if pa.types.is_nested(expected):
            assert pa.types.is_list(field.type)
        else:
            assert field.type in (expected, pa.null())


def test_the_file_says_what_wrote_it_and_is_compressed(tmp_path):
    file = pq.ParquetFile(written(tmp_path, EVERY))
    assert file.schema_arrow.metadata == {b"written_by": f"biogpt-plugins {__version__}".encode()}
    group = file.metadata.row_group(0)
    assert {group.column(n).compression for n in range(group.num_columns)} == {"ZSTD"}


class Held(dict):
    """A row that tells how many there are at a time."""

    now = most = 0

    def __init__(self, number):
        super().__init__(number=number)
        Held.now += 1
        Held.most = max(Held.most, Held.now)

    def __del__(self):
        Held.now -= 1


def test_rows_are_not_accumulated(tmp_path):
    path = tmp_path / "many.parquet"
    write_parquet(str(path), map(Held, range(70_000)))
    assert Held.most < 2_100
    file = pq.ParquetFile(path)
    groups = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert groups == [32_768, 32_768, 70_000 - 2 * 32_768]
    assert file.read(["number"])["number"].to_pylist() == list(range(70_000))


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    def ending():
        yield from table(EVERY) * 100
        raise InputError("the shard is broken")

    path = written(tmp_path, EVERY)
    with pytest.raises(InputError, match="broken"):
        write_parquet(str(path), ending())
    assert pq.read_table(path).num_rows == len(table(EVERY))
    with pytest.raises(InputError, match="broken"):
        write_parquet(str(tmp_path / "other.parquet"), ending())
    assert names_in(tmp_path) == {"results.parquet"}


def test_the_standard_output_is_refused():
    with pytest.raises(InputError, match="cannot be written to a pipe: name a file"):
        write_parquet("-", [])


# --- the command ----------------------------------------------------------------------------


def biogpt(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture
def found(tmp_path):
    path = tmp_path / "found.jsonl"
    path.write_text("\n".join(one.model_dump_json() for one in EVERY), encoding="utf-8")
    return path


def test_export(found, tmp_path):
    out = tmp_path / "results.parquet"
    done = biogpt("export", found, "--to", "parquet", "-o", out)
    assert (done.exit_code, done.stdout) == (0, "")
    said = "14 rows: 3 relation, 3 answer, 2 nothing, 2 failure, 2 hallmark, 2 text"
    assert done.stderr.splitlines() == [said, f"written to {out}"]
    assert rebuilt(pq.read_table(out).to_pylist()) == EVERY
    assert names_in(tmp_path) == {"found.jsonl", "results.parquet"}


def test_a_file_is_replaced_only_by_force(found, tmp_path):
    out = tmp_path / "results.parquet"
    out.write_text("mine")
    done = biogpt("export", found, "-t", "parquet", "-o", out)
    assert (done.exit_code, "is not empty: choose another file" in done.stderr) == (2, True)
    assert out.read_text() == "mine"
    assert biogpt("export", found, "-t", "parquet", "-o", out, "--force").exit_code == 0
    assert pq.read_table(out).num_rows == len(table(EVERY))
    done = biogpt("export", found, "-t", "parquet", "-o", found, "--force")
    assert (done.exit_code, "is one of the inputs" in done.stderr) == (2, True)
    done = biogpt("export", found, "-t", "parquet", "-o", tmp_path, "--force")
    assert (done.exit_code, "is a folder: give a file name" in done.stderr) == (2, True)
    done = biogpt("export", found, "-t", "parquet", "-o", "-")
    assert (done.exit_code, "cannot be written to a pipe: name a file" in done.stderr) == (2, True)


def test_lines_that_cannot_be_used_are_told_and_counted(found, tmp_path):
    odd = Answer(label="yes", probabilities={**SHARES, "perhaps": 0.0})
    with found.open("a", encoding="utf-8") as file:
        file.write(f"\n{Prediction(id='x', task='mine', result=odd).model_dump_json()}\nnonsense\n")
    out = tmp_path / "results.parquet"
    done = biogpt("export", found, "-t", "parquet", "-o", out)
    assert done.exit_code == 1
    assert "warning: the answer of x has probabilities for 'perhaps'" in done.stderr
    assert "2 lines could not be used" in done.stderr
    assert rebuilt(pq.read_table(out).to_pylist()) == EVERY


def test_no_predictions_are_an_error(tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    done = biogpt("export", empty, "-t", "parquet", "-o", tmp_path / "results.parquet")
    assert (done.exit_code, "no predictions in" in done.stderr) == (2, True)
    assert names_in(tmp_path) == {"empty.jsonl"}


def test_runs_know_questions_and_places(found, tmp_path):
    papers, folder, out = (tmp_path / name for name in ("p.jsonl", "run", "results.parquet"))
    lines = [{"id": "a", "text": "One."}, {"title": 5}]
    papers.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run(Pipeline("pubmedqa", Ruled()), [papers], folder, questions=["Is it?", "Was it?"])
    done = biogpt("export", folder, found, "-t", "parquet", "-o", out)
    assert done.exit_code == 0, done.stderr
    read = pq.read_table(out).to_pylist()
    assert [(row["kind"], row["id"], row["question"], row["origin"]) for row in read[:5]] == [
        ("answer", "a", "Is it?", f"{papers}:1"),
        ("answer", "a", "Was it?", f"{papers}:1"),
        ("failure", None, "Is it?", f"{papers}:2"),
        ("failure", None, "Was it?", f"{papers}:2"),
        ("relation", "1", None, None),
    ]
    assert rebuilt(read) == [*(one.prediction for one in outcomes(folder)), *EVERY]


def test_a_broken_run_leaves_nothing(tmp_path):
    papers, folder = tmp_path / "p.jsonl", tmp_path / "run"
    papers.write_text('{"id": "a", "text": "drug1 caused illness1."}\n')
    run(Pipeline("bc5cdr", Ruled()), [papers], folder)
    with (folder / "shards/000000.jsonl").open("a") as file:
        file.write("{")
    done = biogpt("export", folder, "-t", "parquet", "-o", tmp_path / "results.parquet")
    assert (done.exit_code, "000000.jsonl is not as the run wrote it" in done.stderr) == (2, True)
    assert names_in(tmp_path) == {"p.jsonl", "run"}


def test_pyarrow_is_an_extra(found, tmp_path):
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from biogpt_plugins.cli import app\n"
        f"app(['export', {str(found)!r}, '-t', *sys.argv[1:]])\n"
    )

    def without(*args):
        command = [sys.executable, "-c", code, *map(str, args)]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    done = without("parquet", "-o", tmp_path / "results.parquet")
    assert done.returncode == 2
    assert 'Parquet needs pyarrow: pip install "biogpt-plugins[parquet]"' in done.stderr
    assert names_in(tmp_path) == {"found.jsonl"}
    assert without("graphml", "-o", tmp_path / "graph").returncode == 0
