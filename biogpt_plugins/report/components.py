"""The scripts and styles of the report's page, which the server's page shares."""

from __future__ import annotations

from importlib.resources import files

CARD = ("dom", "rows", "passage", "lines", "card", "candidates")
"""The scripts that show a paper with its results, in dependency order."""


def asset(name: str, package: str = "biogpt_plugins.report") -> str:
    """The text of a file of assets."""
    return files(package).joinpath("assets", name).read_text(encoding="utf-8")


def script(*parts: str) -> str:
    """One script of several, whose names nothing else on the page sees."""
    return "\n".join(['"use strict";', "(() => {", *parts, "})();"])
