"""The start of a training run: a model, its tokenizer, and a card with the new tasks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

import torch
from transformers import BioGptConfig, BioGptForCausalLM, BioGptTokenizer, BitsAndBytesConfig

from biogpt_plugins.checkpoints.card import ModelCard, read_card
from biogpt_plugins.checkpoints.locate import locate
from biogpt_plugins.checkpoints.network import read_network
from biogpt_plugins.checkpoints.registry import find_known
from biogpt_plugins.engine import FEW_SHOT, TaskCard
from biogpt_plugins.engines.settings import read_settings
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.registry import know_tasks_of
from biogpt_plugins.training.examples import Example
from biogpt_plugins.training.fresh import fresh_config, fresh_model
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.origin import FRESH, located, with_words
from biogpt_plugins.values.errors import (
    InputError,
    ModelError,
    ModelNotFoundError,
    NotABioGPTError,
)

_LARGE = {
    "vocab_size": 57717,
    "hidden_size": 1600,
    "num_hidden_layers": 48,
    "num_attention_heads": 25,
    "intermediate_size": 6400,
    "max_position_embeddings": 2048,
}
PUBLISHED = {
    "microsoft/biogpt": {
        "vocab_size": 42384,
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
        "max_position_embeddings": 1024,
    },
    "microsoft/BioGPT-Large": _LARGE,
    "microsoft/BioGPT-Large-PubMedQA": {**_LARGE, "vocab_size": 57726},
}
"""Sizes in the config.json of the published models, for estimates where the hub is not reached."""


@dataclass(frozen=True)
class Start:
    """A model with an embedding for every learned token of its card, its tokenizer and the card."""

    model: BioGptForCausalLM
    tokenizer: BioGptTokenizer
    card: ModelCard


def start_from(  # noqa: PLR0913 - what a run is given
    model: str | Path,
    tasks: Sequence[str],
    examples: Sequence[Example],
    *,
    out: Path,
    options: Options,
    resumed: bool = False,
) -> Start:
    """Load or build the model to train, and give each new task its learned tokens.

    A task that the model already knows keeps its layout.

    Args:
        model: As in `finetune`.
        tasks: Tasks to train.
        examples: Training data; a fresh model learns its vocabulary from it.
        out: Where the vocabulary of a fresh model is written.
        options: Sizes of a fresh model, dropout, the source limit, and the layout of new tasks.
        resumed: Whether an interrupted run goes on, which has learned a fresh model's vocabulary.

    Raises:
        InputError: A new model cannot train in 4 bits.
        ModelError: The model cannot be found or is not a BioGPT.
    """
    config_file = Path(model) if str(model).endswith(".json") else None
    pretrained = not (config_file or model == FRESH)
    if options.weights == "qlora" and not pretrained:
        raise InputError("weights 'qlora' need a pretrained model: use 'full' for a new one")
    if not pretrained:
        config = _with_options(_read_config(config_file), options) if config_file else None
        network, tokenizer = fresh_model(examples, out, options, config, resumed=resumed)
        known = ModelCard()
    else:
        folder = located(model)
        config = _with_options(read_settings(folder), options)
        network = BioGptForCausalLM.from_pretrained(
            folder, config=config, dtype="float32", **_in_4_bits(options)
        )
        tokenizer = BioGptTokenizer.from_pretrained(folder)
        known = read_card(folder, str(model))
        know_tasks_of(folder, known.tasks)
    card = _with_tasks(known, tasks, options)
    tokenizer.add_tokens(learned_tokens(card), special_tokens=True)
    if (known_rows := network.config.vocab_size) < len(tokenizer):
        network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        if pretrained:
            _draw_rows(network.get_input_embeddings().weight, known_rows, seed=options.seed)
    if options.weights == "lora" and options.dtype == "bfloat16":
        # A product in bfloat16 rounds these weights anyway; the rest stays in float32.
        for layer in network.biogpt.layers.modules():
            if isinstance(layer, torch.nn.Linear):
                layer.to(torch.bfloat16)
    return Start(network, tokenizer, card)


def _in_4_bits(options: Options) -> dict[str, Any]:
    """What loads the matrices of the layers in 4 bits for QLoRA: NF4 with its scales in 8 bits."""
    if options.weights != "qlora":
        return {}
    return {
        "quantization_config": BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype="bfloat16" if options.dtype == "bfloat16" else "float32",
            llm_int8_skip_modules=["output_projection"],
        )
    }


def start_without_weights(config: BioGptConfig, tasks: Sequence[str], options: Options) -> Start:
    """A start that can be measured but not trained: its weights are on the "meta" device.

    The bundled model's tokenizer stands for the model's own.
    """
    card = _with_tasks(ModelCard(), tasks, options)
    tokenizer = BioGptTokenizer.from_pretrained(locate("demo"))
    tokenizer.add_tokens(learned_tokens(card), special_tokens=True)
    config.vocab_size += len(learned_tokens(card))
    with torch.device("meta"):
        network = BioGptForCausalLM(_with_options(config, options))
    return Start(network, tokenizer, card)


def config_of(model: str | Path, options: Options) -> tuple[BioGptConfig, bool]:
    """The sizes of the model to start from, and whether its weights are at hand or to be drawn.

    Raises:
        ModelError: The model cannot be found, and is no published one; or it is not a BioGPT.
    """
    if model == FRESH:
        return fresh_config(options), True
    if str(model).endswith(".json"):
        return _read_config(Path(model)), False
    try:
        return read_settings(located(model)), True
    except ModelNotFoundError:
        known = find_known(str(model))
        if known is None or known.name not in PUBLISHED:
            raise
        return BioGptConfig(**PUBLISHED[known.name]), False


def positions_of(model: str | Path, options: Options) -> int:
    """The positions of the model to start from, before it is loaded."""
    if model == FRESH:
        return options.positions
    if str(model).endswith(".json"):
        return int(_read_config(Path(model)).max_position_embeddings)
    return int(read_settings(located(model)).max_position_embeddings)


def _with_options(config: BioGptConfig, options: Options) -> BioGptConfig:
    config.layer_norm_eps = options.layer_norm_eps
    if options.dropout is not None:
        config.hidden_dropout_prob = options.dropout
    if options.attention_dropout is not None:
        config.attention_probs_dropout_prob = options.attention_dropout
    return config


@torch.no_grad()
def _draw_rows(table: torch.Tensor, known: int, *, seed: int) -> None:
    """Draw the rows of new prompt tokens as fairseq does: N(0, d^-0.5), all rows from its seed.

    It makes the whole table anew, twice over, before it takes the known rows from the pretrained
    model; so the new ones are the same as fairseq's.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.empty(table.shape).normal_(generator=generator)
    drawn.normal_(0, table.shape[1] ** -0.5, generator=generator)
    table[known:] = drawn[known:].to(table)


