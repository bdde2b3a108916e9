"""The published models: the bundled one, the models on the hub, and Microsoft's tarballs.

Layouts come from the training scripts in microsoft/BioGPT, figures from the paper
(https://doi.org/10.1093/bib/bbac409). The licence is the repository's; its README applies it to the
models too. Microsoft's storage has refused downloads of the tarballs since 2023 (issues 106, 115
and 129 of the repository): who needs such a model trains it, from a hub model and the public data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, computed_field

from biogpt_plugins.values.counted import counted

LEARNED = tuple(f"learned{i + 1}" for i in range(9))
"""The official learned tokens."""


class KnownModel(BaseModel):
    """A published model, or the bundled one.

    Attributes:
        name: The bundled name, the hub id, or the name of the tarball and its folder.
        home: Where to get it.
        tasks: The tasks it was trained for; other tasks need solved examples in the prompt.
        description: Its tasks in words, and its size.
        prompt_tokens: Number of learned tokens in its official prompt, for each task.
        max_source_tokens: The source limit of its training.
        metric: The metric of `figure`; "mean F1" is the mean F1 over documents.
        figure: The paper's figure on the test set of the task, in percent.
        precision: The paper's precision, in percent.
        recall: The paper's recall, in percent.
        licence: The licence of the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    home: Literal["package", "hub", "tarball"] = "tarball"
    tasks: tuple[str, ...]
    description: str
    prompt_tokens: int = 0
    max_source_tokens: int | None = None
    metric: str | None = None
    figure: float | None = None
    precision: float | None = None
    recall: float | None = None
    licence: str = "MIT"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def layout(self) -> str:
        """Its official layout, in words."""
        if not self.prompt_tokens:
            return "the text, unchanged"
        tokens = counted(self.prompt_tokens, "learned token")
        return f"at most {self.max_source_tokens} tokens of the text, then {tokens}"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def get(self) -> str:
        """How to get it."""
        ways = {
            "package": "comes with this package",
            "hub": "fetched from the hub by name",
            "tarball": f"no longer downloadable; if you have it: {self.convert}",
        }
        return ways[self.home]

    @property
    def convert(self) -> str:
        """The command that converts its tarball."""
        return f"biogpt convert {self.name}.tgz FOLDER"


_FREE_TEXT = ("describe", "generate")
_MODELS = (
    KnownModel(
        name="demo",
        home="package",
        tasks=("bc5cdr", "pubmedqa", "generate"),
        description="bundled, 10 million parameters; to try things out, not for medicine",
        prompt_tokens=9,
        max_source_tokens=576,
    ),
    KnownModel(
        name="microsoft/biogpt",
        home="hub",
        tasks=_FREE_TEXT,
        description="pretrained, 347 million parameters",
    ),
    KnownModel(
        name="microsoft/BioGPT-Large",
        home="hub",
        tasks=_FREE_TEXT,
        description="pretrained, 1.6 billion parameters",
    ),
    KnownModel(
        name="microsoft/BioGPT-Large-PubMedQA",
        home="hub",
        tasks=("pubmedqa_reasoning_free",),
        description="PubMedQA with the long answer, 1.6 billion parameters",
        prompt_tokens=9,
        max_source_tokens=1900,
        metric="accuracy",
        figure=81.0,
    ),
    KnownModel(
        name="Pre-trained-BioGPT",
        tasks=_FREE_TEXT,
        description="the same as microsoft/biogpt",
    ),
    KnownModel(
        name="Pre-trained-BioGPT-Large",
        tasks=_FREE_TEXT,
        description="the same as microsoft/BioGPT-Large",
    ),
    KnownModel(
        name="RE-BC5CDR-BioGPT",
        tasks=("bc5cdr",),
        description="chemicals and the diseases they induce, BC5CDR; 347 million parameters",
        prompt_tokens=9,
        max_source_tokens=640,
        metric="F1",
        figure=44.98,
        precision=49.44,
        recall=41.28,
    ),
    KnownModel(
        name="RE-DDI-BioGPT",
        tasks=("ddi",),
        description="interactions of drugs, DDI; 347 million parameters",
        prompt_tokens=9,
        max_source_tokens=640,
        metric="mean F1",
        figure=40.76,
        precision=41.70,
        recall=44.75,
    ),
    KnownModel(
        name="RE-DTI-BioGPT",
        tasks=("kd_dti",),
        description="drugs and their targets, KD-DTI; 347 million parameters",
        prompt_tokens=9,
        max_source_tokens=640,
        metric="mean F1",
        figure=38.42,
        precision=40.00,
        recall=39.72,
    ),
    KnownModel(
        name="DC-HoC-BioGPT",
        tasks=("hoc",),
        description="hallmarks of cancer, HoC; 347 million parameters",
        prompt_tokens=1,
        max_source_tokens=900,
        metric="micro-F1",
        figure=85.12,
    ),
    KnownModel(
        name="QA-PubMedQA-BioGPT",
        tasks=("pubmedqa_reasoning_free",),
        description="PubMedQA with the long answer, 347 million parameters",
        prompt_tokens=9,
        max_source_tokens=900,
        metric="accuracy",
        figure=78.2,
    ),
    KnownModel(
        name="QA-PubMedQA-BioGPT-Large",
        tasks=("pubmedqa_reasoning_free",),
        description="PubMedQA with the long answer, 1.6 billion parameters",
        prompt_tokens=9,
        max_source_tokens=1900,
        metric="accuracy",
        figure=81.0,
    ),
)

KNOWN: dict[str, KnownModel] = {model.name: model for model in _MODELS}


def find_known(name: str, folder: Path | None = None) -> KnownModel | None:
    """The known model of this name, or the hub model that a folder is named after.

    Case is ignored, as on the hub.
    """
    copy = folder.name.lower() if folder else None
    for model in _MODELS:
        if name.lower() == model.name.lower():
            return model
        if model.home == "hub" and model.name.lower().endswith(f"/{copy}"):
            return model
    return None


def right_models(task: str) -> tuple[KnownModel, ...]:
    """The published models to recommend for a task: hub models, or else tarballs.

    If no model was trained for the task itself, models for a variant of it. The bundled model is
    never among them.
    """
    published = [model for model in _MODELS if model.home != "package"]
    trained = [model for model in published if task in model.tasks] or [
        model for model in published if any(name.startswith(f"{task}_") for name in model.tasks)
    ]
    return tuple([m for m in trained if m.home == "hub"] or trained)


def advice(task: str) -> str:
    """One sentence that recommends a model for a task."""
    models = right_models(task)
    if not models:
        return "Load a model that was fine-tuned for it, or fine-tune one with `biogpt finetune`."
    names = " or ".join(model.name for model in models)
    if models[0].home == "tarball":
        return (
            f"For {task} train a model with `biogpt reproduce {task}`: {names} can no longer be "
            f"downloaded; if you have it, run `{models[0].convert}`."
        )
    if task in models[0].tasks:
        return f"For {task} use {names}."
    return f"No published model was trained for {task}; use {names} for {models[0].tasks[0]}."
