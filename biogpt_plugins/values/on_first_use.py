"""Names of a package whose modules, and the extra that they may need, are loaded on first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from biogpt_plugins.values.errors import MissingExtraError


def on_first_use(
    package: str, homes: Mapping[str, str], needs: str = "", *, extra: str = ""
) -> Callable[[str], object]:
    """The `__getattr__` of a package.

    Args:
        package: Its name.
        homes: The module of each name.
        needs: What needs which libraries, in words.
        extra: The extra that has them; "" if none is needed.
    """

    def attribute(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(import_module(f"{package}.{homes[name]}"), name)
        except ModuleNotFoundError as error:
            if not extra or (error.name or "").startswith("biogpt_plugins"):
                raise
            raise MissingExtraError.of(needs, extra) from error

    return attribute
