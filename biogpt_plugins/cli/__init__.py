"""`biogpt`, the command line: papers in, Predictions out, and what there is to choose from.

Results go to the standard output; progress, remarks and errors to the standard error, an error in
one line. Every command ends with one of these exit codes:

    0    It is done; single records may have failed, and each says why.
    1    Every record failed.
    2    The command, its input or its model cannot be used.
    130  Ctrl-C; what is done stays done.
    143  SIGTERM; the same.
"""

from __future__ import annotations

import sys
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

import biogpt_plugins
from biogpt_plugins.cli import (
    aggregate,
    ask,
    bench,
    calibrate,
    convert,
    demo,
    evaluate,
    export,
    extract,
    finetune,
    listing,
    report,
)
from biogpt_plugins.cli.console import remark
from biogpt_plugins.values.errors import BioGPTError, TruncationWarning


class _Group(TyperGroup):
    """Turns the errors a user can mend, and warnings, into single lines."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as below
        given = list(args)
        try:
            return list(super().parse_args(ctx, args))
        except TyperException as error:
            if not given:
                raise  # which shows the help
            raise _misused(error, ctx) from error

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - click is a private part of typer
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
                warnings.simplefilter("default", UserWarning)
                # Commands tell of each text that was cut, and how many were.
                warnings.simplefilter("ignore", TruncationWarning)
            warnings.showwarning = lambda message, *_, **__: remark("warning", str(message))
            try:
                return super().invoke(ctx)
            except BrokenPipeError:
                raise  # typer ends it silently
            except TyperException as error:  # an option or command that there is not
                raise _misused(error, ctx) from error
            except (BioGPTError, OSError) as error:
                remark("error", _message(error))
                raise typer.Exit(2) from error


def _misused(error: TyperException, ctx: Any) -> typer.Exit:  # noqa: ANN401 - as above
    message = getattr(error, "format_message", error.__str__)().rstrip(".")
    where = getattr(error, "ctx", None) or ctx
    remark("error", f"{message}: see `{where.command_path} --help`")
    return typer.Exit(2)


app = typer.Typer(
    cls=_Group,
    help="Relations and answers out of biomedical papers, by a BioGPT on your own machine.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
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
    version: Annotated[  # noqa: ARG001 - eager: it has been dealt with
        bool,
        typer.Option("--version", help="Show the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    # Whoever runs the app from Python may hand in another way to load models: `app(obj=load)`.
    ctx.obj = ctx.obj or biogpt_plugins.load


_TRY, _ASK, _SCORES, _MODELS = "Start here", "Ask a model", "Score and measure", "Models"

app.command(rich_help_panel=_TRY)(demo.demo)
app.command(rich_help_panel=_ASK)(extract.extract)
app.command(rich_help_panel=_ASK)(aggregate.aggregate)
app.command(rich_help_panel=_ASK)(report.report)
app.command(rich_help_panel=_ASK)(export.export)
app.command(rich_help_panel=_ASK)(ask.ask)
app.command(rich_help_panel=_ASK)(ask.describe)
app.command(rich_help_panel=_ASK)(ask.generate)
app.command(rich_help_panel=_SCORES)(evaluate.score)
app.command(name="eval", rich_help_panel=_SCORES)(evaluate.run)
app.command(rich_help_panel=_SCORES)(calibrate.calibrate)
app.command(rich_help_panel=_SCORES)(bench.bench)
app.command(rich_help_panel=_MODELS)(convert.convert)
app.command(rich_help_panel=_MODELS)(convert.inspect)
app.command(rich_help_panel=_MODELS)(finetune.finetune)
app.command(rich_help_panel=_MODELS)(listing.tasks)
app.command(rich_help_panel=_MODELS)(listing.models)


def main() -> None:
    """Run `biogpt`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without α must not end a run
    app(prog_name="biogpt")


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, BioGPTError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
