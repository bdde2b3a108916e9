"""The errors of this package: each message says what is wrong, with what value, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from typing_extensions import Self


class BioGPTError(Exception):
    """The base of all errors of this package."""


class InputError(BioGPTError, ValueError):
    """An invalid input or option: an empty text, a missing field, a wrong type or value."""


class OptionError(BioGPTError, TypeError):
    """An option that there is not; the message names the nearest one, and all there are."""


class UnreadError(InputError):
    """A record of a file, or a whole file, that cannot be read."""


class LostError(UnreadError):
    """The rest of a file that cannot be read: nobody knows how many records it holds."""


class ContextOverflowError(InputError):
    """A prompt that is too long for the model and must not, or cannot, be cut."""


class ParseError(BioGPTError, ValueError):
    """A completion that could not be read as the task's result.

    Attributes:
        completion: The unreadable text, unchanged.
    """

    def __init__(self, message: str, completion: str) -> None:
        super().__init__(message)
        self.completion = completion

    def __reduce__(self) -> tuple[type[ParseError], tuple[str, str]]:
        # Exception.__reduce__ passes only the message, and unpickling would fail.
        return type(self), (str(self), self.completion)


class ModelError(BioGPTError):
    """A model that cannot be found, read or used."""


class ModelNotFoundError(ModelError, FileNotFoundError):
    """The name of a model is no bundled name, no folder and no id on the hub or in its cache."""


class NotABioGPTError(ModelError, ValueError):
    """A folder or hub repository that is not a BioGPT."""


class DeviceError(BioGPTError, ValueError):
    """A device or dtype that this machine does not have."""


class EngineError(BioGPTError, RuntimeError):
    """The runtime failed while computing a completion; `__cause__` is the original error."""


class FetchError(BioGPTError, OSError):
    """A server of papers that cannot be reached, or that refuses a request."""


class ServerError(BioGPTError, ConnectionError):
    """A server of a model that cannot be reached, that refuses, or that serves another model."""


class EngineChangedError(ServerError):
    """A server that serves another engine than the one that was loaded."""


class MissingExtraError(BioGPTError, ImportError):
    """An optional dependency that is not installed; the message names the extra to install."""

    @classmethod
    def of(cls, what: str, extra: str) -> Self:
        """The error that says what needs the dependency, and how to install it."""
        return cls(f"{what}: {installing(extra)}")


class TruncationWarning(UserWarning):
    """Texts did not fit the model, which read only their beginning."""


def installing(extra: str) -> str:
    """The commands that install an extra, for an installed package and for a checkout."""
    return f'pip install "biogpt-plugins[{extra}]", or in a checkout pip install -e ".[{extra}]"'


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question with the known name that is nearest, in any case; "" if none is or it is right."""
    by_fold = {one.casefold(): one for one in known}
    near = get_close_matches(name.casefold(), by_fold, n=1)
    nearest = by_fold[near[0]] if near else name
    return f" Did you mean {nearest!r}?" if nearest != name else ""


def error_class(name: str) -> type[BioGPTError]:
    """The error class with this name, as in Failure.type; EngineError for other names."""
    known = globals().get(name)
    return known if isinstance(known, type) and issubclass(known, BioGPTError) else EngineError
