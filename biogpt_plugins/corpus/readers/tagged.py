"""Citations with a tag before each field: MEDLINE text, RIS, EndNote's and Web of Science's.

PubMed's "Save" and "Cite", Europe PMC, Zotero, EndNote, Mendeley, Scopus and Cochrane write these.
rispy and nbib read whole files into memory, and end where one line is broken; here a broken
citation costs itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from biogpt_plugins.corpus.readers.files import decode
from biogpt_plugins.corpus.readers.markup import unmarked
from biogpt_plugins.corpus.readers.records import ParsedRecord
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper

_MOST_LINES = 100_000


@dataclass(frozen=True)
class Layout:
    """How citations are laid out.

    Attributes:
        name: What the layout is called.
        line: A line with a tag; groups are the tag and what stands behind it.
        first: Tags with which a citation begins.
        last: The tag that ends one; "" where an empty line does.
        header: Tags of the file itself.
        title: Tags of titles, the best first.
        abstract: Tags of abstracts.
        ids: Tags of identifiers, the best first.
        indent: What continues a field begins so; "" where any line without a tag does.
        opening: How a file begins.
    """

    name: str
    line: re.Pattern[str]
    first: tuple[str, ...]
    last: str
    title: tuple[str, ...]
    abstract: tuple[str, ...]
    ids: tuple[str, ...]
    opening: re.Pattern[bytes]
    header: tuple[str, ...] = ()
    indent: str = ""

    def begins(self, start: bytes) -> bool:
        """Whether a file that begins so is laid out so."""
        return self.opening.match(start) is not None


NBIB = Layout(
    "MEDLINE text",
    line=re.compile(r"([A-Z][A-Z0-9]{1,3}) {0,2}-(?: (.*))?"),
    first=("PMID", "PMC"),
    last="",
    title=("TI", "BTI", "CTI"),
    abstract=("AB",),
    ids=("PMID", "PMC", "AID", "LID"),
    opening=re.compile(
        rb"(?:PMID|PMC|OWN|STAT|DCOM|LR|VI|IS|DP|TI|FAU) {0,2}- ?\S[^\n]*\r?\n(?:\r?\n)*"
        rb"(?:[A-Z][A-Z0-9]{1,3} {0,2}- |\s|$)|PMID- ?\d+\s*$"
    ),
    indent="  ",
)
RIS = Layout(
    "RIS",
    line=re.compile(r"([A-Z][A-Z0-9])\s{1,2}-(?:\s(.*))?"),
    first=("TY",),
    last="ER",
    title=("TI", "T1", "CT", "BT"),
    abstract=("AB", "N2"),
    ids=("PMID", "AN", "ID", "DO", "C2"),
    opening=re.compile(
        rb"(?:(?:Provider|Database|Content|Record)\b[^\n]*\n|\s|\d+\.?[ \t\r]*\n)*TY\s{1,2}- ?\w"
    ),
)
REFER = Layout(
    "EndNote's tags",
    line=re.compile(r"%(\S)(?: (.*))?"),
    first=("0",),
    last="",
    title=("T",),
    abstract=("X",),
    ids=("M", "R", "F"),
    opening=re.compile(rb"%0 \w"),
)
ISI = Layout(
    "Web of Science's tags",
    line=re.compile(r"([A-Z][A-Z0-9])(?: (.*))?"),
    first=("PT",),
    last="ER",
    title=("TI",),
    abstract=("AB",),
    ids=("PM", "UT", "DI"),
    opening=re.compile(rb"FN [^\n]*\n(?:VR [^\n]*\n)?\s*PT |PT \w\s*\n(?:AU|TI|AF|BA|CA) "),
    header=("FN", "VR", "EF"),
    indent=" ",
)
_PUBMED = re.compile(
    r"(?:PMID|PubMed ID)\s*[:=]\s*(\d{1,9})\b|pubmed(?:\.ncbi\.nlm\.nih\.gov|/)/?(\d{1,9})\b"
)
_NO_TITLE = {"", "[Not Available].", "[Not Available]", "[In Process Citation]"}
_MENTIONS = ("N1", "M1", "UR", "L2", "Z", "U")
_KIND = re.compile(r"[A-Z][\w-]{0,30}: ")
_ELSEWHERE = "Abstract available from the publisher."


@dataclass
class _Citation:
    line: int = 0
    fields: list[tuple[str, list[str]]] = field(default_factory=list)
    error: InputError | None = None
    gap: bool = False

    def all(self, tag: str) -> list[str]:
        found = ["\n".join(parts) for name, parts in self.fields if name == tag]
        return [text for text in (unmarked(each) for each in found) if text]

    def best(self, tags: Iterable[str]) -> str:
        return next((found[0] for tag in tags if (found := self.all(tag))), "")


def read_tagged(lines: Iterable[bytes | InputError], layout: Layout) -> Iterator[ParsedRecord]:
    """Read citations; of each the identifier, the title and the abstract."""
    citation = _Citation()
    number = 0
    for number, line in enumerate(map(decode, lines), start=1):
        text = line if isinstance(line, InputError) else line.rstrip("\r\n").lstrip("\ufeff")
        if isinstance(text, str) and not text.strip():
            citation.gap = True
            continue
        if isinstance(text, InputError):
            citation.error = citation.error or text
            citation.line = citation.line or number
            continue
        tag = layout.line.fullmatch(text)
        if tag and tag[1] in layout.header:
            continue
        if tag and _begins(citation, layout, tag[1]):
            yield from _found(citation, layout, ended=not layout.last)
            citation = _Citation(number)
        if tag and layout.last and tag[1] == layout.last:
            yield from _found(citation, layout, ended=True)
            citation = _Citation()
        else:
            _add(citation, layout, number, text, tag)
        citation.gap = False
    yield from _found(citation, layout, ended=not layout.last)


def _begins(citation: _Citation, layout: Layout, tag: str) -> bool:
    """Whether a tag begins another citation."""
    if tag not in layout.first:
        return False
    if not citation.fields and not citation.error:
        return False
    # PMC's have both of the tags with which a citation may begin.
    return citation.gap or bool(layout.last) or tag in (name for name, _ in citation.fields)


def _add(
    citation: _Citation, layout: Layout, number: int, text: str, tag: re.Match[str] | None
) -> None:
    if tag:
        citation.line = citation.line or number
        citation.fields.append((tag[1], [tag[2] or ""]))
    elif citation.fields and text.startswith(layout.indent):
        citation.fields[-1][1].append(text)
        if sum(len(parts) for _, parts in citation.fields[-1:]) > _MOST_LINES:
            citation.error = InputError(f"a field of more than {_MOST_LINES:,} lines is too long")
            citation.fields[-1][1].clear()
    elif citation.fields or not _is_between(text, layout):
        citation.line = citation.line or number
        place = (
            "" if citation.line == number else f" {counted(number - citation.line, 'line')} below"
        )
        citation.error = citation.error or InputError(
            f"no {layout.name}: {text[:40]!r}{place} is no tag, and does not continue one"
        )


def _is_between(text: str, layout: Layout) -> bool:
    """Whether a line may stand between citations: a number, a note of the database."""
    return (
        layout is RIS
        and re.match(r"(?:Provider|Database|Content|Record|\d+\.?\s*$)", text) is not None
    )


def _found(citation: _Citation, layout: Layout, *, ended: bool) -> Iterator[ParsedRecord]:
    if citation.error:
        yield ParsedRecord(citation.line, citation.error)
    elif citation.fields and not ended:
        yield ParsedRecord(
            citation.line,
            InputError(
                f"no {layout.name}: the citation has no end ({layout.last}): it may be cut off"
            ),
        )
    elif citation.fields:
        title = citation.best(layout.title)
        if title in _NO_TITLE:
            title = citation.best(("TT",) if layout is NBIB else ()) or title
        abstract = citation.best(layout.abstract)
        if layout is NBIB and not abstract:
            abstract = _other(citation)
        yield ParsedRecord(
            citation.line, Paper(id=_id(citation, layout), title=title, text=abstract)
        )


def _other(citation: _Citation) -> str:
    """An English abstract from elsewhere than the journal; its kind stands before it."""
    texts, languages = citation.all("OAB"), citation.all("OABL")
    for text, language in zip_longest(texts, languages[: len(texts)], fillvalue="eng"):
        abstract = text.partition(": ")[2] if _KIND.match(text) else text
        if language == "eng" and abstract != _ELSEWHERE:
            return abstract
    return ""


def _id(citation: _Citation, layout: Layout) -> str | None:
    """The PMID, if it stands anywhere, or what else tells the paper from others."""
    if layout is NBIB:
        return citation.best(layout.ids).partition(" ")[0] or None
    mentions = (_PUBMED.search(text) for tag in _MENTIONS for text in citation.all(tag))
    pmid = next((found[1] or found[2] for found in mentions if found), None)
    return pmid or citation.best(layout.ids) or None
