"""The calculated sizes of docs/gpu_and_memory.md are what the engine would allocate."""

import re
from pathlib import Path

import pytest
import torch
from transformers import BioGptConfig

from biogpt_plugins.engines import transformers_engine
from biogpt_plugins.engines.slots import Slots

PAGE = Path(__file__).parents[2] / "docs" / "gpu_and_memory.md"
GB = 1e9
BASE = BioGptConfig(vocab_size=42384)
LARGE = BioGptConfig(
    vocab_size=57717,
    hidden_size=1600,
    num_hidden_layers=48,
    num_attention_heads=25,
    intermediate_size=6400,
    max_position_embeddings=2048,
)
MODELS = [(BASE, 346_763_264), (LARGE, 1_571_188_800)]


def told(row):
    """The two numbers of a row of the table."""
    (found,) = re.findall(
        rf"^\| {re.escape(row)} \| ([\d.,]+).*? \| ([\d.,]+)", PAGE.read_text(), re.M
    )
    return [float(number.replace(",", "")) for number in found]


def place(config):
    length = config.max_position_embeddings + transformers_engine._MARGIN
    return Slots.bytes_of(config, length, torch.bfloat16)


@pytest.mark.parametrize(
    ("row", "digits", "size"),
    [
        ("parameters, in millions", 0, lambda _, count: count / 1e6),
        ("weights in bfloat16 or float16", 1, lambda _, count: 2 * count / GB),
        ("weights in float32", 1, lambda _, count: 4 * count / GB),
        ("keys and values of one text in work, bfloat16", 2, lambda config, _: place(config) / GB),
    ],
)
def test_sizes(row, digits, size):
    assert told(row) == [round(size(*model), digits) for model in MODELS]


@pytest.mark.parametrize(
    ("row", "card"),
    [("texts in work at once, at most, on a card of 8 GB", 8)]
    + [(f"on {card} GB", card) for card in (16, 24, 40, 80)],
)
def test_texts_in_work(row, card):
    rooms = [0.8 * ((card - 1) * GB - 2 * count) // place(config) for config, count in MODELS]
    assert told(row) == rooms
