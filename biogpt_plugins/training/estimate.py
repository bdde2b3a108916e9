"""What a training run will take: updates, tokens, memory, disk and time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from biogpt_plugins.training.memory import CARDS, RESERVE, Memory
from biogpt_plugins.values.counted import counted

_GB = 10**9
_MINUTE, _HOUR = 60, 3600


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a training run will take; `str` is a text of a few lines.

    Memory is calculated for one GPU and has not been measured on one. Bytes of a GPU or a disk are
    counted in GB of 10^9.

    Attributes:
        model: The model to start from.
        parameters: Its weights, with those of new prompt tokens.
        trained: The weights that train.
        examples: Examples that fit.
        batches: Batches of an epoch.
        updates_an_epoch: Updates of an epoch.
        updates: Updates of the whole run; early stopping may end it before.
        tokens: Tokens of an epoch, without padding.
        padding: Share of padding in what the model reads, from 0 to 1.
        largest_batch: Padded tokens of the largest batch.
        exact: Whether the tokens are those of the model; if its vocabulary is not at hand, the
            bundled model's counts them, which gives more tokens.
        dtype: The dtype of products on the GPU.
        memory: GPU memory, in bytes.
        ways: GPU memory of other ways to train on the same batches.
        disk: Bytes on the disk during training, at most: checkpoints, weights set aside, and the
            result.
        saved: Bytes of the result.
        seconds_an_epoch: Time of an epoch's updates, without measurements on validation data; None
            if the model is not at hand.
        device: Where that was measured.
    """

    model: str
    parameters: int
    trained: int
    examples: int
    batches: int
    updates_an_epoch: int
    updates: int
    tokens: int
    padding: float
    largest_batch: int
    exact: bool
    dtype: str
    memory: Memory
    ways: Mapping[str, Memory]
    disk: int
    saved: int
    seconds_an_epoch: float | None
    device: str

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield (f"model    {self.model}: {self.parameters:,} parameters; {self.trained:,} train")
        about = "" if self.exact else "about "
        yield (
            f"data     {counted(self.examples, 'example')}, {about}{self.tokens:,} tokens; "
            f"{counted(self.batches, 'batch', 'batches')} with {self.padding:.1%} padding, "
            f"the largest of {self.largest_batch:,} tokens"
        )
        if not self.exact:
            yield (
                "         the model's vocabulary is not at hand: the bundled model's counts, and "
                "splits words into more tokens"
            )
        yield f"updates  {about}{self.updates_an_epoch:,} an epoch, {self.updates:,} in all"
        memory = self.memory
        yield (
            f"memory   {_gb(memory.total)} on a GPU in {self.dtype}: weights "
            f"{_gb(memory.weights)}, gradients {_gb(memory.gradients)}, optimizer "
            f"{_gb(memory.optimizer)}, activations {_gb(memory.activations)}, logits "
            f"{_gb(memory.logits)}"
        )
        yield f"disk     {_gb(self.disk)} while it trains, {_gb(self.saved)} afterwards"
        if self.seconds_an_epoch is None:
            yield "time     not measured: the model's weights are not at hand"
        else:
            whole = _time(self.seconds_an_epoch * self.updates / self.updates_an_epoch)
            yield (
                f"time     {_time(self.seconds_an_epoch)} an epoch, {whole} in all, by 3 updates "
                f"on {self.device}, without measurements on validation data"
            )
        yield ""
        yield f"{'the same batches':34}{'memory':>8}   fits in"
        for name, way in self.ways.items():
            fits = (
                f"{', '.join(map(str, way.cards))} GB" if way.cards else f"more than {CARDS[-1]} GB"
            )
            yield f"{name:34}{_gb(way.total):>8}   {fits}"
        yield (
            f"Memory is calculated, not measured on a GPU; {_gb(RESERVE)} of each card is left for "
            "CUDA."
        )


def _gb(number: int) -> str:
    return f"{number / _GB:.1f} GB"


def _time(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h"
