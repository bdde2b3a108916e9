"""`load`: the names of a model and a task -> a Pipeline. Where the parts are put together."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.calibration import Calibration, read_calibration
from biogpt_plugins.checkpoints.card import ModelCard, read_card
from biogpt_plugins.checkpoints.registry import advice
from biogpt_plugins.engine import Decoding, Form, Runtime
from biogpt_plugins.pipeline.dictionary import EntityDictionary
from biogpt_plugins.pipeline.pipeline import Method, Pipeline
from biogpt_plugins.tasks import TASKS, get_task
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError


def load(  # noqa: PLR0913 - options, all but two keyword-only
    model: str | Path = "demo",
    task: str | Task[Any] | None = None,
    *,
    decoding: Decoding | Form | None = None,
    method: Method = "auto",
    min_score: float | None = None,
    samples: int | None = None,
    min_agreement: float = 0.5,
    abstain_below: float | None = None,
    calibration: Calibration | str | Path | None = None,
    engine: Runtime | None = None,
    device: str | None = None,
    dtype: str | None = None,
    revision: str | None = None,
    batch_size: int | None = None,
    allow_pickle: bool = False,
    dictionary: EntityDictionary | str | Path | None = None,
) -> Pipeline:
    """Load a model for a task. A model already in memory is shared, not loaded again.

    Args:
        model: "demo" for the bundled model, a folder, or a hub id such as
            "microsoft/BioGPT-Large".
        task: The task or its name, see `biogpt_plugins.TASKS`; None for the model's own, the
            first in its card. A model that was not taught the task gives a warning.
        decoding: As in Pipeline: "grounded", say.
        method: As there.
        min_score: As there.
        samples: As there.
        min_agreement: As there.
        abstain_below: As there.
        calibration: How probabilities are corrected, or the file that says it; by default what
            `biogpt calibrate` left beside the model. `Calibration()` corrects nothing.
        engine: "transformers", or "ctranslate2" (an extra); what the model's folder was made for by
            default. See `biogpt_plugins.engines.load_engine`.
        device: "cuda", "cuda:1", "mps", "cpu"; the best there is by default. "cuda:0,cuda:1", or
            "all" for every CUDA device: each has a copy of the model, and all share the work.
        dtype: "bfloat16", "float16", "float32"; the best for the device by default. With
            CTranslate2 "int8", its default, or "float32".
        revision: Branch, tag or commit of a hub model.
        batch_size: Most inputs computed at once, for all who share the model; what suits the
            device by default.
        allow_pickle: Also load pytorch_model.bin, which can run code of whoever made it.
        dictionary: Gives entities their ids: an EntityDictionary, or a CSV file that it reads.

    Raises:
        InputError: No such task or engine, or no task is given and the model was taught none; or a
            dictionary that is none.
        ModelError: The model cannot be found, or is no BioGPT.
        DeviceError: The device or dtype is not to be had here.
        MissingExtraError: CTranslate2 is not installed.
    """
    if task is not None:
        task = get_task(task)
    if isinstance(dictionary, str | Path):
        dictionary = EntityDictionary.read(dictionary)
    # Before torch is imported, which takes seconds: a misspelt name is to be told at once.
    folder = locate(model, revision=revision, allow_pickle=allow_pickle)
    card = read_card(folder, str(model))
    chosen = task or get_task(_own_task(card, str(model)))
    if not isinstance(calibration, Calibration):
        calibration = read_calibration(Path(calibration) if calibration else folder)

    from biogpt_plugins.engines import load_engine  # noqa: PLC0415 - loads torch

    loaded = load_engine(
        model,
        engine=engine,
        device=device,
        dtype=dtype,
        revision=revision,
        batch_size=batch_size,
        allow_pickle=allow_pickle,
    )
    if remark := _remark(card, str(model), chosen):
        warnings.warn(remark, stacklevel=2)
    return Pipeline(
        chosen,
        loaded,
        cards=card.tasks,
        decoding=decoding,
        method=method,
        min_score=min_score,
        samples=samples,
        min_agreement=min_agreement,
        abstain_below=abstain_below,
        calibration=calibration,
        dictionary=dictionary,
    )


def _own_task(card: ModelCard, model: str) -> str:
    if not card.tasks:
        raise InputError(
            f"model {model!r} was taught no task of its own: name the one to ask it for (--task), "
            f"{', '.join(TASKS)}"
        )
    return next(iter(card.tasks))


def _remark(card: ModelCard, model: str, task: Task[Any]) -> str | None:
    """What to say of a model that is asked for a task that it was not taught."""
    if task.name in card.tasks:
        return None
    if card.tasks:
        fault = (
            f"was taught {', '.join(card.tasks)}, not {task.name}: expect nothing of its answers"
        )
    elif task.shots:
        fault = f"was not taught {task.name} and is shown solved examples instead"
    else:
        return None
    return f"model {model!r} {fault}. {advice(task.name)}"
