"""`biogpt tasks` and `biogpt models`: lists of the tasks and the published models."""

from __future__ import annotations

from pydantic import BaseModel, RootModel
from rich import box
from rich.padding import Padding
from rich.table import Table

from biogpt_plugins.checkpoints.registry import KNOWN, KnownModel
from biogpt_plugins.cli import console
from biogpt_plugins.tasks import TASKS


class _Task(BaseModel):
    name: str
    reads: str
    summary: str


_HOMES = {
    "package": "In this package, for trying the software, not for medicine",
    "hub": "On the Hugging Face hub, downloaded at first use: --model NAME",
    "tarball": "Microsoft's tarballs, which can no longer be downloaded; if you have one:\n"
    "`biogpt convert NAME.tgz FOLDER`, then --model FOLDER",
}
_REMARKS = """\
Figures are from the BioGPT paper, in percent. Licence: {licence}.
BioGPT has 347 million parameters, BioGPT-Large 1.6 billion.
Models for describe and generate solve other tasks from examples, but less well.
To train a model as the authors did, on their data: `biogpt reproduce TASK`
To train one on your own data: `biogpt finetune TASK`"""


def tasks(as_json: console.Json = False) -> None:
    """List the tasks."""
    rows = [
        _Task(name=task.name, reads=task.input.__name__.lower(), summary=task.summary)
        for task in TASKS.values()
    ]
    if as_json:
        console.print_json(RootModel(rows))
        return
    table = _table("task", "input", "output")
    for row in rows:
        table.add_row(row.name, row.reads, row.summary)
    console.stdout().print(table)


def models(as_json: console.Json = False) -> None:
    """List the published models, what each was trained for, and how to get it."""
    if as_json:
        console.print_json(RootModel(list(KNOWN.values())))
        return
    out = console.stdout()
    for home, title in _HOMES.items():
        out.print(title, style="bold")
        grid = _grid([model for model in KNOWN.values() if model.home == home])
        out.print(Padding(grid, (0, 0, 0, 2), expand=False))
        out.print()
    licence = " or ".join(sorted({model.licence for model in KNOWN.values()}))
    out.print(_REMARKS.format(licence=licence), style="dim")


def _grid(models: list[KnownModel]) -> Table:
    grid = Table.grid(padding=(0, 2))
    # The same width in all lists, so that their columns line up.
    grid.add_column(style="cyan", no_wrap=True, min_width=max(map(len, KNOWN)))
    grid.add_column(min_width=max(len(", ".join(model.tasks)) for model in KNOWN.values()))
    grid.add_column()
    for model in models:
        figure = f"{model.metric} {model.figure}" if model.figure else ""
        grid.add_row(model.name, ", ".join(model.tasks), figure)
    return grid


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        table.add_column(column, style="cyan" if i == 0 else "", no_wrap=i == 0)
    return table
