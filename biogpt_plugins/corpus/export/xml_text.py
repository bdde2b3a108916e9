"""Texts that XML can hold."""

from __future__ import annotations

import re

# XML has no way to write these, escaped or not.
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def possible(text: str) -> str:
    """The text with U+FFFD in place of what XML cannot hold; it is as long."""
    # A reader would take a carriage return for a line feed, and one before a line feed for nothing.
    return _IMPOSSIBLE.sub("\ufffd", text.replace("\r", " "))
