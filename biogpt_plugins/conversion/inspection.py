"""`inspect_model`: what a folder, a checkpoint or an archive is, and what it can be used for."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from pydantic import BaseModel
from safetensors import safe_open
from transformers import BioGptConfig, BioGptForCausalLM

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.card import ModelCard, read_card
from biogpt_plugins.checkpoints.locate import converted
from biogpt_plugins.conversion.convert import network_config, read_task
from biogpt_plugins.conversion.settings import read_settings
from biogpt_plugins.conversion.source import is_fairseq, open_source
from biogpt_plugins.conversion.weights import Checkpoint
from biogpt_plugins.tasks.registry import know_tasks_of

FAIRSEQ, TRANSFORMERS, CTRANSLATE2 = (
    "fairseq checkpoint",
    "transformers folder",
    "CTranslate2 folder",
)


class Report(BaseModel):
    """What a model is.

    Attributes:
        name: What it was asked for by.
        form: "fairseq checkpoint", "transformers folder" or "CTranslate2 folder".
        card: What it was taught, and in which layout; no task for a pretrained model.
        layers: Number of layers; `hidden_size`, `heads`, `feed_forward` are theirs.
        positions: Most tokens of prompt and completion.
        vocabulary: Rows of the embedding table.
        parameters: Number of weights, the tied ones counted once.
        dtype: Of the stored weights.
        bytes: Size of the files with weights.
        notes: What else to know.
    """

    name: str
    form: str
    card: ModelCard
    layers: int
    hidden_size: int
    heads: int
    feed_forward: int
    positions: int
    vocabulary: int
    parameters: int
    dtype: str
    bytes: int
    notes: tuple[str, ...] = ()


def inspect_model(path: str | Path, *, allow_pickle: bool = False) -> Report:
    """Say what a model is; its weights are not loaded, and nothing is fetched from the hub.

    Args:
        path: A bundled name, a folder, a fairseq checkpoint, an archive of one, or the id of a hub
            model in the local cache. An archive is unpacked into a temporary folder.
        allow_pickle: As in `convert`.

    Raises:
        ModelNotFoundError: There is no such model here.
        ModelError: It is damaged, or no BioGPT.
    """
    if not is_fairseq(path):
        return _inspect_folder(path)
    with tempfile.TemporaryDirectory() as workspace:
        source = open_source(path, unpacked=Path(workspace) / "unpacked")
        [(name, file)] = source.checkpoints.items()
        checkpoint = Checkpoint(file, name, allow_pickle=allow_pickle)
        settings = read_settings(checkpoint.state, name)
        card, _, notes = read_task(settings, source, checkpoint.positions)
        config, size = network_config(settings, checkpoint), file.stat().st_size
    kind = str(checkpoint.dtype).removeprefix("torch.")
    card = card.model_copy(update={"description": ""})  # it speaks of the folder to be made
    return _report(path, FAIRSEQ, card, config, dtype=kind, size=size, notes=notes)


def _inspect_folder(path: str | Path) -> Report:
    folder = locate(path, local_files_only=True, allow_pickle=True)
    config = BioGptConfig.from_pretrained(folder)
    files = sorted(folder.glob("*.safetensors"))
    notes: tuple[str, ...] = ()
    form, kind = TRANSFORMERS, str(config.dtype).removeprefix("torch.")
    if stored := converted(folder):
        form, kind, files = CTRANSLATE2, stored, [folder / "model.bin"]
    elif files:
        with safe_open(files[0], "pt") as tensors:
            kind = str(tensors.get_tensor(next(iter(tensors.keys()))).dtype).removeprefix("torch.")
    else:
        files = sorted(folder.glob("*.bin"))
        notes = ("its weights are pickled: they can run their maker's code, see --allow-pickle",)
    size = sum(file.stat().st_size for file in files)
    card = read_card(folder, str(path))
    know_tasks_of(folder, card.tasks)
    return _report(path, form, card, config, dtype=kind, size=size, notes=notes)


def _report(  # noqa: PLR0913 - what a report is made of
    path: str | Path,
    form: str,
    card: ModelCard,
    config: BioGptConfig,
    *,
    dtype: str,
    size: int,
    notes: tuple[str, ...],
) -> Report:
    with torch.device("meta"):
        network = BioGptForCausalLM(config)
    return Report(
        name=str(path),
        form=form,
        card=card,
        layers=config.num_hidden_layers,
        hidden_size=config.hidden_size,
        heads=config.num_attention_heads,
        feed_forward=config.intermediate_size,
        positions=config.max_position_embeddings,
        vocabulary=config.vocab_size,
        parameters=sum(weight.numel() for weight in network.parameters()),
        dtype=dtype,
        bytes=size,
        notes=notes,
    )
