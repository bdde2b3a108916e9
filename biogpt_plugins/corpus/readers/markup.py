"""Texts with HTML in them, as reference managers, Europe PMC and Crossref keep abstracts."""

from __future__ import annotations

import html
import re

_NAMES = (
    r"(?:jats:)?(?:p|i|b|u|em|br|div|span|strong|italic|bold|sub|sup|sc|title|sec|list|list-item|h[1-6]"
    r"|ul|ol|li|abstract|xref|a|font|underline|inline-formula)"
)
_TAG = re.compile(rf"</?{_NAMES}(?:\s[^<>]*)?/?>", re.IGNORECASE)
_INLINE = re.compile(
    r"</?(?:jats:)?(?:i|b|u|em|span|strong|italic|bold|sub|sup|sc|a|font|underline)\b", re.I
)
_HEADING = re.compile(
    r"<((?:jats:)?(?:h[1-6]|title))(?:\s[^<>]*)?>\s*(.*?)\s*[.:]?\s*</\1>",
    re.IGNORECASE | re.DOTALL,
)
_SPACE = re.compile(r"[ \t\r\n\f\v\u2028\u2029]+")
_LONGEST_HEADING = 60


def unmarked(text: str) -> str:
    """A text without its HTML, in one line; its headings as PubMed has them, "LABEL: text"."""
    if "<" in text:
        text = _HEADING.sub(_label, text)
        text = _TAG.sub(lambda tag: "" if _INLINE.match(tag[0]) else " ", text)
    if "&" in text:
        text = html.unescape(text)
    return _SPACE.sub(" ", text).strip(" ")


def _label(heading: re.Match[str]) -> str:
    words = _TAG.sub("", heading[2])
    if not words or words.lower() == "abstract":
        return " "
    return f" {words.upper()}: " if len(words) <= _LONGEST_HEADING else f" {words} "
