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
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

import biogpt_plugins
from biogpt_plugins.cli import (
    aggregate,
    ask,
    bench,
    calibrate,
    convert,
    demo,
    dictionary,
    evaluate,
    export,
    extract,
    fetch,
    finetune,
    listing,
    mcp,
    report,
    reproduce,
    sample,
    serve,
    split,
)
from biogpt_plugins.cli.console import begin, remark
from biogpt_plugins.cli.plain_help import PlainHelp
from biogpt_plugins.cli.streams import open_closed_streams
from biogpt_plugins.values.errors import BioGPTError, TruncationWarning

_MOST_TOLD = 200


class _Group(PlainHelp, TyperGroup):
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


class _Command(PlainHelp, TyperCommand):
    """A command of `biogpt`."""


class _SubGroup(PlainHelp, TyperGroup):
    """A group of commands in `biogpt`."""


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
    cls=_SubGroup,
    help="Make dictionaries of names and their ids.",
    no_args_is_help=True,
)
_dictionary.command("build", cls=_Command)(dictionary.build)


_TRY, _ASK, _SCORES, _MODELS = "Start here", "Ask a model", "Score and measure", "Models"


def _add(command: Callable[..., None], panel: str, *, name: str | None = None) -> None:
    app.command(name, cls=_Command, rich_help_panel=panel)(command)


_add(demo.demo, _TRY)
_add(sample.sample, _TRY)
_add(fetch.fetch, _TRY)
_add(extract.extract, _ASK)
_add(aggregate.aggregate, _ASK)
_add(report.report, _ASK)
_add(export.export, _ASK)
_add(ask.ask, _ASK)
_add(ask.describe, _ASK)
_add(ask.generate, _ASK)
_add(serve.serve, _ASK)
_add(mcp.mcp, _ASK)
app.add_typer(_dictionary, name="dictionary", rich_help_panel=_ASK)
_add(evaluate.score, _SCORES)
_add(evaluate.run, _SCORES, name="eval")
_add(calibrate.calibrate, _SCORES)
_add(bench.bench, _SCORES)
_add(convert.convert, _MODELS)
_add(convert.inspect, _MODELS)
_add(split.split, _MODELS)
_add(finetune.finetune, _MODELS)
_add(reproduce.reproduce, _MODELS)
_add(listing.tasks, _MODELS)
_add(listing.models, _MODELS)


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
