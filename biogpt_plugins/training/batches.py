"""Batches of examples of like length, their order in each epoch, and the loss's weights."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from biogpt_plugins.training.encoding import Encoded
from biogpt_plugins.training.options import Options

_NEIGHBOURS = 40
_ROWS = 8


class Batches(Dataset[list[Encoded]]):
    """Batches as items, so that the Trainer's own loader and resuming work on whole batches.

    Args:
        encoded: What to learn.
        options: Their `order` decides which examples go together, their `tokens_per_batch` how
            many, and their `seed` mixes them.
    """

    def __init__(self, encoded: Sequence[Encoded], options: Options) -> None:
        self._encoded = encoded
        lengths = [len(each.ids) for each in encoded]
        if options.order == "official":
            sizes = [each.size for each in encoded]
            self.rows = official_batches(sizes, options.tokens_per_batch, seed=options.seed)
        else:
            rng = random.Random(options.seed)
            order = list(range(len(encoded)))
            if options.order == "shuffled":
                rng.shuffle(order)
            self.rows = neighbours(order, lengths, options.tokens_per_batch, rng)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> list[Encoded]:
        # Beyond the end are empty batches: see EpochOrder.
        return [self._encoded[row] for rows in self.rows[index : index + 1] for row in rows]


def neighbours(
    order: Sequence[int], lengths: Sequence[int], most: int, rng: random.Random
) -> list[list[int]]:
    """Batches of at most `most` padded tokens that keep `order` but for the nearest neighbours."""
    grouped: list[list[int]] = []
    at = 0
    while at < len(order):
        stop, room = at, most * _NEIGHBOURS
        while stop < len(order) and room > 0:
            room -= lengths[order[stop]]
            stop += 1
        batches: list[list[int]] = [[]]
        for index in sorted(order[at:stop], key=lengths.__getitem__):
            if batches[-1] and (len(batches[-1]) + 1) * lengths[index] > most:
                batches.append([])
            batches[-1].append(index)
        rng.shuffle(batches)
        grouped += batches
        at = stop
    return grouped


def official_batches(sizes: Sequence[int], most: int, *, seed: int) -> list[list[int]]:
    """Fairseq's batches of at most `most` padded tokens.

    Examples are permuted by numpy's generator and then sorted by size. A batch has fewer than 8
    rows, or a multiple of 8: rows beyond a multiple join it only when they make up another 8, and
    begin the next batch otherwise.
    """
    permuted = np.random.RandomState(seed).permutation(len(sizes))
    order = [int(row) for row in permuted[np.argsort(np.asarray(sizes)[permuted], kind="stable")]]
    batches: list[list[int]] = []
    batch: list[int] = []
    waiting: list[int] = []
    for row in order:
        # Sizes rise, so that this row is the longest so far.
        if (len(batch) + len(waiting) + 1) * sizes[row] > most:
            if batch:
                batches.append(batch)
            if waiting and (len(waiting) + 1) * sizes[row] > most:
                batches.append(waiting)
                waiting = []
            batch, waiting = [*waiting, row], []
            continue
        waiting.append(row)
        count = len(batch) + len(waiting)
        if count < _ROWS or count % _ROWS == 0:
            batch, waiting = batch + waiting, []
    return [*batches, *(rows for rows in (batch, waiting) if rows)]


class EpochOrder(Sampler[int]):
    """The order of batches in each epoch: as they are, or fairseq's shuffle by seed and epoch.

    Args:
        count: How many batches there are.
        options: Their `order` and `seed`.
        processes: How many processes share them in turn. Empty batches make up a multiple; without
            them some batches would come twice.
    """

    def __init__(self, count: int, options: Options, *, processes: int = 1) -> None:
        self._count = count
        self._empty = -count % processes
        self._seed = None if options.order == "file" else options.seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0; the Trainer calls this."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._count + self._empty

    def __iter__(self) -> Iterator[int]:
        order = list(range(self._count))
        if self._seed is not None:
            # fairseq counts epochs from 1.
            np.random.RandomState(self._seed + self._epoch + 1).shuffle(order)
        return iter([*order, *range(self._count, len(self))])


def collate(
    batches: Sequence[Sequence[Encoded]], *, pad: int, options: Options
) -> dict[str, torch.Tensor]:
    """Pads one or more batches on the right; an empty one is a row without weight.

    Returns:
        Tensors of shape (rows, tokens). `input_ids`; `target`, the weight in the loss of each
        token of a target, 0 elsewhere; `source`, the same for sources and prompt tokens. With
        `end_smoothing` also `other`, the token that might stand in the place of one after a
        clause, -1 elsewhere. There is no attention mask: what stands right of a token does not
        reach it.
    """
    rows = [row for batch in batches for row in batch]
    shape = (len(rows) or 1, max((len(row.ids) for row in rows), default=2))
    ids = torch.full(shape, pad)
    target, source = torch.zeros(shape), torch.zeros(shape)
    other = torch.full(shape, -1)
    for i, row in enumerate(rows):
        start, end = len(row.prompt), len(row.ids)
        ids[i, :end] = torch.tensor(row.ids)
        target[i, start:end] = 1.0
        # The full stop stands before the final </s>.
        target[i, max(start, end - 2) : end - 1] = options.end_weight
        target[i, start + row.label.start : start + row.label.stop] = options.label_weight
        source[i, 1:start] = 1.0 if options.loss == "all" else options.source_loss
        for place, token in row.turns.items():
            other[i, start + place] = token
    batch = {"input_ids": ids, "target": target, "source": source}
    return {**batch, "other": other} if options.end_smoothing else batch
