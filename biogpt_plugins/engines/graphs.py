"""The decoding step, some tokens of every row: on CUDA one captured graph, not many launches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from biogpt_plugins.engines.network import BioGPT
from biogpt_plugins.engines.passes import Logits, Span, forward, lay_out
from biogpt_plugins.engines.slots import Slots, View

if TYPE_CHECKING:
    from transformers import BioGptForCausalLM

_STEP = 256


@dataclass(frozen=True)
class _Inputs:
    """Tokens, their positions, and their indices in the slots: [rows, width] each."""

    ids: torch.Tensor
    positions: torch.Tensor
    indices: torch.Tensor


class DecodingStep:
    """The decoding step for the rows in the first places of the slots.

    On CUDA it is captured once for each number of rows, of tokens of a row (1, 2, 4, 8 ... each)
    and length (256, 512 ...), and then replayed: a step of BioGPT has hundreds of small kernels,
    whose launches take longer than their execution. On other devices it runs directly, for the
    exact rows, tokens and length.
    """

    def __init__(
        self, model: BioGptForCausalLM | BioGPT, slots: Slots, *, graphs: bool = True
    ) -> None:
        self._captured = graphs and model.device.type == "cuda"
        self._model = model
        self._slots = slots
        self._pool: Any = None
        self._graphs: dict[tuple[int, int, int, int], Callable[[_Inputs], torch.Tensor]] = {}

    def __call__(self, spans: Sequence[Span]) -> Logits:
        """Read new tokens of the rows.

        Args:
            spans: The new tokens of the row in each place, in order; none in a place without a row.

        Returns:
            Logits after each token.
        """
        slots, pad = self._slots, int(self._model.config.pad_token_id)
        count, length = len(spans), slots.length + 1
        width = max(len(span.ids) for span in spans)
        if self._captured:
            longest = max(span.end for span in spans)
            length = min(-(-longest // _STEP) * _STEP, length)
            count = min(1 << (count - 1).bit_length(), slots.places)
            width = 1 << (width - 1).bit_length()
        spare = [Span(place, 0, ()) for place in range(len(spans), count)]
        table = lay_out([*spans, *spare], width, pad=pad, nowhere=slots.length)
        inputs = _Inputs(*(torch.tensor(part, device=self._model.device) for part in table))
        key = count, width, length, slots.keys[0].data_ptr()
        if self._captured and key not in self._graphs:
            self._graphs[key] = self._capture(inputs, length)
        logits = self._graphs[key](inputs) if self._captured else self._run(inputs, length)
        first = [width * (row + 1) - len(span.ids) for row, span in enumerate(spans)]
        return Logits(logits.flatten(0, 1), first)

    def _run(self, inputs: _Inputs, length: int) -> torch.Tensor:
        device, places = inputs.ids.device, range(len(inputs.ids))
        rows = torch.arange(len(places), device=device)[:, None]
        view = View(self._slots, places, rows, inputs.indices, length)
        sees = torch.arange(length, device=device) <= inputs.indices[..., None]
        width = inputs.ids.shape[1]
        return forward(self._model, view, inputs.ids, inputs.positions, sees, keep=width)

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
