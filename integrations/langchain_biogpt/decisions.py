"""The decision model, or what stands in its place before langchain-core 1.8."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from langchain_core import __version__

from biogpt_plugins.values.errors import MissingExtraError

if not TYPE_CHECKING and find_spec("langchain_core.decisions") is None:

    class BioGPTDecisionModel:
        """A decision model that cannot be made with this langchain-core."""

        def __init__(self, **_: Any) -> None:  # noqa: ANN401
            raise MissingExtraError(
                "BioGPTDecisionModel needs langchain-core 1.8 or newer, and this is "
                f'{__version__}: pip install -U "langchain-core>=1.8" (Python 3.11 or newer)'
            )

else:
    from langchain_biogpt.decision_model import BioGPTDecisionModel

__all__ = ["BioGPTDecisionModel"]
