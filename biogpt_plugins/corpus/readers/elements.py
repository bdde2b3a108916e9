"""XML as a sequence of elements, each parsed on its own: safely, in constant memory.

A file is cut at the tags of its records before anything is parsed. A malformed record therefore
loses only itself, which a parser of whole files cannot offer, and no record sees the document's
DTD: there are no entities to load or expand. Characters that the DTDs of PubMed and JATS name, such
as &alpha;, are still resolved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html.entities import html5
from typing import Any

from lxml import etree

from biogpt_plugins.corpus.readers.files import BREAKS, broken_off
from biogpt_plugins.values.errors import InputError

LARGEST = 1 << 26
"""A record with more bytes counts as unclosed."""

Element = tuple[int, "bytes | InputError"]
"""(line on which an element begins, its bytes or an error)"""

_REACH = 64  # the longest mark
_ENDS = {b"<!--": b"-->", b"<![CDATA[": b"]]>"}
_NAMED = re.compile(rb"&([A-Za-z]\w*);")
_PREFIXES = re.compile(rb"\s(xmlns:[\w.-]+)\s*=\s*(\"[^\"<]*\"|'[^'<]*')")
_ENCODING = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([\w.-]+)")
_SPACE = re.compile(r"[ \t\r\n\x1e\x1f]+")
_FORMULA = "math"
_BLOCKS = frozenset(
    {
        *("p", "sec", "title", "break", "hr", "label", "list", "list-item", "def-list", "def-item"),
        *("term", "def", "disp-quote", "disp-formula", "disp-formula-group", "statement", "speech"),
        *("speaker", "attrib", "verse-group", "verse-line", "preformat", "array", "tbody", "tr"),
        *(
            "td",
            "th",
            "subtitle",
            "boxed-text",
            "fig",
            "table-wrap",
            "caption",
            "ack",
            "note",
            "sig",
        ),
        *("div", "li", "ul", "ol", "br", "AbstractText", "CopyrightInformation", "boxed-text"),
        *("disp-formula", "chem-struct-wrap", "supplementary-material", "trans-title"),
        *("list-header", "term-head", "def-head", "question", "answer", "explanation"),
    }
)
"""What stands in lines of its own, so that it runs into no word beside it."""
_BEGIN, _END = "\x1f", "\x1e"  # of a block: characters that XML cannot hold
_BEFORE_STOP = re.compile(r"[ \t\r\n]*(?:\x1e[ \t\r\n]*)+(?=[,.;:)\]!?](?!\w))")
_BOLD = frozenset({"b", "bold", "strong"})
_HEADING = re.compile(r"[^\W\d_]{3}")
_SHORTEST_HEADING = 4


class _View:
    """A window on a stream of bytes."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._counted = (0, 1)
        self.data = b""
        self.failure: InputError | None = None

    def more(self, keep: int) -> bool:
        """Read more, and drop the bytes before offset `keep`; False at the end."""
        wanted = max(len(self.data) - keep, 1)  # doubling keeps the cost linear
        pieces: list[bytes] = []
        try:
            while wanted > 0 and (piece := next(self._pieces, b"")):
                pieces.append(piece)
                wanted -= len(piece)
        except BREAKS as error:
            self.failure = broken_off(error)
            self._pieces = iter(())
        if not pieces:
            return False
        line = self.line(keep)
        self.data = b"".join([self.data[keep:], *pieces])
        self._counted = (0, line)
        return True

    def line(self, offset: int) -> int:
        """The line of an offset; call it with rising offsets."""
        at, line = self._counted
        line += self.data.count(b"\n", at, offset)
        self._counted = (offset, line)
        return line


def elements(pieces: Iterable[bytes], names: Iterable[str], prefix: str = "") -> Iterator[Element]:
    """Cut a file into its elements of some names, which do not stand in each other.

    Args:
        pieces: The file.
        names: What the elements are called.
        prefix: What stands before each name, "jats:" for one.
    """
    tag = b"(" + "|".join(f"{prefix}{name}" for name in names).encode() + b")"
    tags = rb"<" + tag + rb"(?=[\s/>])|</" + tag + rb"\s{0,32}>"
    mark = re.compile(rb"<!--|<!\[CDATA\[|" + tags)
    view = _View(pieces)
    begin: int | None = None  # of the element that is open
    name, at = b"", 0
    while True:
        found = mark.search(view.data, at)
        past = _past(view.data, found) if found else None
        if found is None or past is None:
            keep = found.start() if found else max(at, len(view.data) - _REACH)
            first = keep if begin is None else begin
            if len(view.data) - first > LARGEST:
                yield (
                    view.line(first),
                    InputError(f"the element does not end within {LARGEST >> 20} MiB"),
                )
                begin = None
            elif view.more(first):
                at, begin = keep - first, None if begin is None else 0
                continue
            elif found is None:
                break
            if found:  # the comment is never closed: ignore comments from here on
                mark = re.compile(tags)
            at = keep
        elif found[1]:
            if begin is not None:
                yield view.line(begin), _unclosed(name)
            begin, name, at = found.start(), found[1], past
        else:
            if found[2] == name and begin is not None:
                yield view.line(begin), view.data[begin:past]
                begin = None
            at = past
    if view.failure:
        yield view.line(len(view.data)), view.failure
    elif begin is not None:
        yield view.line(begin), _unclosed(name)


