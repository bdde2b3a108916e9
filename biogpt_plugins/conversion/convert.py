"""`convert`: from a fairseq checkpoint to a folder that transformers and this package load."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from transformers import AddedToken, BioGptConfig, BioGptTokenizer

from biogpt_plugins.checkpoints.adapter import is_adapter
from biogpt_plugins.checkpoints.card import ModelCard
from biogpt_plugins.conversion.adapters import merge
from biogpt_plugins.conversion.dictionary import (
    SPECIAL,
    Vocabulary,
    build_vocabulary,
    read_dictionary,
    read_merges,
)
from biogpt_plugins.conversion.settings import Settings, name_task, official_length, read_settings
from biogpt_plugins.conversion.source import CheckpointFiles, open_source
from biogpt_plugins.conversion.weights import Checkpoint, save_weights
from biogpt_plugins.engines.generation import official_generation
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError, ModelError, ModelNotFoundError

_FALLBACK = "generate"
_BOS, _PAD, _EOS, _ = range(len(SPECIAL))
_STRANGE_MERGES = 0.1  # of the published byte-pair codes the dictionary lacks 0.05 %
_REPOSITORY = "https://github.com/microsoft/BioGPT/tree/main/data"


@dataclass(frozen=True)
class Conversion:
    """The result of a conversion.

    Attributes:
        folder: The model; `biogpt_plugins.load(folder)` loads it.
        task: The task it was trained for; None for a pretrained model.
        card: Its prompt layout by task, as stored in the folder.
        checkpoints: Names of the files used, newest first.
        notes: Remarks for the user.
    """

    folder: Path
    task: str | None
    card: ModelCard
    checkpoints: tuple[str, ...]
    notes: tuple[str, ...] = ()


def convert(  # noqa: PLR0913 - the command's own arguments
    src: str | Path,
    out: str | Path,
    *,
    dictionary: str | Path | None = None,
    bpecodes: str | Path | None = None,
    dtype: Literal["float32", "bfloat16"] = "float32",
    average: int | None = None,
    task: str | None = None,
    allow_pickle: bool = False,
) -> Conversion:
    """Convert a checkpoint of microsoft/BioGPT into a folder that needs no fairseq.

    An adapter in PEFT's format is merged with its base. The folder appears only when it is
    complete. No code from `src` runs, unless `allow_pickle` is set.

    Args:
        src: A checkpoint file, a folder with one, or a tar archive of that folder, as published; or
            the folder of an adapter, to which only `dtype` and `allow_pickle` apply.
        out: The folder to write.
        dictionary: dict.txt; by default the one beside the checkpoint.
        bpecodes: The byte-pair codes; by default the file beside the checkpoint.
        dtype: The dtype to store the weights in; float32 keeps them unchanged.
        average: Average this many of the newest checkpoints in the folder, as the official scripts
            do for the relation extraction models (5).
        task: The task it was trained for, if neither its settings nor the folder's name say so.
        allow_pickle: Load a checkpoint that can run code when loaded.

    Raises:
        InputError: An argument is out of range, or `out` exists and is not empty.
        ModelNotFoundError: The checkpoint, dictionary or byte-pair codes are missing.
        ModelError: The checkpoint is damaged, or belongs to another network or dictionary; or the
            adapter does not fit its base.
        MissingExtraError: `src` is an adapter, and peft is not installed.
    """
    named = get_task(task).name if task else None
    if dtype not in ("float32", "bfloat16"):
        raise InputError(f"dtype (--dtype) must be 'float32' or 'bfloat16', not {dtype!r}")
    if is_adapter(Path(src).expanduser()):
        options = {
            "dictionary": dictionary,
            "bpecodes": bpecodes,
            "average": average,
            "task": task,
        }
        check_unused(src, options)
        with beside(Path(out)) as (_, folder):
            card = merge(src, folder, dtype=dtype, allow_pickle=allow_pickle)
        return Conversion(Path(out), next(iter(card.tasks), None), card, (str(src),))
    with beside(Path(out)) as (workspace, folder):
        source = open_source(src, unpacked=workspace / "unpacked", average=average)
        checkpoints = [
            Checkpoint(path, name, allow_pickle=allow_pickle)
            for name, path in source.checkpoints.items()
        ]
        newest = checkpoints[0]
        settings = read_settings(newest.state, newest.name)
        symbols = read_dictionary(
            _needed(dictionary, source.dictionary, newest.name, "dict.txt", "--dict (dictionary=)")
        )
        merges = read_merges(
            _needed(bpecodes, source.bpecodes, newest.name, "bpecodes", "--bpecodes (bpecodes=)")
        )
        vocabulary = build_vocabulary(
            symbols, prompt=settings.prompt.added, learned=settings.prompt.no_words
        )
        _check_rows(newest, symbols, vocabulary)
        card, trained_task, notes = read_task(settings, source, newest.positions, named)
        notes += _check_merges(merges, vocabulary)
        config = network_config(settings, newest)
        config.dtype = getattr(torch, dtype)
        save_tokenizer(vocabulary, merges, folder, positions=newest.positions)
        for checkpoint in checkpoints:
            checkpoint.verify()
        save_weights(checkpoints, config, folder)
        config.save_pretrained(folder)
        official_generation(
            max_length=official_length(newest.positions), bos=_BOS, pad=_PAD, eos=_EOS
        ).save_pretrained(folder)
        card.save(folder)
    return Conversion(Path(out), trained_task, card, tuple(source.checkpoints), notes)


def check_unused(src: str | Path, options: Mapping[str, object]) -> None:
    """Check that no options are given that apply only to fairseq checkpoints.

    Raises:
        InputError: Some are; the message names them.
    """
    if given := [name for name, value in options.items() if value]:
        raise InputError(
            f"{' and '.join(given)} apply only to fairseq checkpoints, and {str(src)!r} is not "
            "one: leave them out"
        )


def save_tokenizer(
    vocabulary: Vocabulary, merges: list[str], folder: Path, *, positions: int
) -> None:
    """Write a vocabulary's tokenizer to a folder; `positions` limits the tokens of a text."""
    files = (folder / "vocab.json", folder / "merges.txt")
    files[0].write_text(json.dumps(vocabulary.words), encoding="utf-8")
    files[1].write_text("".join(f"{merge}\n" for merge in merges), encoding="utf-8")
    added = {
        i: AddedToken(name, special=True, normalized=False) for i, name in vocabulary.added.items()
    }
    BioGptTokenizer(
        *map(str, files),
        added_tokens_decoder=added,
        extra_special_tokens=list(added.values()),
        model_max_length=positions,
    ).save_pretrained(folder)


