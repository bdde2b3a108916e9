"""A source text, and what is known of it: each thing is found out once, on the text itself."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from typing_extensions import Self

P = ParamSpec("P")
R = TypeVar("R")


class SourceText(str):
    """A text that remembers what functions marked `once` found in it; otherwise a plain string.

    A pipeline makes one for each input. Its aligner, sentences, abbreviations and cues are found
    out when they are first asked for, and go when the text does.
    """

    __slots__ = ("known",)

    known: dict[Hashable, Any]

    def __new__(cls, text: str) -> Self:
        """A text of which nothing is known yet; one that is a SourceText stays as it is."""
        if isinstance(text, cls):
            return text
        made = super().__new__(cls, text)
        made.known = {}
        return made

    def __reduce__(self) -> tuple[type[SourceText], tuple[str]]:
        return type(self), (str(self),)


def once(find: Callable[Concatenate[str, P], R]) -> Callable[Concatenate[str, P], R]:
    """Let a SourceText remember what a function of a text finds; a plain string remembers nothing.

    What is found must not be changed, and further arguments must be positional and hashable.
    """

    @wraps(find)
    def found(text: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if not isinstance(text, SourceText):
            return find(text, *args, **kwargs)
        key = (find, *args)
        try:
            remembered: R = text.known[key]
        except KeyError:
            remembered = text.known[key] = find(text, *args, **kwargs)
        return remembered

    return found
