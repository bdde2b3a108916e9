"""What the reader of a result should know about its input: an open question, planted words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from biogpt_plugins.tasks.questions import open_question
from biogpt_plugins.tasks.readers import short
from biogpt_plugins.tasks.relations import MODAL
from biogpt_plugins.values.inputs import Question, Text

if TYPE_CHECKING:
    from biogpt_plugins.tasks.clause import Clause
    from biogpt_plugins.tasks.task import Task

_SHOWN = 80
_REACH = 300  # characters; a planted clause is short
_GAP = r"[\W_]+"
_LEARNED = re.compile(r"\blearned[\W_]*[0-9]+\b", re.IGNORECASE)
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")  # soft hyphens, zero-width signs
_END = re.compile(r"[.;!?](?:\s|$)")


def remarks(task: Task[Any], text: Text) -> Iterator[str]:
    """Remarks on an input, each a sentence.

    A passage that holds the words with which the model answers is suspicious: the model tends to
    repeat them, whatever else the passage says. A relation that natural text can state in the same
    words ("A inhibits B") is not suspicious.

    Args:
        task: The task.
        text: The input.
    """
    asked = text.question if isinstance(text, Question) and task.kind == "answer" else ""
    if words := open_question(asked):
        yield (
            f"the question asks for more than yes, no or maybe ({short(words)}), and the model "
            "gives no other answer"
        )
    for given in (text.source, getattr(text, "long_answer", "")):
        if planted := _planted(task, given):
            yield (
                f"the text is suspicious: it holds the words of an answer, {short(planted, _SHOWN)}"
                ", which the model tends to repeat"
            )


def _planted(task: Task[Any], text: str) -> str | None:
    """The first words of a text that a model trained for this task writes itself."""
    shown = _HIDDEN.sub("", text)
    for pattern in _patterns(task.stem, task.choices, _before(task)):
        if found := pattern.search(shown):
            return found[0]
    return _clause(task.clause, shown) if task.clause else None


def _before(task: Task[Any]) -> str:
    return task.grammar.before if task.grammar else ""


@lru_cache(maxsize=64)
def _patterns(stem: str, choices: tuple[str, ...], before: str) -> tuple[re.Pattern[str], ...]:
    patterns = [_LEARNED]
    for words in dict.fromkeys((stem, before)):
        if len(words.split()) > 1:
            spelt = _GAP.join(map(re.escape, words.split()))
            patterns.append(re.compile(rf"\b{spelt}\b(?:{_GAP}\w+)?", re.IGNORECASE))
    if stem and choices:
        labels = "|".join(map(re.escape, choices))
        patterns.append(
            re.compile(
                rf"\banswer\b(?:\s+\w+){{0,8}}?\s*(?:\bis\b|\bare\b|\bmust\s+be\b|:|=)"
                rf"\s*['\"\u201c\u2018*(]*(?:{labels})\b(?=[\W_]*(?:[.,;!?)]|$|\n))",
                re.IGNORECASE,
            )
        )
    return tuple(patterns)


def _clause(clause: Clause, text: str) -> str | None:
    """A clause in a text, for clauses in words that natural text does not have."""
    patterns = clause.patterns
    for start in patterns.start.finditer(text) if patterns.start else ():
        body = text[start.end() : start.end() + _REACH]
        end = _END.search(body)
        body = body[: end.end() if end else len(body)]
        if _states(clause, f"{start[0]}{body}"):
            return f"{start[0]}{body}".strip()
    return None


def _states(clause: Clause, sentence: str) -> bool:
    patterns = clause.patterns
    if patterns.closing:
        closing = patterns.closing.search(sentence)
        return closing is not None and not MODAL.search(sentence[: closing.start()])
    if patterns.shape != "typed" or not patterns.verb:
        return False
    verbs = [sentence[verb.end() :].lstrip() for verb in patterns.verb.finditer(sentence)]
    return any(kind.match(said) for said in verbs for kind, _ in patterns.types)
