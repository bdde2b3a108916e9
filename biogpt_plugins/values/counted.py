"""Numbers of things in words."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number before its noun, which may bring its verb: "1 paper is", "1,234 papers are"."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
