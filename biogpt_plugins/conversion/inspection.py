"""`inspect_model`: describes the model in a folder, a checkpoint or an archive."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pydantic import BaseModel
from safetensors import SafetensorError, safe_open

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.card import ModelCard, read_card
from biogpt_plugins.checkpoints.folders import converted, read_config
from biogpt_plugins.checkpoints.locate import base_of
from biogpt_plugins.checkpoints.network import Network, read_network
from biogpt_plugins.conversion.convert import network_config, read_task
from biogpt_plugins.conversion.settings import read_settings
from biogpt_plugins.conversion.source import is_fairseq, open_source
from biogpt_plugins.conversion.weights import Checkpoint
from biogpt_plugins.tasks.registry import know_tasks_of
from biogpt_plugins.values.errors import ModelError

FAIRSEQ, TRANSFORMERS, CTRANSLATE2, ADAPTER = (
    "fairseq checkpoint",
    "transformers folder",
    "CTranslate2 folder",
    "PEFT adapter",
)


class Report(BaseModel):
    """A description of a model.

    Attributes:
        name: The name or path given.
        form: "fairseq checkpoint", "transformers folder", "CTranslate2 folder" or "PEFT adapter".
        card: Its tasks and their layouts; a pretrained model has no task.
        layers: Number of layers; `hidden_size`, `heads` and `feed_forward` are per layer.
        positions: Most tokens of prompt and completion together.
        vocabulary: Rows of the embedding table.
        parameters: Number of weights; tied weights count once.
        dtype: Dtype of the stored weights.
        bytes: Size of the weight files.
        notes: Further remarks.
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
    """Describe a model without loading its weights or contacting the hub.

    Args:
        path: A bundled name, a folder, a fairseq checkpoint, an archive of one, or the id of a hub
            model in the local cache. An archive is unpacked into a temporary folder.
        allow_pickle: As in `convert`.

    Raises:
        ModelNotFoundError: The model is not on this machine.
        ModelError: It is damaged, or not a BioGPT.
    """
    if not is_fairseq(path):
        return _inspect_folder(path)
    with tempfile.TemporaryDirectory() as workspace:
        source = open_source(path, unpacked=Path(workspace) / "unpacked")
        [(name, file)] = source.checkpoints.items()
        checkpoint = Checkpoint(file, name, allow_pickle=allow_pickle)
        settings = read_settings(checkpoint.state, name)
        card, _, notes = read_task(settings, source, checkpoint.positions)
        network = read_network(network_config(settings, checkpoint).to_dict(), name)
        size = file.stat().st_size
    kind = str(checkpoint.dtype).removeprefix("torch.")
    card = card.model_copy(update={"description": ""})  # it describes the folder to be written
    return _report(path, FAIRSEQ, card, network, dtype=kind, size=size, notes=notes)


def _inspect_folder(path: str | Path) -> Report:
    folder = locate(path, local_files_only=True, allow_pickle=True)
    base = base_of(folder, str(path), local_files_only=True, allow_pickle=True)
    config = read_config(base, str(path))
    files = sorted(folder.glob("*.safetensors"))
    notes: tuple[str, ...] = ()
    form, kind = TRANSFORMERS, str(config.get("dtype") or config.get("torch_dtype") or "float32")
    if stored := converted(folder):
        form, kind, files = CTRANSLATE2, stored, [folder / "model.bin"]
    elif files:
        kind = _dtype(files[0])
    else:
        files = sorted(folder.glob("*.bin"))
        notes = (
            "its weights are pickle files, which can run code when loaded; see --allow-pickle",
        )
    if base != folder:
        form = ADAPTER
        notes += (f"the adapter changes the weights of {base}; both are counted here",)
        files += base.glob("*.safetensors")
    size = sum(file.stat().st_size for file in files)
    card = read_card(folder, str(path))
    know_tasks_of(folder, card.tasks)
    network = read_network(config, str(base / "config.json"))
    return _report(path, form, card, network, dtype=kind, size=size, notes=notes)


def _dtype(file: Path) -> str:
    """The dtype of the weights in a file of safetensors.

    Raises:
        ModelError: It is damaged.
    """
    try:
        with safe_open(file, "pt") as tensors:
            first = tensors.get_tensor(next(iter(tensors.keys())))
    except (SafetensorError, StopIteration) as error:
        raise ModelError(f"cannot read the weights in {file}: {error}") from error
    return str(first.dtype).removeprefix("torch.")


def _report(  # noqa: PLR0913 - the parts of a report
    path: str | Path,
    form: str,
    card: ModelCard,
    network: Network,
    *,
    dtype: str,
    size: int,
    notes: tuple[str, ...],
) -> Report:
    return Report(
        name=str(path),
        form=form,
        card=card,
        layers=network.num_hidden_layers,
        hidden_size=network.hidden_size,
        heads=network.num_attention_heads,
        feed_forward=network.intermediate_size,
        positions=network.max_position_embeddings,
        vocabulary=network.vocab_size,
        parameters=network.parameters,
        dtype=dtype,
        bytes=size,
        notes=notes,
    )
