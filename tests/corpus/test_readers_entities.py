"""Annotations in files: read as entities, or refused by document and mention, with a remedy."""

import json

import pytest
from shared_data import shared

from biogpt_plugins import Entity, Paper
from biogpt_plugins.corpus import read_records
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.errors import InputError

TITLE, ABSTRACT = "Lithium (Li) toxicity.", "It caused pleural and pericardial effusions."
SOURCE = f"{TITLE} {ABSTRACT}"
LITHIUM = Entity(text="Lithium", type="Chemical", start=0, end=7, id="MESH:D008094")


def pubtator(*rows, title=TITLE, abstract=ABSTRACT):
    lines = [f"1|t|{title}", f"1|a|{abstract}", *("\t".join(map(str, row)) for row in rows)]
    return "\n".join(lines) + "\n"


def entities_of(path):
    (record,) = read_records([str(path)])
    return get_task("bc5cdr").read_input(record.value).entities


@pytest.fixture
def write(tmp_path):
    def write(content, name="papers"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


def bioc(annotations, offset=len(TITLE) + 1):
    passages = [
        {"offset": 0, "infons": {"type": "title"}, "text": TITLE, "annotations": []},
        {
            "offset": offset,
            "infons": {"type": "abstract"},
            "text": ABSTRACT,
            "annotations": annotations,
        },
    ]
    return {"id": "1", "passages": passages}


def annotation(text, *places, **infons):
    locations = [{"offset": at, "length": size} for at, size in places]
    return {"id": "7", "infons": infons, "text": text, "locations": locations}


def as_xml(document):
    def infons(of):
        return "".join(f'<infon key="{key}">{one}</infon>' for key, one in of["infons"].items())

    def mark(one):
        places = "".join(
            f"<location offset='{x['offset']}' length='{x['length']}'/>" for x in one["locations"]
        )
        return f"<annotation id='7'>{infons(one)}{places}<text>{one['text']}</text></annotation>"

    passages = "".join(
        f"<passage>{infons(p)}<offset>{p['offset']}</offset><text>{p['text']}</text>"
        f"{''.join(map(mark, p['annotations']))}</passage>"
        for p in document["passages"]
    )
    return f"<collection><document><id>1</id>{passages}</document></collection>"


def test_pubtator_keeps_mentions(write):
    found = entities_of(
        write(
            pubtator(
                (1, 0, 7, "Lithium", "Chemical", "MESH:D008094"),
                (1, 9, 11, "li", "Chemical", "D008094;C1"),  # another case, two ids
                (
                    1,
                    33,
                    66,
                    SOURCE[33:66],
                    "Disease",
                    "D1|D2",
                    "pleural effusions|pericardial ones",
                ),
                (1, 41, 44, "and", "Junk", "-"),
                (1, "CID", "D008094", "D1"),
            )
        )
    )
    assert found[0] == LITHIUM
    assert (found[1].text, found[1].id) == ("Li", "D008094;C1")
    assert [(e.text, e.name, e.id) for e in found[2:4]] == [
        (SOURCE[33:66], "pleural effusions", "D1"),
        (SOURCE[33:66], "pericardial ones", "D2"),
    ]
    assert found[4].id is None
    assert all(SOURCE[e.start : e.end] == e.text for e in found)


def test_annotations_behind_a_blank_line_are_not_lost(write):
    rows = pubtator() + "\n1\t0\t7\tLithium\tChemical\tMESH:D008094\n"
    assert entities_of(write(rows)) == (LITHIUM,)


@pytest.mark.parametrize("dump", [json.dumps, as_xml])
@pytest.mark.parametrize("shift", [0, len(TITLE) + 1])
def test_bioc_keeps_annotations_that_count_in_the_document_or_in_the_passage(write, dump, shift):
    at = shift + ABSTRACT.index("pleural")
    document = bioc(
        [
            annotation(
                "pericardial effusions", (at + 12, 21), type="Disease", identifier="MESH:D2"
            ),
            annotation("pleural effusions", (at, 8), (at + 24, 9), type="Disease", MESH="D1"),
        ]
    )
    whole, parted = entities_of(write(dump(document)))
    assert (whole.text, whole.id, whole.type) == ("pericardial effusions", "MESH:D2", "Disease")
    assert (parted.text, parted.name, parted.id) == (
        "pleural and pericardial effusions",
        "pleural effusions",
        "D1",
    )
    assert SOURCE[parted.start : parted.end] == parted.text


@pytest.mark.parametrize(
    "size", [len, lambda text: len(text.encode()), lambda text: len(text.encode("utf-16-le")) // 2]
)
def test_offsets_may_count_characters_bytes_or_utf_16_units(write, size):
    title = "𝒳 and α-tocopherol."
    at = size(title[: title.index("α")])
    row = (1, at, at + size("α-tocopherol"), "α-tocopherol", "Chemical", "D024502")
    (found,) = entities_of(write(pubtator(row, title=title)))
    assert (found.text, found.start) == ("α-tocopherol", title.index("α"))


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ((1, 0, 7, "Sodium", "Chemical", "D1"), "'Sodium' of document 1 is not at 0:7.*'Lithium'"),
        ((1, 900, 907, "Lithium", "Chemical", "D1"), "is not at 900:907: the text has .* charact"),
        ((1, -4, 3, "Lith", "Chemical", "D1"), "is not at -4:3"),
        ((1, 5, 5, "", "Chemical", "D1"), "is not at 5:5"),
        ((2, 0, 7, "Lithium", "Chemical", "D1"), "line 3 is not a mention of document 1"),
        ((1, 0, "x", "Lithium", "Chemical", "D1"), "line 3 is not a mention"),
        ((1, 0, 7), "line 3 is not a mention"),
    ],
)
def test_what_is_not_in_the_text_is_refused_by_name_where_it_is_used(write, row, fault):
    (record,) = read_records([str(write(pubtator(row)))])
    with pytest.raises(InputError, match=f"(?s){fault}.*--entities ignore"):
        get_task("bc5cdr").read_input(record.value)
    plain = get_task("bc5cdr").read_input(record.value, entities=False)
    assert plain == Paper(id="1", title=TITLE, text=ABSTRACT)


