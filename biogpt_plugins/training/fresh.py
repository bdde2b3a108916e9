"""A small new BioGPT: a vocabulary learned from the training texts, and random weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from transformers import BioGptConfig, BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins.training.examples import Example
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.vocabulary import train_vocabulary
from biogpt_plugins.training.wiring import wire_copying

_VOCABULARY_TEXTS = 6000


def fresh_model(
    examples: Sequence[Example],
    folder: Path,
    options: Options,
    config: BioGptConfig | None = None,
    *,
    resumed: bool = False,
) -> tuple[BioGptForCausalLM, BioGptTokenizer]:
    """Build an untrained model and its tokenizer, whose files are written to `folder`.

    Args:
        examples: Training data; the vocabulary is learned from evenly spaced examples.
        folder: Where the vocabulary files go.
        options: Sizes of the model and of the vocabulary.
        config: Sizes of the model, instead of those in `options`.
        resumed: Whether to take the vocabulary in `folder`, which an interrupted run has learned.
    """
    if not resumed:
        _learn_vocabulary(examples, folder, options)
    tokenizer = BioGptTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    config = config or fresh_config(options)
    config.vocab_size = len(tokenizer)
    model = BioGptForCausalLM(config)
    wire_copying(model)
    return model, tokenizer


def _learn_vocabulary(examples: Sequence[Example], folder: Path, options: Options) -> None:
    step = max(1, len(examples) // _VOCABULARY_TEXTS)
    texts = (text for each in examples[::step] for text in _texts(each, options.lowercase))
    train_vocabulary(texts, folder, merges=options.merges)


def _texts(example: Example, lowercase: bool | None) -> tuple[str, str]:
    task = example.task
    source = task.source(example.input).source
    lower = task.lowercase if lowercase is None else lowercase
    return source.lower() if lower else source, example.target


def fresh_config(options: Options) -> BioGptConfig:
    """The sizes in the options; the vocabulary's is not known before it is learned."""
    return BioGptConfig(
        hidden_size=options.width,
        num_hidden_layers=options.layers,
        num_attention_heads=options.heads,
        intermediate_size=4 * options.width,
        max_position_embeddings=options.positions,
        layer_norm_eps=options.layer_norm_eps,
        hidden_dropout_prob=options.dropout or 0.0,
        attention_probs_dropout_prob=options.attention_dropout or 0.0,
        layerdrop=0.0,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
    )
