"""`biogpt tasks` and `biogpt models`: what there is to choose from."""

from __future__ import annotations

from pydantic import BaseModel, RootModel
from rich import box
from rich.table import Table
from rich.text import Text

from biogpt_plugins.checkpoints import BUNDLED, locate
from biogpt_plugins.checkpoints.card import KNOWN, ModelCard, read_card
from biogpt_plugins.cli import console
from biogpt_plugins.errors import ModelNotFoundError
from biogpt_plugins.tasks import TASKS


class _Task(BaseModel):
    name: str
    reads: str
    summary: str


class _Model(BaseModel):
    name: str
    tasks: list[str]
    description: str
    licence: str = "MIT"


def tasks(as_json: console.Json = False) -> None:
    """List the tasks."""
    rows = [
        _Task(name=task.name, reads=task.input.__name__.lower(), summary=task.summary)
        for task in TASKS.values()
    ]
    if as_json:
        console.print_json(RootModel(rows))
        return
    table = _table("task", "reads a", "and says")
    for row in rows:
        table.add_row(row.name, row.reads, row.summary)
    console.stdout().print(table)


def models(as_json: console.Json = False) -> None:
    """List the bundled model and the known ones of the Hugging Face hub."""
    cards = {name: _bundled(name) for name in BUNDLED} | KNOWN
    rows = [
        _Model(name=name, tasks=list(card.tasks), description=card.description)
        for name, card in cards.items()
    ]
    if as_json:
        console.print_json(RootModel(rows))
        return
    table = _table("model", "what it is")
    for row in rows:
        taught = f"taught {', '.join(row.tasks)}" if row.tasks else "taught no task"
        table.add_row(Text.assemble(row.name, "\n  ", (taught, "not bold dim")), row.description)
    out = console.stdout()
    out.print(table)
    out.print(
        "All under the MIT licence. A pretrained model can be asked for every task too: it is "
        "shown solved examples. Models of your own: `biogpt finetune`.",
        style="dim",
    )


def _bundled(name: str) -> ModelCard:
    try:
        return read_card(locate(name))
    except ModelNotFoundError:
        return ModelCard(description="not part of this installation")


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        table.add_column(column, style="cyan" if i == 0 else "", no_wrap=i == 0)
    return table
