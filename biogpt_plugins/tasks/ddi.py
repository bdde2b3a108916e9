"""DDI: interactions between drugs, of type mechanism, effect, advise or int.

The layout follows microsoft/BioGPT, examples/RE-DDI. The source is the text, lower-cased; the
target is `the interaction between {drug} and {drug} is {type}; ....`
"""

from __future__ import annotations

from biogpt_plugins.engine import Decoding, Prompt
from biogpt_plugins.tasks.clause import Clause
from biogpt_plugins.tasks.layouts import OFFICIAL_MAX_LENGTH
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.inputs import Paper

TYPES = ("mechanism", "effect", "advise", "int")


def source(paper: Paper) -> Prompt:
    """The text, after its title if it has one, with line breaks replaced by spaces."""
    return Prompt(text=paper.source.strip().replace("\n", " "))


INTERACTION = "the interaction between {head} and {tail} is {type}"

DDI = Task.of_relations(
    Clause(
        text=INTERACTION,
        head="drug",
        tail="drug",
        types=TYPES,
        predicates=("biolink:interacts_with",),
    ),
    name="ddi",
    metric="ddi",
    summary="drug-drug interactions of type mechanism, effect, advise or int",
    input=Paper,
    source=source,
    lowercase=True,
    decoding=Decoding(max_length=OFFICIAL_MAX_LENGTH),
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
