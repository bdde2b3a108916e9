"""What nodes and edges are in the Biolink model, https://w3id.org/biolink/biolink-model.yaml."""

from __future__ import annotations

import re

from biogpt_plugins.findings.edges import Edge
from biogpt_plugins.findings.nodes import Node
from biogpt_plugins.tasks import TASKS, get_task
from biogpt_plugins.tasks.clause import RELATED_TO
from biogpt_plugins.values.entities import kind_of_type

CATEGORIES = {
    "chemical": "biolink:ChemicalEntity",
    "disease": "biolink:Disease",
    "gene": "biolink:Gene",
    "species": "biolink:OrganismTaxon",
    "variant": "biolink:SequenceVariant",
    "cellline": "biolink:CellLine",
}
"""Categories by `kind_of_type`."""

CATEGORIES_BY_PREFIX = {"UniProtKB": "biolink:Protein", "HP": "biolink:PhenotypicFeature"}
"""Categories of identifiers that say more than the type."""

OTHER = "biolink:NamedThing"

_PUBLICATIONS = (
    (re.compile(r"(?:PMID:? ?)?(\d{1,8})", re.IGNORECASE), "PMID:"),
    (re.compile(r"(?:PMC:)?(PMC\d+)"), "PMC:"),
    (re.compile(r"(?:doi:|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)", re.IGNORECASE), "doi:"),
)


def category(node: Node) -> str:
    """The category of a node."""
    prefix = (node.id or "").partition(":")[0]
    return CATEGORIES_BY_PREFIX.get(prefix) or CATEGORIES.get(kind_of_type(node.type), OTHER)


def predicates(edge: Edge) -> tuple[str, ...]:
    """The predicates of an edge, each once: one unless several tasks mean different things by it.

    The predicate of a task that is not registered is "biolink:related_to".
    """
    clauses = [get_task(task).clause if task in TASKS else None for task in edge.tasks]
    found = [clause.predicate(edge.type) if clause else RELATED_TO for clause in clauses]
    return tuple(dict.fromkeys(found)) or (RELATED_TO,)


def publication(paper: str) -> str | None:
    """The CURIE of a paper by its id: a PMID, PMCID or DOI; None for other ids."""
    for form, prefix in _PUBLICATIONS:
        if match := form.fullmatch(paper.strip()):
            return prefix + match[1]
    return None
