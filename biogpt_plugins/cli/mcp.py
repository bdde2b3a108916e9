"""`biogpt mcp`: tools for agents that speak the Model Context Protocol."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.cli.serve import (
    Drain,
    Host,
    Port,
    Quiet,
    Run,
    TokenFile,
    Where,
    run_server,
)
from biogpt_plugins.engine import Form
from biogpt_plugins.hosts.fields import LLMFields, relation_task


@console.takes_model_options
def mcp(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    *,
    model: console.Model = "demo",
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            "-t",
            metavar="TASK",
            help="The task of the tool extract_relations, or its TOML file.",
            show_default="the model's own",
        ),
    ] = None,
    decoding: Annotated[
        Form | None,
        typer.Option(
            help="grounded makes the model copy names from the text and write only what the task "
            "can read. free lets it write anything.",
            show_default="grounded",
        ),
    ] = None,
    run: Run = None,
    http: Annotated[
        bool,
        typer.Option("--http", help="Serve over HTTP at /mcp, not over standard input and output."),
    ] = False,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token_file: TokenFile = None,
    drain: Drain = 30,
    quiet: Quiet = False,
    options: dict[str, Any],
) -> None:
    """Offer BioGPT's tools to agents by the Model Context Protocol (MCP).

    A client such as a desktop app or an editor starts this command, and speaks with it over
    standard input and output. With --http it is a server for many clients; the options for its
    address hold for it alone. docs/mcp.md shows how clients are configured.
    """
    task = task and relation_task(task)
    if decoding:
        options["decoding"] = decoding
    if http:
        where = Where(host, port, token_file, drain, quiet)
        load = partial(console.load, ctx, model, task, **options)
        run_server(where, model, lambda: [load()], chosen=False, runs=run or (), tools_alone=True)
        return
    _serve_stdio(LLMFields(model=model, task=task, **options), task, run or [])


def _serve_stdio(llm: LLMFields, task: str | None, runs: list[Path]) -> None:
    from biogpt_plugins import mcp_server  # noqa: PLC0415 - it loads an extra

    wire = mcp_server.claim_stdout()
    mcp_server.serve_stdio(mcp_server.make_server(llm, task, runs=runs), wire)