def learned_tokens(card: ModelCard) -> list[str]:
    """The learned tokens of all tasks of a card."""
    return [name for task in card.tasks.values() for name in task.learned_tokens]


def prompt_tokens(card: ModelCard) -> list[str]:
    """All prompt tokens of the tasks of a card: learned tokens, words, separators."""
    words = [name for task in card.tasks.values() for name in task.manual_prompt]
    separators = [task.separator for task in card.tasks.values() if task.layout == "prefix"]
    return list(dict.fromkeys([*learned_tokens(card), *words, *separators]))


def _read_config(path: Path) -> BioGptConfig:
    if not path.is_file():
        raise ModelError(
            f"config file {str(path)!r} does not exist: name the config.json of a BioGPT"
        )
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        kind = settings.get("model_type")
    except (ValueError, AttributeError) as error:
        raise NotABioGPTError(f"cannot read {path} as a model's config: {error}") from error
    if kind != "biogpt":
        raise NotABioGPTError(f"model_type in {path} must be 'biogpt', not {kind!r}")
    read_network(settings, str(path))
    return BioGptConfig.from_json_file(str(path))


def _with_tasks(known: ModelCard, tasks: Sequence[str], options: Options) -> ModelCard:
    cards = dict(known.tasks)
    used = {name.removesuffix("</w>") for name in learned_tokens(known)}
    names = (name for name in (f"learned{i}" for i in count(1)) if name not in used)
    for task in tasks:
        card = cards.get(task, FEW_SHOT)
        if get_task(task).kind == "text" and card == FEW_SHOT:
            # What continues a text is asked for by the text alone, as in pretraining.
            card = TaskCard(lowercase=options.lowercase)
        elif card.layout == "few_shot":
            number = options.prompt_tokens or (1 if task == "hoc" else 9)
            learned = tuple(islice(names, number))
            card = TaskCard(
                layout="learned_prompt",
                learned_tokens=learned,
                lowercase=options.lowercase,
                text_first=options.text_first,
            )
        limit = options.max_source_tokens or card.max_source_tokens
        card = card.model_copy(update={"max_source_tokens": limit})
        cards[task] = with_words(card, get_task(task), options.nothing)
    # The first task is the one that the model is loaded for if none is named.
    order = dict.fromkeys([*tasks, *known.tasks])
    return ModelCard(
        tasks={task: cards[task] for task in order},
        description=options.description or known.description,
    )
