"""The tool that searches finished runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import islice
from textwrap import shorten

from biogpt_plugins.engine import in_thread
from biogpt_plugins.findings.edges import Edge
from biogpt_plugins.findings.nodes import Node
from biogpt_plugins.hosts.tool_texts import within
from biogpt_plugins.mcp_server import bounds
from biogpt_plugins.mcp_server.findings import Findings, FinishedRun
from biogpt_plugins.mcp_server.kit import Progress, Told, Tool
from biogpt_plugins.mcp_server.values import (
    EdgeFound,
    NodeFound,
    SearchArguments,
    SearchResult,
    Stance,
    Statement,
)
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Relation

_SENTENCES = 3  # of a paper about a relation


class Searcher:
    """Searches runs by the names of what is related."""

    def __init__(self, runs: Mapping[str, FinishedRun]) -> None:
        """Take the runs by their names; there is at least one."""
        self._runs = runs

    def tool(self) -> Tool:
        """The tool."""
        finds = "; ".join(dict.fromkeys(run.finds for run in self._runs.values()))
        return Tool(
            name="search_relations",
            title="Search the relations of finished runs",
            description=(
                "Search relations that were extracted from many papers before: "
                f"{finds}. Use this tool to learn which papers say that one thing is related to "
                "another, with their sentences. Give one end or both. It knows only the papers of "
                f"its runs ({', '.join(self._runs)}) and matches names and identifiers, not "
                "meanings: try other names of the same thing. A small model extracted the "
                "relations: read the sentences before you rely on them."
            ),
            arguments=SearchArguments,
            result=SearchResult,
            call=self.search,
        )

    async def search(self, asked: SearchArguments, progress: Progress) -> Told:
        """Find the relations between two names, and who states them."""
        if asked.run and asked.run not in self._runs:
            raise InputError(f"there is no run {asked.run!r}: the runs are {', '.join(self._runs)}")
        names = [asked.run] if asked.run else list(self._runs)
        found: list[tuple[str, Edge]] = []
        findings: dict[str, Findings] = {}
        for number, name in enumerate(names):
            await progress(number, len(names), f"searching the run {name}")
            findings[name] = await in_thread(self._runs[name].findings)
            edges = await in_thread(findings[name].search, asked.head, asked.tail, asked.type)
            found += [(name, edge) for edge in edges]
        found.sort(key=lambda pair: -len(pair[1].papers))
        tell = partial(_edge_found, most=asked.most_papers)
        told = [
            await in_thread(tell, findings[name], name, edge)
            for name, edge in found[: asked.most_relations]
        ]
        await progress(len(names), len(names), "done")
        similar = [] if found else [_similar(one, asked) for one in findings.values()]
        result = SearchResult(
            relations=told,
            left_out=len(found) - len(told),
            similar_names=list(dict.fromkeys(name for names in similar for name in names)),
        )
        return Told(_words(result, asked), result)


def edge_found(run: str, edge: Edge) -> EdgeFound:
    """An edge as it is told, without its papers."""
    return EdgeFound(
        run=run,
        head=_node(edge.head),
        type=edge.type,
        tail=_node(edge.tail),
        supporting=len(edge.supporting),
        speculating=len(edge.speculating),
        contradicting=len(edge.contradicting),
        score=edge.score,
        papers_left_out=len(edge.papers),
    )


def _edge_found(findings: Findings, run: str, edge: Edge, *, most: int) -> EdgeFound:
    ranked = dict.fromkeys((*edge.supporting, *edge.speculating, *edge.contradicting))
    papers = [_statement(findings, edge, paper) for paper in islice(ranked, most)]
    left = len(ranked) - len(papers)
    return edge_found(run, edge).model_copy(update={"papers": papers, "papers_left_out": left})


def _statement(findings: Findings, edge: Edge, paper: str) -> Statement:
    relations = list(findings.statements(edge, paper))
    evidence = dict.fromkeys(one.text for relation in relations for one in relation.evidence)
    stances: dict[Stance, tuple[str, ...]] = {
        "states": edge.supporting,
        "suspects": edge.speculating,
        "negates": edge.contradicting,
    }
    return Statement(
        paper=paper,
        stances=[stance for stance, papers in stances.items() if paper in papers],
        score=max((one.score for one in relations if one.score is not None), default=None),
        sentences=[shorten(one, bounds.SENTENCE) for one in islice(evidence, _SENTENCES)],
    )


def _node(node: Node) -> NodeFound:
    return NodeFound(name=node.name, type=node.type, id=node.id)


def _similar(findings: Findings, asked: SearchArguments) -> list[str]:
    return [*findings.similar(asked.head), *findings.similar(asked.tail)]


def _words(result: SearchResult, asked: SearchArguments) -> str:
    """The result for the chat model."""
    ends = " to ".join(repr(end) if end else "anything" for end in (asked.head, asked.tail))
    if not result.relations:
        near = ", ".join(result.similar_names)
        hint = f" Names that are spelled like it: {near}." if near else ""
        return f"No paper of the runs states a relation from {ends}.{hint}"
    every = len(result.relations) + result.left_out
    entries = [line for edge in result.relations for line in _entries(edge)]
    left = counted(result.left_out, "more relation is", "more relations are")
    notes = [f"({left} not told)"] if result.left_out else []
    return within(bounds.CONTENT, f"{every} found from {ends}:", entries, notes)


def _entries(edge: EdgeFound) -> list[str]:
    head, tail = (f"{end.name} ({end.id or end.type})" for end in (edge.head, edge.tail))
    counts = {
        "state": edge.supporting,
        "suspect": edge.speculating,
        "negate": edge.contradicting,
    }
    papers = ", ".join(counted(n, f"{verb}s it", f"{verb} it") for verb, n in counts.items() if n)
    lines = [f"- {head} -[{edge.type}]-> {tail}; papers of {edge.run}: {papers}"]
    for paper in edge.papers:
        quote = f': "{paper.sentences[0]}"' if paper.sentences else ""
        name = f"PMID {paper.paper}" if paper.paper.isdecimal() else paper.paper
        lines.append(f"  {name} {' and '.join(paper.stances)} it{quote}")
    if edge.papers_left_out:
        lines.append(f"  and {counted(edge.papers_left_out, 'more paper')}")
    return lines


def stated_by(relation: Relation) -> list[str]:
    """The sentences that support a relation."""
    return [shorten(one.text, bounds.SENTENCE) for one in relation.evidence[:_SENTENCES]]
