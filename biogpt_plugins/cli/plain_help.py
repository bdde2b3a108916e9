"""Help that shows the types of options and arguments as people write them: FILE, N, free|grounded.

Typer's own are Python's: `<list[str]>`, `<int range>`, `<bool>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperArgument, TyperOption

if TYPE_CHECKING:
    from typer.core import TyperCommand as _Base
else:
    _Base = object


class PlainHelp(_Base):
    """A mixin for commands and groups."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - click is a private part of typer
        """The options and arguments, `--help` among them."""
        params = list(super().get_params(ctx))
        for param in params:
            if isinstance(param, TyperArgument):
                param.display_type_rich = _nothing  # type: ignore[method-assign]
            elif isinstance(param, TyperOption) and param.metavar is None:
                param.metavar = _metavar(param, ctx)
        return params


def _metavar(option: TyperOption, ctx: Any) -> str:  # noqa: ANN401 - as above
    """A name for the value of an option that has none of its own."""
    if option.is_flag:
        return ""
    return option.display_type(ctx).strip("<>") if option.type_descriptor.is_choice else "N"


def _nothing(ctx: Any) -> None:  # noqa: ANN401 - as above
    """An argument's name says its type."""
