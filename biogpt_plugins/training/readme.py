"""The README.md of a trained model, the hub's model card, and its training curves."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.checkpoints.registry import find_known
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.training.origin import FRESH
from biogpt_plugins.training.plan import FinetuneResult
from biogpt_plugins.training.record import SETTINGS_FILE, UPDATES_FILE, Settings
from biogpt_plugins.training.selection import METRIC
from biogpt_plugins.values.counted import counted

README = "README.md"
CURVES = "curves.png"


def write_readme(
    result: FinetuneResult, settings: Settings, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Write README.md and, where matplotlib is installed, curves.png into the model's folder.

    The front matter is the hub's: licence and base model if the start is a published model,
    datasets, metrics, and the figures on the validation data.

    Args:
        result: The finished run.
        settings: What was trained, and how.
        rows: The rows of `training.jsonl`.
    """
    drawn = _draw(rows, result.folder / CURVES)
    text = f"---\n{_front_matter(result, settings)}\n---\n\n{_body(result, settings, drawn=drawn)}"
    (result.folder / README).write_text(text, encoding="utf-8")


def _front_matter(result: FinetuneResult, settings: Settings) -> str:
    known = find_known(settings.model)
    figures = dict(result.figures)
    data = ModelCardData(
        language="en",
        license=known.licence.lower() if known else None,
        library_name="transformers",
        pipeline_tag="text-generation",
        base_model=settings.model if known and known.home == "hub" else None,
        datasets=[name for name, _ in settings.train],
        metrics=sorted({name.partition(" ")[2] for name in figures}) or None,
        tags=["biogpt", "biomedical", *settings.tasks],
        model_name=result.folder.name,
        eval_results=[
            EvalResult(
                task_type="text-generation",
                dataset_type=settings.valid[0][0],
                dataset_name=settings.valid[0][0],
                metric_type=name.partition(" ")[2],
                metric_name=name,
                metric_value=round(value, 4),
            )
            for name, value in figures.items()
        ]
        or None,
    )
    return str(data.to_yaml())


def _body(result: FinetuneResult, settings: Settings, *, drawn: bool) -> str:
    cards = read_card(result.folder).tasks
    tasks = "".join(
        f"- `{name}`: {TASKS[name].summary if name in TASKS else 'a task of its own'}"
        f"{_says_nothing(cards.get(name))}\n"
        for name in result.tasks
    )
    name = result.folder.name
    start = "trained anew" if settings.model == FRESH else f"fine-tuned from `{settings.model}`"
    options = settings.options.model_dump(exclude={"description"}, exclude_defaults=True)
    told = "".join(f"| {option} | {value} |\n" for option, value in options.items())
    files = "".join(
        f"| {use} | {file} | `{digest}` |\n"
        for use, group in (("training", settings.train), ("validation", settings.valid))
        for file, digest in group
    )
    versions = ", ".join(f"{package} {version}" for package, version in settings.versions.items())
    return (
        f"# {name}\n\n{settings.options.description or 'A BioGPT'}, {start}, by biogpt-plugins:\n\n"
        f"{tasks}\n"
        "```python\n"
        "from biogpt_plugins import load\n\n"
        f'pipeline = load("path/to/{name}", "{next(iter(settings.tasks))}")\n'
        "```\n\n"
        "The model makes mistakes: check its results against the texts. It is not for medical "
        "decisions.\n\n"
        f"## Figures\n\n{_figures(result, settings)}\n"
        f"{f'![Training curves]({CURVES})' + chr(10) + chr(10) if drawn else ''}"
        f"## Training\n\n{counted(result.examples, 'example')}, "
        f"{counted(result.steps, 'update')}, recipe "
        f"`{settings.recipe}`, {versions}. `{SETTINGS_FILE}` has every setting and "
        f"`{UPDATES_FILE}` every update. Settings that differ from the defaults:\n\n"
        f"| setting | value |\n|---|---|\n{told}\n"
        f"| use | file | SHA-256 |\n|---|---|---|\n{files}"
    )


def _says_nothing(card: TaskCard | None) -> str:
    words = card and card.nothing
    return f'. Of a text without relations it writes "{words}."' if words else ""


def _figures(result: FinetuneResult, settings: Settings) -> str:
    rows = [("training loss (nats a token)", f"{result.train_loss:.4f}")]
    if result.valid_loss is not None:
        rows.append(("validation loss (nats a target token)", f"{result.valid_loss:.4f}"))
    rows += [(f"validation, {name}", f"{value:.1%}") for name, value in result.figures]
    table = "".join(f"| {name} | {value} |\n" for name, value in rows)
    note = (
        f"\nThe weights were selected on the same validation data (`select` "
        f"{settings.options.select}), so its figures are optimistic: measure on other data "
        "with `biogpt eval`.\n"
        if settings.valid and settings.options.select != "last"
        else ""
    )
    return f"| figure | value |\n|---|---|\n{table}{note}"


def _draw(rows: Sequence[Mapping[str, Any]], path: Path) -> bool:
    """Draw losses and metric over the updates; return whether matplotlib is there to do so."""
    if importlib.util.find_spec("matplotlib") is None:
        return False

    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="updates", ylabel="loss (nats a token)")
    for key, label in (("loss", "training"), ("valid_loss", "validation")):
        points = [(row["step"], row[key]) for row in rows if key in row]
        if points:
            axes.plot(*zip(*points, strict=True), label=f"{label} loss")
    metric = [(row["step"], row[f"valid_{METRIC}"]) for row in rows if f"valid_{METRIC}" in row]
    if metric:
        right = axes.twinx()
        right.set_ylabel("metric")
        right.set_ylim(0, 1)
        right.plot(*zip(*metric, strict=True), color="tab:green", marker="o", label="metric")
    figure.legend(loc="outside upper center", ncols=3)
    figure.savefig(path, dpi=120)
    return True
