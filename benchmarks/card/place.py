"""A model with random weights that are made on the device: no file holds them."""

from __future__ import annotations

import gc
from pathlib import Path

import torch
from beside.place import Place, own_network
from beside.shapes import bundled_vocabulary, outline, random_network
from transformers import BioGptForCausalLM

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.engines.network import BioGPT
from biogpt_plugins.engines.transformers_engine import TransformersEngine


class RandomPlace(Place):
    """A place whose networks have random weights; its engines share all but attention's."""

    @classmethod
    def of(cls, shape: str, folder: Path, device: torch.device) -> RandomPlace:
        """The place of a shape, with the vocabulary of the bundled model."""
        if not folder.exists():
            outline(shape, folder, bundled_vocabulary(locate("demo")))
        return cls(folder, device)

    def load(self, dtype: str, attention: str | None = None) -> BioGptForCausalLM:
        network = random_network(self.folder, self.device).to(getattr(torch, dtype))
        if attention:
            network.set_attn_implementation(attention)
        free(self.device)  # the weights in float32 were twice as large
        return network

    def engine(
        self, dtype: str, *, batch_size: int | None = None, graphs: bool = True
    ) -> tuple[TransformersEngine, BioGPT]:
        network = own_network(self.network(dtype), self.folder)
        return self.run(network, batch_size=batch_size, graphs=graphs), network

    def forget_peak(self) -> None:
        """Let the peak of the device's memory begin anew; that of a process cannot."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)

    def clear(self) -> None:
        """Forget all networks, and give the device's memory back."""
        self._networks.clear()
        free(self.device)


def free(device: torch.device) -> None:
    """Give back the device's memory that nothing refers to."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
