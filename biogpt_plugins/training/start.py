"""The start of a training run: a model, its tokenizer, and a card with the new tasks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from transformers import BioGptConfig, BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins.checkpoints.card import ModelCard, read_card
from biogpt_plugins.checkpoints.locate import converted, locate
from biogpt_plugins.engine import FEW_SHOT, TaskCard
from biogpt_plugins.tasks.registry import know_tasks_of
from biogpt_plugins.training.examples import Example
from biogpt_plugins.training.fresh import fresh_model
from biogpt_plugins.training.options import Options
from biogpt_plugins.values.errors import ModelError, NotABioGPTError

FRESH = "fresh"


@dataclass(frozen=True)
class Start:
    """A model with an embedding for every learned token of its card, its tokenizer and the card."""

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
    """Load or build the model to train, and give each new task its learned tokens.

    A task that the model already knows keeps its layout.

    Args:
        model: As in `finetune`.
        tasks: Tasks to train.
        examples: Training data; a fresh model learns its vocabulary from it.
        out: Where the vocabulary of a fresh model is written.
        options: Sizes of a fresh model, dropout, the source limit, and the layout of new tasks.

    Raises:
        ModelError: The model cannot be found or is not a BioGPT.
    """
    config_file = Path(model) if str(model).endswith(".json") else None
    if config_file or model == FRESH:
        config = _read_config(config_file) if config_file else None
        network, tokenizer = fresh_model(examples, out, options, config)
        known = ModelCard()
    else:
        folder = locate(model)
        if converted(folder):
            raise ModelError(
                f"{str(model)!r} was converted for CTranslate2, which cannot train: start "
                "from the model that it was converted from"
            )
        config = BioGptConfig.from_pretrained(folder)
        if options.dropout is not None:
            config.hidden_dropout_prob = options.dropout
        network = BioGptForCausalLM.from_pretrained(folder, config=config, dtype="float32")
        tokenizer = BioGptTokenizer.from_pretrained(folder)
        known = read_card(folder, str(model))
        know_tasks_of(folder, known.tasks)
    card = _with_tasks(known, tasks, options)
    tokenizer.add_tokens(learned_tokens(card), special_tokens=True)
    if network.config.vocab_size < len(tokenizer):
        network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    return Start(network, tokenizer, card)


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
        kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except (ValueError, AttributeError) as error:
        raise NotABioGPTError(f"cannot read {path} as a model's config: {error}") from error
    if kind != "biogpt":
        raise NotABioGPTError(f"model_type in {path} must be 'biogpt', not {kind!r}")
    return BioGptConfig.from_json_file(str(path))


def _with_tasks(known: ModelCard, tasks: Sequence[str], options: Options) -> ModelCard:
    cards = dict(known.tasks)
    used = {name.removesuffix("</w>") for name in learned_tokens(known)}
    names = (name for name in (f"learned{i}" for i in count(1)) if name not in used)
    for task in tasks:
        card = cards.get(task, FEW_SHOT)
        if card.layout == "few_shot":
            learned = tuple(islice(names, options.prompt_tokens))
            card = TaskCard(
                layout="learned_prompt", learned_tokens=learned, text_first=options.text_first
            )
        limit = options.max_source_tokens or card.max_source_tokens
        cards[task] = card.model_copy(update={"max_source_tokens": limit})
    return ModelCard(tasks=cards, description=options.description or known.description)
