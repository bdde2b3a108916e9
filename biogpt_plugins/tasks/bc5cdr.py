"""BC5CDR: which chemical induces which disease.

Layouts of microsoft/BioGPT, examples/RE-BC5CDR: source is title and abstract, lower-cased; target
`the relation between {chemical} and {disease} exists; ... exists.`
"""

from __future__ import annotations

from collections.abc import Iterable

from biogpt_plugins.engine import Copy, Decoding, Grammar, Prompt
from biogpt_plugins.tasks.layouts import OFFICIAL_MAX_LENGTH
from biogpt_plugins.tasks.readers import Reading, read_relations
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.inputs import Paper
from biogpt_plugins.values.results import Relation


def title_and_abstract(paper: Paper) -> Prompt:
    """Title and abstract as one text; a title that ends in a word gets a full stop."""
    title = paper.title.strip()
    joint = " " if not title or not (title[-1].isalnum() or title[-1] == "_") else ". "
    text = f"{title}{joint}{paper.text.strip()}" if title and paper.text else title + paper.text
    return Prompt(text=text)


def target(relations: Iterable[Relation]) -> str:
    """The target text of some relations, by the names of their ends."""
    clauses = (
        f"the relation between {r.head.name.lower()} and {r.tail.name.lower()} exists"
        for r in relations
    )
    return "; ".join(clauses) + "."


def read(completion: str, source: str | None, cut: bool) -> Reading[list[Relation]]:
    """Read chemical-induced-disease clauses."""
    return read_relations(completion, source, head="chemical", tail="disease", type_="CID", cut=cut)


BC5CDR = Task[list[Relation]](
    name="bc5cdr",
    summary="which chemical induces which disease, from a title and abstract",
    kind="relations",
    input=Paper,
    source=title_and_abstract,
    lowercase=True,
    target=target,
    read=read,
    decoding=Decoding(max_length=OFFICIAL_MAX_LENGTH),
    grammar=Grammar(clause=("the relation between", Copy(), "and", Copy(), "exists")),
    shots=(
        (
            Paper(
                title="Reversible deafness after high-dose tobramycin.",
                abstract="A 61-year-old woman lost her hearing on the ninth day of tobramycin. "
                "Audiometry showed bilateral hearing loss, and she also had renal failure.",
            ),
            "the relation between tobramycin and deafness exists; "
            "the relation between tobramycin and renal failure exists.",
        ),
        (
            Paper(
                title="Lithium and tremor in older adults.",
                abstract="Of 84 patients who took lithium for bipolar disorder, 31 had a tremor. "
                "The tremor abated when lithium was withdrawn.",
            ),
            "the relation between lithium and tremor exists.",
        ),
    ),
)
