"""BioC, JATS, JSON of several shapes, tables: what they hold, by content, and where they break."""

import gzip
import json
import os
from xml.sax.saxutils import escape

import pytest
from shared_data import shared

from biogpt_plugins import Entity, Paper, Prediction, Relation
from biogpt_plugins.corpus import Format, Record, Sections, read_records
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import without_entities


def read(path, form=Format.auto, **options):
    values = (record.value for record in read_records([path], form, **options))
    return [without_entities(v) if isinstance(v, Paper) else v for v in values]


def bioc_xml(*documents):
    inner = "\n".join(documents)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE collection SYSTEM "BioC.dtd">\n'
        f"<collection><source>PubTator</source><date/><key/>\n{inner}\n</collection>\n"
    )


def document(id_, *passages):
    inner = "".join(
        f'<passage><infon key="type">{kind}</infon><offset>{offset}</offset>'
        f"<text>{escape(text)}</text><annotation id='0'><infon key='type'>Disease</infon>"
        "<location offset='0' length='1'/><text>x</text></annotation></passage>\n"
        for kind, offset, text in passages
    )
    return f"<document>\n<id>{id_}</id>\n{inner}</document>"


def as_json(id_, *passages):
    return {
        "id": id_,
        "infons": {},
        "passages": [
            {"offset": offset, "infons": {"type": kind}, "text": text, "annotations": []}
            for kind, offset, text in passages
        ],
        "relations": [],
    }


FULL = [
    ("1", ("title", 0, "Naïve <T>."), ("abstract", 11, "A & B."), ("abstract", 18, "C.")),
    ("2", ("title", 0, " T"), ("abstract", 3, "")),
    ("3", ("front", 0, "T."), ("abstract", 3, "A."), ("intro", 6, "I."), ("ref", 9, "R.")),
    ("4", ("", 0, "One."), ("", 6, "Two.")),
]
PAPERS = [
    Paper(id="1", title="Naïve <T>.", text="A & B. C."),
    Paper(id="2", title=" T"),
    Paper(id="3", title="T.", text="A."),
    Paper(id="4", text="One.  Two."),
]


def collection(**fields):
    return {"source": "", "infons": {"a": "b"}, **fields, "key": 1}


@pytest.mark.parametrize(
    "content",
    [
        bioc_xml(*(document(*each) for each in FULL)),
        json.dumps(collection(documents=[as_json(*each) for each in FULL])),
        json.dumps(collection(documents=[as_json(*each) for each in FULL]), indent=2),
        json.dumps({"PubTator3": [as_json(*each) for each in FULL]}, indent=0),
        json.dumps([as_json(*each) for each in FULL]),
        "\n".join(json.dumps(as_json(*each)) for each in FULL),
        "\n".join(json.dumps(as_json(*each), indent=1) for each in FULL),
        "\n".join(json.dumps({"documents": [as_json(*each)]}) for each in FULL),
    ],
)
def test_bioc(file, content):
    assert read(file(content)) == PAPERS
    form = Format.bioc_xml if content.startswith("<") else Format.bioc_json
    assert read(file(content), form) == PAPERS


def test_bioc_by_section_keeps_the_file_s_offsets(file):
    passages = [
        {"offset": at, "infons": {"section_type": section, "type": kind}, "text": text}
        for section, kind, at, text in [
            ("TITLE", "front", 0, "T."),
            ("ABSTRACT", "abstract", 3, "A."),
            ("INTRO", "title_1", 6, "Introduction"),
            ("INTRO", "paragraph", 19, "It is known."),
            ("METHODS", "paragraph", 32, "We did."),
            ("REF", "ref", 40, "Nobody 2020"),
        ]
    ]
    path = file(json.dumps([{"id": "9", "passages": passages}]))
    records = list(read_records([path], sections=Sections.all))
    assert records == [
        Record(f"{path}:1", Paper(id="9", title="T.", text="A."), "abstract", 0),
        Record(f"{path}:1", Paper(id="9", text="Introduction It is known."), "intro", 6),
        Record(f"{path}:1", Paper(id="9", text="We did."), "methods", 32),
    ]


