"""Where all sides find the model: a folder and a device, and transformers' classes on them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins.engines.devices import pick_attention, pick_dtype
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
            network = AutoModelForCausalLM.from_pretrained(self.folder, dtype=dtype)
            self.share(network.to(self.device), dtype, apart=apart)
        return self._networks[key]

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

    def engine(self, dtype: str) -> tuple[TransformersEngine, BioGptForCausalLM]:
        """A new engine that is not shared, and its model."""
        attention = pick_attention(self.device, getattr(torch, dtype))
        model = BioGptForCausalLM.from_pretrained(
            self.folder, dtype=dtype, attn_implementation=attention
        ).to(self.device)
        return TransformersEngine(model, self.tokenizer, model_name="apart"), model


def name_of(dtype: torch.dtype) -> str:
    """A dtype's name, such as "float32"."""
    return str(dtype).removeprefix("torch.")
