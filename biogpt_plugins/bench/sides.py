"""The sides of a run: a model on an engine, a device and in a dtype, ready for one task."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from biogpt_plugins.bench.clock import Missing
from biogpt_plugins.engine import Decoding, Prompt
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.values.errors import DeviceError, EngineError, ModelError
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Prediction

Load = Callable[..., Pipeline]


@dataclass(frozen=True)
class Side:
    """A pipeline to measure.

    Attributes:
        name: Its name in tables.
        pipeline: The pipeline.
        options: The options of `load` that made it.
    """

    name: str
    pipeline: Pipeline
    options: dict[str, Any] = field(default_factory=dict)

    def run(self, inputs: Sequence[Text]) -> list[Prediction[Any]]:
        """Read inputs.

        Raises:
            EngineError: The engine failed, or could not take an input.
        """
        predictions = self.pipeline.run(inputs)
        for prediction in predictions:
            # A completion that cannot be read took its time as well.
            if prediction.error and prediction.completion is None:
                raise EngineError(f"{self.name} failed: {prediction.error.message}")
        return predictions


class Streamed(NamedTuple):
    """Seconds until the first piece of a text and until its end, and how many tokens it has."""

    first: float
    whole: float
    tokens: int


def stream(side: Side, prompt: Prompt, decoding: Decoding) -> Streamed:
    """Stream one text."""
    first, tokens = None, 0
    start = time.perf_counter()
    for chunk in side.pipeline.engine.stream(prompt, decoding):
        if chunk.text:
            first = first or time.perf_counter() - start
        if done := chunk.completion:
            # The model writes the final `</s>` as well.
            tokens = done.usage.completion_tokens + (done.finish_reason == "stop")
    whole = time.perf_counter() - start
    return Streamed(first or whole, whole, tokens)


def open_side(load: Load, model: str, task: str, options: dict[str, Any]) -> Side | Missing:
    """Load a side, or say why it cannot be loaded."""
    name = ", ".join(filter(None, map(options.get, ("engine", "device", "dtype"))))
    try:
        pipeline = load(model, task, **options)
    except ImportError as error:
        return Missing(name, f"not installed: {error}")
    except (DeviceError, ModelError) as error:
        return Missing(name, str(error))
    runtime = options.get("engine") or type(pipeline.engine).__name__
    parts = (runtime, device_of(pipeline), dtype_of(pipeline))
    return Side(", ".join(filter(None, parts)), pipeline, options)


def device_of(pipeline: Pipeline) -> str:
    """The device that a pipeline's engine runs on; "" if the engine does not say."""
    return str(getattr(pipeline.engine, "device", ""))


def dtype_of(pipeline: Pipeline) -> str:
    """The dtype that a pipeline's engine computes in; "" if the engine does not say."""
    return str(getattr(pipeline.engine, "dtype", "")).removeprefix("torch.")
