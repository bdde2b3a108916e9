"""Where all sides find the model: a folder and a device, and transformers' classes on them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins.engines.devices import pick_attention, pick_dtype
from biogpt_plugins.engines.network import BioGPT
from biogpt_plugins.engines.prepacked import prepack
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.engines.transformers_engine import TransformersEngine


class Place:
    """A model's folder, and the device that it is to run on.

    Attributes:
        folder: The folder.
        device: The device.
    """

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.folder = folder
        self.device = device
        self._networks: dict[tuple[str, str], BioGptForCausalLM] = {}

    @cached_property
    def dtype(self) -> str:
        """The dtype that this package takes by default here."""
        return name_of(pick_dtype(None, self.device, self.folder, str(self.folder)))

    @cached_property
    def tokenizer(self) -> BioGptTokenizer:
        """The tokenizer of transformers."""
        return AutoTokenizer.from_pretrained(self.folder)

    @cached_property
    def tokens(self) -> Tokens:
        """This package's tokenizer."""
        return Tokens(self.tokenizer)

    def network(self, dtype: str = "auto", *, apart: str = "") -> BioGptForCausalLM:
        """The model as transformers loads it, loaded once for each dtype.

        Args:
            dtype: The dtype; "auto" for the dtype of the file.
            apart: The name of a caller that changes the model, and so needs its own.
        """
        key = dtype, apart
        if key not in self._networks:
            self.share(self.load(dtype), dtype, apart=apart)
        return self._networks[key]

    def load(self, dtype: str, attention: str | None = None) -> BioGptForCausalLM:
        """A network of its own on the device, with transformers' attention unless one is named."""
        return AutoModelForCausalLM.from_pretrained(
            self.folder, dtype=dtype, attn_implementation=attention
        ).to(self.device)

    def share(self, network: BioGptForCausalLM, dtype: str = "auto", *, apart: str = "") -> None:
        """Share a model that was loaded already."""
        for name in (dtype, name_of(network.dtype)):
            self._networks[name, apart] = network.eval()

    def wait(self) -> None:
        """Wait until the device has finished its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def engine(
        self, dtype: str, *, batch_size: int | None = None, graphs: bool = True
    ) -> tuple[TransformersEngine, BioGPT]:
        """A new engine that is not shared, with these of its options, and its network."""
        model = self.load(dtype, pick_attention(self.device, getattr(torch, dtype)))
        network = prepack(own_network(model, self.folder))
        return self.run(network, batch_size=batch_size, graphs=graphs), network

    def run(
        self, network: BioGPT, *, batch_size: int | None = None, graphs: bool = True
    ) -> TransformersEngine:
        """A new engine on a network."""
        return TransformersEngine(
            network, self.tokenizer, model_name="apart", batch_size=batch_size, graphs=graphs
        )


def own_network(model: BioGptForCausalLM, folder: Path) -> BioGPT:
    """This package's network on a model's weights."""
    network = BioGPT.of(model.eval(), folder)
    assert network is not None, "it is a plain model"
    return network


def name_of(dtype: torch.dtype) -> str:
    """A dtype's name, such as "float32"."""
    return str(dtype).removeprefix("torch.")
