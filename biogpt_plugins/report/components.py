"""The scripts and styles of the report's page, which the server's page shares."""

from __future__ import annotations

import json
from importlib.resources import files

from biogpt_plugins.values.notebook import KNOWN_TYPES, result_style

CARD = ("dom", "rows", "passage", "lines", "card", "candidates")
"""The scripts that show a paper with its results, in dependency order."""


def asset(name: str, package: str = "biogpt_plugins.report") -> str:
    """The text of a file of assets."""
    return files(package).joinpath("assets", name).read_text(encoding="utf-8")


def script(*parts: str) -> str:
    """One script of several, whose names nothing else on the page sees."""
    known = f"const KNOWN_TYPES = {json.dumps(KNOWN_TYPES)};"
    return "\n".join(['"use strict";', "(() => {", known, *parts, "})();"])


def style(*names: str) -> str:
    """The style of results, and what files of assets add to it."""
    return "".join([result_style(), *map(asset, names)])
