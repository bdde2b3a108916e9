"""HoC: which hallmarks of cancer a sentence is about.

The layout follows microsoft/BioGPT, examples/DC-HoC. The source is the sentence, ending in a full
stop; the target is `the type of this document is {label|label}.`, where `empty` means no hallmark.
"""

from __future__ import annotations

from biogpt_plugins.engine import Decoding, Grammar, Prompt
from biogpt_plugins.tasks.layouts import OFFICIAL_MAX_LENGTH
from biogpt_plugins.tasks.readers import Reading, read_hallmarks
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Hallmarks

LABELS = (
    "activating invasion and metastasis",
    "avoiding immune destruction",
    "cellular energetics",
    "enabling replicative immortality",
    "evading growth suppressors",
    "genomic instability and mutation",
    "inducing angiogenesis",
    "resisting cell death",
    "sustaining proliferative signaling",
    "tumor promoting inflammation",
)
EMPTY = "empty"
STEM = "the type of this document is"


def source(text: Text) -> Prompt:
    """The sentence, with a full stop at its end."""
    sentence = text.text.strip()
    return Prompt(text=sentence if sentence.endswith(".") else f"{sentence}.")


def target(hallmarks: Hallmarks) -> str:
    """Write the target text of hallmarks."""
    return f"{STEM} {'|'.join(hallmarks.labels) or EMPTY}."


def read(completion: str, source: str | None, cut: bool) -> Reading[Hallmarks]:  # noqa: ARG001
    """Read the labels; `source` and `cut` are not used."""
    return read_hallmarks(completion, LABELS, EMPTY)


HOC = Task[Hallmarks](
    name="hoc",
    metric="hoc",
    summary="which hallmarks of cancer a sentence is about",
    kind="labels",
    input=Text,
    source=source,
    target=target,
    read=read,
    decoding=Decoding(max_length=OFFICIAL_MAX_LENGTH),
    grammar=Grammar(before=STEM, clause=((*LABELS, EMPTY),), separator="|"),
    shots=(
        (
            Text(text="Knock-down of the gene made the cells migrate through the matrix faster."),
            f"{STEM} activating invasion and metastasis.",
        ),
        (
            Text(text="Treated tumors had fewer vessels and more cells in apoptosis."),
            f"{STEM} inducing angiogenesis|resisting cell death.",
        ),
        (Text(text="Sections were stained for one hour at room temperature."), f"{STEM} {EMPTY}."),
    ),
)
