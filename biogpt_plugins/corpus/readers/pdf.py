"""PDF: title and abstract as far as they can be told from a page, or the whole text.

A PDF knows letters and places, no titles; PMC's XML of the same paper is always better.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from typing import IO, Any

from biogpt_plugins.corpus.readers.records import ParsedRecord, Sections
from biogpt_plugins.values.errors import InputError, installing
from biogpt_plugins.values.inputs import Paper

_WAYS = (
    "take the paper's XML from PMC, or make a text of it (pdftotext PAPER.pdf PAPER.txt), or "
    f"install pypdf ({installing('pdf')})"
)
_MOST_PAGES = 2_000
_HYPHEN = re.compile(r"(?<=[a-z])-\n(?=[a-z])")
_ABSTRACT = re.compile(
    r"(?:^|\n)\s*(?:abstract|summary|a\s?b\s?s\s?t\s?r\s?a\s?c\s?t)\b\s*[:.—–-]*\s*\n?(.+?)"
    r"(?=\n\s*(?:key\s?words?\b|index terms\b|(?:\d+\.?|i\.)?\s*introduction\b|©|copyright\b"
    r"|background\s*\n)|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_LONGEST_ABSTRACT = 6_000
_SHORTEST = 40
_NO_TITLE = re.compile(r"untitled|microsoft|\.(?:docx?|pdf|tex|indd|qxd)$|^doi:|^pii:|^\W*$", re.I)


def read_pdf(stream: IO[bytes], name: str | None, sections: Sections) -> Iterator[ParsedRecord]:
    """Read title and abstract, or with `Sections.all` the whole text."""
    try:
        import pypdf  # noqa: PLC0415 - an extra
        from pypdf.errors import PyPdfError  # noqa: PLC0415
    except ImportError:
        yield ParsedRecord(1, InputError(f"it is a PDF: {_WAYS}"))
        return
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # of faults that do not matter
    try:
        reader = pypdf.PdfReader(stream)
        if reader.is_encrypted and not reader.decrypt(""):
            raise InputError("it is a PDF with a password: remove it")
        if len(reader.pages) > _MOST_PAGES:
            raise InputError(f"it is a PDF of {len(reader.pages):,} pages: no paper has so many")
        yield ParsedRecord(1, _paper(reader, name, sections))
    except InputError as error:
        yield ParsedRecord(1, error)
    except (PyPdfError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        # What pypdf raises where a PDF is damaged, beside its own errors.
        yield ParsedRecord(1, InputError(f"it is a PDF that cannot be read ({error}): {_WAYS}"))
    except (RecursionError, NotImplementedError, ImportError) as error:
        yield ParsedRecord(1, InputError(f"it is a PDF that cannot be read ({error}): {_WAYS}"))


def _paper(reader: Any, name: str | None, sections: Sections) -> Paper:  # noqa: ANN401 - pypdf's
    pages = reader.pages if sections is Sections.all else reader.pages[:2]
    texts = [page.extract_text() or "" for page in pages]
    text = "\n".join(texts)
    if len("".join(text.split())) < _SHORTEST:
        raise InputError("it is a PDF without text, of scanned pages perhaps: recognise them first")
    title = _title(reader)
    if sections is Sections.all:
        warnings.warn(f"{name or 'the PDF'} is read page by page, headers and all", stacklevel=2)
        return Paper(id=name, text=_joined(text))
    found = _ABSTRACT.search(text)
    if not found or not _SHORTEST < len(found[1]) < _LONGEST_ABSTRACT:
        raise InputError(
            "no abstract was found in the PDF: --sections all reads its whole text; PMC's XML of "
            "the paper is better"
        )
    told = f"title {title[:60]!r}" if title else "no title"
    warnings.warn(
        f"{name or 'the PDF'}: {told} and {len(found[1]):,} characters of abstract were guessed "
        "from the page",
        stacklevel=2,
    )
    return Paper(id=name, title=title, text=_joined(found[1]))


def _joined(text: str) -> str:
    return " ".join(_HYPHEN.sub("", text).split())


def _title(reader: Any) -> str:  # noqa: ANN401
    """What the file says its title is, or what is set largest on the first page."""
    told = str((reader.metadata or {}).get("/Title") or "").strip()
    if len(told.split()) > 2 and not _NO_TITLE.search(told):  # noqa: PLR2004 - a file's name is one
        return " ".join(told.split())
    parts: list[tuple[float, str]] = []

    def note(text: str, _cm: Any, matrix: Any, _font: Any, size: float) -> None:  # noqa: ANN401
        if text.strip():
            parts.append((round(abs(size * (matrix[3] or 1)), 1), text))

    reader.pages[0].extract_text(visitor_text=note)
    largest = max((size for size, text in parts if len(text.strip()) > 1), default=0.0)
    title = " ".join(" ".join(text for size, text in parts if size == largest).split())
    body = sum(len(text) for _, text in parts)
    return title if title and len(title) < body / 2 else ""