ROWS = [
    {"text": "Lithium", "type": "Chemical", "start": 0, "end": 7, "id": "MESH:D008094"},
    {"mention": "Lithium", "label": "Chemical", "begin": 0, "stop": 7, "ids": ["MESH:D008094"]},
    annotation("Lithium", (0, 7), type="Chemical", identifier="MESH:D008094"),
    {"offset": "0", "length": "7", "category": "Chemical", "kb_id": "MESH:D008094"},
    {"spans": [[0, 7]], "type": "Chemical", "cui": "MESH:D008094"},
    ["Lithium", "Chemical", 0, 7, "MESH:D008094"],
    json.loads(LITHIUM.model_dump_json()),
]


@pytest.mark.parametrize("row", ROWS)
def test_records_and_tables_take_a_column(write, row):
    record = {"id": "1", "title": TITLE, "abstract": ABSTRACT}
    assert entities_of(write(json.dumps({**record, "entities": [row]}))) == (LITHIUM,)
    cell = json.dumps([row]).replace('"', '""')
    table = f'id,title,abstract,entities\n1,{TITLE},{ABSTRACT},"{cell}"\n'
    assert entities_of(write(table, "papers.csv")) == (LITHIUM,)


@pytest.mark.parametrize("given", [{"a": 1}, "no JSON", 3, [3], [{"type": "x"}], [{"start": "x"}]])
def test_a_column_of_another_kind_is_refused_where_it_is_used(given):
    record = {"id": "1", "abstract": ABSTRACT, "entities": given}
    with pytest.raises(InputError, match="entit"):
        get_task("bc5cdr").read_input(record)
    assert not get_task("bc5cdr").read_input(record, entities=False).entities


def test_every_annotation_of_500_real_papers_is_read():
    records = read_records([str(shared("bc5cdr/CDR_DevelopmentSet.PubTator.txt"))])
    papers = [record.value for record in records]
    assert not [paper.fault for paper in papers if paper.fault]
    assert sum(len(paper.entities) for paper in papers) > 9000
