"""How components with a BioGPT are saved by the host's `dumps` and read by its `loads`."""

from __future__ import annotations

import sys
from typing import Any

from langchain_core.load.serializable import (
    Serializable,
    SerializedConstructor,
    SerializedNotImplemented,
)
from pydantic import model_validator

from biogpt_plugins import Spec


class SavedFields(Serializable):
    """A component whose fields include the settings of a Spec."""

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

    def to_json(self) -> SerializedConstructor | SerializedNotImplemented:
        """The form that `dumps` writes, with settings converted to JSON values."""
        written = super().to_json()
        if written["type"] == "constructor":
            plain = self.model_dump(mode="json", include={*Spec.model_fields})
            given = written["kwargs"]
            given |= {name: plain[name] for name in plain if name in given}
        return written

    @model_validator(mode="before")
    @classmethod
    def _runs_code_for_programs_only(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic's
        # `loads` calls the constructor like a program, without saying that it reads saved data.
        if isinstance(given, dict) and given.get("allow_pickle") and _is_read_by_the_host():
            return {**given, "allow_pickle": False}
        return given


def _is_read_by_the_host() -> bool:
    """Whether `langchain_core.load` is the caller and constructs from saved data."""
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        if frame.f_globals.get("__name__") == "langchain_core.load.load":
            return True
    return False
