"""Spreadsheets of labelled texts, and splits by document."""

import csv
import json

import pytest
from typer.testing import CliRunner

from biogpt_plugins.cli import app
from biogpt_plugins.corpus import read_gold
from biogpt_plugins.corpus.gold import document_of, read_solved, split
from biogpt_plugins.training.examples import read_examples
from biogpt_plugins.values.errors import InputError

HEADER = "text,head,type,tail,document"
ROWS = [
    "Warfarin may interact with aspirin.,warfarin,int,aspirin,D1",
    '"Aspirin, with 𝛼 or β, raised lithium; gold did too.",Aspirin,effect,lithium,D1',
    '"Aspirin, with 𝛼 or β, raised lithium; gold did too.",gold,effect,lithium,D1',
    "Nothing was seen.,,,,D2",
]


@pytest.fixture
def sheet(tmp_path):
    def write(*rows, name="labels.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_text("\n".join(rows) + "\n", encoding=encoding)
        return path

    return write


def cells(row):
    return next(csv.reader([row]))


def shown(path):
    return [
        (one.id, one.input["document"], [str(relation) for relation in one.result])
        for one in read_solved(path, ["ddi"])
    ]


EXPECTED = [
    ("D1:1", "D1", ["warfarin -[int]-> aspirin"]),
    ("D1:2", "D1", ["Aspirin -[effect]-> lithium", "gold -[effect]-> lithium"]),
    ("D2", "D2", []),
]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("first", [[], ["sep=MARK"]])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_rows_of_a_text_are_its_relations(sheet, mark, first, encoding):
    rows = [",".join(f'"{cell}"' for cell in cells(row)) for row in [HEADER, *ROWS]]
    rows = [row.replace('","', f'"{mark}"') for row in rows]
    path = sheet(*(one.replace("MARK", mark) for one in first), *rows, encoding=encoding)
    assert shown(path) == EXPECTED


def test_columns_have_any_order_and_case_and_usual_names(sheet):
    path = sheet("PMID,Head,Relation,Tail,Sentence", '7,warfarin,int,aspirin,"Warfarin, aspirin."')
    assert shown(path) == [("7", "7", ["warfarin -[int]-> aspirin"])]


def test_a_workbook_is_read_as_csv_is(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [HEADER, *ROWS]:
        book.active.append([cell or None for cell in cells(row)])
    book.save(tmp_path / "labels.xlsx")
    assert shown(tmp_path / "labels.xlsx") == EXPECTED


def test_a_title_is_part_of_the_text(sheet):
    path = sheet(f"{HEADER},title", "It raised lithium.,Aspirin,int,lithium,D1,Aspirin in rats.")
    (example,) = read_examples(path, ["ddi"])
    assert example.input.source == "Aspirin in rats. It raised lithium."
    assert example.target == "the interaction between aspirin and lithium is int."


def test_gold_of_a_sheet_has_an_id_for_each_text(sheet):
    documents = read_gold(sheet(HEADER, *ROWS), "ddi").documents
    assert [one.id for one in documents] == ["D1:1", "D1:2", "D2"]
    assert [len(one.gold) for one in documents] == [1, 2, 0]
    without = sheet("text,head,type,tail", "Warfarin and aspirin.,warfarin,int,aspirin")
    assert [one.id for one in read_gold(without, "ddi").documents] == ["1"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["text,head,type,tail,note"], "the column 'note' is unknown. Rename or remove it"),
        (["text,head,type,tail,sentence"], "there are two columns for 'text'"),
        ([HEADER, "A b.,a,int,,D"], "row 2 has no tail: fill it in, or leave head, type and tail"),
        ([HEADER, "A b.,a,int,z,D"], "row 2 has the tail 'z', which its text does not contain"),
        ([HEADER, ",a,int,b,D"], "row 2 has no text"),
        ([HEADER, "A, b.,a,int,b,D"], "row 2 has more cells than the header: quote"),
        ([HEADER, *["A b.,a,int,b,D"] * 2], "row 3 repeats row 2"),
        ([HEADER, "A b.,a,int,b,D", "A b.,,,,D"], "row 3 and row 2 disagree"),
        ([HEADER, "A b.,,,,D", "A b.,a,int,b,D"], "row 3 and row 2 disagree"),
        ([HEADER, "A b.,a,causes,b,D"], "row 2: ddi has no relation type 'causes'"),
        ([HEADER, *[f"A b.,a,int,z{n},D" for n in range(9)]], "row 6 .*; and 4 more"),
    ],
)
def test_what_is_wrong_is_told_by_row(sheet, rows, told):
    with pytest.raises(InputError, match=told):
        read_solved(sheet(*rows), ["ddi"])


