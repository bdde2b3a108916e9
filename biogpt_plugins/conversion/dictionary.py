"""fairseq's dictionary as a BioGptTokenizer's vocabulary.

Ids follow the order of dict.txt, after four special symbols. fairseq marks the pieces that do not
end a word with "@@"; the tokenizer marks the pieces that do, with "</w>".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from biogpt_plugins.values.errors import ModelError

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


@dataclass(frozen=True)
class Vocabulary:
    """Token names and ids.

    Attributes:
        words: Name -> id of the pieces of texts, and of the four special symbols.
        added: Id -> name of learned tokens and separators, which never come from a text.
    """

    words: Mapping[str, int]
    added: Mapping[int, str]

    def __len__(self) -> int:
        """Rows of the embedding table."""
        return len(self.words) + len(self.added)


def read_dictionary(path: Path) -> list[str]:
    """The symbols of a dict.txt by id, the four special ones first.

    Raises:
        ModelError: The file is not a dictionary, or repeats a symbol.
    """
    symbols = dict.fromkeys(SPECIAL)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot read the dictionary {path}: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() and number == len(lines):
            break
        symbol, _, count = line.rstrip().rpartition(" ")
        if not symbol or not count.isdecimal():
            raise ModelError(
                f"line {number} of the dictionary {path} is {line[:40]!r}, not a symbol and "
                "its count: use the dict.txt that the model was trained with"
            )
        if symbol in symbols:
            raise ModelError(
                f"line {number} of the dictionary {path} repeats the symbol {symbol!r}: use "
                "the dict.txt that the model was trained with"
            )
        symbols[symbol] = None
    return list(symbols)


def name_of(symbol: str) -> str:
    """A dictionary's symbol as BioGptTokenizer spells it: foo@@ is foo, foo is foo</w>."""
    if symbol in SPECIAL:
        return symbol
    return symbol.removesuffix("@@") if symbol.endswith("@@") else f"{symbol}</w>"


def build_vocabulary(
    symbols: Sequence[str], *, prompt: Iterable[str], learned: Iterable[str]
) -> Vocabulary:
    """The vocabulary of a checkpoint.

    Args:
        symbols: The dictionary.
        prompt: Symbols of the checkpoint's prompt, in order; missing ones follow the dictionary.
        learned: Symbols that are not words: learned tokens and separators.

    Raises:
        ModelError: Two symbols have the same name.
    """
    ids = {symbol: i for i, symbol in enumerate(dict.fromkeys([*symbols, *prompt]))}
    no_words = set(learned)
    words = {name_of(symbol): i for symbol, i in ids.items() if symbol not in no_words}
    added = {ids[symbol]: symbol for symbol in no_words}
    if len({*words, *added.values()}) < len(ids):
        raise ModelError(
            "two symbols of the dictionary have the same name: use the dict.txt that the "
            "model was trained with"
        )
    return Vocabulary(words, dict(sorted(added.items())))


def read_merges(path: Path) -> list[str]:
    """The merges of a bpecodes file, each "left right".

    Raises:
        ModelError: The file is not a list of merges.
    """
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot read the byte-pair codes {path}: {error}") from error
    merges = [line.split()[:2] for line in lines if not line.startswith("#version")]
    if bad := [i for i, merge in enumerate(merges, 1) if len(merge) != 2]:  # noqa: PLR2004
        raise ModelError(
            f"line {bad[0]} of the byte-pair codes {path} is not a pair of symbols: use the "
            "bpecodes that the model was trained with"
        )
    return [" ".join(merge) for merge in merges]
