"""Models to measure on: BioGPTs of the published sizes with random weights, and plain copies."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from os import symlink
from pathlib import Path

import torch
from transformers import BioGptConfig, BioGptForCausalLM, BioGptTokenizer, GenerationConfig

from biogpt_plugins.checkpoints.card import ModelCard
from biogpt_plugins.checkpoints.registry import LEARNED
from biogpt_plugins.conversion.convert import save_tokenizer
from biogpt_plugins.conversion.dictionary import build_vocabulary, read_dictionary, read_merges
from biogpt_plugins.engine import TaskCard

Vocabulary = Callable[[Path, int], None]

_VARIED = 20


def _shape(layers: int, width: int, heads: int, positions: int, rows: int) -> dict[str, int]:
    return {
        "num_hidden_layers": layers,
        "hidden_size": width,
        "num_attention_heads": heads,
        "intermediate_size": 4 * width,
        "max_position_embeddings": positions,
        "vocab_size": rows,
    }


SHAPES = {
    "tiny": _shape(2, 64, 4, 1024, 0),
    "base": _shape(24, 1024, 16, 1024, 42384 + len(LEARNED)),
    "large": _shape(48, 1600, 25, 2048, 57717 + len(LEARNED)),
}
"""Sizes of BioGPT and BioGPT-Large with nine learned tokens, and of one to try the command on."""


def build(shape: str, folder: Path, vocabulary: Vocabulary) -> Path:
    """Write a model of a shape with random weights, in float32, as the published ones are.

    Args:
        shape: One of SHAPES.
        folder: Where it is written.
        vocabulary: Writes the tokenizer's files to a folder, for a number of positions.
    """
    outline(shape, folder, vocabulary)
    network = random_network(folder)
    network.save_pretrained(folder)
    _plain_generation(folder, network.config)
    return folder


def outline(shape: str, folder: Path, vocabulary: Vocabulary) -> Path:
    """Write all of a model of a shape but its weights; it says that it was trained for its tasks.

    The arguments are those of `build`.
    """
    folder.mkdir(parents=True)
    sizes = SHAPES[shape]
    vocabulary(folder, sizes["max_position_embeddings"])
    rows = max(sizes["vocab_size"], len(BioGptTokenizer.from_pretrained(folder)))
    config = BioGptConfig(
        **{**sizes, "vocab_size": rows}, layer_norm_eps=1e-5, architectures=["BioGptForCausalLM"]
    )
    config.save_pretrained(folder)
    card = TaskCard(layout="learned_prompt", learned_tokens=LEARNED, max_source_tokens=640)
    tasks = dict.fromkeys(("bc5cdr", "pubmedqa"), card)
    ModelCard(tasks=tasks, description=f"{shape}, random weights").save(folder)
    _plain_generation(folder, config)
    return folder


def random_network(folder: Path, device: torch.device | str = "cpu") -> BioGptForCausalLM:
    """A network with random weights in float32, made on its device.

    It never ends a text, so that all sides write the same number of tokens: the rows of
    special tokens, and of those that the vocabulary does not name, are zero, and so are their
    logits; the greatest one is above that.

    Args:
        folder: The folder that `outline` wrote.
        device: The device. Another kind of device draws other weights.
    """
    tokenizer = BioGptTokenizer.from_pretrained(folder)
    config = BioGptConfig.from_pretrained(folder)
    with torch.random.fork_rng(devices=[]), torch.device(device):
        torch.manual_seed(0)
        network = BioGptForCausalLM(config)
    with torch.no_grad():
        table = network.get_input_embeddings().weight
        table[len(tokenizer) :] = 0
        table[tokenizer.all_special_ids] = 0
        # As embeddings and projection are one, it would repeat its last token for ever; then, with
        # signs changed, the same few tokens, unless positions count for more.
        network.biogpt.layer_norm.weight[::2] = -1
        network.biogpt.embed_positions.weight.mul_(_VARIED)
    return network.eval()


def bundled_vocabulary(source: Path) -> Vocabulary:
    """The vocabulary of a model's folder."""

    def write(folder: Path, positions: int) -> None:
        tokenizer = BioGptTokenizer.from_pretrained(source)
        tokenizer.model_max_length = positions
        tokenizer.save_pretrained(folder)

    return write


def official_vocabulary(dictionary: Path, bpecodes: Path) -> Vocabulary:
    """The vocabulary of fairseq's files, as `biogpt convert` reads them."""
    symbols, merges = read_dictionary(dictionary), read_merges(bpecodes)

    def write(folder: Path, positions: int) -> None:
        words = build_vocabulary(symbols, prompt=LEARNED, learned=LEARNED)
        save_tokenizer(words, merges, folder, positions=positions)

    return write


def plain_copy(source: Path, folder: Path) -> Path:
    """The model of a folder, without the settings by which transformers forces texts to end.

    The official code puts `</s>` in the place of a text's last token; without it, all sides write
    as many tokens of their own as they are asked for.
    """
    folder.mkdir(parents=True)
    for file in source.iterdir():
        if file.is_file() and file.name != "generation_config.json":
            _link(file.resolve(), folder / file.name)
    _plain_generation(folder, BioGptConfig.from_pretrained(source))
    return folder


def _link(file: Path, other: Path) -> None:
    try:
        symlink(file, other)
    except OSError:  # where that needs a right of its own
        shutil.copy(file, other)


def _plain_generation(folder: Path, config: BioGptConfig) -> None:
    GenerationConfig(
        do_sample=False,
        bos_token_id=config.bos_token_id,
        pad_token_id=config.pad_token_id,
        eos_token_id=config.eos_token_id,
    ).save_pretrained(folder)