def test_bioc_by_sentences(file):
    sentences = "".join(
        f"<sentence><offset>{at}</offset><text>{text}</text></sentence>"
        for at, text in [(3, "One."), (8, "Two.")]
    )
    one = document("1", ("title", 0, "T.")).replace(
        "</document>",
        f'<passage><infon key="type">abstract</infon>{sentences}</passage></document>',
    )
    assert read(file(bioc_xml(one))) == [Paper(id="1", title="T.", text="One. Two.")]


@pytest.mark.parametrize(
    "passages", ["[1]", '[{"text": 1}]', '[{"offset": "x"}]', '[{"infons": 1}]']
)
def test_what_is_no_bioc_is_named(file, passages):
    sound = json.dumps(as_json("1", ("title", 0, "T.")))
    path = file(f'[{sound},\n{{"id": 2, "passages": {passages}}},\n{sound}]')
    first, fault, last = read(path)
    assert first == last == Paper(id="1", title="T.")
    assert isinstance(fault, InputError)
    assert str(fault).startswith(f"{path}:2: ")


def test_offsets_that_make_no_sense_do_no_harm(file):
    one = document("1", ("title", 0, "T."), ("abstract", 10**12, "A."), ("abstract", -5, "B."))
    assert read(file(bioc_xml(one))) == [Paper(id="1", title="T.", text="A. B.")]


def test_real_bioc_equals_pubtator():
    path = shared("bc5cdr/CDR_sample.gold.BioC.xml")
    papers = read(str(path))
    assert len(papers) == 50
    assert papers == read(str(shared("bc5cdr/CDR_sample.gold.PubTator")))


def test_500_real_papers_are_the_same_in_every_format(file):
    papers = read(str(shared("bc5cdr/CDR_DevelopmentSet.PubTator.txt")))
    passages = [
        (p.id, ("title", 0, p.title), ("abstract", len(p.title) + 1, p.text)) for p in papers
    ]
    assert len(papers) == 500
    assert read(file(bioc_xml(*(document(*each) for each in passages)))) == papers
    documents = [as_json(*each) for each in passages]
    assert read(file(json.dumps(collection(documents=documents)))) == papers


JATS = """<article xmlns:xlink="http://www.w3.org/1999/xlink" article-type="research-article">
<front><journal-meta/><article-meta>
  <article-id pub-id-type="pmid">11</article-id>
  <article-id pub-id-type="{kind}">{id}</article-id>
  <title-group><article-title>Lithium<xref ref-type="fn">*</xref> and
    <italic>tremor</italic></article-title><subtitle>a trial</subtitle></title-group>
  <abstract abstract-type="graphical"><p>A picture.</p></abstract>
  <abstract><sec><title>Aims:</title><p>To see.</p></sec>
    <sec><title>Results</title><p>We <bold>saw</bold>.</p><p>Twice.</p></sec></abstract>
  <trans-abstract xml:lang="fr"><p>Non.</p></trans-abstract>
</article-meta></front>
<body>
  <p>Before any section.</p>
  <sec sec-type="intro"><title>Introduction</title>
    <p>Tremor is known<sup><xref ref-type="bibr" rid="b1">1</xref>,<xref ref-type="bibr"
      rid="b2">2</xref></sup> [<xref ref-type="bibr">3</xref>]. Li<sup>+</sup> is an ion.
      <fig><label>1</label><caption><p>A figure.</p></caption></fig></p>
    <list><list-item><label>a</label><p>One.</p></list-item></list>
  </sec>
  <sec><title>Results</title>
    <sec><title>Renal function</title><p>x <inline-formula><alternatives><tex-math>\\frac</tex-math>
      <mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML"><mml:mi>y</mml:mi>
      <mml:mo>=</mml:mo></mml:math></alternatives></inline-formula>.</p></sec>
    <table-wrap><table><tr><td>7</td></tr></table></table-wrap>
    <p>After.</p>
  </sec>
</body>
<back><ref-list><ref><mixed-citation>Nobody 2020</mixed-citation></ref></ref-list></back>
</article>
"""
TITLE = "Lithium* and tremor: a trial"
ABSTRACT = "AIMS: To see. RESULTS: We saw. Twice."


