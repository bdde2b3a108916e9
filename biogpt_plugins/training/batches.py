"""Examples as token ids, in batches of similar length."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import torch
from torch.utils.data import Dataset

from biogpt_plugins.engine import TaskCard
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.tasks import get_task
from biogpt_plugins.training.examples import Example

Encoded = tuple[list[int], list[int]]
MASKED = -100
_EXTRA = 12  # learned tokens and </s>, about
_NEIGHBOURS = 40


def encode(
    example: Example, tokens: Tokens, card: TaskCard, *, positions: int
) -> tuple[list[int], list[int]]:
    """Encode the prompt (`</s>`, source, learned tokens) and the target (with `</s>`).

    A source that is too long loses its end; learned tokens and target are never cut.
    """
    target = [*tokens.ids(example.target), tokens.eos]
    prompt = get_task(example.task).render(example.input, card)
    return tokens.encode(prompt, window=positions, room=len(target) - 1).ids, target


class Batches(Dataset[list[Encoded]]):
    """A dataset whose items are batches, so that the Trainer samples and resumes whole batches.

    Args:
        examples: The training examples.
        tokens: The model's tokenizer.
        cards: Task -> layout.
        positions: Most tokens of prompt and target together.
        size: Padded tokens of a batch.
        shuffle_seed: Seed to shuffle the examples; None keeps their order except among near
            neighbours, as a curriculum needs.

    Texts are tokenised on access, in the loader's worker while the model computes. Until then
    lengths are estimated word by word, which is fast and nearly exact.
    """

    def __init__(  # noqa: PLR0913 - one value for each thing a batch depends on
        self,
        examples: Sequence[Example],
        *,
        tokens: Tokens,
        cards: Mapping[str, TaskCard],
        positions: int,
        size: int,
        shuffle_seed: int | None = None,
    ) -> None:
        self._examples, self._tokens, self._cards = examples, tokens, cards
        self._positions = positions
        order = list(range(len(examples)))
        rng = random.Random(shuffle_seed or 0)
        if shuffle_seed is not None:
            rng.shuffle(order)
        self._batches = self._group(order, size, rng)

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> list[Encoded]:
        return [
            encode(e, self._tokens, self._cards[e.task], positions=self._positions)
            for e in (self._examples[i] for i in self._batches[index])
        ]

    def _length(self, example: Example, count: Callable[[str], int]) -> int:
        source = get_task(example.task).render(example.input, self._cards[example.task]).source
        limit = self._cards[example.task].max_source_tokens or self._positions
        written = sum(map(count, example.target.split())) + _EXTRA
        return min(sum(map(count, source.split())), limit) + written

    def _group(self, order: list[int], size: int, rng: random.Random) -> list[list[int]]:
        count = lru_cache(maxsize=None)(lambda word: len(self._tokens.ids(word)))
        lengths = [self._length(example, count) for example in self._examples]
        grouped: list[list[int]] = []
        at = 0
        while at < len(order):
            stop, room = at, size * _NEIGHBOURS
            while stop < len(order) and room > 0:
                room -= lengths[order[stop]]
                stop += 1
            near = sorted(order[at:stop], key=lengths.__getitem__)
            batches: list[list[int]] = [[]]
            for index in near:
                if batches[-1] and (len(batches[-1]) + 1) * lengths[index] > size:
                    batches.append([])
                batches[-1].append(index)
            rng.shuffle(batches)
            grouped += batches
            at = stop
        return grouped


def collate(batches: Sequence[Sequence[Encoded]], *, pad: int) -> dict[str, torch.Tensor]:
    """Pad one or more batches on the right and mask everything but the targets.

    Returns:
        `input_ids`, `labels` (-100 for prompt and padding) and `source` (True where the next
        token belongs to the source text), each of shape (texts, tokens). No attention mask is
        needed: a token does not attend to padding on its right.
    """
    rows = [row for batch in batches for row in batch]
    shape = (len(rows), max(len(prompt) + len(target) for prompt, target in rows))
    ids = torch.full(shape, pad)
    labels = torch.full(shape, MASKED)
    source = torch.zeros(shape, dtype=torch.bool)
    for i, (prompt, target) in enumerate(rows):
        end = len(prompt) + len(target)
        ids[i, :end] = torch.tensor([*prompt, *target])
        labels[i, len(prompt) : end] = torch.tensor(target)
        source[i, 1 : len(prompt)] = True
    return {"input_ids": ids, "labels": labels, "source": source}
