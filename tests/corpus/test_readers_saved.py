"""What PubMed, PMC, Europe PMC, reference managers, spreadsheets and pandas save."""

import json
import re
from io import StringIO

import pandas as pd
import pytest
from filed import article

from biogpt_plugins import Paper
from biogpt_plugins.corpus import Format, Sections, read_records
from biogpt_plugins.values.errors import InputError, LostError, UnreadError

TITLE, TEXT = "Lithium and tremor.", "Lithium caused tremor in 3 patients."
PAPER = Paper(id="11", title=TITLE, text=TEXT)
SECOND = Paper(id="12", title="Aspirin.", text="Aspirin caused bleeding.")


def read(path, form=Format.auto, **options):
    return [record.value for record in read_records([path], form, **options)]


def refused(path, **options):
    (fault,) = read(path, **options)
    assert isinstance(fault, UnreadError)
    assert str(fault).startswith(f"{path}:1: ")
    return str(fault)


# XML


JATS = article("77", TITLE, TEXT)


@pytest.mark.parametrize(
    "before",
    [
        '<?xml-stylesheet type="text/xsl" href="x.xsl"?>\n',
        '<?xml-model href="x.rng" type="application/xml"?>\n<?xml-stylesheet href="a>b"?>',
        "<!-- an <article> --><?x y?>\n",
        '<!DOCTYPE article PUBLIC "-//NLM//DTD" "x.dtd" [\n<!-- ]> <article> -->\n]>\n',
        "<!DOCTYPE article [<!ENTITY a ']>'> <!ENTITY b \"<!--\"> <?x ]>?> ]>\n",
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE article SYSTEM "a>b.dtd">',
        "\n\n  ",
        "",
    ],
)
def test_jats_is_known_whatever_stands_before_its_root(file, before):
    assert read(file(before + JATS)) == [Paper(id="PMC77", title=TITLE, text=TEXT)]


def test_jats_with_a_prefix_or_in_europe_pmc_s_set_is_known(file):
    marked = JATS.replace("</", "</j:").replace("<", "<j:").replace("<j:/j:", "</j:")
    marked = marked.replace("<j:article>", '<j:article xmlns:j="urn:jats">', 1)
    assert read(file(marked)) == [Paper(id="PMC77", title=TITLE, text=TEXT)]
    assert len(read(file(f"<articles>{JATS}{JATS}</articles>"))) == 2


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ('<?xml-stylesheet href="x"?><rdf:RDF xmlns:rdf="x"/>', "root <rdf:RDF>"),
        ("<!DOCTYPE html>\n<html><body>Lithium</body></html>", "a web page"),
        ("<svg xmlns='x'/>", "root <svg>"),
        ("<", "no root of XML"),
        ("<0.05 was the level.", "no root of XML"),
        ("<?xml version='1.0'?>", "no root of XML"),
        ("<!DOCTYPE article [", "no root of XML"),
    ],
)
def test_whatever_begins_as_xml_and_is_unknown_is_refused(file, content, what):
    assert what in refused(file(content))
    assert read(file(content), Format.text) == [Paper(id="papers", text=content)]


# Citations with tags


NBIB = """
PMID- 11
OWN - NLM
STAT- MEDLINE
TI  - Lithium and
      tremor.
PG  - 1-2
LID - 10.1/x [doi]
AB  - Lithium caused tremor
      in 3 patients.
FAU - Doe, J

PMID- 12
TI  - Aspirin.
AB  - Aspirin caused bleeding.
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["a.nbib", "pubmed-lithium-set.txt"])
def test_medline_text(file, ends, name):
    path = file(NBIB.replace("\n", ends), name)
    assert read(path) == [PAPER, SECOND]
    assert [record.where for record in read_records([path])] == [f"{path}:2", f"{path}:13"]


def test_medline_text_of_pmc_and_of_other_languages(file):
    pmc = "PMC - PMC5\nPMID- 11\nTI  - Lithium and tremor.\nAB  - \n\nPMC - PMC6\nTI  - B.\n"
    assert read(file(pmc)) == [Paper(id="11", title=TITLE), Paper(id="PMC6", title="B.")]
    other = (
        "PMID- 1\nTI  - [Not Available].\nTT  - Zittern.\n"
        "OAB - Publisher: Nein.\nOABL- ger\nOAB - Publisher: Yes.\nOABL- eng\n"
    )
    assert read(file(other)) == [Paper(id="1", title="Zittern.", text="Yes.")]


RIS = f"""TY  - JOUR
AU  - Doe, J
TI  - {TITLE}
AB  - Lithium caused <i>tremor</i>
in 3 patients.
N1  - PMID: 11
DO  - 10.1/x
ER  - 

