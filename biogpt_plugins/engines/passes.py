"""Forward passes over rows in slots: from new tokens to the logits of the next ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, NamedTuple

import torch

from biogpt_plugins.engines.jobs import Branches
from biogpt_plugins.engines.network import BioGPT
from biogpt_plugins.engines.slots import Slots, View

if TYPE_CHECKING:
    from transformers import BioGptForCausalLM


@dataclass(frozen=True)
class Span:
    """New tokens of a row.

    Attributes:
        place: The row's place in the slots.
        start: Number of tokens before these, which the place holds already.
        ids: The tokens.
        keep: The number of its last tokens whose logits are needed.
    """

    place: int
    start: int
    ids: Sequence[int]
    keep: int = 1

    @property
    def end(self) -> int:
        """Number of tokens in the place afterwards."""
        return self.start + len(self.ids)


class Logits(NamedTuple):
    """Logits of a pass.

    Attributes:
        all: [tokens, vocabulary]; those of a span are in order, one behind the other.
        first: For each span, the index of its first kept token.
    """

    all: torch.Tensor
    first: list[int]


class Layout(NamedTuple):
    """Tokens, their positions, and their indices in the slots, [spans, width] each."""

    ids: list[list[int]]
    positions: list[list[int]]
    indices: list[list[int]]


def lay_out(spans: Sequence[Span], width: int, *, pad: int, nowhere: int) -> Layout:
    """Lay out spans side by side; shorter ones are padded on the left.

    Args:
        spans: The spans.
        width: The number of tokens of each, padding included.
        pad: The token for padding.
        nowhere: Its index in the slots.
    """
    shorts = [width - len(span.ids) for span in spans]
    places = [range(span.start, span.end) for span in spans]
    return Layout(
        [[pad] * short + [*span.ids] for short, span in zip(shorts, spans, strict=True)],
        [[0] * short + [*own] for short, own in zip(shorts, places, strict=True)],
        [[nowhere] * short + [*own] for short, own in zip(shorts, places, strict=True)],
    )


def read(
    model: BioGptForCausalLM | BioGPT,
    slots: Slots,
    spans: Sequence[Span],
    branches: Branches | None = None,
) -> Logits:
    """Read new tokens of some rows; shorter spans are padded on the left.

    Args:
        model: The model.
        slots: The keys and values of the rows, with room for the new tokens, which are added.
        spans: The new tokens.
        branches: A tree of tokens to try after each span; each node sees the span and the nodes
            before it. What they leave in the slots is not used.

    Returns:
        Logits after the last tokens of each span, and after each node of the branches in turn.
    """
    device = model.device
    tail, steps = (branches.tokens, branches.depths) if branches else ([], [])
    length = max(span.end for span in spans) + len(tail)
    width = max(len(span.ids) for span in spans)
    pad = int(model.config.pad_token_id)
    ids, positions, indices = lay_out(spans, width, pad=pad, nowhere=slots.length)
    for row, span in enumerate(spans):
        ids[row] += tail
        positions[row] += (span.end + step for step in steps)
        indices[row] += range(span.end, span.end + len(tail))
    written = torch.tensor(indices, device=device)
    sees = torch.arange(length, device=device) <= written[..., None]
    if branches and tail:
        _keep_apart(sees, branches, torch.tensor([span.end for span in spans], device=device))
    places = [span.place for span in spans]
    rows = torch.tensor(places, device=device)[:, None]
    keep = max(span.keep for span in spans)
    logits = forward(
        model,
        View(slots, places, rows, written, length),
        torch.tensor(ids, device=device),
        torch.tensor(positions, device=device),
        sees,
        keep=keep + len(tail),
    )
    behind = logits.shape[1]
    first = [behind * row + keep - span.keep for row, span in enumerate(spans)]
    return Logits(logits.flatten(0, 1), first)


def forward(  # noqa: PLR0913 - the tensors of one pass
    model: BioGptForCausalLM | BioGPT,
    view: View,
    ids: torch.Tensor,
    positions: torch.Tensor,
    sees: torch.Tensor,
    *,
    keep: int = 1,
) -> torch.Tensor:
    """Run the model on [rows, tokens]; `sees` [rows, tokens, length] is the attention mask."""
    bias = torch.zeros(sees.shape, dtype=model.dtype, device=sees.device)
    bias = bias.masked_fill(~sees, torch.finfo(model.dtype).min)
    if isinstance(model, BioGPT):
        own: torch.Tensor = model(ids, positions, bias[:, None], view, keep)
        return own
    logits: torch.Tensor = model(
        input_ids=ids,
        attention_mask=bias[:, None],
        position_ids=positions,
        use_cache=True,
        logits_to_keep=keep,
        **{cache_name(): view},
    ).logits
    return logits


@cache
def cache_name() -> str:
    """The name of the argument for the cache; transformers 5.24 has another one."""
    from transformers import BioGptForCausalLM  # noqa: PLC0415 - takes seconds

    return ({"cache", "past_key_values"} & {*signature(BioGptForCausalLM.forward).parameters}).pop()


def relatives(branches: Branches) -> torch.Tensor:
    """Which nodes each node of branches sees, itself among them: [nodes, nodes]."""
    own = torch.eye(len(branches), dtype=torch.bool)
    for node, parent in enumerate(branches.parents):
        if parent >= 0:
            own[node] |= own[parent]
    return own


def _keep_apart(sees: torch.Tensor, branches: Branches, ends: torch.Tensor) -> None:
    """Let the nodes of branches attend to the row and to the nodes before them only."""
    count = len(branches)
    own = relatives(branches).to(sees.device)
    behind = torch.arange(sees.shape[-1], device=sees.device) - ends[:, None]
    seen = own[:, behind.clamp(0, count - 1)].transpose(0, 1)
    sees[:, -count:] = torch.where(behind[:, None] < 0, True, seen & (behind[:, None] < count))
