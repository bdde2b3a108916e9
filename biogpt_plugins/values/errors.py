"""The errors this package raises: each says what was wrong, with what value, and what to do."""

from __future__ import annotations


class BioGPTError(Exception):
    """Root of every error of this package; catch it to catch them all."""


class InputError(BioGPTError, ValueError):
    """An input that no prompt can be made of: an empty text, a missing field, a wrong type."""


class ContextOverflowError(InputError):
    """A prompt that does not fit the model's positions and must not, or cannot, be cut."""


class ParseError(BioGPTError, ValueError):
    """A completion that could not be read as the task's result.

    Attributes:
        completion: The text that could not be read, unchanged.
    """

    def __init__(self, message: str, completion: str) -> None:
        super().__init__(message)
        self.completion = completion

    def __reduce__(self) -> tuple[type[ParseError], tuple[str, str]]:
        # Exception's own reduce hands over the message alone, and unpickling then fails.
        return type(self), (str(self), self.completion)


class ModelError(BioGPTError):
    """A model that cannot be found, read or used."""


class ModelNotFoundError(ModelError, FileNotFoundError):
    """Neither a bundled model, nor a folder, nor an id that the hub or its local cache knows."""


class NotABioGPTError(ModelError, ValueError):
    """A folder or hub repository that holds something else than a BioGPT."""


class DeviceError(BioGPTError, ValueError):
    """A device or dtype that this machine does not have."""


class EngineError(BioGPTError, RuntimeError):
    """The runtime failed while it computed a completion; the original error is its `__cause__`."""


class MissingExtraError(BioGPTError, ImportError):
    """An optional dependency that is not installed; the message names the extra to install."""


class TruncationWarning(UserWarning):
    """Texts did not fit the model, which read only their beginning."""


def error_class(name: str) -> type[BioGPTError]:
    """The class of this name, as a Failure keeps it; EngineError for one that is not ours."""
    found = globals().get(name)
    return found if isinstance(found, type) and issubclass(found, BioGPTError) else EngineError
