"""The vocabulary of a BioGptTokenizer: read without transformers, which takes seconds to import."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biogpt_plugins.checkpoints.registry import LEARNED

if TYPE_CHECKING:
    from transformers import BioGptTokenizer

_NAMED = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
}
_ELSEWHERE = ("added_tokens.json", "special_tokens_map.json", "tokenizer.json")
_FURTHER = ("cls_token", "mask_token", "model_specific_special_tokens")


@dataclass(frozen=True)
class Vocabulary:
    """The pieces of a BioGptTokenizer and how it merges them.

    Attributes:
        names: The id of each piece, learned and special tokens among them.
        merges: The merges in their order.
        silent: The ids of special and added tokens, which have no text.
        pad: The name of the padding token.
        sep: The name of `</s>`, which begins a prompt and ends a completion.
        unknown: The name of the token for unknown pieces.
    """

    names: dict[str, int]
    merges: list[tuple[str, str]]
    silent: frozenset[int]
    pad: str
    sep: str
    unknown: str
    load: Callable[[], BioGptTokenizer] = field(repr=False, compare=False)

    @classmethod
    def of(cls, tokenizer: BioGptTokenizer | Vocabulary) -> Vocabulary:
        """The vocabulary of a tokenizer."""
        if isinstance(tokenizer, Vocabulary):
            return tokenizer
        return cls(
            names=dict(tokenizer.get_vocab()),
            merges=list(tokenizer.bpe_ranks),
            silent=frozenset((*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values())),
            pad=str(tokenizer.pad_token),
            sep=str(tokenizer.sep_token),
            unknown=str(tokenizer.unk_token),
            load=partial(_itself, tokenizer),
        )

    @cached_property
    def tokenizer(self) -> BioGptTokenizer:
        """The tokenizer, which transformers loads on first use."""
        return self.load()

    def forget(self) -> None:
        """Empty the tokenizer's own cache."""
        if "tokenizer" in vars(self):
            self.tokenizer.cache.clear()


def read_vocabulary(folder: Path, rows: int) -> Vocabulary | None:
    """Read the vocabulary of a folder with a usual tokenizer.

    Args:
        folder: The folder.
        rows: The number of the model's embeddings.

    Returns:
        What `Vocabulary.of(load_tokenizer(folder, rows))` is; None if only transformers knows it.
    """
    if any((folder / name).exists() for name in _ELSEWHERE):
        return None
    try:
        settings = _json(folder / "tokenizer_config.json")
        pieces = {str(name): int(token) for name, token in _json(folder / "vocab.json").items()}
        lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")[:-1]
        merges = [(left, right) for left, right in (line.split()[:2] for line in lines)]
        added = {
            str(token["content"]): int(key)
            for key, token in settings.get("added_tokens_decoder", {}).items()
        }
        named = {key: settings.get(key, usual) for key, usual in _NAMED.items()}
        extra = [
            *settings.get("extra_special_tokens", ()),
            *settings.get("additional_special_tokens", ()),
        ]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None  # transformers' loading tells what is wrong
    names = {**pieces, **added}
    special = [*named.values(), *extra]
    if (
        any(settings.get(key) for key in _FURTHER)
        or not all(isinstance(name, str) and name in names for name in special)
        or any(names[name] != token for name, token in pieces.items())
        or len(dict.fromkeys(merges)) < len(merges)
        or rows == len(names) + len(LEARNED)  # they are added then
    ):
        return None
    return Vocabulary(
        names=names,
        merges=merges,
        silent=frozenset([*added.values(), *(names[name] for name in special)]),
        pad=named["pad_token"],
        sep=named["sep_token"],
        unknown=named["unk_token"],
        load=partial(_loaded, folder, rows),
    )


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _itself(tokenizer: BioGptTokenizer) -> BioGptTokenizer:
    return tokenizer


def _loaded(folder: Path, rows: int) -> BioGptTokenizer:
    from biogpt_plugins.engines.pretrained import (  # noqa: PLC0415 - takes seconds
        load_tokenizer,
    )

    return load_tokenizer(folder, rows)
