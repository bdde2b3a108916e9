"""The base class of LlamaIndex components with a BioGPT."""

from __future__ import annotations

from typing import Any

from llama_index.core.schema import BaseComponent
from typing_extensions import Self

from biogpt_plugins.hosts.fields import ModelFields


class ModelComponent(ModelFields, BaseComponent):
    """A component with a BioGPT; pickles and `to_dict` contain only the model's name."""

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> Self:  # noqa: ANN401
        """Make a component from the result of `to_dict`, without `allow_pickle`."""
        given = {name: value for name, value in data.items() if name != "allow_pickle"}
        return super().from_dict(given, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        # The host tries to pickle every attribute and deletes failing ones from the instance.
        copy = self.model_copy(update={"pipeline": None, **self.UNSAVED})
        return super(ModelComponent, copy).__getstate__()
