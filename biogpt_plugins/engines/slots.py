"""Keys and values of the rows in work: a place for each, so that rows come and go alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import BioGptConfig

LEAST_SHARED = 32
"""Fewer tokens are computed anew: to copy them takes a pass over all layers as well."""

_STEP = 64


class Slots:
    """A key-value cache in which every row has a place of its own, and its own length.

    Rows are left-aligned: token i of a row lies at index i of its place. Nothing is moved when a
    row begins or ends. What a place held stays there until it is overwritten, so that a row that
    begins in the same way copies it instead of computing it (`held`, `copy`).

    Attributes:
        places: Number of places.
        length: Tokens that a place has room for. Behind them is one more, for padding.
        keys: For each layer [places, heads, length + 1, width].
        values: Likewise.
    """

    def __init__(
        self,
        config: BioGptConfig,
        *,
        device: torch.device,
        dtype: torch.dtype,
        places: int = 8,
        length: int = _STEP - 1,
    ) -> None:
        """Allocate them.

        Args:
            config: The model's.
            device: Where the model is.
            dtype: What it computes in.
            places: Number of places to begin with.
            length: Their room to begin with.
        """
        heads = int(config.num_attention_heads)
        self._heads, self._width = heads, config.hidden_size // heads
        self._held: list[list[int]] = [[]] * places
        self.places, self.length = places, length
        layers = range(config.num_hidden_layers)
        self.keys = [self._empty(device, dtype) for _ in layers]
        self.values = [self._empty(device, dtype) for _ in layers]

    @staticmethod
    def bytes_of(config: BioGptConfig, length: int, dtype: torch.dtype) -> int:
        """Memory of one place."""
        numbers = 2 * config.num_hidden_layers * config.hidden_size * (length + 1)
        return int(numbers * dtype.itemsize)

    def fit(self, places: int, length: int) -> None:
        """Have room for so many rows of this length; what is held is kept as far as it has room.

        On a CPU there is hardly more room than that: it is quick where it reads a table whole.
        """
        whole = -(-(length + 1) // _STEP) * _STEP - 1
        shrinks = self.keys[0].device.type == "cpu" and 4 * whole < 3 * self.length
        if places <= self.places and length <= self.length and not shrinks:
            return
        old_places, kept = self.places, self.length
        if places > self.places:
            self.places = -(-places // 8) * 8
        if shrinks or length > self.length:
            self.length = whole
            kept = min(kept, whole)
        new_places = self.places - old_places
        self._held = [held[:kept] for held in self._held] + [[]] * new_places
        for tables in (self.keys, self.values):
            for layer, old in enumerate(tables):
                tables[layer] = self._empty(old.device, old.dtype)
                tables[layer][:old_places, :, :kept] = old[:, :, :kept]

    def held(self, ids: list[int]) -> tuple[int, int]:
        """The place that holds the longest beginning of these tokens, and how many; 0 if few."""
        begin = ids[:LEAST_SHARED]
        alike = [i for i, held in enumerate(self._held) if held[:LEAST_SHARED] == begin]
        counts = {i: common(self._held[i], ids) for i in alike}
        place = max(counts, key=counts.__getitem__, default=0)
        count = counts.get(place, 0)
        return place, count if count >= LEAST_SHARED else 0

    def hold(self, place: int, ids: Sequence[int]) -> None:
        """Note the tokens whose keys and values a place holds."""
        self._held[place] = list(ids)

    def copy(self, source: int, place: int, length: int) -> None:
        """Copy the beginning of a row to another place."""
        if source != place:
            for table in (*self.keys, *self.values):
                table[place, :, :length] = table[source, :, :length]
            self.hold(place, self._held[source][:length])

    def _empty(self, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
        # Zeros, as what is masked out must still be a number.
        shape = (self.places, self._heads, self.length + 1, self._width)
        return torch.zeros(shape, device=device, dtype=dtype)


class View:
    """What the model sees of the slots in one pass; to the model it is a transformers Cache."""

    def __init__(
        self,
        slots: Slots,
        places: Sequence[int],
        rows: torch.Tensor,
        indices: torch.Tensor,
        length: int,
    ) -> None:
        """Look at some places.

        Args:
            slots: The slots.
            places: The places looked at.
            rows: The same as a tensor, [rows, 1].
            indices: Where in their places new tokens are written, [rows, tokens].
            length: How many tokens of each place are seen.
        """
        self._slots = slots
        self._rows = rows
        self._indices = indices
        self._length = length
        side_by_side = list(places) == list(range(places[0], places[0] + len(places)))
        # A slice is a view, anything else a copy.
        self._seen = slice(places[0], places[-1] + 1) if side_by_side else rows[:, 0]

    def get_seq_length(self, layer_idx: int = 0) -> int:  # noqa: ARG002 - the host's signature
        return 0  # of no consequence where positions are given

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer_idx: int, **_: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write new keys and values [rows, heads, tokens, width], and return all that are seen."""
        slots = self._slots
        return self._add(slots.keys[layer_idx], keys), self._add(slots.values[layer_idx], values)

    def _add(self, table: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        table[self._rows, :, self._indices] = new.transpose(1, 2)
        seen = table[self._seen, :, : self._length]
        return seen.contiguous() if seen.device.type == "cpu" else seen


def common(some: list[int], others: list[int]) -> int:
    """How many tokens two rows have in common at their beginning."""
    low, high = 0, min(len(some), len(others))
    while low < high:
        middle = (low + high + 1) // 2
        if some[low:middle] == others[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
