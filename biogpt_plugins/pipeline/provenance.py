"""The settings that determine results, so that results of different settings are not mixed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from biogpt_plugins.pipeline.pipeline import Pipeline
from biogpt_plugins.values.errors import InputError

_TRUST = ("min_score", "samples", "min_agreement", "abstain_below")


def settings_of(pipeline: Pipeline) -> dict[str, Any]:
    """All settings that determine a prediction, except the text and the weights, as JSON."""
    card = pipeline.card.model_dump(mode="json")
    decoding = json.loads(json.dumps(asdict(pipeline.decoding)))
    runtime = getattr(pipeline.engine, "runtime", "transformers")
    trust = {name: getattr(pipeline.trust.settings, name) for name in _TRUST}
    own = pipeline.trust.calibration.of(pipeline.task.name)
    return {
        "task": pipeline.task.name,
        "model": pipeline.engine.model_name,
        # Older runs do not record these two.
        **({} if runtime == "transformers" else {"engine": runtime}),
        **({"dictionary": pipeline.dictionary.fingerprint} if pipeline.dictionary else {}),
        "dtype": str(getattr(pipeline.engine, "dtype", "")).removeprefix("torch."),
        **trust,
        "labels": "scored" if pipeline.chooses else "written",
        **{f"card {key}": value for key, value in card.items()},
        **{f"decoding {key}": value for key, value in decoding.items()},
        "calibration": own.model_dump(mode="json") if own else None,
    }


def check_same(folder: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Check that results of these settings may be added to those in a folder.

    Raises:
        InputError: A setting differs; the message names it.
    """
    for key in {**ours, **theirs}:
        if theirs.get(key) != ours.get(key):
            raise InputError(
                f"{folder} holds another run ({key} {theirs.get(key)!r}, now {ours.get(key)!r}): "
                "name another folder, or remove that one"
            )
