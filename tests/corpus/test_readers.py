"""Readers and the JSONL writer: formats, places of faults, what is never lost."""

import gzip
import json

import pytest
from shared_data import shared

from biogpt_plugins import Paper, Prediction, Relation
from biogpt_plugins.corpus import Format, JsonlWriter, check_readable, read_records
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import without_entities

PUBTATOR = """
101|t|Aspirin and bleeding.
101|a|Aspirin caused bleeding.
101\t0\t7\tAspirin\tChemical\tD001241
101\tCID\tD001241\tD006470

102|t| A title alone, with a blank before it
103|t|Naloxone|t|reverses
103|a|α-blockade: “no” effect.\r
104|a|An abstract alone.
104|t|Its title comes late.
"""
PAPERS = [
    Paper(id="101", title="Aspirin and bleeding.", text="Aspirin caused bleeding."),
    Paper(id="102", title=" A title alone, with a blank before it"),
    Paper(id="103", title="Naloxone|t|reverses", text="α-blockade: “no” effect."),
    Paper(id="104", title="Its title comes late.", text="An abstract alone."),
]


def bare(value):
    return without_entities(value) if isinstance(value, Paper) else value


def read(path, form=Format.auto):
    return [bare(record.value) for record in read_records([str(path)], form)]


def faults(path, form=Format.auto):
    values = read(path, form)
    return {i: str(v) for i, v in enumerate(values) if isinstance(v, InputError)}


@pytest.fixture
def file(tmp_path):
    def write(content, name="papers"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("form", [Format.auto, Format.pubtator])
def test_pubtator(file, form):
    assert read(file(PUBTATOR), form) == PAPERS


def test_places_are_the_lines_on_which_records_begin(file):
    path = file(PUBTATOR)
    assert [r.where for r in read_records([str(path)])] == [f"{path}:{n}" for n in (2, 7, 8, 10)]


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (
            '{"title": "T", "abstract": "A"}\n\n{"text": "B"}',
            [{"title": "T", "abstract": "A"}, {"text": "B"}],
        ),
        ('\n\n {"text": "a\\u2028b"}\r\n"plain"\n', [{"text": "a\u2028b"}, "plain"]),
        ('\ufeff{"text": "after a byte order mark"}', [{"text": "after a byte order mark"}]),
        ("Aspirin.\n\nBleeding.\n", [Paper(id="papers", text="Aspirin.\n\nBleeding.\n")]),
        ("[Ulcer]. Twelve cases.", [Paper(id="papers", text="[Ulcer]. Twelve cases.")]),
        ("\ufeffß", [Paper(id="papers", text="ß")]),
        ("", [Paper(id="papers", text="")]),
    ],
)
def test_auto_goes_by_content(file, content, values):
    assert read(file(content)) == values
    assert read(file(gzip.compress(content.encode()))) == values


def test_a_format_that_is_given_is_not_guessed(file):
    path = file('{"text": "A"}')
    assert read(path, Format.text) == [Paper(id="papers", text='{"text": "A"}')]
    assert list(faults(path, Format.pubtator)) == [0]


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        ('{"text": "A"}\n{"text": \n{"text": "C"}\n', 2, "not JSON"),
        ('{"text": "A"}\n[1]\n{"text": "C"}\n', 2, "[1] is not a record"),
        ('{"text": "A"}\nnull\n{"text": "C"}\n', 2, "null is not a record"),
        ('{"text": "A"}\n{"text": "\\ud83d"}\n{"text": "C"}\n', 2, "surrogates"),
        ('{"text": "A"}\n' + "[" * 200_000 + '\n{"text": "C"}\n', 2, "recursion"),
        (
            b'{"text": "A"}\n{"text": "\xe9"}\n{"text": "C"}\n',
            2,
            "not UTF-8 text (byte 0xe9 at 10)",
        ),
        ("1|t|A\n1|a|B\n\nnonsense\n\n2|t|C\n", 4, "expected id|t|title"),
        (b"1|t|A\n1|a|B\n2|t|\xff\n3|t|C\n", 3, "not UTF-8 text"),
    ],
)
def test_a_broken_record_costs_itself_only_and_is_named(file, content, where, what):
    path = file(content)
    values = read(path)
    assert [isinstance(value, InputError) for value in values] == [False, True, False]
    assert str(values[1]).startswith(f"{path}:{where}: ")
    assert what in str(values[1])


def test_a_text_in_another_encoding_is_an_error(file):
    assert "convert the file" in faults(file("naïve".encode("latin-1")))[0]


@pytest.mark.parametrize("name", ["cut.gz", "harmed.gz"])
def test_a_broken_archive_costs_neither_what_came_before_nor_other_files(file, name):
    lines = "".join(f'{{"id": {i}, "text": "{hash(i * 1.1)}"}}\n' for i in range(5000))
    data = bytearray(gzip.compress(lines.encode()))
    if name == "cut.gz":
        del data[-1000:]
    else:
        data[-4000:-3990] = b"\0" * 10
    path, sound = file(bytes(data), name), file('{"text": "B"}', "sound")
    values = [r.value for r in read_records([str(path), str(sound)])]
    assert values[-1] == {"text": "B"}
    broken = [v for v in values if isinstance(v, InputError)]
    assert len(values) > 1000
    assert any("cannot read further" in str(error) for error in broken)


def test_check_readable(tmp_path, file):
    check_readable([str(file("A")), "-"])
    with pytest.raises(InputError, match="is a folder"):
        check_readable([str(tmp_path)])
    with pytest.raises(FileNotFoundError):
        check_readable([str(tmp_path / "none")])


def test_real_pubtator_offsets_are_those_of_the_papers():
    path = shared("bc5cdr/CDR_DevelopmentSet.PubTator.txt")
    papers = {paper.id: paper for paper in read(path)}
    assert len(papers) == 500
    mentions = [
        fields
        for line in path.read_text(encoding="utf-8").splitlines()
        if len(fields := line.split("\t")) == 6
    ]
    assert len(mentions) > 9000
    for pmid, start, end, text, *_ in mentions:
        assert papers[pmid].source[int(start) : int(end)] == text


PREDICTION = Prediction[list[Relation]](id="1", task="bc5cdr", result=[])


def test_writer_writes_each_line_at_once(tmp_path):
    path = tmp_path / "out"
    with JsonlWriter(str(path)) as writer:
        assert not path.exists()
        for n in (1, 2):
            writer.write(PREDICTION)
            assert len(path.read_text().splitlines()) == n
    assert json.loads(path.read_text().splitlines()[0])["id"] == "1"


def test_writer_keeps_what_is_there(file):
    path = file("precious", "out")
    with pytest.raises(InputError, match="--force"):
        JsonlWriter(str(path))
    writer = JsonlWriter(str(path), force=True)
    assert path.read_text() == "precious"
    with writer:
        writer.write(PREDICTION)
    assert path.read_text() == PREDICTION.model_dump_json() + "\n"


def test_writer_replaces_what_is_empty(file):
    with JsonlWriter(str(file("", "out"))) as writer:
        writer.write(PREDICTION)


@pytest.mark.parametrize(
    ("path", "why"),
    [("papers", "one of the inputs"), (".", "a folder"), ("no/out", r"folder .*no does not exist")],
)
def test_writer_refuses(file, path, why):
    papers = file("A")
    with pytest.raises(InputError, match=why):
        JsonlWriter(str(papers.parent / path), force=True, inputs=["-", str(papers)])
