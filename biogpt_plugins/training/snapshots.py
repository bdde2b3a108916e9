"""Weights set aside while training: after the last epochs, to average, and the best ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

_BEST = "best"


class Snapshots:
    """Trained weights in float32, a file each.

    Args:
        folder: Where the files are.
        epochs: How many epochs to keep.
    """

    def __init__(self, folder: Path, *, epochs: int) -> None:
        self._folder = folder
        self._keep = epochs

    def epoch_file(self, epoch: int) -> Path:
        """Where the weights after an epoch are, counted from 1."""
        return self._folder / f"epoch-{epoch:05}.safetensors"

    def keep_epoch(self, model: torch.nn.Module, epoch: int) -> None:
        """Keep the weights after an epoch, and drop those of the first epoch kept."""
        _write(model, self.epoch_file(epoch))
        for old in self._epochs()[: -self._keep]:
            old.unlink()

    def keep_best(self, model: torch.nn.Module) -> None:
        """Keep the weights as the best ones."""
        _write(model, self._folder / f"{_BEST}.safetensors")

    def load_mean(self, model: torch.nn.Module) -> int:
        """Give a model the mean of the epochs kept; without any it stays as it is.

        Returns:
            How many epochs there are.
        """
        files = self._epochs()
        _load(model, files)
        return len(files)

    def load_best(self, model: torch.nn.Module) -> None:
        """Give a model the best weights."""
        _load(model, [self._folder / f"{_BEST}.safetensors"])

    def _epochs(self) -> list[Path]:
        return sorted(self._folder.glob("epoch-*.safetensors"))


def _write(model: torch.nn.Module, file: Path) -> None:
    trained = {n: p.detach().float().cpu() for n, p in model.named_parameters() if p.requires_grad}
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part")
    save_file(trained, unfinished)
    unfinished.replace(file)


@torch.no_grad()
def _load(model: torch.nn.Module, files: Sequence[Path]) -> None:
    if not files:
        return
    weights = dict(model.named_parameters())
    means: dict[str, torch.Tensor] = {}
    for file in files:
        for name, tensor in load_file(file).items():
            means[name] = tensor / len(files) + means.get(name, 0)
    for name, mean in means.items():
        weights[name].copy_(mean)
