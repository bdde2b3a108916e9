"""What LlamaIndex does to components, and what a model behind one needs for that."""

from __future__ import annotations

from typing import Any

from llama_index.core.schema import BaseComponent

from biogpt_plugins.hosts.fields import ModelFields


class ModelComponent(ModelFields, BaseComponent):
    """A component with a BioGPT; its pickles and `to_dict` hold the model's name, not the model."""

    def __getstate__(self) -> dict[str, Any]:
        # The host pickles every attribute on trial and drops what fails from the instance itself.
        copy = self.model_copy(update={"pipeline": None})
        return super(ModelComponent, copy).__getstate__()
