"""BC5CDR: which chemical induces which disease.

The layout follows microsoft/BioGPT, examples/RE-BC5CDR. The source is the title and abstract,
lower-cased; the target is `the relation between {chemical} and {disease} exists; ... exists.`
"""

from __future__ import annotations

from biogpt_plugins.engine import Decoding, Prompt
from biogpt_plugins.tasks.clause import Clause
from biogpt_plugins.tasks.layouts import OFFICIAL_MAX_LENGTH
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.inputs import Paper


def title_and_abstract(paper: Paper) -> Prompt:
    """Join title and abstract, with a full stop after a title that ends in a word."""
    title = paper.title.strip()
    joint = " " if not title or not (title[-1].isalnum() or title[-1] == "_") else ". "
    text = f"{title}{joint}{paper.text.strip()}" if title and paper.text else title + paper.text
    return Prompt(text=text)


CID = "CID"
CLAUSE = Clause(
    text="the relation between {head} and {tail} exists",
    head="chemical",
    tail="disease",
    types=(CID,),
    predicates=("biolink:causes",),
)

BC5CDR = Task.of_relations(
    CLAUSE,
    name="bc5cdr",
    metric="bc5cdr",
    summary="which chemical induces which disease, from a title and abstract",
    input=Paper,
    source=title_and_abstract,
    lowercase=True,
    decoding=Decoding(max_length=OFFICIAL_MAX_LENGTH),
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