def network_config(settings: Settings, checkpoint: Checkpoint) -> BioGptConfig:
    """The transformers config of a checkpoint's network."""
    return BioGptConfig(
        **settings.network,
        vocab_size=checkpoint.rows,
        max_position_embeddings=checkpoint.positions,
        bos_token_id=_BOS,
        pad_token_id=_PAD,
        eos_token_id=_EOS,
        architectures=["BioGptForCausalLM"],
    )


def read_task(
    settings: Settings, source: CheckpointFiles, positions: int, task: str | None = None
) -> tuple[ModelCard, str | None, tuple[str, ...]]:
    """The card of a checkpoint, its task, and notes for the user.

    Args:
        settings: The settings of the checkpoint.
        source: Its files.
        positions: Most tokens of a text.
        task: The task, if known; otherwise it is read from settings and names.
    """
    name = next(filter(None, source.names), "")
    description = f"converted from fairseq: {name} ({', '.join(source.checkpoints)})"
    if settings.pretrained and not task:
        return ModelCard(description=f"pretrained, {description}"), None, ()
    task = task or name_task(*settings.hints, *source.names)
    notes: tuple[str, ...] = ()
    if task is None:
        task = _FALLBACK
        notes = (
            f"neither the settings nor the name of {name} says what it was trained for, so the "
            f"task is assumed to be {_FALLBACK!r}: name the right one with --task (task=...)",
        )
    card = settings.card(task, positions=positions, hints=source.names)
    return ModelCard(description=description, tasks={task: card}), task, notes


@contextmanager
def beside(out: Path) -> Iterator[tuple[Path, Path]]:
    """A workspace beside `out`, and a folder in it that becomes `out` on success."""
    if out.is_dir() and any(out.iterdir()):
        raise InputError(f"the folder {str(out)!r} is not empty: remove it, or name another")
    if out.exists() and not out.is_dir():
        raise InputError(f"{str(out)!r} is a file: name a new folder")
    out = out.resolve()
    parent = next(folder for folder in out.parents if folder.exists())
    with tempfile.TemporaryDirectory(dir=parent, prefix=f".{out.name}.") as workspace:
        folder = Path(workspace) / "model"
        folder.mkdir()
        yield Path(workspace), folder
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.is_dir():
            out.rmdir()
        folder.rename(out)


def _needed(
    given: str | Path | None, found: Path | None, checkpoint: str, what: str, option: str
) -> Path:
    path = Path(given).expanduser() if given else found
    if path is None or not path.is_file():
        where = f"{str(path)!r} does not exist" if path else f"there is none beside {checkpoint}"
        raise ModelNotFoundError(
            f"the model's {what} is required, but {where}: name it with {option}; "
            f"{_REPOSITORY} has it, in BioGPT or BioGPT-Large"
        )
    return path


def _check_rows(checkpoint: Checkpoint, symbols: list[str], vocabulary: Vocabulary) -> None:
    if checkpoint.rows != len(vocabulary):
        more = counted(len(vocabulary) - len(symbols), "prompt token")
        raise ModelError(
            f"{checkpoint.name} has {checkpoint.rows} embeddings, but the dictionary gives "
            f"{len(vocabulary)} ({len(symbols)} symbols and {more}): use the "
            "dict.txt that the model was trained with; BioGPT and BioGPT-Large have "
            "different ones"
        )


def _check_merges(merges: list[str], vocabulary: Vocabulary) -> tuple[str, ...]:
    strange = sum(merge.replace(" ", "") not in vocabulary.words for merge in merges)
    if strange <= _STRANGE_MERGES * len(merges):
        return ()
    make = "makes a symbol" if strange == 1 else "make symbols"
    return (
        f"{strange} of {len(merges)} byte-pair codes {make} that the dictionary lacks: "
        "check that both files come from the same model",
    )
