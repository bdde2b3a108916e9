"""The decoding step, one token for every row: on CUDA one captured graph, not many launches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import BioGptForCausalLM

from biogpt_plugins.engines.passes import forward
from biogpt_plugins.engines.slots import Slots, View

_STEP = 256


@dataclass(frozen=True)
class _Inputs:
    """Tokens, their positions, and their indices in the slots: [rows, 1] each."""

    ids: torch.Tensor
    positions: torch.Tensor
    indices: torch.Tensor


class DecodingStep:
    """The decoding step for the rows in the first places of the slots.

    On CUDA it is captured once for each number of rows (1, 2, 4, 8 ...) and length (256, 512 ...)
    and then replayed: a step of BioGPT has hundreds of small kernels, whose launches take longer
    than their execution. On other devices it runs directly, for the exact rows and length.
    """

    def __init__(self, model: BioGptForCausalLM, slots: Slots) -> None:
        self._model = model
        self._slots = slots
        self._pool: Any = None
        self._graphs: dict[tuple[int, int, int], Callable[[_Inputs], torch.Tensor]] = {}

    def __call__(self, tokens: Sequence[int], lengths: Sequence[int | None]) -> torch.Tensor:
        """Read a token of each row.

        Args:
            tokens: The last token of the row in each place.
            lengths: The number of tokens before it; None for a place without a row.

        Returns:
            Logits of the next token, [places given, vocabulary].
        """
        slots, pad = self._slots, int(self._model.config.pad_token_id)
        count, length = len(tokens), slots.length + 1
        captured = self._model.device.type == "cuda"
        if captured:
            most = 1 + max(length for length in lengths if length is not None)
            length = min(-(-most // _STEP) * _STEP, length)
            count = min(1 << (count - 1).bit_length(), slots.places)
        spare = count - len(tokens)
        inputs = _Inputs(
            ids=self._column([*tokens, *[pad] * spare]),
            positions=self._column([*(n or 0 for n in lengths), *[0] * spare]),
            indices=self._column(
                [*(slots.length if n is None else n for n in lengths), *[slots.length] * spare]
            ),
        )
        if not captured:
            return self._run(inputs, length)
        key = count, length, slots.keys[0].data_ptr()
        if key not in self._graphs:
            self._graphs[key] = self._capture(inputs, length)
        return self._graphs[key](inputs)[: len(tokens)]

    def _column(self, values: Sequence[int]) -> torch.Tensor:
        return torch.tensor(values, device=self._model.device)[:, None]

    def _run(self, inputs: _Inputs, length: int) -> torch.Tensor:
        device, places = inputs.ids.device, range(len(inputs.ids))
        rows = torch.arange(len(places), device=device)[:, None]
        view = View(self._slots, places, rows, inputs.indices, length)
        sees = torch.arange(length, device=device) <= inputs.indices[..., None]
        return forward(self._model, view, inputs.ids, inputs.positions, sees)[:, -1]

    def _capture(self, inputs: _Inputs, length: int) -> Callable[[_Inputs], torch.Tensor]:
        with torch.cuda.device(inputs.ids.device):
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):  # libraries choose their kernels in the first run
                self._run(inputs, length)
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            # One pool for all: the logits of a step are read before the next step runs.
            with torch.cuda.graph(graph, pool=self._pool):
                logits = self._run(inputs, length)
            self._pool = self._pool or graph.pool()

        def replay(others: _Inputs) -> torch.Tensor:
            inputs.ids.copy_(others.ids)
            inputs.positions.copy_(others.positions)
            inputs.indices.copy_(others.indices)
            graph.replay()
            return logits

        return replay