TY  - JOUR
T1  - Aspirin.
N2  - Aspirin caused bleeding.
AN  - 12
ER  -
"""  # noqa: W291 - RIS ends so


@pytest.mark.parametrize("before", ["", "\ufeff\n\n", "1.\n", "Provider: X\nDatabase: Y\n\n"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_ris(file, before, ends):
    assert read(file((before + RIS).replace("\n", ends), "a.ris")) == [PAPER, SECOND]


def test_a_broken_citation_costs_itself_only(file):
    path = file(NBIB.replace("      tremor", "tremor"))
    fault, sound = read(path)
    assert "4 lines below is no tag" in str(fault)
    assert sound == SECOND
    path = file(RIS.encode().replace(b"<i>", b"\xff"))
    fault, sound = read(path)
    assert "not UTF-8 text" in str(fault)
    assert sound == SECOND
    fault = read(file(RIS.rpartition("ER")[0]))[1]
    assert "the citation has no end (ER)" in str(fault)


def test_refer_and_web_of_science(file):
    refer = f"%0 Journal Article\n%T {TITLE}\n%X {TEXT}\n%M 11\n\n%0 Generic\n%T B.\n%R 10.1/y\n"
    assert read(file(refer)) == [PAPER, Paper(id="10.1/y", title="B.")]
    isi = (
        "FN Clarivate Web of Science\nVR 1.0\nPT J\nAU Doe, J\nTI Lithium and\n   tremor.\n"
        f"AB {TEXT}\nUT WOS:1\nPM 11\nER\n\nPT J\nTI B.\nUT WOS:2\nER\n\nEF\n"
    )
    assert read(file(isi)) == [PAPER, Paper(id="WOS:2", title="B.")]


ENDNOTE = f"""<?xml version="1.0" encoding="UTF-8" ?><xml><records><record>
<database name="x.enl" path="x">x.enl</database><rec-number>9</rec-number>
<titles><title><style face="normal" font="default" size="100%">Lithium and </style><style
 face="italic">tremor</style><style>.</style></title><secondary-title>J</secondary-title></titles>
