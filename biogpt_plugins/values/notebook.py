"""Predictions as HTML for notebooks, in the colours of the report, without a script.

A Prediction does not hold its text: it shows the evidence sentences of its relations.
`report.highlighted` shows the whole text.

Elements are built as a tree, so that what papers and models say is text and attribute values, and
never markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice, pairwise
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.results import Answer, Entity, Evidence, InTitle, Prediction, Relation
from biogpt_plugins.values.segments import Segment, sentences

KNOWN_TYPES = ("chemical", "disease", "drug", "target")
"""Entity types with a colour of their own; the others share two."""

MOST_ROWS = 100
"""The most rows of a table; it says how many more there are."""


def result_style() -> str:
    """The style of results, which the report's page and the server's share."""
    return _asset("results.css")


def _asset(name: str) -> str:
    return files("biogpt_plugins.values").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def _style() -> str:
    rules = result_style().replace(":root", "&") + _asset("notebook.css")
    return f".biogpt {{ {' '.join(rules.split())} }}"


def make(tag: str, name: str | None = None, *children: object, **attributes: str) -> Element:
    """An element of a class, with text and elements in it; children that are None are left out."""
    element = Element(tag, {"class": name, **attributes} if name else attributes)
    for child in children:
        if isinstance(child, Element):
            element.append(child)
        elif child is not None:
            _add_text(element, str(child))
    return element


def _add_text(element: Element, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


def page_of(*children: Element | None) -> str:
    """A part of a notebook, in one line."""
    whole = make("div", "biogpt", make("style", None, _style()), *children)
    return tostring(whole, encoding="unicode", method="html").replace("\n", "&#10;")


def type_class(type_: str) -> str:
    """The class of an entity type, which sets its colour."""
    known = type_.lower() in KNOWN_TYPES
    return f"type-{KNOWN_TYPES.index(type_.lower()) if known else 4 + len(type_) % 2}"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Element:
    """A table with text or elements in its cells."""
    element = make("table", "table")
    if columns:
        SubElement(element, "thead").append(
            make("tr", None, *(make("th", None, one) for one in columns))
        )
    body = SubElement(element, "tbody")
    body.extend(make("tr", None, *(make("td", None, cell) for cell in row)) for row in rows)
    return element


def html_of(prediction: Prediction[Any], segments: Sequence[Segment] | None = None) -> str:
    """A Prediction with its highlighted text.

    Args:
        prediction: The Prediction.
        segments: Its text; None for the evidence sentences.
    """
    facts = [prediction.id, prediction.section, prediction.task, prediction.model]
    return page_of(
        make("div", "quiet", " · ".join(filter(None, facts)), _trial([prediction])),
        make("div", "passage", *_passages(prediction, segments)),
        *_results(prediction),
        *(make("p", "quiet", one) for one in prediction.warnings),
    )


def html_of_all(predictions: Sequence[Prediction[Any]]) -> str:
    """A table of Predictions, with a row for each result."""
    rows = ([one.id or "", *cells] for one in predictions for cells in _cells(one))
    shown = list(islice(rows, MOST_ROWS))
    rest = sum(1 for _ in rows)
    failed = sum(not one.ok for one in predictions)
    told = [counted(len(predictions), "prediction"), f"{failed:,} failed" if failed else ""]
    return page_of(
        make("div", "quiet", ", ".join(filter(None, told)), _trial(predictions)),
        table(["Paper", "Result", "Score", ""], shown) if shown else None,
        make("div", "quiet", f"and {counted(rest, 'more row')}") if rest else None,
    )


def _trial(predictions: Iterable[Prediction[Any]]) -> Element | None:
    if not any(one.trial for one in predictions):
        return None
    return make("span", None, " ", make("span", "badge missing", "a model for trying out"))


class _Span(NamedTuple):
    start: int
    end: int
    name: str
    tip: str


def _passages(prediction: Prediction[Any], segments: Sequence[Segment] | None) -> Iterator[Element]:
    parts: tuple[InTitle, ...] = ("title", None)
    for part in parts if segments is None else (None,):
        found = [one for each in prediction.relations for one in each.evidence if one.part == part]
        ends = [end for each in prediction.relations for end in (each.head, each.tail)]
        spans = [*_entities(one for one in ends if one.part == part), *_cues(found)]
        for segment in sentences(found) if segments is None else segments:
            yield make("p", None, *_pieces(segment, spans))


def _entities(ends: Iterable[Entity]) -> Iterator[_Span]:
    for end in dict.fromkeys(ends):
        if end.start is not None and end.end is not None:
            tip = " · ".join(filter(None, [end.type, end.id, end.long_form]))
            yield _Span(end.start, end.end, f"entity {type_class(end.type)}", tip)


def _cues(found: Iterable[Evidence]) -> Iterator[_Span]:
    for cue in {cue for evidence in found for cue in evidence.cues}:
        yield _Span(cue.start, cue.end, "cue", cue.kind)


def _pieces(segment: Segment, spans: Sequence[_Span]) -> Iterator[Element | str]:
    """A segment cut at the ends of all spans; each piece shows the shortest span around it."""
    first, last = segment.start, segment.start + len(segment.text)
    here = [one for one in spans if one.start < last and first < one.end]
    cuts = {first, last, *(place for one in here for place in one[:2] if first < place < last)}
    for start, end in pairwise(sorted(cuts)):
        text = segment.text[start - first : end - first]
        around = [one for one in here if one.start < end and start < one.end]
        span = min(around, key=lambda one: (one.name == "cue", one.end - one.start), default=None)
        if span is None:
            yield text
        else:
            tag = "span" if span.name == "cue" else "mark"
            yield make(tag, span.name, text, title=span.tip)


def _results(prediction: Prediction[Any]) -> Iterator[Element | None]:
    result: Any = prediction.result
    if prediction.error is not None:
        yield make("p", "failure", f"{prediction.error.type}: {prediction.error.message}")
        yield make("pre", None, prediction.completion) if prediction.completion else None
    elif prediction.kind == "answer":
        yield from _answer(result)
    elif prediction.relations:
        items = (
            make("li", "relation", _statement(one), *_facts(one)) for one in prediction.relations
        )
        yield make("ul", "relations", *items)
    else:
        yield from (make("p", None, cell) for cell, *_ in _cells(prediction))


def _cells(prediction: Prediction[Any]) -> Iterator[tuple[object, object, object]]:
    """What was found, its score, and remarks on it; at least once."""
    result: Any = prediction.result
    if prediction.error is not None:
        error = f"{prediction.error.type}: {prediction.error.message}"
        yield make("span", "failure", error), "", ""
    elif prediction.kind == "relations":
        for one in prediction.relations:
            score, *flags = _facts(one)
            yield _statement(one), score, make("span", None, *flags)
        if not prediction.relations:
            yield make("span", "quiet", "no relations found"), "", ""
    elif prediction.kind == "answer":
        share = (result.probabilities or {}).get(result.label)
        yield result.label or f"no answer: {result.abstained}", _score(share), ""
    elif prediction.kind == "labels":
        yield ", ".join(result.labels) or "no hallmark", "", ""
    else:
        yield result, "", ""


def _statement(relation: Relation) -> Element:
    link = make("span", "link", f" {relation.type} → ")
    return make("span", None, _end(relation.head), link, _end(relation.tail))


def _end(entity: Entity) -> Element:
    id_ = make("small", None, f" {entity.id}") if entity.id else None
    return make("span", f"name {type_class(entity.type)}", entity.text, id_, title=entity.type)


def _facts(relation: Relation) -> Iterator[Element]:
    """The score of a relation, then what else there is to know."""
    yield _score(relation.score)
    if relation.agreement is not None:
        yield make("span", "badge", f"{relation.agreement:.0%} of samples")
    if relation.negated or relation.speculated:
        stance = "negated" if relation.negated else "speculated"
        yield make("span", f"badge {stance}", stance)
    if missing := [end.text for end in (relation.head, relation.tail) if not end.grounded]:
        yield make("span", "badge missing", f"not in the text: {', '.join(missing)}")


def _score(share: float | None) -> Element:
    if share is None:
        return make("span", "score")
    return make("span", "score", _bar(share), f"{share:.2f}" if share >= 0.1 else f"{share:.1g}")  # noqa: PLR2004 - as the report's page


def _bar(share: float) -> Element:
    return make("span", "bar", make("span", "share", style=f"width: {share:.1%}"))


def _answer(answer: Answer) -> Iterator[Element]:
    if not answer.label:
        yield make("p", None, f"no answer: {answer.abstained}")
    elif not answer.probabilities:
        yield make("p", None, answer.label)
    shares: Mapping[str, float] = answer.probabilities or {}
    lines = (
        make(
            "tr",
            "best" if label == answer.label else None,
            make("th", None, label, scope="row"),
            make("td", None, _bar(share)),
            make("td", "figure", f"{share:.1%}"),
        )
        for label, share in shares.items()
    )
    if shares:
        yield make("table", "bars", make("tbody", None, *lines))
