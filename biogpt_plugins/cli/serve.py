"""`biogpt serve`: one model for many programs, over HTTP."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.serve.limits import Limits

VARIABLE = "BIOGPT_SERVE_TOKENS"


@console.takes_model_options
def serve(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    *,
    model: console.Model = "demo",
    task: Annotated[
        list[str] | None,
        typer.Option(
            "--task",
            "-t",
            metavar="TASK",
            help="A task to serve, or its TOML file. Repeatable; the first is the one that "
            "/v1/extract and /v1/answer take where none is named.",
            show_default="all, those that the model was trained for first",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            metavar="HOST", help="The address to listen at; 0.0.0.0 lets other machines ask."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Answer only requests with one of the tokens in this file, one a line. The "
            f"variable {VARIABLE} may hold them instead.",
            show_default=False,
        ),
    ] = None,
    queue: Annotated[
        int,
        typer.Option(
            min=1, help="Most texts and completions at once; requests beyond it are put off (429)."
        ),
    ] = Limits.queue,
    drain: Annotated[
        int,
        typer.Option(
            min=0, metavar="SECONDS", help="How long requests in progress may take at the end."
        ),
    ] = 30,
    quiet: Annotated[bool, typer.Option("--quiet", help="Log no requests.")] = False,
    options: dict[str, Any],
) -> None:
    """Serve a model to other programs over HTTP, until Ctrl-C or SIGTERM.

    OpenAI's clients ask /v1/completions; /v1/extract, /v1/answer and /v1/describe give typed
    results. docs/serving.md tells more.
    """
    from biogpt_plugins import serve as http  # noqa: PLC0415 - it loads an extra

    tokens = http.tokens_of(token_file, os.environ.get(VARIABLE))
    local = http.is_local(host)
    if not (local or tokens):
        console.remark(
            "warning",
            f"everybody who reaches {host} can ask this server: give tokens with --token-file",
        )
    with http.bind(host, port) as place:
        names: list[str | None] = [*task] if task else [None]
        pipelines = [console.load(ctx, model, name, **options) for name in names]
        app = http.create_app(
            pipelines[0],
            [one.task.name for one in pipelines] if task else None,
            limits=Limits(queue=queue),
            tokens=tokens,
            local=local,
        )
        if not quiet:
            _log()
        http.Server(app, place, drain=drain, started=_started(model)).serve_place()
        close = getattr(pipelines[0].engine, "close", None)
        if close:
            close()


def _started(model: str) -> Callable[[str], None]:
    def tell(address: str) -> None:
        console.stderr().print(f"serving {model} at {address} (Ctrl-C stops)", soft_wrap=True)

    return tell


def _log() -> None:
    """Write the access log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.getLogger("biogpt_plugins.serve")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
