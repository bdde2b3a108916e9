"""Content -> one HTML page that needs nothing else.

What papers say reaches the page as JSON alone, in which no "<" is left; the scripts make text
nodes of it. The page's policy names the hashes of its own script and style: nothing else runs, and
nothing is fetched.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template

from biogpt_plugins.report.content import Content

# In the order in which they are needed.
_SCRIPTS = tuple("dom store passage lines papers table layout graph lists app".split())  # noqa: SIM905
_ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def render(content: Content, *, title: str = "Report") -> str:
    """The page, in HTML.

    Args:
        content: What it shows.
        title: Its heading.
    """
    style = _asset("page.css")
    script = "\n".join(['"use strict";', "(() => {", *map(_script, _SCRIPTS), "})();"])
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    data = json.dumps(content.data(), ensure_ascii=False, separators=(",", ":"))
    return Template(_asset("page.html")).substitute(
        policy=policy,
        title=escape(title),
        style=style,
        data=data.translate(_ESCAPED),
        script=script,
    )


def _script(name: str) -> str:
    return _asset(f"{name}.js")


def _asset(name: str) -> str:
    return files("biogpt_plugins.report").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
