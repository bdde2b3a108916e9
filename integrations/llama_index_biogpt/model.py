"""What LlamaIndex does to components, and what a model behind one needs for that."""

from __future__ import annotations

from typing import Any

from llama_index.core.schema import BaseComponent
from typing_extensions import Self

from biogpt_plugins.hosts.fields import ModelFields


class ModelComponent(ModelFields, BaseComponent):
    """A component with a BioGPT; its pickles and `to_dict` hold the model's name, not the model."""

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> Self:  # noqa: ANN401
        """What `to_dict` wrote down; whether files may run code is for the program to say."""
        given = {name: value for name, value in data.items() if name != "allow_pickle"}
        return super().from_dict(given, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        # The host pickles every attribute on trial and drops what fails from the instance itself.
        copy = self.model_copy(update={"pipeline": None, "allow_pickle": False})
        return super(ModelComponent, copy).__getstate__()
