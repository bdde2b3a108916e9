"""Texts that are valid in XML."""

from __future__ import annotations

import re

# XML cannot represent these characters, even escaped.
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def possible(text: str) -> str:
    """The text with invalid characters replaced by U+FFFD; its length stays the same."""
    # XML readers turn a carriage return into a line feed, and drop it before a line feed.
    return _IMPOSSIBLE.sub("\ufffd", text.replace("\r", " "))
