"""The key-value cache: one place per row, so that rows start and end independently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from biogpt_plugins.checkpoints.network import Network

if TYPE_CHECKING:
    from transformers import BioGptConfig

LEAST_SHARED = 32
"""A shorter common beginning is computed again: copying it takes a pass over all layers too."""

_PLACES, _STEP = 8, 64
_ROOMY = 4  # times as much room as asked for, where unused memory costs nothing


class Slots:
    """A key-value cache in which every row has its own place and length.

    Rows are left-aligned: token i of a row is at index i of its place. Nothing moves when a row
    starts or ends. A place keeps its content until it is overwritten, so that another row with the
    same beginning copies it instead of computing it (`held`, `copy`).

    Attributes:
        packed: Whether each row is read by itself, so that nothing beyond its tokens is seen.
        places: Number of places.
        length: Most tokens of a place. One more index at the end is for padding.
        copied: Bytes that were copied from place to place, or because the cache grew.
        keys: For each layer [places, heads, length + 1, width].
        values: For each layer [places, heads, length + 1, width].
    """

    def __init__(  # noqa: PLR0913 - keyword-only
        self,
        config: BioGptConfig | Network,
        *,
        device: torch.device,
        dtype: torch.dtype,
        places: int = _PLACES,
        length: int = _STEP - 1,
        packed: bool = False,
    ) -> None:
        """Allocate the cache.

        Args:
            config: The config of the model.
            device: The device of the model.
            dtype: The dtype of its computations.
            places: Initial number of places.
            length: Initial number of tokens per place.
            packed: Whether each row is read by itself.
        """
        self.packed = packed
        self.copied = 0
        heads = int(config.num_attention_heads)
        self._heads, self._width = heads, config.hidden_size // heads
        self._held: list[list[int]] = [[]] * places
        self._ends = [0] * places
        self._short, self._patience = 0, 1
        self.places, self.length = places, length
        layers = range(config.num_hidden_layers)
        self.keys = [self._empty(device, dtype) for _ in layers]
        self.values = [self._empty(device, dtype) for _ in layers]

    @staticmethod
    def bytes_of(config: BioGptConfig | Network, length: int, dtype: torch.dtype) -> int:
        """Bytes of one place."""
        numbers = 2 * config.num_hidden_layers * config.hidden_size * (length + 1)
        return int(numbers * dtype.itemsize)

    def fit(self, places: int, length: int) -> None:
        """Resize to this number of rows and length; the content is kept as far as it fits.

        The cache is roomy where rows are read by themselves: memory that nothing is written to is
        not taken from the machine. It becomes shorter when the rows do, each time after twice as
        many calls: where long and short ones take turns, it stays long.
        """
        roomy = _ROOMY if self.packed else 1
        step, most = _STEP * roomy, _PLACES * roomy
        whole = -(-(length + 1) // step) * step - 1
        self._short = self._short + 1 if self.packed and 4 * whole < self.length else 0
        shrinks = self._short >= self._patience
        if places <= self.places and length <= self.length and not shrinks:
            return
        old_places, kept = self.places, self.length
        if places > self.places:
            self.places = -(-places // most) * most
        if shrinks:
            self._short, self._patience = 0, 2 * self._patience
        if shrinks or length > self.length:
            self.length = whole
            kept = min(kept, whole)
        new_places = self.places - old_places
        self._held = [held[:kept] for held in self._held] + [[]] * new_places
        self._ends = [min(end, kept) for end in self._ends] + [0] * new_places
        # Copying what nothing was written to would take its memory from the machine.
        parts = (
            [(slice(place, place + 1), end) for place, end in enumerate(self._ends) if end]
            if self.packed
            else [(slice(old_places), kept)]
        )
        for tables in (self.keys, self.values):
            for layer, old in enumerate(tables):
                tables[layer] = self._empty(old.device, old.dtype)
                for some, end in parts:
                    tables[layer][some, :, :end] = old[some, :, :end]
                    self.copied += old[some, :, :end].nbytes

    def held(self, ids: list[int]) -> tuple[int, int]:
        """The place with the longest beginning of these tokens, and its length; 0 if too short."""
        begin = ids[:LEAST_SHARED]
        alike = [i for i, held in enumerate(self._held) if held[:LEAST_SHARED] == begin]
        counts = {i: common(self._held[i], ids) for i in alike}
        place = max(counts, key=counts.__getitem__, default=0)
        count = counts.get(place, 0)
        return place, count if count >= LEAST_SHARED else 0

    def hold(self, place: int, ids: Sequence[int]) -> None:
        """Record which tokens a place holds."""
        self._held[place] = list(ids)

    def reach(self, place: int, end: int) -> None:
        """Record up to which token a place is written; it may hold fewer of them for others."""
        self._ends[place] = end

    def copy(self, source: int, place: int, length: int) -> None:
        """Copy the beginning of a row to another place."""
        if source != place:
            for table in (*self.keys, *self.values):
                table[place, :, :length] = table[source, :, :length]
                self.copied += table[place, :, :length].nbytes
            self.hold(place, self._held[source][:length])
            self.reach(place, length)

    def clear(self, place: int) -> None:
        """Forget a row whose values are not numbers: they would spoil the next row of its place."""
        for table in (*self.keys, *self.values):
            table[place] = 0
        self.hold(place, [])

    def _empty(self, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
        shape = (self.places, self._heads, self.length + 1, self._width)
        # Masked values must still be numbers.
        make = torch.empty if self.packed else torch.zeros
        return make(shape, device=device, dtype=dtype)


class View:
    """The slots as the model sees them in one pass, in the form of a transformers Cache."""

    def __init__(
        self,
        slots: Slots,
        places: Sequence[int],
        rows: torch.Tensor,
        indices: torch.Tensor,
        length: int,
    ) -> None:
        """Select some places.

        Args:
            slots: The slots.
            places: The places.
            rows: The places as a tensor, [rows, 1].
            indices: Indices of the new tokens in their places, [rows, tokens].
            length: Number of visible tokens of each place.
        """
        self._slots = slots
        self._rows = rows
        self._indices = indices
        self._length = length
        side_by_side = list(places) == list(range(places[0], places[0] + len(places)))
        # A slice makes a view, a tensor index a copy.
        self._seen = slice(places[0], places[-1] + 1) if side_by_side else rows[:, 0]

    def get_seq_length(self, layer_idx: int = 0) -> int:  # noqa: ARG002 - the host's signature
        return 0  # unused, because positions are given

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer_idx: int, **_: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write new keys and values [rows, heads, tokens, width]; return all visible ones."""
        slots = self._slots
        return self._add(slots.keys[layer_idx], keys), self._add(slots.values[layer_idx], values)

    def _add(self, table: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        table[self._rows, :, self._indices] = new.transpose(1, 2)
        return table[self._seen, :, : self._length]


def common(some: list[int], others: list[int]) -> int:
    """The length of the common beginning of two rows."""
    low, high = 0, min(len(some), len(others))
    while low < high:
        middle = (low + high + 1) // 2
        if some[low:middle] == others[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
