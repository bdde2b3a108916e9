"""The `biogpt` command line.

Results go to standard output. Progress, notes and errors go to standard error; an error is one
line. Every command ends with one of these exit codes:

    0    Done. Single records may have failed; each says why.
    1    Every record failed, or records or parts of files could not be read.
    2    The command, its input or its model cannot be used.
    130  Interrupted with Ctrl-C. Finished work is kept.
    143  Stopped by SIGTERM. Finished work is kept.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

import biogpt_plugins
from biogpt_plugins.cli.consoles import begin, remark
from biogpt_plugins.cli.later import Group, Later
from biogpt_plugins.cli.streams import open_closed_streams
from biogpt_plugins.values.errors import BioGPTError, TruncationWarning

_MOST_TOLD = 200


class _Group(Group):
    """Prints warnings, and errors that the user can fix, as single lines."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as below
        given = list(args)
        try:
            return list(super().parse_args(ctx, args))
        except TyperException as error:
            if not given:
                raise  # which shows the help
            raise _misused(error, ctx) from error

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - click is a private part of typer
        begin()
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
                warnings.simplefilter("default", UserWarning)
                # Commands report truncated texts themselves.
                warnings.simplefilter("ignore", TruncationWarning)
            warnings.showwarning = _once()
            try:
                return super().invoke(ctx)
            except BrokenPipeError:
                raise  # typer ends it silently
            except TyperException as error:  # an unknown option or command
                raise _misused(error, ctx) from error
            except (BioGPTError, OSError) as error:
                remark("error", _message(error))
                raise typer.Exit(2) from error


def _once() -> Callable[..., None]:
    """What prints a warning, the first time that it is given; a place in the code is no matter."""
    told: set[str] = set()

    def show(message: Warning | str, *_: object, **__: object) -> None:
        if str(message) not in told:
            told.add(str(message))
            remark("warning", str(message))

    return show


def _misused(error: TyperException, ctx: Any) -> typer.Exit:  # noqa: ANN401 - as above
    message = getattr(error, "format_message", error.__str__)().rstrip(".")
    where = getattr(error, "ctx", None) or ctx
    remark("error", f"{message}: see `{where.command_path} --help`")
    return typer.Exit(2)


app = typer.Typer(
    cls=_Group,
    help="Extract relations and answers from biomedical papers with a BioGPT on your own machine.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"biogpt-plugins {biogpt_plugins.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    version: Annotated[  # noqa: ARG001 - eager: its callback has handled it
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_version, is_eager=True
        ),
    ] = False,
) -> None:
    # Python callers can pass their own loader: `app(obj=load)`.
    ctx.obj = ctx.obj or biogpt_plugins.load


_dictionary = typer.Typer(
    cls=Group,
    help="Make dictionaries of names and their ids.",
    no_args_is_help=True,
)
_COMMANDS = {
    "Start here": {
        "demo": "Read five papers with LangChain and LlamaIndex, on the bundled model.",
        "sample": "Write a sample of twelve short papers, to try the other commands on.",
        "fetch": "Fetch papers from PubMed or PMC, by a query or by their ids.",
    },
    "Ask a model": {
        "extract": "Extract relations, answers or hallmarks from papers.",
        "aggregate": "Combine the relations found in many papers into edges.",
        "report": "Write an HTML page of the results: papers, a table, a graph, answers and "
        "failures.",
        "export": "Export results to other tools: PubTator, BioC XML, GraphML, KGX, neo4j, "
        "Parquet, CSV, TSV.",
        "ask": "Answer a question about a passage: yes, no or maybe, with probabilities.",
        "describe": "Describe a biomedical term with a pretrained model (the bundled one cannot).",
        "generate": "Continue a text with a pretrained model, and print it as the model writes.",
        "serve": "Serve a model to other programs over HTTP, until Ctrl-C or SIGTERM.",
        "mcp": "Offer BioGPT's tools to agents by the Model Context Protocol (MCP).",
    },
    "Score and measure": {
        "score": "Score recorded completions with a task's official metric, without a model.",
        "eval": "Run a model on a corpus and score it with the task's official metric.",
        "calibrate": "Fit a calibration of answer probabilities or relation scores on labelled "
        "data.",
        "bench": "Measure a model's speed, time to the first token, loading time and memory on "
        "this machine.",
    },
    "Models": {
        "convert": "Convert a fairseq checkpoint for transformers, or any model for CTranslate2.",
        "inspect": "Describe a model: its size, its tasks, and the commands that use it.",
        "split": "Split labelled texts into files to train and to test on; no document is in both.",
        "finetune": "Train a model for a task, in the official layout with learned prompt tokens.",
        "reproduce": "Reproduce a figure of the BioGPT paper on your own GPU, and show both.",
        "tasks": "List the tasks.",
        "models": "List the published models, what each was trained for, and how to get it.",
    },
}


def _add(to: typer.Typer, name: str, summary: str, panel: str | None = None) -> None:
    def call() -> None:
        """Nothing: the command itself takes its place."""

    to.command(name, cls=Later, help=summary, rich_help_panel=panel)(call)


for _panel, _commands in _COMMANDS.items():
    for _name, _summary in _commands.items():
        _add(app, _name, _summary, _panel)
_add(_dictionary, "build", "Make one dictionary of names from MeSH, CTD, ontologies and NCBI Gene.")
app.add_typer(_dictionary, name="dictionary", rich_help_panel="Ask a model")


def main() -> None:
    """Run `biogpt`."""
    open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks α must not stop a run
    try:
        app(prog_name="biogpt")
    except OSError as error:  # the help cannot be written
        remark("error", _message(error))
        sys.exit(2)
    except Exception as error:
        if os.environ.get("BIOGPT_TRACEBACK"):
            raise
        out = "there is not enough memory" if isinstance(error, MemoryError) else _unforeseen(error)
        remark("error", f"{out}; BIOGPT_TRACEBACK=1 shows where")
        sys.exit(2)


def _unforeseen(error: Exception) -> str:
    """What is said of an error that is no user's fault."""
    told = " ".join(str(error).split())[:_MOST_TOLD]
    return f"a fault in biogpt, please report it: {type(error).__name__}: {told}"


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, BioGPTError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
