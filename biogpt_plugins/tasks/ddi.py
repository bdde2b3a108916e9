"""DDI: interactions between drugs, each a mechanism, an effect, an advice or plain.

Layouts of microsoft/BioGPT, examples/RE-DDI: source is the text, lower-cased; target
`the interaction between {drug} and {drug} is {type}; ....`
"""

from __future__ import annotations

from collections.abc import Iterable

from biogpt_plugins.engine import Copy, Decoding, Grammar, Prompt
from biogpt_plugins.tasks.layouts import OFFICIAL_MAX_LENGTH
from biogpt_plugins.tasks.readers import Reading, read_relations
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.inputs import Paper
from biogpt_plugins.values.results import Relation

TYPES = ("mechanism", "effect", "advise", "int")


def source(paper: Paper) -> Prompt:
    """The text (with its title, if it has one), line breaks as spaces."""
    return Prompt(text=paper.source.strip().replace("\n", " "))


def target(relations: Iterable[Relation]) -> str:
    """The target text of some relations, by the names of their ends."""
    clauses = (
        f"the interaction between {r.head.name.lower()} and {r.tail.name.lower()} is {r.type}"
        for r in relations
    )
    return "; ".join(clauses) + "."


def interactions(types: tuple[str, ...]) -> Grammar:
    """The form of a target whose interactions are of these types."""
    return Grammar(clause=("the interaction between", Copy(), "and", Copy(), "is", types))


def read(completion: str, source: str | None, cut: bool) -> Reading[list[Relation]]:
    """Read drug-drug interaction clauses."""
    return read_relations(completion, source, head="drug", tail="drug", types=TYPES, cut=cut)


DDI = Task[list[Relation]](
    name="ddi",
    summary="drug-drug interactions of type mechanism, effect, advise or int",
    kind="relations",
    input=Paper,
    source=source,
    lowercase=True,
    target=target,
    read=read,
    decoding=Decoding(max_length=OFFICIAL_MAX_LENGTH),
    grammar=interactions(TYPES),
    shots=(
        (
            Paper(text="Plasma levels of theophylline rise when enoxacin is given with it."),
            "the interaction between theophylline and enoxacin is mechanism.",
        ),
        (
            Paper(
                text="Sedation may be enhanced if clonidine is taken with diazepam. Patients on "
                "clonidine should avoid mirtazapine."
            ),
            "the interaction between clonidine and diazepam is effect; "
            "the interaction between clonidine and mirtazapine is advise.",
        ),
    ),
)
