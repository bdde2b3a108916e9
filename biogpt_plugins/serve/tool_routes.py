"""`/mcp`: the tools for agents, with the server's engine, limits and counters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from biogpt_plugins import mcp_server
from biogpt_plugins.hosts.fields import LLMFields
from biogpt_plugins.hosts.tool_texts import ANSWER_QUESTION, DESCRIBE_TERM, EXTRACT_RELATIONS
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.serve.errors import ClientGoneError, Refused
from biogpt_plugins.serve.service import Service
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.errors import InputError, MissingExtraError
from biogpt_plugins.values.results import Usage

PATH = "/mcp"


def tool_routes(  # noqa: PLR0913 - options, all but three keyword-only
    service: Service,
    pipeline: Pipeline,
    runs: Collection[Path],
    *,
    local: bool,
    needed: bool,
    replicated: bool,
) -> APIRouter:
    """The endpoint of a service; none if the extra `mcp` is not installed.

    Args:
        service: The service.
        pipeline: A pipeline on its engine, whose settings hold for the tools.
        runs: The folders of runs to search.
        local: Whether only pages and programs of this machine may ask.
        needed: Whether the extra must be installed; runs need it, too.
        replicated: Whether other processes answer at the same address, too.

    Raises:
        InputError: A folder holds no run of relations.
        MissingExtraError: The extra is needed, and is not installed.
    """
    relations = [name for name in service.tasks if get_task(name).kind == "relations"]
    offered = [text.name for text in (ANSWER_QUESTION, DESCRIBE_TERM) if text.task in service.tasks]
    try:
        server = mcp_server.make_server(
            LLMFields.from_pipeline(pipeline),
            next(iter(relations), None),
            tools=[*offered, *(EXTRACT_RELATIONS.name for _ in relations[:1])],
            runs=runs,
            admit=_admission(service),
        )
        sessions = mcp_server.Sessions(server, local=local, replicated=replicated)
    except MissingExtraError:
        if runs or needed:
            raise
        return APIRouter()

    @asynccontextmanager
    async def life(_: Any) -> AsyncIterator[None]:  # noqa: ANN401 - the application
        async with sessions.running():
            yield

    router = APIRouter(lifespan=life)
    # Nothing is told but in answers, so there is no stream to GET.
    router.routes.append(Route(PATH, _Endpoint(sessions), methods=["POST", "DELETE"]))
    return router


class _Endpoint:
    """The sessions, with a path that requests are counted by, as those of FastAPI's routes are."""

    path = PATH

    def __init__(self, sessions: mcp_server.Sessions) -> None:
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self
        await self._sessions(scope, await _arrived(Request(scope, receive)), send)


async def _arrived(request: Request) -> Receive:
    """What receives a request that has arrived: the SDK answers one that does not with 500.

    Raises:
        ClientGoneError: The client went away before.
        Refused: It is too large or too slow.
    """
    try:
        body = await request.body()
    except ClientDisconnect:
        raise ClientGoneError from None
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else await request.receive()

    return receive


def _admission(service: Service) -> mcp_server.Admit:
    @contextmanager
    def admit(texts: int) -> Iterator[Callable[[Usage], None]]:
        try:
            place = service.gate.admit(texts)
        except Refused as refused:
            raise InputError(refused.fault.message) from refused
        with place:
            yield service.metrics.used

    return admit
