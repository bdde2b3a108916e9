"""Packages, encodings, binary files, tables that are no text, and bounds."""

import bz2
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
import zlib

import pandas as pd
import pytest
from filed import article, citation

from biogpt_plugins import Paper
from biogpt_plugins.corpus import Format, Sections, Withdrawn, read_records
from biogpt_plugins.corpus.readers import files, read, rows
from biogpt_plugins.values.errors import InputError, LostError, UnreadError

JATS = article("1", "Lithium.", "It caused tremor.")
PAPER = Paper(id="PMC1", title="Lithium.", text="It caused tremor.")
LINE = '{"id": "2", "text": "Aspirin."}\n'
RECORD = {"id": "2", "text": "Aspirin."}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def values(path, form=Format.auto, **options):
    return [record.value for record in read_records([path], form, **options)]


def refused(path, **options):
    (fault,) = values(path, **options)
    assert isinstance(fault, UnreadError)
    assert str(fault).startswith(path)
    return str(fault)


def tar(members, mode="w"):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as package:
        for name, content in members.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            package.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def zipped(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in members.items():
            package.writestr(name, data)
    return stream.getvalue()


MEMBERS = {
    "oa/PMC1/a.nxml": JATS,
    "oa/lines.jsonl.gz": gzip.compress(LINE.encode()),
    "oa/._b.nxml": "junk",
    "__MACOSX/oa/c.nxml": "junk",
    "oa/inner.tar": tar({"x.xml": JATS}),
    "oa/inner.zip": zipped({"y.xml": JATS, "empty/": ""}),
}
PACKAGES = {
    "oa.tar": tar(MEMBERS),
    "oa.tar.gz": tar(MEMBERS, "w:gz"),
    "oa.tgz": tar(MEMBERS, "w:gz"),
    "oa.tar.bz2": tar(MEMBERS, "w:bz2"),
    "oa.tar.xz": tar(MEMBERS, "w:xz"),
    "oa.zip": zipped(MEMBERS),
    "oa.zip.gz": gzip.compress(zipped(MEMBERS)),
}


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_are_read_member_by_member(file, name):
    path = file(PACKAGES[name], name)
    assert values(path) == [PAPER, RECORD, PAPER, PAPER]
    assert [record.where for record in read_records([path])] == [
        f"{path}/oa/PMC1/a.nxml:1",
        f"{path}/oa/lines.jsonl.gz:1",
        f"{path}/oa/inner.tar/x.xml:1",
        f"{path}/oa/inner.zip/y.xml:1",
    ]


def packed_by_zstd(data):
    zstandard = pytest.importorskip("zstandard")
    return zstandard.compress(data)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, packed_by_zstd])
def test_packed_files(file, pack):
    path = file(pack(LINE.encode()) + pack(LINE.encode()), "a.jsonl")
    assert values(path) == [RECORD, RECORD]
    *_, fault = values(file(pack(os.urandom(60_000).hex().encode())[:-20_000], "a.txt"))
    assert isinstance(fault, LostError)
    assert "cannot read further" in str(fault)


def test_a_package_of_a_paper_is_its_xml_and_the_rest_is_told(file):
    members = {
        "PMC1/fig.png": PNG,
        "PMC1/paper.pdf": b"%PDF-1.4 \0",
        "PMC1/table.csv": "a,b\n1,2\n",
        "PMC1/licence.txt": "Some rights.",
        "PMC1/paper.nxml": JATS,
    }
    for path in (file(tar(members, "w:gz"), "x.tar.gz"), file(zipped(members), "x.zip")):
        with pytest.warns(UserWarning, match=r"4 files in it passed over: supplements"):
            assert values(path) == [PAPER]
    members = {"a.png": PNG, "b.gif": b"GIF89a\0\0", "c.xml": JATS, "c.pdf": b"%PDF-1.4 \0"}
    with pytest.warns(UserWarning, match="3 files in it passed over: a PNG picture"):
        assert values(file(zipped(members))) == [PAPER]


def test_what_of_a_package_cannot_be_read_is_a_fault(file):
    path = file(zipped({"a.bin": b"\0\1\2" * 99, "b.jsonl": LINE}))
    fault, sound = values(path)
    assert str(fault).startswith(f"{path}/a.bin:1: a binary file of an unknown kind")
    assert sound == RECORD
    assert "no paper in the package" in refused(file(tar({"e": ""})))
    with pytest.warns(UserWarning, match="1 file in it"):
        assert "no paper in the package" in refused(file(zipped({"a.png": PNG})))