def many(number):
    return [f"Drug{n} met pill{n % 9}.,drug{n},int,pill{n % 9},D{n // 3}" for n in range(number)]


def test_a_split_keeps_documents_together_and_in_their_part(sheet):
    small, large = (split(sheet(HEADER, *many(n)), test=0.3, valid=0.1) for n in (150, 300))
    documents = [{document_of(row) for row in part} for part in large]
    assert sum(map(len, documents)) == 100
    train, valid, test = map(len, documents)
    assert train > test > valid
    for one, other in zip(small, large, strict=True):
        assert {row["text"] for row in one} <= {row["text"] for row in other}


def test_texts_of_a_document_stay_together_where_their_ids_alone_name_it(sheet, tmp_path):
    """As in labels that the report's page saves."""
    rows = [row for part in split(sheet(HEADER, *many(60))) for row in part]
    assert {row["id"] for row in rows} >= {"D3:1", "D3:2", "D3:3"}
    path = tmp_path / "labels.jsonl"
    bare = ({name: row[name] for name in ("id", "text", "gold")} for row in rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in bare), encoding="utf-8")
    for one, other in zip(split(path), split(sheet(HEADER, *many(60))), strict=True):
        assert sorted(row["text"] for row in one) == sorted(row["text"] for row in other)
    ids = ("PMID:12", "7:1", "PMC7:1:2", "doi:10.1/7:12345", "")
    assert [document_of({"id": id_}) for id_ in ids] == [
        "PMID:12", "7", "PMC7:1", "doi:10.1/7:12345", None,
    ]  # fmt: skip


def test_lines_of_json_are_split_by_document_or_id_or_a_field(tmp_path):
    rows = [
        {"id": str(n), "lab": n % 4, "text": "a", "gold": [], "label": {"by": "biogpt report"}}
        for n in range(40)
    ]
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    parts = split(path, test=0.3)
    assert sorted([*parts.train, *parts.test], key=lambda row: int(row["id"])) == rows
    by_lab = split(path, test=0.5, by="lab")
    assert not {row["lab"] for row in by_lab.train} & {row["lab"] for row in by_lab.test}
    with pytest.raises(InputError, match="line 1: it does not name its document: give it town"):
        split(path, by="town")


@pytest.mark.parametrize(
    ("rows", "shares", "told"),
    [
        (many(3), {"test": 0.2}, "too few documents: none is left to"),
        (many(30), {"test": 1.0}, "must be shares"),
        (many(30), {"test": 0.5, "valid": 0.5}, "must be shares"),
    ],
)
def test_what_cannot_be_split_is_refused(sheet, rows, shares, told):
    with pytest.raises(InputError, match=told):
        split(sheet(HEADER, *rows), **shares)


def test_a_corpus_is_not_split(tmp_path):
    path = tmp_path / "train.tsv"
    path.write_text("A sentence.\tempty\n", encoding="utf-8")
    with pytest.raises(InputError, match="must be JSONL or a spreadsheet"):
        split(path)


def test_the_command_tells_the_parts(sheet, tmp_path):
    args = ["split", str(sheet(HEADER, *many(90))), "-o", str(tmp_path / "parts")]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.stderr
    train, test = (tmp_path / "parts" / f"{name}.jsonl" for name in ("train", "test"))
    assert done.stdout.split("\n") == [str(train), str(test), ""]
    lines = test.read_text("utf-8").splitlines()
    assert f"{len(lines)} texts of {len(lines) // 3} documents in" in done.stderr
    assert len(read_gold(test, "ddi").documents) == len(lines)
    assert "note:" not in done.stderr
    again = CliRunner().invoke(app, args)
    assert again.exit_code == 2
    assert "is not empty" in again.stderr
    assert CliRunner().invoke(app, [*args, "--force"]).exit_code == 0
    row = {"id": "D1:1", "text": "a", "gold": []}
    bare = tmp_path / "bare.jsonl"
    bare.write_text(
        "".join(json.dumps({**row, "id": f"D{n}:1"}) + "\n" for n in range(30)), "utf-8"
    )
    for more, told in (([], True), (["--by", "id"], False)):
        args = ["split", str(bare), "-o", str(tmp_path / f"bare{told}"), *more]
        done = CliRunner().invoke(app, args)
        assert done.exit_code == 0, done.stderr
        assert ("note: 30 texts do not name their document" in done.stderr) is told


def test_a_row_that_is_cut_off_is_told(sheet):
    with pytest.raises(InputError, match="row 2 has no text"):
        read_solved(sheet("head,type,tail,document,text", "a,int,b,D"), ["ddi"])
