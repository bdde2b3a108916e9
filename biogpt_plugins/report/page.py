"""Content -> one self-contained HTML page.

The texts of papers reach the page only as JSON without any "<"; the scripts turn them into text
nodes. The page's policy lists the hashes of its own script and style: nothing else runs, and
nothing is fetched.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from string import Template
from typing import Any

from biogpt_plugins.report.components import CARD, asset, script, style
from biogpt_plugins.report.content import Content
from biogpt_plugins.tasks.task import Task

# In dependency order.
_SCRIPTS = (*CARD, "store", "papers", "table", "layout", "graph", "lists", "app")
_OF_LABELS = ("labels", "labelform", "labelling")
_ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def render(content: Content, *, title: str = "Report", label: Task[Any] | None = None) -> str:
    """Render the page as HTML.

    Args:
        content: The content to show.
        title: The heading of the page.
        label: A task whose relations readers may accept, reject, mend and add. The page saves them
            as JSONL that `corpus.read_gold` and `training.read_examples` read.
    """
    styles = style("page.css", *(["label.css"] if label else []))
    scripts = [*_SCRIPTS[:-1], *(_OF_LABELS if label else ()), _SCRIPTS[-1]]
    code = script(*(asset(f"{name}.js") for name in scripts))
    policy = (
        f"default-src 'none'; script-src '{_hash(code)}'; style-src '{_hash(styles)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    data = json.dumps(content.data(label), ensure_ascii=False, separators=(",", ":"))
    return Template(asset("page.html")).substitute(
        policy=policy,
        title=escape(title),
        banner=_banner(content.trials),
        style=styles,
        data=data.translate(_ESCAPED),
        script=code,
    )


def _banner(trials: Iterable[str]) -> str:
    """A line above everything else, if a model of the results is for trying out."""
    names = ", ".join(escape(name) for name in trials)
    if not names:
        return ""
    return (
        f'<p class="banner" role="note">Made with a small model for trying out the software '
        f"({names}): do not rely on these results.</p>"
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
