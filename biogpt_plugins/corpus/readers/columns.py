"""Which columns of a table have the texts, as whoever gives the table names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.names import listed

FIELDS = ("id", "title", "abstract", "text", "question", "context", "long_answer", "entities")
"""What `--columns` may name."""


def check_columns(columns: Mapping[str, str]) -> None:
    """See to it that columns are named for fields that there are.

    Raises:
        InputError: A field is not known.
    """
    for field in columns:
        if field not in FIELDS:
            raise InputError(f"columns: {field!r} is not one of {', '.join(FIELDS)}")


def no_text(names: Sequence[str]) -> InputError:
    """What is said of a table in which nothing is a text."""
    return InputError(
        f"no column has the text: {listed(names)}; name one of the columns abstract, context, "
        "question, sentence, term, text, title in the first line, or say which one has it: "
        "--columns abstract=NAME"
    )
