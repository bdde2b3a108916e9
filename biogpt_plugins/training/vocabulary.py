"""Trains a BPE vocabulary and writes it in the files that `BioGptTokenizer` reads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from sacremoses import MosesTokenizer
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
_END = "</w>"


def train_vocabulary(
    texts: Iterable[str], folder: Path, *, merges: int, characters: int = 120
) -> None:
    """Learn a byte-pair encoding of `texts` and write vocab.json and merges.txt to `folder`.

    Words are split as in BioGPT: Moses tokens with dashes split off and XML escapes. Only the
    `characters` most frequent characters are kept; others become `<unk>`. The same texts give the
    same files: what the trainer would number in the random order of its tables is given to it.
    """
    told = list(_moses(texts))
    words = [word for text in told for word in text.split()]
    counts = Counter("".join(words))
    kept = sorted(counts, key=lambda character: (-counts[character], character))[:characters]
    last = sorted({f"{word[-1]}{_END}" for word in words if word[-1] in kept})
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix=_END))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=len(SPECIAL) + 2 * characters + merges,
        limit_alphabet=characters,
        initial_alphabet=kept,
        special_tokens=[*SPECIAL, *last],
        end_of_word_suffix=_END,
        show_progress=False,
    )
    tokenizer.train_from_iterator(told, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    pairs = [tuple(pair) for pair in model["merges"]][:merges]
    alphabet = sorted(token for token in model["vocab"] if len(token.removesuffix(_END)) == 1)
    symbols = dict.fromkeys([*SPECIAL, *alphabet, *("".join(pair) for pair in pairs)])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(
        json.dumps({symbol: i for i, symbol in enumerate(symbols)}, ensure_ascii=False, indent=0)
    )
    (folder / "merges.txt").write_text("".join(f"{left} {right}\n" for left, right in pairs))


def _moses(texts: Iterable[str]) -> Iterable[str]:
    moses = MosesTokenizer(lang="en")
    for text in texts:
        yield moses.tokenize(text, aggressive_dash_splits=True, return_str=True, escape=True)
