"""The page at `/`: it holds no data, and asks the endpoints of this server alone."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import cache

from fastapi import APIRouter, Response

from biogpt_plugins.corpus import SampleFormat, sample_text
from biogpt_plugins.report import components
from biogpt_plugins.serve.access import PAGE

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_OWN = ("asking", "results", "form")  # in dependency order
_QUESTION, _TERM = "Does lithium cause tremor?", "lithium"


def page_routes() -> APIRouter:
    """The files of the page."""
    router = APIRouter(include_in_schema=False)
    types = ("text/html", "text/css", "text/javascript")
    for path, text, kind in zip(PAGE, (_html, _style, _script), types, strict=True):
        router.get(path)(_answer(text, kind))
    return router


def _answer(text: Callable[[], str], kind: str) -> Callable[[], Awaitable[Response]]:
    async def answer() -> Response:
        return Response(text(), media_type=f"{kind}; charset=utf-8", headers=_HEADERS)

    return answer


def _own(name: str) -> str:
    return components.asset(name, "biogpt_plugins.serve")


@cache
def _html() -> str:
    return _own("page.html")


@cache
def _style() -> str:
    return components.style("page.css") + _own("serve.css")


@cache
def _script() -> str:
    shared = (components.asset(f"{name}.js") for name in components.CARD)
    first, _, _ = sample_text(SampleFormat.pubtator).partition("\n\n")
    example = json.dumps({"text": first, "question": _QUESTION, "term": _TERM})
    own = (_own(f"{name}.js") for name in _OWN)
    return components.script(*shared, f"const EXAMPLE = {example};", *own)
