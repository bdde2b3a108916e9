"""A source text that caches what has been found in it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from typing_extensions import Self

P = ParamSpec("P")
R = TypeVar("R")


class SourceText(str):
    """A string that caches the results of functions decorated with `once`.

    A pipeline makes one for each input. The aligner, sentences, abbreviations and cues are
    computed when they are first needed and are freed with the text.
    """

    __slots__ = ("known",)

    known: dict[Hashable, Any]

    def __new__(cls, text: str) -> Self:
        """Wrap a string with an empty cache; a SourceText is returned unchanged."""
        if isinstance(text, cls):
            return text
        source = super().__new__(cls, text)
        source.known = {}
        return source

    def __reduce__(self) -> tuple[type[SourceText], tuple[str]]:
        return type(self), (str(self),)


def once(find: Callable[Concatenate[str, P], R]) -> Callable[Concatenate[str, P], R]:
    """Cache a function's results on the SourceText it is given; a plain str has no cache.

    Callers must not change the result. Further arguments must be positional and hashable.
    """

    @wraps(find)
    def cached(text: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if not isinstance(text, SourceText):
            return find(text, *args, **kwargs)
        key = (find, *args)
        try:
            result: R = text.known[key]
        except KeyError:
            result = text.known[key] = find(text, *args, **kwargs)
        return result

    return cached