def test_a_package_that_breaks_off_is_a_loss_of_unknown_size(file):
    data = tar({f"{n}.txt": os.urandom(20_000).hex() for n in range(9)}, "w:gz")
    *sound, fault = values(file(data[: len(data) // 2], "a.tar.gz"))
    assert 2 < len(sound) < 9
    assert isinstance(fault, LostError)
    whole = zipped({"a.txt": os.urandom(9000).hex(), "b.jsonl": LINE})
    harmed = bytearray(whole)
    harmed[4000:4010] = b"\0" * 10
    found = values(file(bytes(harmed)))
    assert isinstance(found[0], LostError)
    assert isinstance(values(file(whole[:-40]))[0], LostError)


def test_the_latest_of_citations_in_packages(file):
    def pubmed(*citations):
        return f"<PubmedArticleSet>{''.join(citations)}</PubmedArticleSet>"

    old = file(tar({"a.xml": pubmed(citation(1), citation(2)), "b.xml": pubmed(citation(3))}))
    new = file(zipped({"c.xml": pubmed(citation(2, "New."))}), "new.zip")
    found = [r.value for r in read_records([old, new], latest=True)]
    assert [type(one) for one in found] == [Paper, Withdrawn, Paper, Paper]
    assert found[-1].title == "New."


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-8-sig"])
def test_byte_order_marks(file, encoding):
    def path(text, name="papers"):
        mark = "\ufeff" if encoding.endswith(("be", "le")) else ""
        return file((mark + text).encode(encoding), name)

    assert values(path("id\ttext\r\n1\tNaïve α\r\n")) == [{"id": "1", "text": "Naïve α"}]
    assert values(path("Naïve α")) == [Paper(id="papers", text="Naïve α")]
    declared = f'<?xml version="1.0" encoding="{encoding[:6].upper().rstrip("-")}"?>\n'
    assert values(path((declared if "16" in encoding else "") + JATS)) == [PAPER]


def test_utf_16_that_is_cut_or_has_no_mark(file):
    fault = values(file("Naïve".encode("utf-16")[:-1]))[-1]
    assert "ends in the middle of a character" in str(fault)
    assert "without a byte order mark" in refused(file(("Naïve text " * 9).encode("utf-16-le")))


# Binary files


def docx():
    return zipped({"[Content_Types].xml": "<x/>", "word/document.xml": "<x/>"})


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (docx(), "a Word document"),
        (zipped({"mimetype": "application/epub", "META-INF/container.xml": "x"}), "an EPUB"),
        (zipped({"mimetype": "application/vnd.oasis", "content.xml": "x"}), "an OpenDocument"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old Office file"),
        (PNG, "a PNG picture"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG picture"),
        (b"{\\rtf1\\ansi Lithium}", "an RTF document"),
        (b"\x80\x04\x95\0\0", "a pickle"),
        (b"SQLite format 3\0" + bytes(99), "an SQLite database"),
        (b"7z\xbc\xaf\x27\x1c\0", "a 7z archive"),
        (b"\x7fELF\2\1\1" + bytes(99), "a program"),
        (bytes(range(256)), "a binary file of an unknown kind"),
        (gzip.compress(bytes(10_000)), "a binary file of an unknown kind"),
        (os.urandom(16).hex().encode() + bytes(200), "a binary file of an unknown kind"),
    ],
    ids=range(14),  # the data hold a time and random bytes
)
def test_binary_files_are_refused_by_their_first_bytes(file, data, what):
    message = refused(file(data, "x.txt"))
    assert f"{what}" in message
    assert "cannot be read" in message
    assert what in refused(file(data, "x.txt"), form=Format.text)


def test_words_that_begin_as_binary_files_do_are_text(file):
    for text in ("MZ twins were studied.", "ORC1 binds DNA.", "ID3 caused it.", "RIFF and PAR1"):
        assert values(file(text)) == [Paper(id="papers", text=text)]


# Parquet, Feather, Excel

FRAME = pd.DataFrame(
    {
        "PMID": [11, None, 13],
        "ArticleTitle": ["Lithium.", "B.", None],
        "abstract": ["It caused\ntremor.", "C.", "D."],
        "year": [1999, 2000, 2001],
    }
)
WANTED = [
    {"pmid": 11, "title": "Lithium.", "abstract": "It caused\ntremor."},
    {"title": "B.", "abstract": "C."},
    {"pmid": 13, "abstract": "D."},
]


def saved(tmp_path, kind, frame=FRAME):
    pytest.importorskip("openpyxl" if kind == "xlsx" else "pyarrow")
    path = tmp_path / f"papers.{kind}"
    if kind == "xlsx":
        frame.to_excel(path, index=False)
    else:
        getattr(frame, f"to_{kind}")(path)
    return str(path)


@pytest.mark.parametrize("kind", ["parquet", "feather", "xlsx"])
def test_tables_that_are_no_text(tmp_path, kind):
    path = saved(tmp_path, kind)
    found = [{k: v for k, v in one.items() if k != "year"} for one in values(path)]
    assert found == WANTED
    assert values(path, Format(kind)) == values(path)
    others = FRAME.rename(columns={"ArticleTitle": "kop", "abstract": "tekst"})
    path = saved(tmp_path, kind, others)
    message = refused(path)
    assert "'PMID', 'kop', 'tekst', 'year'" in message
    assert "--columns" in message
    found = values(path, columns={"title": "kop", "abstract": "tekst"})
    assert [one.get("abstract") for one in found] == ["It caused\ntremor.", "C.", "D."]
    with open(path, "r+b") as stream:
        stream.truncate(os.path.getsize(path) - 20)
    assert values(path)
    assert all(isinstance(one, InputError) for one in values(path))


def test_a_workbook_of_several_sheets(tmp_path):
    pytest.importorskip("openpyxl")
    path = tmp_path / "a.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"note": ["x"]}).to_excel(book, sheet_name="notes", index=False)
        FRAME.to_excel(book, sheet_name="papers")
    with pytest.warns(UserWarning, match=r"left out: \['notes'\]"):
        assert len(values(str(path))) == 3


def test_a_file_that_is_not_of_the_format_that_is_told(file):
    assert "it is no file of the format parquet" in refused(file("x"), form=Format.parquet)


# PDF


def pdf(*lines, title=""):
    """A page of lines, (size, text), as small as PDF goes."""
    words = "".join(
        f"BT /F1 {size} Tf 50 {780 - 24 * n} Td ({text}) Tj ET\n"
        for n, (size, text) in enumerate(lines)
    )
    parts = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R"
        "/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(words)}>>stream\n{words}endstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        f"<</Title({title})>>",
    ]
    data, places = "%PDF-1.4\n", []
    for n, part in enumerate(parts, 1):
        places.append(len(data))
        data += f"{n} 0 obj{part}endobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    return (
        f"{data}xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}"
        f"trailer<</Size {len(parts) + 1}/Root 1 0 R/Info 6 0 R>>\nstartxref\n{len(data)}\n%%EOF"
    ).encode()


LINES = [
    (18, "Lithium and tremor"),
    (9, "J. Doe"),
    (10, "Abstract"),
    (10, "Lithium caused tremor in three of many pa-"),
    (10, "tients who were asked about it."),
    (10, "Keywords: lithium"),
    (10, "1. Introduction"),
    (10, "Much is known, and much more text of the body stands here in the paper."),
]


@pytest.mark.parametrize("title", ["", "Lithium and tremor", "untitled.docx of Word"])
def test_title_and_abstract_of_a_pdf_are_guessed_and_told(file, title):
    pytest.importorskip("pypdf")
    path = file(pdf(*LINES, title=title), "a.pdf")
    text = "Lithium caused tremor in three of many patients who were asked about it."
    with pytest.warns(UserWarning, match="were guessed from the page"):
        assert values(path) == [Paper(id="a.pdf", title="Lithium and tremor", text=text)]
    with pytest.warns(UserWarning, match="page by page"):
        (whole,) = values(path, sections=Sections.all)
    assert "Much is known" in whole.text


def test_a_pdf_without_an_abstract_or_text_is_refused_with_the_ways(file):
    pytest.importorskip("pypdf")
    assert "--sections all" in refused(file(pdf(*LINES[-1:]), "a.pdf"))
    assert "scanned" in refused(file(pdf(), "a.pdf"))
    assert "pdftotext" in refused(file(pdf(*LINES)[:300], "a.pdf"))


PACKERS = {
    "tar": tar,
    "tar.gz": lambda members: tar(members, "w:gz"),
    "tar.xz": lambda members: tar(members, "w:xz"),
    "zip": zipped,
}


def pdfs():
    return {
        "papers/1.pdf": pdf(*LINES),
        "papers/2.json": LINE,
        "papers/cut.pdf": pdf(*LINES)[:300],
        "papers/3.pdf": pdf(*LINES),
    }


@pytest.mark.parametrize("kind", PACKERS)
def test_pdfs_in_a_package_are_read(file, kind):
    pytest.importorskip("pypdf")
    path = file(PACKERS[kind](pdfs()), f"papers.{kind}")
    with pytest.warns(UserWarning, match="were guessed from the page"):
        first, line, fault, last = values(path)
    assert (first.id, first.title) == ("1.pdf", "Lithium and tremor")
    assert first.text.startswith("Lithium caused tremor in three of many patients")
    assert (last.id, last.text) == ("3.pdf", first.text)
    assert line == RECORD
    assert str(fault).startswith(f"{path}/papers/cut.pdf")
    assert "is a PDF that cannot be read" in str(fault)


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_pdfs_in_a_package_are_told_where_nothing_reads_them(file, kind):
    path = file(PACKERS[kind](pdfs()), f"papers.{kind}")
    command = [sys.executable, "-c", MISSING, "pypdf", path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, line, cut, last = done.stdout.splitlines()
    assert line == str(RECORD)
    for name, told in (("1", first), ("cut", cut), ("3", last)):
        assert told.startswith(f"{path}/papers/{name}.pdf")
        assert "it is a PDF: take the paper's XML from PMC" in told


MISSING = """
import sys
sys.modules[sys.argv[1]] = None
from biogpt_plugins.corpus import read_records
print(*[record.value for record in read_records(sys.argv[2:])], sep="\\n")
"""


@pytest.mark.parametrize(
    ("module", "name", "extra"),
    [
        ("pypdf", "a.pdf", "[pdf]"),
        ("pyarrow", "papers.parquet", "[parquet]"),
        ("openpyxl", "papers.xlsx", "[excel]"),
        ("zstandard", "a.zst", "[zstd]"),
    ],
)
def test_a_missing_extra_is_named_with_another_way(tmp_path, module, name, extra):
    (tmp_path / "a.pdf").write_bytes(pdf(*LINES))
    (tmp_path / "a.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(20))
    if name.startswith("papers"):
        saved(tmp_path, name.partition(".")[2])
    command = [sys.executable, "-c", MISSING, module, tmp_path / name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (line,) = done.stdout.splitlines()
    assert extra in line
    assert " or " in line


# Bounds


def test_a_line_has_a_limit(file, monkeypatch):
    monkeypatch.setattr(files, "LONGEST_LINE", 1 << 19)
    long = '{"text": "' + "x" * (1 << 20) + '"}\n'
    path = file(LINE + long + LINE)
    first, fault, last = values(path)
    assert first == last == RECORD
    assert f"{path}:2: a line of 1,048,589 bytes is too long" in str(fault)


def test_a_text_has_a_limit(file, monkeypatch):
    monkeypatch.setattr(read, "LONGEST_TEXT", 1000)
    for content in ("Much. " * 200, "Much. " * 20_000, json.dumps({"text": "Much. " * 200})):
        assert "is no paper, 1,000 is the most" in refused(file(content))


def test_a_row_has_a_limit(file, monkeypatch):
    monkeypatch.setattr(rows, "LONGEST_ROW", 20_000)
    lines = [f"{n},title,text {n}" for n in range(2000)]
    lines[5] = '5,"title,text 5'
    found = values(file("pmid,title,abstract\n" + "\n".join(lines)))
    assert [len(found), sum(isinstance(one, InputError) for one in found)] == [2000, 1]


def with_dictionary(size):
    """The line as xz, whose header asks for a dictionary of so many bytes, as a code of xz."""
    data = bytearray(lzma.compress(LINE.encode(), check=lzma.CHECK_CRC32))
    data[16] = size
    length = (data[12] + 1) * 4  # of the header of the block
    data[8 + length : 12 + length] = zlib.crc32(data[12 : 8 + length]).to_bytes(4, "little")
    return bytes(data)


def with_window(log):
    """The line as Zstandard, with a window of 2 to this power."""
    zstandard = pytest.importorskip("zstandard")
    window = zstandard.ZstdCompressionParameters(window_log=log)
    packer = zstandard.ZstdCompressor(compression_params=window).compressobj()
    return packer.compress(LINE.encode()) + packer.flush()


SMALL, GIGABYTES = 28, 40  # codes of xz: 64 MiB, and 4 GiB
GREEDY = {
    "a.xz": (lambda: with_dictionary(GIGABYTES), "xz -d"),
    "papers.tar.xz": (lambda: with_dictionary(GIGABYTES), "xz -d"),
    "a.zst": (lambda: with_window(31), "zstd -d --long=31"),
    "papers.tar": (lambda: tar({"a.xz": with_dictionary(GIGABYTES)}), "xz -d"),
    "papers.zip": (lambda: zipped({"a.zst": with_window(31)}), "zstd -d --long=31"),
}


@pytest.mark.parametrize("name", GREEDY)
def test_a_dictionary_of_gigabytes_is_refused_and_the_command_named(file, name):
    packed, command = GREEDY[name]
    told = refused(file(packed(), name))
    assert f"takes more than 512 MB of memory: unpack it with {command}" in told


def test_dictionaries_that_are_usual_are_read(file):
    assert values(file(with_dictionary(SMALL), "a.xz")) == [RECORD]
    assert values(file(with_window(27), "a.zst")) == [RECORD]


def test_a_dictionary_of_gigabytes_in_a_later_part_costs_the_rest(file):
    first, fault = values(file(with_dictionary(SMALL) + with_dictionary(GIGABYTES), "a.xz"))
    assert first == RECORD
    assert isinstance(fault, LostError)
    assert "takes more than 512 MB of memory: unpack it with xz -d" in str(fault)


def test_parts_of_xz_with_what_may_stand_between_them(file):
    part = lzma.compress(LINE.encode())
    assert values(file(part + bytes(8) + part + bytes(4), "a.xz")) == [RECORD, RECORD]
    first, fault = values(file(part + part[:-9], "a.xz"))[-2:]
    assert first == RECORD
    assert isinstance(fault, LostError)


MEASURE = """
import re, sys
from pathlib import Path
from biogpt_plugins.corpus import read_records
for record in read_records(sys.argv[1:]):
    print(str(record.value)[:300])
# Not getrusage, which may give the peak of the process that started this one.
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""
ENDLESS = {
    "zeros.gz": lambda: gzip.compress(bytes(1 << 27)),
    "newlines.txt.gz": lambda: gzip.compress(b"\n" * (1 << 27)),
    "line.txt.gz": lambda: gzip.compress(b"x" * (1 << 27)),
    "line.jsonl.gz": lambda: gzip.compress(b'{"text": "' + b"x" * (1 << 27)),
    "quote.csv.gz": lambda: gzip.compress(b'id,text\n1,"' + b"x" * (1 << 27)),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_has_no_end_takes_no_memory_worth_telling(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(ENDLESS[name]())
    command = [sys.executable, "-c", MEASURE, path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *faults, peak = done.stdout.splitlines()
    assert len(faults) == 1
    assert int(peak) < 700_000


@pytest.mark.slow
def test_memory_does_not_grow_with_a_package(tmp_path):
    peaks = []
    for many in (50, 4000):
        path = tmp_path / f"{many}.tar.gz"
        with tarfile.open(path, "w:gz", compresslevel=1) as package:
            for n in range(many):
                data = article(n, f"Title {n}", "Aspirin may cause bleeding. " * 300).encode()
                info = tarfile.TarInfo(f"oa/PMC{n}.nxml")
                info.size = len(data)
                package.addfile(info, io.BytesIO(data))
        command = [sys.executable, "-c", MEASURE, path]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        *found, peak = done.stdout.splitlines()
        assert len(found) == many
        peaks.append(int(peak))
    assert peaks[1] < 1.2 * peaks[0]
