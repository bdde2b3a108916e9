"""`biogpt serve`: one model for many programs, over HTTP."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.serve.limits import Limits

VARIABLE = "BIOGPT_SERVE_TOKENS"


Host = Annotated[
    str,
    typer.Option(metavar="HOST", help="The address to listen at; 0.0.0.0 lets other machines ask."),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Answer only requests with one of the tokens in this file, one a line. The variable "
        f"{VARIABLE} may hold them instead.",
        show_default=False,
    ),
]
Run = Annotated[
    list[Path] | None,
    typer.Option(
        "--run",
        metavar="DIR",
        help="The folder of a `biogpt extract --run`, finished or not, which agents may search. "
        "Repeatable.",
        show_default=False,
    ),
]
Drain = Annotated[
    int,
    typer.Option(
        min=0, metavar="SECONDS", help="How long requests in progress may take at the end."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Log no requests.")]


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
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token_file: TokenFile = None,
    queue: Annotated[
        int,
        typer.Option(
            min=1, help="Most texts and completions at once; requests beyond it are put off (429)."
        ),
    ] = Limits.queue,
    run: Run = None,
    drain: Drain = 30,
    quiet: Quiet = False,
    options: dict[str, Any],
) -> None:
    """Serve a model to other programs over HTTP, until Ctrl-C or SIGTERM.

    OpenAI's clients ask /v1/completions; /v1/extract, /v1/answer and /v1/describe give typed
    results; agents find tools at /mcp, with the extra mcp. docs/serving.md tells more.
    """
    names: list[str | None] = [*task] if task else [None]

    def load() -> list[Pipeline]:
        return [console.load(ctx, model, name, **options) for name in names]

    where = Where(host, port, token_file, drain, quiet)
    run_server(where, model, load, chosen=bool(task), limits=Limits(queue=queue), runs=run or ())


class Where(NamedTuple):
    """Where and for whom to serve, as the options say."""

    host: str
    port: int
    token_file: Path | None
    drain: int
    quiet: bool


def run_server(
    where: Where,
    model: str,
    load: Callable[[], list[Pipeline]],
    *,
    chosen: bool,
    tools_alone: bool = False,
    **options: Any,  # noqa: ANN401
) -> None:
    """Serve a model until a signal stops it.

    Args:
        where: Where and for whom.
        model: What the model is called.
        load: Loads a pipeline for each task, once the port is taken.
        chosen: Whether only these tasks are served.
        tools_alone: Whether only /mcp is served.
        options: As in `create_app`.

    Raises:
        InputError: The port, the tokens or a run cannot be used.
        OSError: The file of tokens cannot be read.
    """
    from biogpt_plugins import serve as http  # noqa: PLC0415 - it loads an extra

    tokens = http.tokens_of(where.token_file, os.environ.get(VARIABLE))
    local = http.is_local(where.host)
    if not (local or tokens):
        console.remark(
            "warning",
            f"everybody who reaches {where.host} can ask this server: give tokens with "
            "--token-file",
        )
    with http.bind(where.host, where.port) as place:
        pipelines = load()
        tasks = [one.task.name for one in pipelines] if chosen else None
        app = http.create_app(
            pipelines[0], tasks, tokens=tokens, local=local, tools_alone=tools_alone, **options
        )
        if not where.quiet:
            _log()
        started = _started(model, "/mcp" if tools_alone else "")
        http.Server(app, place, drain=where.drain, started=started).serve_place()
        close = getattr(pipelines[0].engine, "close", None)
        if close:
            close()


def _started(model: str, path: str) -> Callable[[str], None]:
    def tell(address: str) -> None:
        place = f"{address}{path}"
        console.stderr().print(f"serving {model} at {place} (Ctrl-C stops)", soft_wrap=True)

    return tell


def _log() -> None:
    """Write the access log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.getLogger("biogpt_plugins.serve")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
