"""`biogpt convert` and `biogpt inspect`: converts checkpoints and describes models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from biogpt_plugins.cli import console
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.values.counted import counted

if TYPE_CHECKING:
    from biogpt_plugins.conversion import Conversion, Report

_GIGA, _MEGA = 1e9, 1e6


class Stored(str, Enum):
    """The type that weights are stored in."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    int8 = "int8"


class Target(str, Enum):
    """The engine to convert for."""

    transformers = "transformers"
    ctranslate2 = "ctranslate2"


def convert(  # noqa: PLR0913 - options of a command
    src: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT",
            help="A .tgz, a folder or a .pt file of microsoft/BioGPT, or the folder of a PEFT "
            "adapter. With --to ctranslate2 also a model folder or a model id on the hub.",
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to write.")],
    *,
    to: Annotated[Target, typer.Option(help="The engine to convert for.")] = Target.transformers,
    dictionary: Annotated[
        Path | None,
        typer.Option(
            "--dict",
            metavar="FILE",
            help="The checkpoint's dict.txt.",
            show_default="the one beside the checkpoint",
        ),
    ] = None,
    bpecodes: Annotated[
        Path | None,
        typer.Option(
            "--bpecodes",
            metavar="FILE",
            help="The checkpoint's byte-pair codes.",
            show_default="the file beside the checkpoint",
        ),
    ] = None,
    dtype: Annotated[
        Stored | None,
        typer.Option(
            help="The type of the stored weights. float32 keeps them exact; bfloat16 takes half "
            "the space; int8, for ctranslate2 only, takes a quarter.",
            show_default="float32; for ctranslate2 int8",
        ),
    ] = None,
    average: Annotated[
        int | None,
        typer.Option(min=1, help="Average the weights of the N newest checkpoints."),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            "-t",
            metavar="TASK",
            help="The task that the model was trained for.",
            show_default="the checkpoint's own",
        ),
    ] = None,
    allow_pickle: console.AllowPickle = False,
) -> None:
    """Convert a fairseq checkpoint for transformers, or any model for CTranslate2.

    An adapter is merged with its base into a whole model.
    The new folder needs no fairseq. dict.txt and bpecodes are in data/BioGPT and data/BioGPT-Large
    of github.com/microsoft/BioGPT. The folder records its task: `biogpt extract FILE --model
    FOLDER`.
    """
    from biogpt_plugins import conversion  # noqa: PLC0415 - loads torch

    ways: dict[Target, Callable[..., Conversion]] = {
        Target.transformers: conversion.convert,
        Target.ctranslate2: conversion.convert_to_ctranslate2,
    }
    stored = {"dtype": dtype.value} if dtype else {}
    with console.stderr().status(f"converting {src}"):
        converted = ways[to](
            src,
            out,
            dictionary=dictionary,
            bpecodes=bpecodes,
            average=average,
            task=task,
            allow_pickle=allow_pickle,
            **stored,
        )
    for note in converted.notes:
        console.remark("warning", note)
    training = f"trained for {converted.task}" if converted.task else "pretrained"
    err = console.stderr()
    err.print(f"{', '.join(converted.checkpoints)}: {training}", soft_wrap=True)
    err.print("the model is in ", end="")
    console.stdout().print(str(converted.folder), soft_wrap=True)


def inspect(
    path: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model folder, a fairseq checkpoint, its .tgz, or a name that `biogpt models` "
            "lists.",
        ),
    ],
    *,
    as_json: console.Json = False,
    allow_pickle: console.AllowPickle = False,
) -> None:
    """Describe a model: its size, its tasks, and the commands that use it."""
    from biogpt_plugins.conversion import inspect_model  # noqa: PLC0415 - loads torch

    with console.stderr().status(f"reading {path}"):
        report = inspect_model(path, allow_pickle=allow_pickle)
    if as_json:
        console.print_json(report)
        return
    table = Table.grid(padding=(0, 2))
    for label, text in _rows(report):
        table.add_row(label, text)
    console.stdout().print(table)
    for note in report.notes:
        console.remark("note", note)


def _rows(report: Report) -> Iterator[tuple[str, str]]:
    card = report.card
    yield "model", f"{report.name}: {report.form}"
    if card.description:
        yield "", card.description
    for task, expected in card.tasks.items():
        yield "trained for", f"{task}: {TASKS[task].summary}" if task in TASKS else task
        yield "layout", _layout(expected)
    if not card.tasks:
        yield (
            "trained for",
            "no task: it continues texts, and solves tasks from examples in the prompt",
        )
    yield (
        "size",
        f"{report.parameters / _MEGA:,.1f} million parameters: "
        f"{counted(report.layers, 'layer')} of {report.hidden_size}, "
        f"{counted(report.heads, 'head')}, feed-forward {report.feed_forward}",
    )
    yield "", f"{report.positions:,} positions, {report.vocabulary:,} tokens"
    unit, name = (_GIGA, "GB") if report.bytes >= _GIGA else (_MEGA, "MB")
    yield "weights", f"{report.dtype}, {report.bytes / unit:.1f} {name}"
    model = report.name
    if report.form.startswith("fairseq"):
        model = "FOLDER"
        yield "use", f"biogpt convert {report.name} {model}"
    for task in card.tasks or ("generate", "describe"):
        yield "use", _use(task, model)


def _layout(card: TaskCard) -> str:
    limit = card.max_source_tokens
    most = f", of at most {limit} tokens" if limit else ""
    names = card.learned_tokens or tuple(name.removesuffix("</w>") for name in card.manual_prompt)
    shown = " ".join(names if len(names) < 4 else (names[0], "...", names[-1]))  # noqa: PLR2004
    if card.layout == "prefix":
        return f"prefix: {shown}, then the source{most}, then {card.separator}"
    if not names:
        return f"{card.layout}: the source{most}"
    return f"{card.layout}: the source{most}, then {shown}"


def _use(task: str, model: str) -> str:
    kind = TASKS[task].kind if task in TASKS else None
    if kind == "answer":
        return f"biogpt ask QUESTION --context @FILE --model {model}"
    if task in ("generate", "describe"):
        return f"biogpt {task} TEXT --model {model}"
    return f"biogpt extract PAPERS --task {task} --model {model}"
