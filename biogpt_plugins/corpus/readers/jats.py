"""JATS full texts: PMC's .nxml files, sets of articles, and responses of PMC's OAI service.

The paragraphs of a section are a record; a section within it is another record. Figures, tables,
TeX formulas, references and footnotes are left out. So are superscript citation marks, which would
otherwise join the word before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from biogpt_plugins.corpus.readers.elements import local, plain
from biogpt_plugins.corpus.readers.records import TITLE_AND_ABSTRACT, ParsedRecord, Sections
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper

NAMES = ("article",)

_NO_TEXT = frozenset(
    {
        *("boxed-text", "fig", "fig-group", "table-wrap", "table", "graphic", "media"),
        *("fn", "label", "object-id", "supplementary-material", "tex-math"),
    }
)
_OWN = {
    *("p", "list", "def-list", "disp-quote", "statement", "speech", "verse-group", "preformat"),
    *("disp-formula", "disp-formula-group", "attrib", "question-wrap"),
}
_LESS = {
    "graphical",
    "teaser",
    "toc",
    "key-points",
    "highlights",
    "web-summary",
    "author-highlights",
}
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_IDS = ("pmcid", "pmc", "pmcaid", "pmid", "doi", "publisher-id")


def read(article: Any, sections: Sections) -> Iterator[ParsedRecord]:  # noqa: ANN401 - lxml has no types
    """Read an article: title and abstract, and with `Sections.all` each section of the body."""
    meta = article.find("{*}front/{*}article-meta")
    if meta is None:
        raise InputError("not JATS: the article has no article-meta")
    for mark in list(article.iter("{*}sup", "{*}xref")):
        _drop_reference(mark)
    id_ = _id(meta)
    titles = meta.find("{*}title-group")
    parts = () if titles is None else (titles.find("{*}article-title"), titles.find("{*}subtitle"))
    title = ": ".join(filter(None, (plain(part, _NO_TEXT) for part in parts)))
    paper = Paper(id=id_, title=title, text=_abstract(meta))
    if sections is Sections.abstract:
        yield ParsedRecord(0, paper)
        return
    body = article.find("{*}body")
    start = len(paper.source) + 1 if paper.source else 0
    if paper.source or body is None:
        yield ParsedRecord(0, paper, TITLE_AND_ABSTRACT)
    for name, text in () if body is None else _sections(body, ()):
        yield ParsedRecord(0, Paper(id=id_, text=text), name, start)
        start += len(text) + 1


def _sections(parent: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Sections with their paths, each with its text before the next section begins."""
    own: list[str] = []
    for child in parent:
        name = local(child)
        if name in _OWN:
            own.append(plain(child, _NO_TEXT))
        elif name == "sec":
            if text := " ".join(filter(None, own)):
                yield " / ".join(path) or "body", text
            own = []
            heading = plain(child.find("{*}title"), _NO_TEXT) or child.get("sec-type", "")
            yield from _sections(child, (*path, heading) if heading else path)
    if text := " ".join(filter(None, own)):
        yield " / ".join(path) or "body", text


def _abstract(meta: Any) -> str:  # noqa: ANN401
    """The abstract itself; if there is none, one for the public or of highlights, or a translation.

    Of abstracts in several languages the English one.
    """
    given = sorted(meta.iterfind("{*}abstract"), key=_rank)
    texts = (_text_of(abstract) or plain(abstract, _NO_TEXT | {"title"}) for abstract in given)
    english = (a for a in meta.iterfind("{*}trans-abstract") if a.get(_LANG, "").startswith("en"))
    return next(filter(None, (*texts, *map(_text_of, english))), "")


def _rank(abstract: Any) -> tuple[bool, bool, bool]:  # noqa: ANN401
    kind = abstract.get("abstract-type")
    return kind in _LESS, kind is not None, not abstract.get(_LANG, "en").startswith("en")


def _text_of(part: Any) -> str:  # noqa: ANN401
    """An abstract, or a section of one: each of its paragraphs and lists once."""
    texts: list[str] = []
    for child in part:
        if local(child) == "sec":
            text = _text_of(child)
            label = plain(child.find("{*}title"), _NO_TEXT).rstrip(":. ").upper()
            texts.append(f"{label}: {text}" if label and text else text)
        elif local(child) in _OWN:
            texts.append(plain(child, _NO_TEXT))
    return " ".join(filter(None, texts))


def _id(meta: Any) -> str | None:  # noqa: ANN401
    ids = {i.get("pub-id-type", ""): plain(i) for i in meta.iterfind("{*}article-id")}
    kind = next((kind for kind in _IDS if ids.get(kind)), None)
    if kind is None:
        return None
    return f"PMC{ids[kind]}" if kind.startswith("pmc") and ids[kind].isdigit() else ids[kind]


def _drop_reference(mark: Any) -> None:  # noqa: ANN401
    """Remove the text of a superscript citation mark."""
    refers = [x for x in mark.iter("{*}xref") if x.get("ref-type") == "bibr"]
    raised = local(mark) == "sup" or any(local(child) == "sup" for child in mark)
    if refers and raised:
        for child in list(mark):
            mark.remove(child)
        mark.text = ""
