"""Values of one host that are given to the adapter of the other, and schemas for plain LLMs."""

from __future__ import annotations

from biogpt_plugins.values.errors import InputError


def check_host(value: object, kind: type, what: str, package: str) -> None:
    """Check the type of a value, because both adapters have names in common.

    Args:
        value: The value.
        kind: The type that it must have.
        what: What it was passed as.
        package: The adapter that was called.

    Raises:
        InputError: It is of another type.
    """
    if not isinstance(value, kind):
        raise InputError(
            f"{what} must be {_named(kind)}, not {_named(type(value))}. The adapters of both hosts "
            f"have names in common: import this one from {package}"
        )


def no_schema(schema: object, instead: str) -> str:
    """The message for a host that wants an LLM to write a schema's JSON.

    Args:
        schema: The schema.
        instead: What has typed results.
    """
    named = getattr(schema, "__name__", None) or f"{schema!r:.80}"
    return (
        f"BioGPT does not follow the schema {named}: it writes the sentences of a task, and no "
        f"JSON. Use what returns typed results: {instead}"
    )


def _named(kind: type) -> str:
    return f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