def jats(kind="pmc", id_="77"):
    return JATS.replace("{kind}", kind).replace("{id}", id_)


OAI = (
    '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><ListRecords><record><header/>'
    "<metadata>{}</metadata></record></ListRecords></OAI-PMH>"
)


@pytest.mark.parametrize(
    ("content", "id_"),
    [
        ("<!DOCTYPE article PUBLIC '-//NLM//DTD JATS' 'JATS.dtd'>\n" + jats(), "PMC77"),
        (jats("pmcid", "PMC78"), "PMC78"),
        (jats("doi", "10.1/x"), "11"),
        (f"<pmc-articleset>{jats()}</pmc-articleset>", "PMC77"),
        (OAI.format(jats().replace("<article ", '<article xmlns="urn:jats" ')), "PMC77"),
    ],
)
def test_jats_title_and_abstract(file, content, id_):
    assert read(file(content)) == [Paper(id=id_, title=TITLE, text=ABSTRACT)]


def test_jats_by_section(file):
    records = list(read_records([file(jats())], sections=Sections.all))
    assert [(r.section, r.value.source) for r in records] == [
        ("abstract", f"{TITLE} {ABSTRACT}"),
        ("body", "Before any section."),
        ("Introduction", "Tremor is known [3]. Li+ is an ion. One."),
        ("Results / Renal function", "x y=."),
        ("Results", "After."),
    ]
    whole = " ".join(record.value.source for record in records)
    for record in records:
        assert record.value.id == "PMC77"
        assert whole[record.start :].startswith(record.value.source)


def test_a_prediction_is_placed_in_the_whole_paper():
    ends = [Entity(text="Li", type="drug", start=at, end=at + 2) for at in (0, 5)]
    found = Prediction(task="t", result=[Relation(head=ends[0], type="x", tail=ends[1])])
    placed = Record("", None, "Results", 100).placed(found)
    (moved,) = placed.result
    assert placed.section == "Results"
    assert (moved.head.start, moved.tail.end) == (100, 107)
    assert Record("", None).placed(found) is found


def test_an_article_without_meta_is_named(file):
    path = file(f"<pmc-articleset>\n<article>\n<body/></article>\n{jats()}</pmc-articleset>")
    fault, sound = read(path)
    assert str(fault).startswith(f"{path}:2: ")
    assert sound.id == "PMC77"


QUESTIONS = {
    "21": {"QUESTION": "Does it?", "CONTEXTS": ["A.", "B."], "final_decision": "yes"},
    "22": {"QUESTION": "Is it so?", "CONTEXTS": ["C."]},
}


@pytest.mark.parametrize("indent", [None, 0, 4])
def test_questions_of_pubmedqa(file, indent):
    found = read(file(json.dumps(QUESTIONS, indent=indent)))
    assert found == [{**value, "id": key} for key, value in QUESTIONS.items()]


def test_real_questions():
    found = read(str(shared("pubmedqa/pqal_train.json")))
    assert len(found) > 400
    assert all(each["id"].isdigit() and each["CONTEXTS"] for each in found)


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_an_array_of_records(file, indent):
    rows = [{"id": n, "text": f'é "{n}" ' + "[{" * n} for n in range(50)]
    assert read(file(json.dumps(rows, indent=indent))) == rows
    assert read(file(json.dumps(rows, indent=indent, ensure_ascii=False))) == rows
    assert read(file("[]")) == [Paper(id="papers", text="[]")]
    assert read(file("[\n]")) == []


