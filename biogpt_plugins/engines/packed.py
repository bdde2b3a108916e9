"""Passes on a CPU: the new tokens of all rows stand one behind the other, without padding.

Linear layers read all of them at once. Attention goes row by row, over the tokens that a row has,
and needs no mask where a row is read from its beginning or by one token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.nn.functional import scaled_dot_product_attention

from biogpt_plugins.engines.jobs import Branches
from biogpt_plugins.engines.network import BioGPT
from biogpt_plugins.engines.passes import Logits, Span, cache_name, relatives
from biogpt_plugins.engines.slots import Slots

if TYPE_CHECKING:
    from transformers import BioGptForCausalLM

_ATTENTION = "biogpt_rows"
_LONG = 8  # tokens of a span that are copied as a block in less time than one by one
_MANY = 256  # tokens of a pass beside which a few more make no difference


class _Part(NamedTuple):
    """New tokens of a row in a pass.

    Attributes:
        place: The row's place in the slots.
        start: Number of tokens before them.
        end: Number of tokens with them.
        bias: Added to the attention's scores, [new tokens, end]; None for none.
        causal: Whether each token sees those up to itself.
    """

    place: int
    start: int
    end: int
    bias: torch.Tensor | None
    causal: bool


class Rows:
    """The rows of a pass: where their tokens are, in the form of a transformers Cache.

    Attention is computed in the dtype of the slots.

    Attributes:
        sizes: The number of new tokens of each row. Others may stand behind all of them, to which
            nothing is attended.
    """

    def __init__(
        self,
        slots: Slots,
        spans: Sequence[Span],
        branches: Branches | None = None,
    ) -> None:
        """Lay out a pass.

        Args:
            slots: The keys and values of the rows, with room for the new tokens.
            spans: The new tokens of each row.
            branches: Nodes of a tree that follow each span.
        """
        self._slots = slots
        self._parts = [_part(span, branches, slots.keys[0].dtype) for span in spans]
        for part in self._parts:
            slots.reach(part.place, part.end)
        self.sizes = [part.end - part.start for part in self._parts]
        places = [part.place for part in self._parts for _ in range(part.start, part.end)]
        indices = [index for part in self._parts for index in range(part.start, part.end)]
        self._places, self._indices = torch.tensor(places), torch.tensor(indices)
        self._tokens, self._blocks = len(places), len(places) > _LONG * len(spans)

    def get_seq_length(self, layer_idx: int = 0) -> int:  # noqa: ARG002 - the host's signature
        return 0  # unused, because positions are given

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer_idx: int, **_: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write new keys and values, [1, heads, tokens, width]; return the tables of all places."""
        tables = self._slots.keys[layer_idx], self._slots.values[layer_idx]
        for table, new in zip(tables, (keys[0], values[0]), strict=True):
            own = new.narrow(1, 0, self._tokens)
            if self._blocks:
                for part, one in zip(self._parts, torch.split(own, self.sizes, 1), strict=True):
                    table[part.place, :, part.start : part.end] = one
            else:
                table[self._places, :, self._indices] = own.transpose(0, 1).to(table.dtype)
        return tables

    def attend(
        self, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """Attention of queries, [1, heads, tokens, width], each to its own row.

        Returns:
            [1, tokens, heads, width].
        """
        _, heads, tokens, width = query.shape
        found = query.new_empty(1, tokens, heads, width)
        found[:, self._tokens :] = 0
        keys_of, values_of = torch.split(keys, 1), torch.split(values, 1)
        queries = torch.split(query[:, :, : self._tokens].to(keys.dtype), self.sizes, 2)
        outs = torch.split(found[:, : self._tokens], self.sizes, 1)
        for part, own, out in zip(self._parts, queries, outs, strict=True):
            key = keys_of[part.place].narrow(2, 0, part.end)
            value = values_of[part.place].narrow(2, 0, part.end)
            one = scaled_dot_product_attention(
                own, key, value, attn_mask=part.bias, is_causal=part.causal, scale=scale
            )
            out.copy_(one.transpose(1, 2))
        return found


def _part(span: Span, branches: Branches | None, dtype: torch.dtype) -> _Part:
    tail = len(branches or ())
    end, size = span.end + tail, len(span.ids) + tail
    alone = size == 1
    causal = not (alone or span.start or tail)
    bias = None
    if not (alone or causal):
        sees = torch.ones(size, end, dtype=torch.bool).tril(span.start)
        if branches and tail:
            sees[-tail:, -tail:] = relatives(branches)
        bias = torch.zeros(size, end, dtype=dtype).masked_fill(~sees, -torch.inf)
    return _Part(span.place, span.start, end, bias, causal)


def read_packed(
    model: BioGptForCausalLM | BioGPT,
    slots: Slots,
    spans: Sequence[Span],
    branches: Branches | None = None,
) -> Logits:
    """Read new tokens of some rows on a CPU, as `passes.read` does, but without padding.

    Args:
        model: The model.
        slots: The keys and values of the rows, with room for the new tokens, which are added.
        spans: The new tokens; spans without any are left out.
        branches: A tree of tokens to try after each span, as in `passes.read`.

    Returns:
        Logits after the last tokens of each span, and after each node of the branches in turn.
    """
    tail, depths = (branches.tokens, branches.depths) if branches else ([], [])
    ids: list[int] = []
    positions: list[int] = []
    kept: list[int] = []
    first = []
    for span in spans:
        first.append(len(kept))
        if span.ids:
            ids += (*span.ids, *tail)
            positions += (*range(span.start, span.end), *(span.end + depth for depth in depths))
            kept += range(len(ids) - len(tail) - span.keep, len(ids))
    rows = Rows(slots, [span for span in spans if span.ids], branches)
    if isinstance(model, BioGPT) and len(ids) > _MANY:
        spare = -len(ids) % model.multiple
        ids += [int(model.config.pad_token_id)] * spare
        positions += [0] * spare
    tokens, places, keep = torch.tensor([ids]), torch.tensor([positions]), torch.tensor(kept)
    if isinstance(model, BioGPT):
        return Logits(model(tokens, places, None, rows, keep)[0], first)
    with _by_rows(model):
        found = model(
            input_ids=tokens,
            attention_mask=torch.zeros(1, 1, 1, 1),  # a mask of its own form is left as it is
            position_ids=places,
            use_cache=True,
            logits_to_keep=keep,
            rows=rows,
            **{cache_name(): rows},
        )
    return Logits(found.logits[0], first)


def _attend(  # noqa: PLR0913, PLR0917 - the host's signature
    module: torch.nn.Module,  # noqa: ARG001 - the same
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor,  # noqa: ARG001 - the same
    scaling: float,
    rows: Rows,
    **_: Any,  # noqa: ANN401 - the same
) -> tuple[torch.Tensor, None]:
    return rows.attend(query, key, value, scaling), None


@cache
def _register() -> None:
    from transformers import AttentionInterface  # noqa: PLC0415 - takes seconds

    AttentionInterface.register(_ATTENTION, _attend)


@contextmanager
def _by_rows(model: BioGptForCausalLM) -> Iterator[None]:
    """Let the model's attention go row by row meanwhile; beam search needs its own."""
    _register()
    config = model.config
    before = config._attn_implementation
    config._attn_implementation = _ATTENTION
    try:
        yield
    finally:
        config._attn_implementation = before
