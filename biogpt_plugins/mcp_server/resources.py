"""Finished runs as resources: their edges, their papers, and what one paper states.

    biogpt://runs/NAME/edges?from=0      relations in many papers, most papers first
    biogpt://runs/NAME/papers?from=0     papers, with the number of their relations
    biogpt://runs/NAME/papers/ID         what one paper states

Pages are bounded; each says what is left out and where the next one is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from biogpt_plugins.engine import in_thread
from biogpt_plugins.mcp_server import bounds
from biogpt_plugins.mcp_server.findings import Findings, FinishedRun
from biogpt_plugins.mcp_server.kit import Resource
from biogpt_plugins.mcp_server.searching import edge_found, stated_by
from biogpt_plugins.mcp_server.values import End
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Relation

_ROOT = "biogpt://runs/"
_Page = dict[str, Any]


class RunResources:
    """The resources of runs."""

    def __init__(self, runs: Mapping[str, FinishedRun]) -> None:
        """Take the runs by their names."""
        self._runs = runs

    def listed(self) -> list[Resource]:
        """All resources and templates."""
        return [one for run in self._runs.values() for one in _of(run)]

    async def read(self, uri: str) -> str:
        """A resource, as JSON."""
        return await in_thread(self._read, uri)

    def _read(self, uri: str) -> str:
        parts = urlsplit(uri)
        names = [unquote(name) for name in parts.path.strip("/").split("/")]
        run = (
            self._runs.get(names[0]) if (parts.scheme, parts.netloc) == ("biogpt", "runs") else None
        )
        match names[1:]:
            case ["edges"] if run:
                page = _edges(run, _start(parts.query))
            case ["papers"] if run:
                page = _papers(run, _start(parts.query))
            case ["papers", paper] if run:
                page = _paper(run, paper)
            case _:
                known = ", ".join(one.uri for one in self.listed())
                raise InputError(f"there is no resource {uri}: the resources are {known}")
        return json.dumps(page, ensure_ascii=False)


def _of(run: FinishedRun) -> list[Resource]:
    root = f"{_ROOT}{quote(run.name, safe='')}"
    return [
        Resource(
            f"{root}/edges",
            f"{run.name}-edges",
            f"Relations of {run.name}",
            f"What the papers of the run {run.name} state together ({run.finds}): each relation "
            "with the number of papers that state, suspect and negate it. JSON in pages.",
        ),
        Resource(
            f"{root}/papers",
            f"{run.name}-papers",
            f"Papers of {run.name}",
            f"The ids of the papers of the run {run.name}, with the number of their relations. "
            "JSON in pages.",
        ),
        Resource(
            f"{root}/papers/{{paper}}",
            f"{run.name}-paper",
            f"A paper of {run.name}",
            f"The relations that one paper of the run {run.name} states, with sentences. JSON.",
        ),
    ]


def _start(query: str) -> int:
    given = parse_qs(query).get("from", ["0"])[0]
    if not given.isdecimal():
        raise InputError(f"from={given} must be a number, such as 0")
    return int(given)


def _paged(
    run: FinishedRun, what: str, start: int, size: int, items: Callable[[Findings], list[Any]]
) -> _Page:
    findings = run.findings()
    every = items(findings)
    shown = every[start : start + size]
    left = max(0, len(every) - start - size)
    following = f"{_ROOT}{quote(run.name, safe='')}/{what}?from={start + size}"
    return {
        "run": run.name,
        "total": len(every),
        "from": start,
        what: shown,
        "left_out": left,
        "next": following if left else None,
        "records_that_failed": findings.unreadable,
    }


def _edges(run: FinishedRun, start: int) -> _Page:
    page = _paged(run, "edges", start, bounds.PAGE, lambda findings: findings.edges)
    told = []
    for edge in page["edges"]:
        papers = edge.papers[: bounds.STATEMENTS]
        left = len(edge.papers) - len(papers)
        known = edge_found(run.name, edge).model_dump(exclude={"run"})
        told.append({**known, "papers": papers, "papers_left_out": left})
    return {**page, "edges": told}


def _papers(run: FinishedRun, start: int) -> _Page:
    page = _paged(run, "papers", start, bounds.IDS_PAGE, lambda found: list(found.papers.items()))
    told = [{"id": name, "relations": paper.relations} for name, paper in page["papers"]]
    return {**page, "papers": told}


def _paper(run: FinishedRun, name: str) -> _Page:
    every = [
        (outcome.prediction.section, relation)
        for outcome in run.findings().outcomes(name)
        for relation in outcome.prediction.relations
    ]
    return {
        "run": run.name,
        "id": name,
        "relations": [_stated(*one) for one in islice(every, bounds.RELATIONS)],
        "left_out": max(0, len(every) - bounds.RELATIONS),
    }


def _stated(section: str | None, relation: Relation) -> _Page:
    return {
        "section": section,
        "head": End.of(relation.head).model_dump(),
        "type": relation.type,
        "tail": End.of(relation.tail).model_dump(),
        "score": relation.score,
        "stated": relation.stated,
        "negated": relation.negated,
        "speculated": relation.speculated,
        "sentences": stated_by(relation),
    }
