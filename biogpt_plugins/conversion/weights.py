"""Moves weights from fairseq checkpoints to safetensors files, one shard at a time.

Checkpoints are mapped into memory, and mapped again for each shard. That releases the pages of the
previous shard, so a conversion needs memory for one or two shards only.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors import SafetensorError
from safetensors.torch import save_file
from transformers import BioGptConfig, BioGptForCausalLM

from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import ModelError

# Bytes of a shard, in the checkpoint or in the written file, whichever is more: a quarter of the
# checkpoint, within limits.
_LEAST, _MOST, _PARTS = 64 * 2**20, 2**30, 4
_EMBEDDINGS = "decoder.embed_tokens.weight"
_POSITIONS = "decoder.embed_positions.weight"
_PROJECTION = "decoder.output_projection.weight"
_VERSION = "decoder.version"
_PADDING = 2  # rows before the first position
_ZIP = b"PK"
# torch's message about a class or function that is not on its list of safe ones.
_REFUSED = re.compile(r"unsupported global:? (?:global )?(\S+)", re.I)


class Checkpoint:
    """A fairseq checkpoint file; its tensors stay on disk until they are used.

    Attributes:
        name: Its name in errors.
        state: Everything but the weights and the optimizer state.
        shapes: Name -> shape of each weight.
        dtype: Dtype of the embeddings.
        size: Bytes of the weights; tied weights count once.
    """

    def __init__(self, path: Path, name: str, *, allow_pickle: bool = False) -> None:
        """Open a checkpoint.

        Args:
            path: The file.
            name: Its name in errors.
            allow_pickle: Load a file that can run code when loaded.

        Raises:
            ModelError: The file is not a checkpoint, is damaged, or needs `allow_pickle`.
        """
        self.name = name
        self._path, self._allow_pickle = path, allow_pickle
        self._check_not_packed()
        state = self._load()
        weights = state.get("model")
        if not isinstance(weights, Mapping) or _EMBEDDINGS not in weights:
            raise ModelError(
                f"{name} is not a fairseq checkpoint of a BioGPT (it has no {_EMBEDDINGS}): "
                "use a checkpoint of microsoft/BioGPT"
            )
        self.state = {k: v for k, v in state.items() if k not in ("model", "last_optimizer_state")}
        self.shapes: dict[str, tuple[int, ...]] = {
            k: tuple(v.shape) for k, v in weights.items() if k != _VERSION
        }
        self.dtype: torch.dtype = weights[_EMBEDDINGS].dtype
        storages = {t.data_ptr(): t.nbytes for t in weights.values()}
        self.size = sum(storages.values())

    @property
    def rows(self) -> int:
        """Rows of the embedding table."""
        return self.shapes[_EMBEDDINGS][0]

    @property
    def positions(self) -> int:
        """Most tokens of a text."""
        return self.shapes.get(_POSITIONS, (_PADDING,))[0] - _PADDING

    def verify(self) -> None:
        """Read the whole file and compare its checksums.

        Raises:
            ModelError: A checksum differs.
        """
        if not zipfile.is_zipfile(self._path):
            return  # files from before torch 1.6 have no checksums
        try:
            with zipfile.ZipFile(self._path) as file:
                damaged = file.testzip()
        except zipfile.BadZipFile as error:
            damaged = str(error)
        if damaged:
            raise ModelError(f"{self.name} is damaged ({damaged}): download or copy it again")

    def tensors(self, names: Sequence[str]) -> Iterator[torch.Tensor]:
        """Some of the weights, mapped from the file while they are in use."""
        weights = self._load()["model"]
        yield from (weights[name] for name in names)

    def _check_not_packed(self) -> None:
        """Check that no entry is compressed: one may unpack to more than the memory holds."""
        if not zipfile.is_zipfile(self._path):
            return
        try:
            with zipfile.ZipFile(self._path) as file:
                packed = next((one for one in file.infolist() if one.compress_type), None)
        except zipfile.BadZipFile:
            return  # which loading tells
        if packed:
            raise ModelError(
                f"{self.name} has a compressed entry ({packed.filename}), which PyTorch does not "
                "write: download or copy it again"
            )

    def _load(self) -> dict[str, Any]:
        mapped = zipfile.is_zipfile(self._path)
        try:
            # Old versions of fairseq store settings as a Namespace, which has no behaviour.
            with torch.serialization.safe_globals([Namespace]):
                state = torch.load(
                    self._path,
                    map_location="cpu",
                    mmap=mapped,
                    weights_only=not self._allow_pickle,
                )
        except Exception as error:  # damaged files raise errors of many kinds
            raise self._refusal(error) from error
        return state if isinstance(state, dict) else {}

    def _refusal(self, error: Exception) -> ModelError:
        with self._path.open("rb") as file:
            start = file.read(len(_ZIP))
        if start == _ZIP and not zipfile.is_zipfile(self._path):
            return ModelError(f"{self.name} is incomplete: download or copy it again")
        self.verify()
        refused = _REFUSED.search(str(error))
        if refused and not self._allow_pickle:
            return ModelError(
                f"{self.name} contains more than tensors and plain values ({refused[1]}), so "
                "loading it can run code: if you trust its source, pass allow_pickle=True "
                "(--allow-pickle)"
            )
        reason = str(error).strip().split("\n")[0]
        return ModelError(
            f"{self.name} cannot be read as a PyTorch checkpoint ({type(error).__name__}: {reason})"
        )


def save_weights(checkpoints: Sequence[Checkpoint], config: BioGptConfig, folder: Path) -> None:
    """Write the weights, or the mean over several checkpoints, under transformers' names.

    Weights are stored in the dtype of the config. The mean is computed as in the official
    scripts/average_checkpoints.py: a float32 sum in the order of the checkpoints, divided by their
    number.

    Raises:
        ModelError: The tensors do not match the config, or differ between checkpoints.
    """
    sources = _sources(checkpoints, config)
    dtype: torch.dtype = config.dtype
    wide = max((dtype, checkpoints[0].dtype), key=lambda kind: kind.itemsize)
    plan = split_torch_state_dict_into_shards(
        {
            name: torch.empty(checkpoints[0].shapes[source], dtype=wide, device="meta")
            for name, source in sources.items()
        },
        max_shard_size=min(max(_LEAST, checkpoints[0].size // _PARTS), _MOST),
    )
    for file, names in plan.filename_to_tensors.items():
        means = _means(checkpoints, [sources[name] for name in names], dtype)
        try:
            save_file(dict(zip(names, means, strict=True)), folder / file, {"format": "pt"})
        except SafetensorError as error:  # a full disk, for example
            raise ModelError(f"cannot write the weights: {error}") from error
        # safetensors creates the file readable for its owner only.
        shutil.copymode(folder / "vocab.json", folder / file)
    if plan.is_sharded:
        size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
        index = {"metadata": {"total_size": size}, "weight_map": plan.tensor_to_filename}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def _means(
    checkpoints: Sequence[Checkpoint], names: Sequence[str], dtype: torch.dtype
) -> list[torch.Tensor]:
    if len(checkpoints) == 1:
        return [t.to(dtype).contiguous() for t in checkpoints[0].tensors(names)]
    sums: list[torch.Tensor] = []
    for checkpoint in checkpoints:
        for i, tensor in enumerate(checkpoint.tensors(names)):
            if i == len(sums):
                sums.append(tensor.to(torch.float32, copy=True))
            else:
                sums[i] += tensor
    return [total.div_(len(checkpoints)).to(dtype) for total in sums]


def _sources(checkpoints: Sequence[Checkpoint], config: BioGptConfig) -> dict[str, str]:
    """Every transformers name -> its fairseq name, in fairseq's order."""
    first = checkpoints[0]
    for other in checkpoints[1:]:
        if other.shapes != first.shapes:
            raise ModelError(
                f"{other.name} and {first.name} have different tensors: average checkpoints "
                "of one training run"
            )
    with torch.device("meta"):
        network = BioGptForCausalLM(config)
    wanted = {_fairseq_name(name): tuple(t.shape) for name, t in network.state_dict().items()}
    if config.tie_word_embeddings and _PROJECTION not in first.shapes:
        del wanted[_PROJECTION]
    if lacking := [name for name in wanted if name not in first.shapes]:
        raise ModelError(
            f"{first.name} lacks {counted(len(lacking), 'tensor')} of a BioGPT, for example "
            f"{lacking[0]}"
        )
    if strange := [name for name in first.shapes if name not in wanted]:
        raise ModelError(
            f"{first.name} has {counted(len(strange), 'tensor')} that a BioGPT does not have, for "
            f"example {strange[0]}: it is another network"
        )
    for name, shape in wanted.items():
        if first.shapes[name] != shape:
            raise ModelError(
                f"{name} has the shape {first.shapes[name]} in {first.name}, but the cfg "
                f"requires {shape}"
            )
    if config.tie_word_embeddings and wanted.pop(_PROJECTION, None):
        # Tied weights share storage, so nothing is read from disk for them.
        for checkpoint in checkpoints:
            table, projection = checkpoint.tensors([_EMBEDDINGS, _PROJECTION])
            if table.data_ptr() != projection.data_ptr() and not torch.equal(table, projection):
                raise ModelError(
                    f"{checkpoint.name} has an output projection of its own, but its cfg "
                    "says that it shares the embeddings"
                )
    return {_name(source): source for source in first.shapes if source in wanted}


def _fairseq_name(name: str) -> str:
    return "decoder." + name.removeprefix("biogpt.")


def _name(source: str) -> str:
    own = source.removeprefix("decoder.")
    return own if source == _PROJECTION else f"biogpt.{own}"
