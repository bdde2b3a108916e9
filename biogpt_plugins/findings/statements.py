"""What several papers state about one edge of a property graph, as the properties of that edge.

Databases hold one edge of a type between two nodes. Its lists keep every statement.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Statement = dict[str, Any]
"""The properties of an edge in one paper, see `property_graph.Edge`."""

LISTS = ("pmids", "sentences", "scores", "sources", "statements")
"""Properties with one item for each statement."""

PAPERS = "papers"


def edge_properties(statements: Iterable[Mapping[str, Any]], source: str) -> dict[str, Any]:
    """The properties of an edge with several statements; their order does not matter.

    A statement replaces an earlier one from the same source, task and model.

    Args:
        statements: At least one statement.
        source: The property that names the text that a statement comes from.

    Returns:
        The properties of the statement with the highest score, and lists with one item for each
        statement, highest score first: `pmids`, `sentences` ("" if unknown), `scores` (-1 if
        unknown), `sources`, and `statements`, each of which is a JSON object with all properties.
        `papers` is the number of different PMIDs.
    """
    known = {_identity(one, source): dict(one) for one in statements}
    ranked = sorted(known.values(), key=lambda one: _rank(one, source))
    pmids = [str(one.get("pmid", "")) for one in ranked]
    return {
        **ranked[0],
        PAPERS: len(set(pmids)),
        "pmids": pmids,
        "sentences": [one.get("sentence", "") for one in ranked],
        "scores": [float(one.get("score", -1)) for one in ranked],
        "sources": [str(one.get(source, "")) for one in ranked],
        "statements": [json.dumps(one, ensure_ascii=False, sort_keys=True) for one in ranked],
    }


def statements_in(properties: Mapping[str, Any]) -> list[Statement]:
    """The statements in the properties of an edge, highest score first.

    An edge of one paper, without lists, is one statement.
    """
    written = properties.get("statements")
    if written:
        return [json.loads(one) for one in written]
    return [dict(properties)] if is_statement(properties) else []


def is_statement(properties: Mapping[str, Any]) -> bool:
    """Whether these are the properties of an edge that BioGPT found."""
    return {"type", "task", "model", "grounded"} <= properties.keys()


def _identity(statement: Mapping[str, Any], source: str) -> tuple[str, ...]:
    names = (source if source in statement else "pmid", "task", "model")
    return tuple(str(statement.get(name, "")) for name in names)


def _rank(statement: Mapping[str, Any], source: str) -> tuple[float, tuple[str, ...]]:
    return -statement.get("score", -1), (str(statement.get("pmid")), *_identity(statement, source))
