"""The nodes of graphs for commands: the option for their names, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.entities import EntityDictionary
from biogpt_plugins.findings.nodes import Nodes

Names = Annotated[
    Path | None,
    typer.Option(
        "--dictionary",
        metavar="FILE",
        help="Name the nodes of a graph as this file prefers, which `biogpt dictionary build` "
        "wrote.",
        show_default="the most frequent names",
    ),
]


def names(given: Path | None) -> EntityDictionary | None:
    """The dictionary of preferred names; a warning if it has none.

    Raises:
        InputError: The file is no dictionary.
        OSError: It is missing or locked.
    """
    found = EntityDictionary.of(given) if given else None
    if found and not found.concepts:
        console.remark(
            "warning",
            f"{given} is a table of names, which does not say which name is preferred: nodes have "
            "their most frequent names. `biogpt dictionary build` makes a file that does",
        )
    return found


def tell(nodes: Nodes) -> None:
    """Say how many names became the nodes of identifiers, if any did or might have."""
    if nodes.merged or nodes.ambiguous:
        console.stderr().print(nodes.report, soft_wrap=True)
