"""The ASGI application."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from biogpt_plugins import __version__
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.serve.access import Access
from biogpt_plugins.serve.engine_routes import engine_routes
from biogpt_plugins.serve.errors import handle_errors
from biogpt_plugins.serve.guard import Guard
from biogpt_plugins.serve.limits import Limits
from biogpt_plugins.serve.openai_routes import openai_routes
from biogpt_plugins.serve.operation_routes import operation_routes
from biogpt_plugins.serve.page import page_routes
from biogpt_plugins.serve.reading_routes import reading_routes
from biogpt_plugins.serve.service import Service
from biogpt_plugins.serve.tool_routes import tool_routes
from biogpt_plugins.serve.typed_routes import typed_routes

_ABOUT = (
    "BioGPT for biomedical papers: completions as OpenAI's clients ask for them, and typed "
    "relations, answers and descriptions."
)


def create_app(  # noqa: PLR0913 - keyword-only options
    pipeline: Pipeline,
    tasks: Iterable[str] | None = None,
    *,
    limits: Limits = Limits(),
    tokens: Iterable[str] = (),
    local: bool = True,
    runs: Collection[Path] = (),
    tools_alone: bool = False,
    replicated: bool = False,
) -> FastAPI:
    """Make the application that serves the engine of a pipeline.

    Args:
        pipeline: A pipeline; all requests share its engine.
        tasks: The names of the tasks to serve; None for all known ones.
        limits: The limits of requests.
        tokens: The bearer tokens of clients; none lets everybody ask.
        local: Whether only requests to a name of this machine are answered, if there are no tokens.
        runs: The folders of runs that agents may search.
        tools_alone: Whether only /mcp, the tools for agents, is served.
        replicated: Whether other processes answer at the same address, too.

    Raises:
        InputError: A task is unknown, or a folder holds no run of relations.
    """
    tokens = tuple(tokens)
    service = Service.of(pipeline, None if tasks is None else list(tasks), limits)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[dict[str, Limits]]:
        yield {"limits": limits}
        service.draining = True

    app = FastAPI(
        title="biogpt serve",
        description=_ABOUT,
        version=__version__,
        lifespan=life,
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    if not tools_alone:
        app.include_router(openai_routes(service, int(time.time())))
        app.include_router(typed_routes(service))
        app.include_router(reading_routes(service))
        app.include_router(engine_routes(service))
        app.include_router(page_routes())
    local = local and not tokens
    tools = tool_routes(
        service, pipeline, runs, local=local, needed=tools_alone, replicated=replicated
    )
    app.include_router(tools)
    app.include_router(operation_routes(service))
    handle_errors(app)
    app.add_middleware(
        Guard, access=Access(tokens, local=local), limits=limits, metrics=service.metrics
    )
    app.state.service = service
    return app
