"""What a file is by its first bytes, where it is no text."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What is done with a binary file."""

    read = "read"
    document = "document"
    media = "media"
    other = "other"


class Binary(NamedTuple):
    """A kind of binary file.

    Attributes:
        name: What it is called in messages.
        kind: Whether it is read, may hold a paper, or holds none.
        advice: What to do with it.
    """

    name: str
    kind: Kind
    advice: str


_TEXT = "convert it to a text, a table or XML"
_PICTURE = "a picture holds no text that can be read"
_ARCHIVE = "unpack it, and name the files in it"

PDF = Binary("a PDF", Kind.read, "")
PARQUET = Binary("a Parquet file", Kind.read, "")
FEATHER = Binary("a Feather file", Kind.read, "")
XLSX = Binary("an Excel workbook", Kind.read, "")

_SIGNATURES: tuple[tuple[bytes, Binary], ...] = (
    (b"%PDF-", PDF),
    (b"PAR1", PARQUET),
    (b"ARROW1\0\0", FEATHER),
    (b"FEA1", Binary("a Feather file of version 1", Kind.document, "save it as version 2")),
    (b"PARE", Binary("an encrypted Parquet file", Kind.document, "decrypt it first")),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        Binary("an old Office file (.doc, .xls, .ppt)", Kind.document, "save it as .txt or .xlsx"),
    ),
    (b"{\\rtf", Binary("an RTF document", Kind.document, "save it as plain text")),
    (b"%!PS", Binary("a PostScript file", Kind.document, "convert it with ps2ascii")),
    (b"AT&TFORM", Binary("a DjVu file", Kind.document, "convert it with djvutxt")),
    (b"\x89PNG\r\n", Binary("a PNG picture", Kind.media, _PICTURE)),
    (b"\xff\xd8\xff", Binary("a JPEG picture", Kind.media, _PICTURE)),
    (b"GIF87a", Binary("a GIF picture", Kind.media, _PICTURE)),
    (b"GIF89a", Binary("a GIF picture", Kind.media, _PICTURE)),
    (b"II*\0", Binary("a TIFF picture", Kind.media, _PICTURE)),
    (b"MM\0*", Binary("a TIFF picture", Kind.media, _PICTURE)),
    (b"RIFF", Binary("a RIFF file (WebP, WAV, AVI)", Kind.media, "it holds no text")),
    (b"ID3", Binary("a sound", Kind.media, "it holds no text")),
    (b"OggS", Binary("a sound or video", Kind.media, "it holds no text")),
    (b"fLaC", Binary("a sound", Kind.media, "it holds no text")),
    (b"\x1a\x45\xdf\xa3", Binary("a video", Kind.media, "it holds no text")),
    (b"7z\xbc\xaf\x27\x1c", Binary("a 7z archive", Kind.other, _ARCHIVE)),
    (b"Rar!\x1a\x07", Binary("a RAR archive", Kind.other, _ARCHIVE)),
    (b"\x04\x22\x4d\x18", Binary("an lz4 file", Kind.other, "unpack it with lz4 -d")),
    (b"LZIP", Binary("an lzip file", Kind.other, "unpack it with lzip -d")),
    (b"\x1f\x9d", Binary("a .Z file", Kind.other, "unpack it with uncompress")),
    (b"\x89HDF\r\n", Binary("an HDF5 file", Kind.other, "save it as Parquet or CSV")),
    (b"\x93NUMPY", Binary("a NumPy array", Kind.other, "save it as Parquet or CSV")),
    (b"SQLite format 3\0", Binary("an SQLite database", Kind.other, "export a table as CSV")),
    (b"Obj\x01", Binary("an Avro file", Kind.other, "save it as Parquet or JSON Lines")),
    (b"ORC", Binary("an ORC file", Kind.other, "save it as Parquet or CSV")),
    (b"RDX", Binary("an R data file", Kind.other, "save it as Parquet or CSV")),
    (b"\x80\x02", Binary("a pickle", Kind.other, "save it as Parquet, CSV or JSON Lines")),
    (b"\x80\x03", Binary("a pickle", Kind.other, "save it as Parquet, CSV or JSON Lines")),
    (b"\x80\x04", Binary("a pickle", Kind.other, "save it as Parquet, CSV or JSON Lines")),
    (b"\x80\x05", Binary("a pickle", Kind.other, "save it as Parquet, CSV or JSON Lines")),
    (b"\x7fELF", Binary("a program", Kind.other, "it holds no text")),
    (b"MZ", Binary("a program for Windows", Kind.other, "it holds no text")),
    (b"\xca\xfe\xba\xbe", Binary("a program", Kind.other, "it holds no text")),
    (b"\xcf\xfa\xed\xfe", Binary("a program", Kind.other, "it holds no text")),
    (b"\0asm", Binary("a program", Kind.other, "it holds no text")),
    (b"wOFF", Binary("a font", Kind.media, "it holds no text")),
    (b"\0\x01\0\0", Binary("a font or a database", Kind.other, "it holds no text")),
)
# These begin as a text may: what follows must be no text.
_ALSO_WORDS = (
    b"MZ",
    b"ORC",
    b"ID3",
    b"RDX",
    b"RIFF",
    b"LZIP",
    b"PAR1",
    b"PARE",
    b"FEA1",
    b"Obj\x01",
)

UNKNOWN = Binary("a binary file of an unknown kind", Kind.other, _TEXT)
_UTF16 = Binary("UTF-16 without a byte order mark", Kind.document, "save it as UTF-8")
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1a\x1b")) + b"\x7f"
_LOOKED_AT = 512
_MOST = 0.8
_MOST_CONTROLS = 0.05

_OFFICE = (
    ("xl/workbook.xml", XLSX),
    ("xl/workbook.bin", Binary("an .xlsb workbook", Kind.document, "save it as .xlsx or CSV")),
    ("word/", Binary("a Word document", Kind.document, "save it as plain text (.txt)")),
    ("ppt/", Binary("a PowerPoint file", Kind.document, "save it as plain text")),
    ("META-INF/container.xml", Binary("an EPUB book", Kind.document, "convert it to plain text")),
    (
        "content.xml",
        Binary("an OpenDocument file", Kind.document, "save it as .txt, .csv or .xlsx"),
    ),
    ("META-INF/MANIFEST.MF", Binary("a Java archive", Kind.other, "it holds no text")),
)


def binary(head: bytes) -> Binary | None:
    """What kind of binary file begins so; None for what may be text."""
    start = head[:_LOOKED_AT]
    nothing = start.translate(None, _CONTROLS)
    controls = len(start) - len(nothing)
    for mark, found in _SIGNATURES:
        if start.startswith(mark) and (controls or mark not in _ALSO_WORDS):
            return found
    if start[4:8] == b"ftyp" and controls:
        return Binary("a video", Kind.media, "it holds no text")
    if not start or controls <= _MOST_CONTROLS * len(start):
        return UNKNOWN if b"\0" in start[:16] else None
    half = len(start) // 2
    nothing_in = [start[at::2].count(0) for at in (0, 1)]
    if half and max(nothing_in) > half * _MOST > min(nothing_in) * 10:
        return _UTF16
    return UNKNOWN


def office(names: set[str]) -> Binary | None:
    """What a zip file of these names is, if it is a document and not an archive."""
    if (
        "[Content_Types].xml" not in names
        and "mimetype" not in names
        and not any(name.startswith("META-INF/") for name in names)
    ):
        return None
    for mark, found in _OFFICE:
        if mark in names or (mark.endswith("/") and any(n.startswith(mark) for n in names)):
            return found
    return None