<accession-num><style>11</style></accession-num>
<abstract><style face="normal">{TEXT}</style></abstract></record>
<record><rec-number>10</rec-number><titles><title>B.</title></titles></record></records></xml>"""


def test_endnote_s_xml(file):
    assert read(file(ENDNOTE)) == [PAPER, Paper(id="10", title="B.")]


MARKED = "<h4>Aims</h4>To see. <h4>Results:</h4>Li<sup>+</sup> &lt; 5."
FOUND = {"id": "11", "pmid": "11", "title": TITLE, "abstractText": MARKED, "isOpenAccess": "N"}
UNMARKED = "AIMS: To see. RESULTS: Li+ < 5."


@pytest.mark.parametrize("indent", [None, 1])
def test_europe_pmc(file, indent):
    results = {"resultList": {"result": [FOUND, {**FOUND, "id": "12"}]}}
    reply = {"version": "6.9", "hitCount": 2, "request": {"queryString": "x"}, **results}
    for content in (reply, [FOUND, FOUND]):
        first, _ = read(file(json.dumps(content, indent=indent)))
        assert (first["id"], first["title"], first["abstract"]) == ("11", TITLE, UNMARKED)
    escaped = MARKED.replace("&", "&amp;").replace("<", "&lt;")
    xml = (
        "<?xml version='1.0'?><responseWrapper><hitCount/><resultList><result><id>11</id>"
        f"<title>{TITLE}</title><abstractText>{escaped}</abstractText></result></resultList>"
        "</responseWrapper>"
    )
    assert read(file(xml)) == [Paper(id="11", title=TITLE, text=UNMARKED)]


# Tables


ROW = {"id": "11", "title": TITLE, "abstract": TEXT}


@pytest.mark.parametrize(
    "header",
    [
        "PMID,ArticleTitle,AbstractText",
        "pubmed_id,article_title,abstract_text",
        "PubMed ID,Article Title,Abstract",
        "PMCID,Document Title,Abstract Note",
        "uid,TI,AB",
    ],
)
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_columns_of_other_names(file, header, mark, ends):
    rows = [header.split(","), ["11", TITLE, TEXT], ["12", "B.", "C."]]
    first, second = read(file(ends.join(mark.join(row) for row in rows) + ends))
    assert {"id": first.get("pmid", first.get("id")), "title": TITLE, "abstract": TEXT} == ROW
    assert first["title"], second["abstract"] == (TITLE, "C.")


@pytest.mark.parametrize("sep", ["sep=;\n", '"sep=;"\r\n', "\ufeffsep=;\n"])
def test_excel_says_what_stands_between_columns(file, sep):
    path = file(f"{sep}Id;Title;Notes\n1;{TITLE};a, b, c\n")
    assert read(path) == [{"id": "1", "title": TITLE, "notes": "a, b, c"}]
    assert [r.where for r in read_records([path])] == [f"{path}:3"]


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ("key1,heading,words\n1,A,B\n2,C,D\n", "'key1', 'heading', 'words'"),
        ("nr|kop|tekst\n1|A|B\n2|C|D\n", "'nr', 'kop', 'tekst'"),
        ("nr\tkop\tlang stuk\n1\tA\tB\n", "'nr', 'kop', 'lang stuk'"),
    ],
)
def test_a_table_of_unknown_columns_is_refused_with_what_was_seen(file, content, seen):
    message = refused(file(content))
    assert seen in message
    assert "--columns" in message


def test_columns_can_be_named(file):
    path = file("nr|kop|tekst\n1|A|B\n2|C|D\n")
    columns = {"id": "nr", "title": "KOP", "abstract": "tekst"}
    found = read(path, Format.csv, columns=columns)
    assert found == [{"id": n, "title": t, "abstract": a} for n, t, a in ("1AB", "2CD")]
    assert found == read(path, columns=columns)
    assert "no column 'x' for the title" in refused(path, form=Format.csv, columns={"title": "x"})
    with pytest.raises(InputError, match="'titel' is not one of id, title"):
        read(path, columns={"titel": "kop"})
    path = file('{"nr": 1, "kop": "A", "tekst": "B"}\n')
    assert read(path, columns=columns) == [{"id": 1, "title": "A", "abstract": "B"}]


@pytest.mark.parametrize(
    "prose",
    [
        "Lithium, aspirin and naloxone\nTremor, bleeding and pain were seen, at last\nA, b, c\n",
        "Title, and abstract follow.\nA\n",
        "Lithium caused tremor.\n",
        "Dose; route\n\nLithium was given by mouth; it caused tremor. And more followed.\n",
        "[14C]Lithium caused tremor.",
        "[1,2-14C]acetate",
        "TI - no tag of MEDLINE at all\nLithium",
    ],
)
def test_prose_stays_one_text(file, prose):
    assert read(file(prose, "a.txt")) == [Paper(id="a", text=prose)]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("@article{doe,\n title = {Lithium}\n}\n", "BibTeX"),
        ("\\documentclass{article}\n", "LaTeX"),
        ("1. J Test. 2020;1:2.\n\nLithium and tremor.\n\nDoe J.\n\nX.\n\nPMID: 11\n", "PubMed's"),
        ("11111\n22222\n33333\n", "a list of ids"),
        ("PMC11111\nPMC22222\n", "a list of ids"),
        ("[1, 2, 3]", "only numbers"),
        ("| pmid | title |\n|---|---|\n| 1 | A |\n", "Markdown"),
    ],
)
def test_other_texts_that_are_no_papers_are_refused(file, content, what):
    assert what in refused(file(content))


@pytest.mark.parametrize("name", ["a.json", "a.xml", "a.nbib", "a.ris", "a.nxml", "a.docx"])
def test_a_file_that_is_not_what_its_name_says_is_refused(file, name):
    assert "it is not" in refused(file("Lithium caused tremor.", name))


def test_a_cell_of_a_whole_paper(file):
    long = "Lithium caused tremor. " * 20_000
    assert read(file(f'id,text\n1,"{long}"\n')) == [{"id": "1", "text": long}]


FRAME = pd.DataFrame(
    {"pmid": [11, None], "title": [TITLE, "B."], "abstract": ['Two "quoted",\nlines.', None]}
)
ROWS = [{"title": TITLE, "abstract": 'Two "quoted",\nlines.'}, {"title": "B."}]


@pytest.mark.parametrize("how", [{}, {"index": False}, {"sep": "\t"}, {"sep": ";"}, {"sep": "|"}])
def test_tables_of_pandas(file, how):
    text = StringIO()
    FRAME.to_csv(text, **how)
    first, second = read(file(text.getvalue()))
    assert str(first["pmid"]) == "11"
    assert [
        {k: one[k] for k in ("title", "abstract") if k in one} for one in (first, second)
    ] == ROWS


@pytest.mark.parametrize("orient", ["records", "columns", "index", "split", "table"])
def test_json_of_pandas(file, orient):
    found = read(file(FRAME.to_json(orient=orient)))
    assert [one.get("pmid") for one in found] == [11, None]
    assert [one["title"] for one in found] == [TITLE, "B."]


def test_a_record_of_several_lines(file):
    record = {"pmid": 11, "title": TITLE, "abstract": TEXT}
    assert read(file(json.dumps(record, indent=2))) == [record]
    assert read(file(json.dumps({"items": [record]}, indent=2))) == [record]


# Damage


@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize("by_id", [True, False])
@pytest.mark.parametrize(
    ("whole", "broken"),
    [
        ("word 3 is", 'word "3 is'),
        ("word 3 is", 'word "3" is'),
        ("word 3 is", "word 3\n is"),
        ("word 3 is", r"word \\3 is"),
        ('word 3 is."', "word 3 is."),
        (r'\{\s*"question": "Q3\?', '{question": "Q3?'),
        (r'\{\s*"question": "Q3\?', '{"question: "Q3?'),
        (r'\{\s*"question": "Q3\?', '"question": "Q3?'),
        (r'\[\s*"word 3 is', '"word 3 is'),
        (r'\[\s*"word 3 is', '[["word 3 is'),
    ],
)
def test_one_damaged_character_costs_one_question(file, indent, by_id, whole, broken):
    asked = {f"{n}": {"question": f"Q{n}?", "contexts": [f"word {n} is."]} for n in range(500)}
    text = json.dumps(asked if by_id else list(asked.values()), indent=indent)
    damaged, n = re.subn(whole, broken, text)
    assert n == 1
    found = read(file(damaged))
    faults = [one for one in found if isinstance(one, InputError)]
    assert [len(faults), len(found) - len(faults)] == [1, 499]


def test_a_comma_that_is_missing_is_told_and_costs_nothing(file):
    path = file('[{"text": "A"}\n{"text": "B"},\n{"text": "C"}]')
    first, fault, second, third = read(path)
    assert (first, second, third) == ({"text": "A"}, {"text": "B"}, {"text": "C"})
    assert f"{path}:2: not JSON: expected , or ], not {{" in str(fault)


def test_the_rest_that_is_lost_is_a_loss_of_unknown_size(file):
    rows = [{"text": f"word {n}"} for n in range(100)]
    *sound, fault = read(file(json.dumps(rows)[:1000]))
    assert len(sound) > 10
    assert isinstance(fault, LostError)


@pytest.mark.parametrize(
    ("whole", "broken"),
    [
        ('3,"Title 3","Abstract 3."', '3,"Title 3,"Abstract 3."'),
        ('3,"Title 3","Abstract 3."', '3,"Title 3","Abstract 3.'),
        ('3,"Title 3","Abstract 3."', '3,"Title 3",""Abstract 3."'),
        ('3,"Title 3","Abstract 3."', '3,"Title "3","Abstract 3."'),
        ('3,"Title 3","Abstract 3."', '3,"Title 3""Abstract 3."'),
        ('3,"Title 3","Abstract 3."', '3,Title 3,"Abstract, 3.'),
        ('3,"Title 3","Abstract 3."', '3,"Title 3","Abstract", 3."'),
        ('499,"Title 499","Abstract 499."', '499,"Title 499","Abstract 499.'),
    ],
)
@pytest.mark.parametrize("lines", ["", "\nsecond line, with, commas"])
@pytest.mark.parametrize("id_", ["pmid", "index"])
def test_one_damaged_quote_costs_one_row(file, whole, broken, lines, id_):
    rows = [f'{n},"Title {n}","Abstract {n}.{lines if n % 7 == 6 else ""}"' for n in range(500)]
    text = "\n".join([f"{id_},title,abstract", *rows]) + "\n"
    assert whole in text
    found = read(file(text.replace(whole, broken)))
    faults = [one for one in found if isinstance(one, InputError)]
    assert 1 <= len(faults) <= 2
    assert len(found) - len(faults) == 499
    assert not any("\n3," in str(one) or "\n4," in str(one) for one in found)


def test_rows_that_a_quote_swallowed_without_a_trace_are_given_back(file):
    rows = [f"{n},T{n},A{n}." for n in range(20)]
    rows[10], rows[12] = '10,T10,"A10.', '12,T12,A12."'
    found = read(file("\n".join(["pmid,title,abstract", *rows])))
    assert sum(isinstance(one, InputError) for one in found) == 1
    assert [one["pmid"] for one in found if isinstance(one, dict)][10:12] == ["11", "12"]


# Lists, definitions, headings


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        (
            "<p>Lithium caused:<list><list-item><p>tremor</p></list-item>"
            "<list-item><p>nausea</p></list-item></list></p>",
            "Lithium caused: tremor nausea",
        ),
        (
            "<sec><title>Results</title><p>Seen:<list><list-item><p>tremor</p></list-item>"
            "<list-item><p>nausea</p></list-item></list>.</p></sec>",
            "RESULTS: Seen: tremor nausea.",
        ),
        ("<p>Adverse effects<break/>of lithium</p>", "Adverse effects of lithium"),
        (
            "<p>Of<def-list><def-item><term>Li</term><def><p>lithium</p></def></def-item>"
            "<def-item><term>Na</term><def><p>sodium</p></def></def-item></def-list></p>",
            "Of Li lithium Na sodium",
        ),
        ("<p>He said<disp-quote><p>No.</p></disp-quote>and left</p>", "He said No. and left"),
        ("<list><list-item><p>A</p></list-item><list-item><p>B</p></list-item></list>", "A B"),
        (
            "<p><bold>Aims:</bold>To see.<bold>Results</bold>We saw.</p>",
            "Aims: To see. Results We saw.",
        ),
        (
            "<p>Compound <bold>1</bold>a of <bold>BRCA</bold>1, p.<italic>V600</italic>E</p>",
            "Compound 1a of BRCA1, p.V600E",
        ),
        ("<p>H<sub>2</sub>O and <italic>E.</italic> coli</p>", "H2O and E. coli"),
        (
            "<p>where<disp-formula><tex-math>x</tex-math></disp-formula>, it was</p>",
            "where, it was",
        ),
    ],
)
def test_what_stands_in_lines_of_its_own_runs_into_no_word(file, inner, text):
    whole = JATS.replace(f"<p>{TEXT}</p>", inner)
    assert read(file(whole)) == [Paper(id="PMC77", title=TITLE, text=text)]
    body = inner if inner.startswith("<sec>") else f"<sec><title>S</title>{inner}</sec>"
    whole = JATS.replace("<body>", f"<body>{body}")
    records = list(read_records([file(whole)], sections=Sections.all))
    assert records[1].value.source == text.removeprefix("RESULTS: ")


@pytest.mark.parametrize(
    ("abstracts", "text"),
    [
        ('<abstract abstract-type="executive-summary"><p>A.</p></abstract>', "A."),
        ('<abstract abstract-type="graphical"><p>A.</p></abstract>', "A."),
        (
            '<abstract abstract-type="toc"><p>T.</p></abstract>'
            '<abstract abstract-type="short"><p>S.</p></abstract>',
            "S.",
        ),
        ('<abstract/><abstract abstract-type="short"><p>S.</p></abstract>', "S."),
        ('<trans-abstract xml:lang="en"><p>E.</p></trans-abstract>', "E."),
        (
            '<abstract xml:lang="es"><p>No.</p></abstract>'
            '<abstract xml:lang="en"><p>E.</p></abstract>',
            "E.",
        ),
    ],
)
def test_an_abstract_of_any_kind_is_read_if_it_is_all_there_is(file, abstracts, text):
    whole = JATS.replace(f"<abstract><p>{TEXT}</p></abstract>", abstracts)
    assert read(file(whole)) == [Paper(id="PMC77", title=TITLE, text=text)]


PUBMED = (
    "<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article>"
    "<ArticleTitle>T.</ArticleTitle><Abstract>{}</Abstract></Article>{}</MedlineCitation>"
    "</PubmedArticle></PubmedArticleSet>"
)
OTHER = (
    '<OtherAbstract Type="Publisher" Language="eng"><AbstractText>{}</AbstractText></OtherAbstract>'
)


@pytest.mark.parametrize(
    ("abstract", "other", "text"),
    [
        ("<AbstractText/>", OTHER.format("Yes."), "Yes."),
        ("<AbstractText> </AbstractText>", OTHER.format("Yes."), "Yes."),
        ("<AbstractText>Own.</AbstractText>", OTHER.format("Yes."), "Own."),
        ("<AbstractText/>", OTHER.format("Abstract available from the publisher."), ""),
        (
            "<AbstractText><b>Background</b><b>Methods</b>We saw it.<b>RESULTS:</b>None."
            "</AbstractText>",
            "",
            "Background Methods We saw it. RESULTS: None.",
        ),
    ],
)
def test_abstracts_of_pubmed(file, abstract, other, text):
    assert read(file(PUBMED.format(abstract, other))) == [Paper(id="1", title="T.", text=text)]
