"""A Pipeline as a table for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biogpt_plugins.checkpoints.calibration import Calibration
from biogpt_plugins.engine.card import PRETRAINED
from biogpt_plugins.pipeline.spec import Settings, short

if TYPE_CHECKING:
    from biogpt_plugins.pipeline.pipeline import Pipeline


def html_of(pipeline: Pipeline) -> str:
    """What a Pipeline runs, and how: a row for each fact that is known."""
    from biogpt_plugins.values.notebook import page_of, table  # noqa: PLC0415 - notebooks alone

    engine, task = pipeline.engine, pipeline.task
    taught = "learned in training" if pipeline.card is not PRETRAINED else "solved examples"
    facts = {
        "Model": pipeline.model_name,
        "Task": f"{task.name}: {task.summary}",
        "Prompt": taught,
        "Method": pipeline.method,
        "Decoding": f"{pipeline.decoding.form}, {short(pipeline.decoding)!r}",
        "Engine": getattr(engine, "runtime", type(engine).__name__),
        "Device": getattr(engine, "device", None),
        "Dtype": str(getattr(engine, "dtype", "")).removeprefix("torch."),
        "Positions": f"{engine.context_size:,}",
    }
    settings = {
        name: value if isinstance(value, str) else repr(short(value))
        for name, value in pipeline.trust.settings.given(Settings).items()
        if name not in ("decoding", "method") and value != Calibration()
    }
    rows = [(name, value) for name, value in {**facts, **settings}.items() if value]
    return page_of(table((), rows))
