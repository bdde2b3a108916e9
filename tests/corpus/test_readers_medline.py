"""PubMed's XML: the text of citations, deleted and revised ones, faults and their lines."""

import gzip
import os
import subprocess
import sys

import pytest

from biogpt_plugins import Paper
from biogpt_plugins.corpus import Withdrawn, read_records
from biogpt_plugins.values.errors import InputError

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN"
  "https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">
<PubmedArticleSet>
"""
END = "</PubmedArticleSet>\n"


def citation(pmid, title="T.", abstract="", *, version=1, after=""):
    text = f"<Abstract>{abstract}</Abstract>" if abstract else ""
    return f"""<PubmedArticle>
  <MedlineCitation Status="MEDLINE" Owner="NLM">
    <PMID Version="{version}">{pmid}</PMID>
    <Article PubModel="Print">
      <Journal><Title>A journal</Title></Journal>
      <ArticleTitle>{title}</ArticleTitle>
      {text}
      {after}
    </Article>
  </MedlineCitation>
  <PubmedData><ReferenceList><Reference><ArticleIdList>
    <ArticleId IdType="pubmed">999</ArticleId>
  </ArticleIdList></Reference></ReferenceList></PubmedData>
</PubmedArticle>
"""


def deleted(*pmids):
    named = "".join(f'<PMID Version="1">{pmid}</PMID>\n' for pmid in pmids)
    return f"<DeleteCitation>\n{named}</DeleteCitation>\n"


@pytest.fixture
def file(tmp_path):
    def write(*parts, name="pubmed.xml"):
        path = tmp_path / name
        data = "".join([HEAD, *parts, END]).encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return str(path)

    return write


def read(*paths, **options):
    return [record.value for record in read_records(paths, **options)]


@pytest.mark.parametrize(
    ("title", "abstract", "paper"),
    [
        ("Lithium and tremor.", "", ("Lithium and tremor.", "")),
        (
            "Effect of Ca<sup>2+</sup> on <i>E.\n   coli</i> at pH &lt; 7.",
            "<AbstractText>K<sub>m</sub> of <b><i>α</i>-amylase</b> was 5&#160;mM.</AbstractText>",
            ("Effect of Ca2+ on E. coli at pH < 7.", "Km of α-amylase was 5\xa0mM."),
        ),
        (
            "T.",
            '<AbstractText Label="AIMS" NlmCategory="OBJECTIVE">To see.</AbstractText>\n'
            '<AbstractText Label="METHODS AND RESULTS:">We saw.</AbstractText>\n'
            '<AbstractText Label="UNLABELLED">No more.</AbstractText>\n'
            '<AbstractText Label="CONCLUSION"/>\n'
            "<CopyrightInformation>© 2020 Nobody.</CopyrightInformation>",
            ("T.", "AIMS: To see. METHODS AND RESULTS: We saw. No more."),
        ),
        (
            "T.",
            '<AbstractText>at <mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML">\n'
            "<mml:mi>p</mml:mi>\n<mml:mo>&lt;</mml:mo>\n<mml:mn>0.05</mml:mn>\n</mml:math>, by"
            " &alpha; &amp; &beta;</AbstractText>",
            ("T.", "at p<0.05, by α & β"),
        ),
        ("<![CDATA[<T> & </PubmedArticle>]]><!-- <PubmedArticle> -->", "", None),
        (
            "日本語の題名 🧬",
            "<AbstractText>Ünïcödé.</AbstractText>",
            ("日本語の題名 🧬", "Ünïcödé."),
        ),
    ],
)
def test_text_is_put_together_as_pubmed_shows_it(file, title, abstract, paper):
    title_, text = paper or ("<T> & </PubmedArticle>", "")
    assert read(file(citation(5, title, abstract))) == [Paper(id="5", title=title_, text=text)]


def test_a_title_that_is_not_translated_is_the_paper_s_own(file):
    own = "<VernacularTitle>Über Zittern.</VernacularTitle>"
    path = file(citation(1, "[Not Available].", after=own), citation(2, "[On tremor].", after=own))
    assert [paper.title for paper in read(path)] == ["Über Zittern.", "[On tremor]."]


def test_an_english_abstract_from_elsewhere_stands_in_for_one_that_is_missing(file):
    other = (
        '<OtherAbstract Type="Publisher" Language="fre"><AbstractText>Non.</AbstractText>'
        '</OtherAbstract><OtherAbstract Type="Publisher" Language="eng">'
        "<AbstractText>Yes.</AbstractText></OtherAbstract>"
    )
    one = citation(1).replace("</MedlineCitation>", f"{other}</MedlineCitation>")
    assert read(file(one)) == [Paper(id="1", title="T.", text="Yes.")]


def test_book_chapters_and_old_sets_are_read(file, tmp_path):
    book = (
        "<PubmedBookArticle><BookDocument><PMID Version='1'>7</PMID>"
        "<ArticleTitle>Lithium</ArticleTitle><Abstract><AbstractText>It is a metal."
        "</AbstractText></Abstract></BookDocument></PubmedBookArticle>"
    )
    assert read(file(book)) == [Paper(id="7", title="Lithium", text="It is a metal.")]
    old = tmp_path / "old.xml"
    inner = citation(8).split("<PubmedArticle>")[1].split("<PubmedData>")[0]
    old.write_text(f"<MedlineCitationSet>{inner}</MedlineCitationSet>")
    assert read(str(old)) == [Paper(id="8", title="T.")]


def test_deleted_citations_are_told(file):
    path = file(citation(1), deleted(2, 3))
    one, *gone = read_records([path])
    assert one.value.id == "1"
    assert [record.value.id for record in gone] == ["2", "3"]
    assert all(isinstance(record.value, Withdrawn) for record in gone)
    assert str(gone[0].value) == f"{path}:19: PMID 2 is deleted from PubMed"
    assert len(read(path, strict=True)) == 3


def test_the_latest_of_revised_and_deleted_citations(file):
    old = file(citation(1, "Old."), citation(2), citation(3), citation(4), name="1.xml.gz")
    new = file(
        citation(1, "New."), deleted(2, 4), citation(4, "Back."), citation(5), name="2.xml.gz"
    )
    titles = [(r.id, getattr(r, "title", None)) for r in read(old, new)]
    assert titles == [
        *(("1", "Old."), ("2", "T."), ("3", "T."), ("4", "T.")),
        *(("1", "New."), ("2", None), ("4", None), ("4", "Back."), ("5", "T.")),
    ]
    titles = [(r.id, getattr(r, "title", None)) for r in read(old, new, latest=True)]
    assert titles == [
        *(("1", None), ("2", None), ("3", "T."), ("4", None)),
        *(("1", "New."), ("2", None), ("4", None), ("4", "Back."), ("5", "T.")),
    ]
    assert "1.xml.gz:5: PMID 1 is revised or deleted later" in str(read(old, new, latest=True)[0])


def test_a_higher_version_is_later_wherever_it_stands(file):
    path = file(citation(1, "Two.", version=2), citation(1, "One."))
    papers = [p for p in read(path, latest=True) if isinstance(p, Paper)]
    assert [paper.title for paper in papers] == ["Two."]


def test_what_stands_behind_a_deletion_is_later_whatever_its_version(file):
    path = file(citation(1, "Two.", version=2), deleted(1), citation(1, "Back."))
    papers = [p for p in read(path, latest=True) if isinstance(p, Paper)]
    assert [paper.title for paper in papers] == ["Back."]


@pytest.mark.parametrize(
    ("broken", "below", "what"),
    [
        (citation(2).replace("</ArticleTitle>", "</Title>"), 5, "tag mismatch"),
        (citation(2, "&nobody;"), 5, "Entity 'nobody' not defined"),
        (citation(2).replace("</PubmedArticle>", ""), 0, "<PubmedArticle> is not closed"),
        (citation(2, "\x01"), 5, "invalid Char"),
        (citation(2).replace("PMID", "X"), 0, "has no PMID"),
        (citation(2, "<i>" * 5000), 5, "Excessive depth"),
        (citation(2, '<i xlink:href="a"/>'), 5, "prefix xlink"),
    ],
)
def test_a_broken_citation_costs_itself_only_and_is_named(file, broken, below, what):
    path = file(citation(1), broken, citation(3))
    first, fault, last = read(path)
    line = 5 + citation(1).count("\n") + below
    assert (first.id, last.id) == ("1", "3")
    assert str(fault).startswith(f"{path}:{line}: ")
    assert what in str(fault)
    with pytest.raises(InputError, match=what):
        read(path, strict=True)


def test_prefixes_that_the_root_declares_are_known(tmp_path):
    path = tmp_path / "x.xml"
    one = citation(1, '<i xlink:href="a">B</i>.')
    path.write_text(f'<PubmedArticleSet xmlns:xlink="urn:x">{one}</PubmedArticleSet>')
    assert read(str(path)) == [Paper(id="1", title="B.")]


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-8-sig"])
def test_other_encodings(tmp_path, encoding):
    path = tmp_path / "x.xml"
    told = "utf-8" if "utf" in encoding else encoding
    one = HEAD.replace("utf-8", told) + citation(1, "Naïve.") + END
    path.write_bytes(one.encode(encoding))
    assert read(str(path)) == [Paper(id="1", title="Naïve.")]


def test_an_unknown_encoding_is_named(tmp_path):
    path = tmp_path / "x.xml"
    path.write_text(HEAD.replace("utf-8", "klingon") + citation(1) + END)
    (fault,) = read(str(path))
    assert "unknown encoding klingon: convert the file" in str(fault)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
HOSTILE = {
    "laughs": (f'[<!ENTITY l0 "ha">{LAUGHS}]', "&l11;"),
    "outside": ('[<!ENTITY file SYSTEM "file:///etc/passwd">]', "&file;"),
    "parameter": ('[<!ENTITY % all SYSTEM "file:///etc/passwd"> %all;]', "&all;"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_entities_are_neither_loaded_nor_blown_up(tmp_path, name):
    path = tmp_path / "x.xml"
    declared, used = HOSTILE[name]
    head = f'<?xml version="1.0"?>\n<!DOCTYPE PubmedArticleSet {declared}>\n<PubmedArticleSet>'
    path.write_text(head + citation(1, used) + citation(2) + END)
    fault, sound = read(str(path))
    assert "not defined" in str(fault)
    assert "root:" not in str(fault)
    assert sound == Paper(id="2", title="T.")


def test_a_dtd_in_the_middle_is_a_fault(file):
    inside = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>&a;'
    fault, _ = read(file(citation(1, inside), citation(2)))
    assert isinstance(fault, InputError)


def test_text_around_records_is_passed_over_in_pieces_of_any_length(file):
    noise = "<!-- " + "<PubmedArticle> " * 40_000 + "-->"
    path = file(noise, citation(1), noise, citation(2, "é" * 300_000), noise)
    first, last = read(path)
    assert (first.id, last.id, last.title) == ("1", "2", "é" * 300_000)


@pytest.mark.parametrize("noise", ["<!--", "<![CDATA[", "</PubmedArticle ", "<PMID ", "\n", "]"])
def test_much_that_has_no_end_takes_no_time_worth_telling(file, noise):
    path = file(citation(1), noise * 1_000_000, "<PubmedArticle>", noise * 1_000_000, citation(2))
    first, *faults, last = read(path, latest=True)
    assert (first.id, last.id) == ("1", "2")
    assert len(faults) == 1


@pytest.mark.parametrize("noise", ["\n", "<!--\n", "<!DOCTYPE [\n", " ]\n"])
def test_a_beginning_without_an_end_takes_no_time_worth_telling(tmp_path, noise):
    path = tmp_path / "x.xml"
    path.write_text("<?xml version='1.0'?>" + noise * 200_000)
    (fault,) = read(str(path))
    assert isinstance(fault, InputError)


def test_what_is_cut_off_is_named(file):
    path = file(*(citation(n, os.urandom(40).hex()) for n in range(2000)), name="x.xml.gz")
    with open(path, "r+b") as stream:
        stream.truncate(os.path.getsize(path) - 3000)
    values = read(path)
    assert len(values) > 1500
    assert [v.id for v in values[:-1]] == [str(n) for n in range(len(values) - 1)]
    assert "cannot read further: Compressed file ended" in str(values[-1])
    line = int(str(values[-1]).removeprefix(f"{path}:").split(":")[0])
    assert line > 4 + 14 * (len(values) - 1)
    with pytest.raises(InputError, match="cannot read further"):
        read(path, strict=True)


@pytest.mark.parametrize("root", ["records", "html"])
def test_unknown_xml_is_named(tmp_path, root):
    path = tmp_path / "x.xml"
    path.write_text(f'<?xml version="1.0"?><{root}><a/></{root}>')
    (fault,) = read(str(path))
    assert "name the format" in str(fault)


MEASURE = """
import re, sys
from pathlib import Path
from biogpt_plugins.corpus import read_records
n = sum(1 for _ in read_records([sys.argv[1]], latest=True))
# getrusage would tell the peak of the process that started this one, where that is larger.
print(n, re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks are Linux's to tell")
@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path):
    text = "<AbstractText>" + "Aspirin may cause bleeding. " * 40 + "</AbstractText>"
    peaks = []
    for many in (1000, int(os.environ.get("BIOGPT_TEST_CITATIONS", "20000"))):
        path = tmp_path / f"{many}.xml.gz"
        with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as stream:
            stream.write(HEAD)
            stream.writelines(citation(n, f"Title {n}.", text) for n in range(1, many + 1))
            stream.write(END)
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True
        )
        read_, peak = map(int, done.stdout.split())
        assert read_ == many
        peaks.append(peak)
    assert peaks[1] < 1.2 * peaks[0]
