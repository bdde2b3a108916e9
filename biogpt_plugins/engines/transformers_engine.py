"""The engine on Hugging Face transformers: runs any BioGPT on CUDA, MPS or CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from biogpt_plugins.engines.devices import fused_attention
from biogpt_plugins.engines.local import LocalEngine
from biogpt_plugins.engines.network import BioGPT
from biogpt_plugins.engines.runner import TransformersRunner
from biogpt_plugins.engines.slots import Slots
from biogpt_plugins.engines.vocabulary import Vocabulary

if TYPE_CHECKING:
    from transformers import BioGptForCausalLM, BioGptTokenizer

_BATCH_SIZE = {"cuda": 64, "mps": 16, "cpu": 32}
_MOST_ROOM, _LEAST_ROOM = 1 << 14, 1024
# Tokens times parameters of a pass on a CPU.
_CPU_WORK = 150_000_000_000
_MANY = 1 << 16
# Tokens that take as long to compute as a pass does without any: launches, and reading weights.
_SPARE = {"cuda": 256, "mps": 64, "cpu": 16}
# Scoring appends labels to a prompt that may fill all positions.
_MARGIN = 256


class TransformersEngine(LocalEngine):
    """A LocalEngine that runs a transformers BioGPT.

    Attributes:
        device: The device of the model, or of its first copy.
        dtype: The dtype of its computations.
    """

    def __init__(  # noqa: PLR0913 - options, all but two keyword-only
        self,
        model: BioGptForCausalLM | BioGPT,
        tokenizer: BioGptTokenizer | Vocabulary,
        *,
        model_name: str,
        folder: Path | None = None,
        batch_size: int | None = None,
        copies: Sequence[BioGptForCausalLM | BioGPT] = (),
        graphs: bool = True,
    ) -> None:
        """Wrap a model that is on its device and in its dtype.

        Args:
            model: The model; it is set to evaluation mode.
            tokenizer: Its tokenizer, or its vocabulary.
            model_name: The name of the model.
            folder: The folder it was loaded from.
            batch_size: Most prompts of a batch; None for the default of the device.
            copies: The same model on other devices, which share the work.
            graphs: Whether decoding steps are captured as CUDA graphs; without effect elsewhere.

        Raises:
            ModelError: The tokenizer has more tokens than the model has embeddings.
        """
        self.device: torch.device = model.device
        self.dtype: torch.dtype = model.dtype
        super().__init__(
            tokenizer,
            [_runner(each, graphs=graphs) for each in (model, *copies)],
            model_name=model_name,
            context_size=int(model.config.max_position_embeddings),
            rows=int(model.config.vocab_size),
            folder=folder,
        )
        self.limit_batches(batch_size or _BATCH_SIZE.get(self.device.type, 8))


def _runner(model: BioGptForCausalLM | BioGPT, *, graphs: bool) -> TransformersRunner:
    config, device, dtype = model.eval().config, model.device, model.dtype
    spare = _SPARE.get(device.type, 16)
    if device.type != "cuda":
        # A pass takes about a second at most, so that unfinished rows are not held up.
        room = min(max(_LEAST_ROOM, _CPU_WORK // model.num_parameters()), _MOST_ROOM)
        packed = device.type == "cpu"
        # Keys and values are converted once here, instead of all of them in each pass.
        held = torch.float32 if packed and not fused_attention(dtype) else dtype
        slots = Slots(config, device=device, dtype=held, packed=packed)
        return TransformersRunner(model, slots, places=_MANY, room=room, spare=spare)
    # Allocate everything at once, because captured graphs use fixed addresses. A fifth of the
    # memory is left for activations.
    length = int(config.max_position_embeddings) + _MARGIN
    free, _ = torch.cuda.mem_get_info(device)
    places = max(1, int(0.8 * free) // Slots.bytes_of(config, length, dtype))
    begin = min(places, _BATCH_SIZE["cuda"])
    slots = Slots(config, device=device, dtype=dtype, places=begin, length=length)
    return TransformersRunner(
        model, slots, places=places, room=_MOST_ROOM, spare=spare, graphs=graphs
    )
