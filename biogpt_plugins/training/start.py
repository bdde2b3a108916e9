"""What a training run starts from: a model, its tokenizer, and a card with the new tasks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import BioGptConfig, BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins.checkpoints.card import ModelCard, read_card
from biogpt_plugins.checkpoints.locate import locate
from biogpt_plugins.errors import ModelError, NotABioGPTError
from biogpt_plugins.prompts import TaskCard
from biogpt_plugins.training.examples import Example
from biogpt_plugins.training.fresh import fresh_model
from biogpt_plugins.training.options import Options

FRESH = "fresh"


@dataclass(frozen=True)
class Start:
    """A model with rows for every learned token of its card, and what belongs to it."""

    model: BioGptForCausalLM
    tokenizer: BioGptTokenizer
    card: ModelCard


def start_from(
    model: str | Path,
    tasks: Sequence[str],
    examples: Sequence[Example],
    *,
    out: Path,
    options: Options,
) -> Start:
    """Load or make the model to train, and give each new task its learned tokens.

    Args:
        model: As for `finetune`.
        tasks: Tasks to train.
        examples: Training data, which a fresh model learns its vocabulary from.
        out: Where a fresh model's vocabulary is written.
        options: Sizes of a fresh model, dropout, and the tasks' layout.

    Raises:
        ModelError: The model cannot be found or is no BioGPT.
    """
    config_file = Path(model) if str(model).endswith(".json") else None
    if config_file or model == FRESH:
        config = _read_config(config_file) if config_file else None
        network, tokenizer = fresh_model(examples, out, options, config)
        known = ModelCard()
    else:
        folder = locate(model)
        config = BioGptConfig.from_pretrained(folder)
        if options.dropout is not None:
            config.hidden_dropout_prob = options.dropout
        network = BioGptForCausalLM.from_pretrained(folder, config=config, dtype="float32")
        tokenizer = BioGptTokenizer.from_pretrained(folder)
        known = read_card(folder, str(model))
    card = _with_tasks(known, tasks, options)
    tokenizer.add_tokens(learned_tokens(card), special_tokens=True)
    if network.config.vocab_size < len(tokenizer):
        network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    return Start(network, tokenizer, card)


def learned_tokens(card: ModelCard) -> list[str]:
    """The learned tokens of all tasks of a card."""
    return [name for task in card.tasks.values() for name in task.learned_tokens]


def _read_config(path: Path) -> BioGptConfig:
    if not path.is_file():
        raise ModelError(f"there is no config file {str(path)!r}: give a BioGPT's config.json")
    try:
        kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except (ValueError, AttributeError) as error:
        raise NotABioGPTError(f"cannot read {path} as a model's config: {error}") from error
    if kind != "biogpt":
        raise NotABioGPTError(f"model_type is {kind!r} in {path}, and must be 'biogpt'")
    return BioGptConfig.from_json_file(str(path))


def _with_tasks(known: ModelCard, tasks: Sequence[str], options: Options) -> ModelCard:
    cards = {task: card for task, card in known.tasks.items() if card.learned_tokens}
    used = sum(len(card.learned_tokens) for card in cards.values())
    for task in tasks:
        old = cards.get(task)
        names = tuple(f"learned{used + 1 + i}" for i in range(options.prompt_tokens))
        used += 0 if old else len(names)
        limit = options.max_source_tokens or (old.max_source_tokens if old else None)
        cards[task] = TaskCard(
            layout="learned_prompt",
            learned_tokens=old.learned_tokens if old else names,
            max_source_tokens=limit,
        )
    return ModelCard(tasks=cards, description=options.description or known.description)