def test_values_longer_than_what_is_read_at_a_time(file):
    rows = [{"id": n, "text": "é{" * n * 100_000} for n in range(6)]
    assert read(file(json.dumps(rows, ensure_ascii=False))) == rows


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (b'[{"text": "A"},\n{"text": B},\n{"text": "C"}]', 2, "not JSON"),
        (b'[{"text": "A"},\n{"text": [{"x" 1}]},\n{"text": "C"}]', 2, "not JSON"),
        (b'[{"text": "A"},\n{"text": "\xff"},\n{"text": "C"}]', 2, "not UTF-8"),
        (b'[{"text": "A"},\n{"text": "\\ud800"},\n{"text": "C"}]', 2, "surrogate"),
        (b'[{"text": "A"},\n12,\n{"text": "C"}]', 2, "12 is not a record: expected a JSON object"),
        (
            b'{"1": {"question": "A"},\n"2": 5,\n"3": {"question": "C"}}',
            2,
            "5 is not a record: expected a JSON object",
        ),
        (b'{"passages": []}\n{"passages": [{"a" [1}\n{"passages": []}', 2, "not JSON"),
        (b'{"passages": []}\n{"passages": [{"a": 1\n{"passages": []}', 2, "not JSON"),
        (b'{"passages": []}\n{"passages": [{"a": "b\n{"passages": []}', 2, "not JSON"),
    ],
)
def test_a_broken_value_costs_itself_only_and_is_named(file, content, line, what):
    path = file(content)
    values = read(path)
    assert [isinstance(value, InputError) for value in values] == [False, True, False]
    assert str(values[1]).startswith(f"{path}:{line}: ")
    assert what in str(values[1])


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ('[{"text": "A"},\n{"text": "B"', 2, "cannot read further"),
        ('[{"text": "A"},\n' + "[" * 100_000, 2, "cannot read further"),
        ('{"documents": [{"passages": []}', 1, "not the end"),
    ],
)
def test_where_json_cannot_be_read_on_is_named(file, content, line, what):
    path = file(content)
    first, fault = read(path)
    assert not isinstance(first, InputError)
    assert str(fault).startswith(f"{path}:{line}: ")
    assert what in str(fault)


def test_what_is_cut_off_is_named(file):
    rows = [{"id": n, "text": os.urandom(40).hex()} for n in range(20_000)]
    data = gzip.compress(json.dumps(rows, indent=0).encode())[:-3000]
    path = file(data)
    *sound, fault = read(path)
    assert sound == rows[: len(sound)]
    assert len(sound) > 19_800
    assert "cannot read further: Compressed file ended" in str(fault)
    line = int(str(fault).removeprefix(f"{path}:").split(":")[0])
    assert line > 4 * len(sound)


ROWS = [{"pmid": "1", "title": 'A "quoted", one', "abstract": "Two\nlines."}, {"title": "Zwei"}]


@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_tables(file, mark):
    rows = (
        f'PMID{mark}"Title"{mark} abstract\r\n'
        f'1{mark}"A ""quoted"", one"{mark}"Two\nlines."\r\n\r\n{mark}Zwei{mark}\r\n'
    )
    path = file("\ufeff" + rows)
    assert read(path) == ROWS
    assert [r.where for r in read_records([path])] == [f"{path}:2", f"{path}:5"]


def test_a_column_is_enough_where_the_format_is_told(file):
    assert read(file("text\nA.\nB.\n"), Format.csv) == [{"text": "A."}, {"text": "B."}]
    assert read(file("Title, and abstract follow.\nA\n")) == [
        Paper(id="papers", text="Title, and abstract follow.\nA\n")
    ]
    (fault,) = read(file("a,b\n1,2\n"), Format.csv)
    assert "name one of the columns abstract, context" in str(fault)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (b"2,A,B", "the row has 3 columns, but the first line has 2"),
        (b"2,\xe9", "not UTF-8 text"),
        (b'2,"A"B', "not a row of a table"),
    ],
)
def test_a_broken_row_costs_itself_only_and_is_named(file, row, what):
    path = file(b"id,text\n1,A\n" + row + b"\n3,C\n")
    first, fault, last = read(path)
    assert (first["id"], last["id"]) == ("1", "3")
    assert str(fault).startswith(f"{path}:3: ")
    assert what in str(fault)


def test_strict_stops_at_the_first_fault(file):
    with pytest.raises(InputError, match=":2: not JSON"):
        read(file('{"text": "A"}\n{\n{"text": "C"}\n'), strict=True)
