"""A server of tools that use a model, and of finished runs."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from mcp.server.lowlevel import Server

from biogpt_plugins.hosts.fields import LLMFields
from biogpt_plugins.mcp_server import sdk
from biogpt_plugins.mcp_server.findings import named_runs
from biogpt_plugins.mcp_server.kit import Kit
from biogpt_plugins.mcp_server.reading import Admit, Reader, admit_all
from biogpt_plugins.mcp_server.resources import RunResources
from biogpt_plugins.mcp_server.searching import Searcher
from biogpt_plugins.pipeline.loading import trial_note
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import is_for_trial

_ABOUT = (
    "BioGPT, a small model for biomedical papers on the user's own machine: it extracts relations "
    "from abstracts, answers yes/no questions about them with probabilities, and describes terms."
)


def make_server(
    llm: LLMFields,
    task: str | None = None,
    *,
    tools: Collection[str] | None = None,
    runs: Collection[Path] = (),
    admit: Admit = admit_all,
) -> Server[Any]:
    """Make a server of tools that use a model, and of finished runs.

    Args:
        llm: The model, which is loaded at the first call of a tool unless it is loaded. If its
            decoding is not set, it is grounded: a chat model cannot see whether a name stands in
            the text, and what cannot be read is of no use to it.
        task: The relation task; None for the model's own.
        tools: The names of the tools that use the model; None for all.
        runs: The folders of runs to search.
        admit: Admits the texts of a call.

    Raises:
        InputError: A folder holds no run of relations.
        ModelError: The model cannot be found.
    """
    found = named_runs(runs)
    with suppress(InputError):  # it was trained for no such task
        llm.own_relation_task()
    llm = llm if llm.decoding else llm.but(decoding="grounded")
    every = Reader(llm, task, admit).tools()
    offered = [tool for tool in every if tools is None or tool.name in tools]
    if found:
        offered.append(Searcher(found).tool())
    about = f"{_ABOUT} The {trial_note(llm.model)}." if is_for_trial(llm.model) else _ABOUT
    return sdk.make_server(Kit(offered), RunResources(found) if found else None, about=about)