def _past(data: bytes, mark: re.Match[bytes]) -> int | None:
    """Where a tag, a comment or a CDATA section ends; None if the end is not read yet."""
    closing = _ENDS.get(mark[0])
    if closing is None:
        return mark.end()
    end = data.find(closing, mark.end())
    return None if end < 0 else end + len(closing)


def _unclosed(name: bytes) -> InputError:
    return InputError(f"not XML: <{name.decode()}> is not closed")


class XmlParser:
    """Parses elements that were cut out of a file.

    Args:
        head: The beginning of the file, with its encoding and the prefixes declared by its root.

    Raises:
        InputError: The encoding is unknown.
    """

    def __init__(self, head: bytes) -> None:
        found = _ENCODING.match(head.lstrip())
        encoding = found[1].decode() if found else "UTF-8"
        try:
            self._parser = etree.XMLParser(
                encoding=encoding,
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
                huge_tree=False,
                remove_comments=True,
                remove_pis=True,
            )
        except LookupError as error:
            raise InputError(f"unknown encoding {encoding}: convert the file to UTF-8") from error
        prefixes = dict(reversed(_PREFIXES.findall(head)))
        self._root = b"".join([b"<r", *(b" %s=%s" % prefix for prefix in prefixes.items()), b">"])

    def parse(self, data: bytes) -> Any:  # noqa: ANN401 - lxml has no types
        """Parse an element.

        Raises:
            XmlError: The element is malformed.
        """
        if b"&" in data:
            data = _NAMED.sub(_character, data)
        try:
            return etree.fromstring(self._root + data + b"</r>", self._parser)[0]
        except etree.XMLSyntaxError as error:
            reason = (error.msg or "not well formed").partition(", line ")[0]
            raise XmlError(f"not XML: {reason}", (error.lineno or 1) - 1) from error


class XmlError(InputError):
    """A malformed element; the fault is `below` lines below its first line."""

    def __init__(self, message: str, below: int) -> None:
        super().__init__(message)
        self.below = below

    def __reduce__(self) -> tuple[type[XmlError], tuple[str, int]]:
        return type(self), (str(self), self.below)


def plain(element: Any, skip: frozenset[str] = frozenset()) -> str:  # noqa: ANN401
    """The text of an element without markup; runs of white space become one space.

    What stands in lines of its own where it is shown, items of a list for one, is set off by a
    space.

    Args:
        element: An element, or None.
        skip: Names of child elements to leave out.
    """
    if element is None:
        return ""
    text = (element.text or "") if not len(element) else "".join(_pieces(element, skip))
    if _END in text:
        text = _BEFORE_STOP.sub("", text)
    return _SPACE.sub(" ", text).strip(" ")


def local(element: Any) -> str:  # noqa: ANN401
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _pieces(element: Any, skip: frozenset[str]) -> Iterator[str]:  # noqa: ANN401
    last = element.text or ""
    yield last
    for child in element:
        name = local(child)
        tail = child.tail or ""
        if name == _FORMULA:
            last = "".join(text.strip() for text in child.itertext())
            yield last
        elif name in _BLOCKS:
            words = "" if name in skip else "".join(_pieces(child, skip))
            if _SPACE.sub("", words):
                yield _BEGIN + words
            yield _END
        elif name in _BOLD:
            words = "".join(_pieces(child, skip))
            if _begins_item(last, words):
                yield " "
            yield words
            if _ends_item(words, tail, child.getnext()):
                yield " "
            last = words
        elif name not in skip:
            yield from _pieces(child, skip)
            last = "".join(child.itertext())
        yield tail
        last = tail or last


def _begins_item(before: str, words: str) -> bool:
    """Whether bold words are a heading that was set directly behind a sentence."""
    return (
        before[-1:] in tuple(".:;?!)") and _HEADING.match(words) is not None and words[0].isupper()
    )


def _ends_item(words: str, tail: str, following: Any) -> bool:  # noqa: ANN401
    """Whether bold words are a heading, and what is behind them a sentence: no part of a name."""
    if len(words) < _SHORTEST_HEADING or not _HEADING.match(words):
        return False
    if not tail:
        return following is not None and local(following) in _BOLD
    if words[-1] in ":.":
        return tail[0].isalnum()
    return bool(re.match(r"[A-Z][a-z]", tail)) and words[-1].isalpha()


def _character(reference: re.Match[bytes]) -> bytes:
    """Replace a named character by its number; XML's own five names, and unknown names, stay."""
    name = reference[1].decode()
    text = "" if name in ("amp", "lt", "gt", "quot", "apos") else html5.get(f"{name};", "")
    return "".join(f"&#{ord(c)};" for c in text).encode() or reference[0]
