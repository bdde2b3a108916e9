"""The settings that determine results, so that results of different settings are not mixed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from biogpt_plugins.pipeline.pipeline import Pipeline
from biogpt_plugins.pipeline.spec import Spec, named
from biogpt_plugins.values.errors import InputError

_SAID_IN_FULL = {"dictionary", "calibration", "decoding", "method", "own"}


def settings_of(pipeline: Pipeline) -> dict[str, Any]:
    """All settings that determine a prediction, except the text and the weights, as JSON.

    They are the pipeline's spec without the settings that change no result, and the values that
    the spec leaves to the model, the task and the machine.
    """
    asked = pipeline.spec.model_dump(mode="json", exclude={*Spec.KNOBS, *_SAID_IN_FULL})
    dictionary = pipeline.dictionary
    source = pipeline.trust.settings.entities
    if not isinstance(source, str):  # a dictionary may have moved, and be the same
        asked["entities"] = {"source": named(source)}
    calibration = pipeline.trust.calibration.of(pipeline.task.name, ranked=pipeline.ranks)
    decoding = json.loads(json.dumps(asdict(pipeline.decoding)))
    return {
        **asked,
        "model": pipeline.model_name,
        "task": pipeline.task.name,
        **({"dictionary": dictionary.fingerprint} if dictionary else {}),
        "engine": getattr(pipeline.engine, "runtime", ""),
        "dtype": str(getattr(pipeline.engine, "dtype", "")).removeprefix("torch."),
        "method": pipeline.method,
        "card": pipeline.card.model_dump(mode="json"),
        "decoding": {name: one for name, one in decoding.items() if name != "top_logprobs"},
        "calibration": calibration.model_dump(mode="json") if calibration else None,
    }


def check_same(folder: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Check that results of these settings may be added to those in a folder.

    Raises:
        InputError: A setting differs; the message names it.
    """
    for name, before, now in _differences(theirs, ours):
        raise InputError(
            f"{folder} holds another run ({name} {before!r}, now {now!r}): name another folder, or "
            "remove that one"
        )


def _differences(
    theirs: Mapping[str, Any], ours: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    for name in {**ours, **theirs}:
        before, now = theirs.get(name), ours.get(name)
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            yield from ((f"{name} {part}", *pair) for part, *pair in _differences(before, now))
        elif before != now:
            yield name, before, now
