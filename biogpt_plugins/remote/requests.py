"""Prompts as JSON, in requests that a server accepts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import TypeAdapter

from biogpt_plugins.engine import Continuation, Decoding, Prompt
from biogpt_plugins.remote.wire import Most
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import half_pair

PROMPT: TypeAdapter[Prompt] = TypeAdapter(Prompt)
DECODING: TypeAdapter[Decoding] = TypeAdapter(Decoding)
TEXTS: TypeAdapter[Sequence[str]] = TypeAdapter(Sequence[str])
CONTINUATIONS: TypeAdapter[Sequence[Continuation]] = TypeAdapter(Sequence[Continuation])
_FRAME = 16 << 10  # bytes of a request besides its prompts


def as_json(prompt: Prompt, most: Most, *, grammar: bool) -> bytes:
    """A prompt as JSON.

    Args:
        prompt: The prompt.
        most: What the server accepts.
        grammar: Whether its grammar is needed.

    Raises:
        InputError: It is too long for the server, or has no UTF-8.
    """
    for text in (prompt.source, prompt.target):
        check_text(text, most)
    kept = prompt if grammar else replace(prompt, grammar=None)
    return checked(PROMPT.dump_json(kept, exclude_defaults=True), most)


def check_text(text: str, most: Most) -> None:
    """Check that a text can be sent.

    Raises:
        InputError: It is too long for the server, or has no UTF-8.
    """
    if half := half_pair(text):
        raise InputError(f"a text {half}")
    if len(text) > most.prompt:
        raise InputError(
            f"a text has {len(text):,} characters, and the server takes {most.prompt:,}: shorten it"
        )


def checked(body: bytes, most: Most) -> bytes:
    """JSON that fits into a request.

    Raises:
        InputError: It is too large.
    """
    if len(body) > most.body - _FRAME:
        raise InputError(
            f"a prompt takes {len(body):,} bytes with its grammar or continuations, and the server "
            f"takes {most.body:,}: divide it"
        )
    return body


def in_parts(items: Mapping[int, bytes], rows: int, most: Most) -> Iterator[dict[int, bytes]]:
    """Items in as few requests as possible.

    Args:
        items: JSON by number.
        rows: Results of each.
        most: What the server accepts.
    """
    limit = max(1, min(most.inputs, most.rows // (2 * rows)))  # others want places, too
    part: dict[int, bytes] = {}
    size = 0
    for number, item in items.items():
        if part and (len(part) >= limit or size + len(item) > most.body - _FRAME):
            yield part
            part, size = {}, 0
        part[number] = item
        size += len(item) + 1
    if part:
        yield part


def flag(value: bool) -> bytes:
    """A truth value as JSON."""
    return b"true" if value else b"false"


def body(**fields: bytes | Sequence[bytes]) -> bytes:
    """A JSON object of fields that are JSON; several are a list."""
    told = (
        b'"%s":%s' % (name.encode(), one if isinstance(one, bytes) else b"[%s]" % b",".join(one))
        for name, one in fields.items()
    )
    return b"{%s}" % b",".join(told)
