"""Prompts to token ids and token ids to text, as BioGPT's authors did both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from sacremoses import MosesDetokenizer, MosesTokenizer

from biogpt_plugins.engine import Prompt
from biogpt_plugins.errors import ContextOverflowError, InputError

if TYPE_CHECKING:
    from transformers import BioGptTokenizer

_WORD_END = "</w>"
_ELLIPSIS = "..." + _WORD_END
_MANY_WORDS = 1 << 18
# One for all, not one each: a lock among the attributes would keep Tokens from being pickled.
_ADDING = Lock()
# A vocabulary may hold them as if they were words.
_LEARNED = re.compile(r"learned\d+(</w>)?|<seqsep>")


@dataclass(frozen=True)
class Encoded:
    """A prompt as token ids.

    Attributes:
        ids: The ids, the leading `</s>` included.
        truncated: How many tokens were cut from it.
        sample: Which of the prompt's completions is to be written.
    """

    ids: list[int]
    truncated: int = 0
    sample: int = 0


class Tokens:
    """A BioGptTokenizer with what a prompt needs; the same ids, about five times as fast.

    Nothing in a text is ever read as a special token: "</s>" in a paper is four characters.

    Attributes:
        tokenizer: The tokenizer underneath.
        pad: Id of the padding token.
        eos: Id of `</s>`, which both begins a prompt and ends a completion.
    """

    def __init__(self, tokenizer: BioGptTokenizer) -> None:
        self.tokenizer = tokenizer
        self.pad = int(tokenizer.pad_token_id)
        self.eos = int(tokenizer.sep_token_id)
        self._vocabulary: dict[str, int] = tokenizer.get_vocab()
        self._pieces: dict[int, str] = {token: piece for piece, token in self._vocabulary.items()}
        self._learned = {n: i for n, i in self._vocabulary.items() if _LEARNED.fullmatch(n)}
        added = tokenizer.get_added_vocab()
        self._silent = {*tokenizer.all_special_ids, *added.values(), *self._learned.values()}
        self._moses = _QuickMoses(lang="en")
        self._unescape = MosesDetokenizer(lang="en").unescape_xml
        self._words: dict[str, tuple[int, ...]] = {}

    @property
    def rows(self) -> int:
        """Embedding rows that a model needs for this vocabulary."""
        return max(self._pieces) + 1

    def ids(self, text: str) -> list[int]:
        """Token ids of a text, without any special token."""
        words = self._moses.tokenize(
            text, aggressive_dash_splits=True, return_str=False, escape=True
        )
        return [token for word in words for token in self._words.get(word) or self._add(word)]

    def text(self, ids: Sequence[int]) -> str:
        """The text of a completion's ids; special and learned tokens leave no trace in it."""
        return str(self.tokenizer.convert_tokens_to_string(self.pieces(ids)))

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """The tokens that have a text, as the vocabulary spells them."""
        # A model may have more rows than its vocabulary has names.
        return [self._pieces.get(token, "") for token in ids if token not in self._silent]

    def places(self, ids: Sequence[int], text: str) -> list[tuple[int, str, int]]:
        """Where in their text the tokens stand that have one.

        Args:
            ids: The ids.
            text: Their text.

        Returns:
            Index into `ids`, spelling, and offset of each: its own if the text has its word
            letter by letter, else that of the word.
        """
        found: list[tuple[int, str, int]] = []
        word: list[tuple[int, str]] = []
        at = 0
        for index, token in enumerate(ids):
            if token not in self._silent:
                word.append((index, self._pieces.get(token, "").removesuffix(_WORD_END)))
            if word and (self.ends_word(token) or index == len(ids) - 1):
                spelt = "".join(piece for _, piece in word)
                shown = self._unescape(spelt.replace("@-@", "-"))
                start = max(at, text.find(shown, at))
                offset = start
                for place, piece in word:
                    found.append((place, piece, offset))
                    offset += len(piece) if shown == spelt else 0
                at = start + len(shown) if text.startswith(shown, start) else start
                word = []
        return found

    def ends_word(self, token: int) -> bool:
        """Whether what follows this token is a new word."""
        return self._pieces.get(token, "").endswith(_WORD_END)

    def encode(self, prompt: Prompt, *, window: int, room: int, truncate: bool = True) -> Encoded:
        """Turn a prompt into ids that leave `room` tokens of `window` for the completion.

        A source that is too long loses the end of its text, and `...` (`<unk>` if the vocabulary
        lacks it) takes the place of the last token, as in the official
        `language_model_prompt_dataset.py`.

        Args:
            prompt: The prompt.
            window: Most tokens of prompt and completion together.
            room: Tokens to leave for the completion.
            truncate: False makes a source that is too long an error.

        Raises:
            InputError: The text is empty, or the model lacks a prompt token.
            ContextOverflowError: The prompt is too long and must not, or cannot, be cut.
        """
        source = self.ids(prompt.source)
        if not prompt.text.strip() or not source:
            raise InputError(f"the text {prompt.text!r} is empty: give at least one word")
        prefix = [self.eos, *map(self._id, prompt.prefix_tokens)]
        suffix = [*map(self._id, prompt.suffix_tokens), *self.ids(prompt.target)]
        limit = window - len(prefix) - len(suffix) - room
        if prompt.max_source_tokens is not None:
            limit = min(limit, prompt.max_source_tokens)
        excess = len(source) - limit
        if excess <= 0:
            return Encoded([*prefix, *source, *suffix])
        numbers = (
            f"the prompt has {len(source)} tokens and {limit} fit (window {window}, "
            f"max_source_tokens {prompt.max_source_tokens}, {len(prefix) + len(suffix) - 1} prompt "
            f"and target tokens, {room} for the completion)"
        )
        if not truncate:
            raise ContextOverflowError(f"{numbers}: shorten the text, or allow truncation")
        # Tokenised apart: where exactly the whole's ids change from head to text to tail is
        # hidden by rules that look across words.
        head, tail = len(self.ids(prompt.head)), self.ids(prompt.tail)
        ellipsis = self._vocabulary.get(_ELLIPSIS, int(self.tokenizer.unk_token_id))
        kept = limit - 1 - len(tail)
        if kept <= head:
            raise ContextOverflowError(
                f"{numbers}, of which {head + len(tail)} may not be cut: shorten what stands "
                "before or after the text"
            )
        ids = [*prefix, *source[:kept], ellipsis, *tail, *suffix]
        return Encoded(ids, truncated=excess + 1)

    def _id(self, name: str) -> int:
        # Only names without a word end: "learned1" is not the word that a text would give.
        if name not in self._vocabulary:
            known = ", ".join(self._learned) or "none"
            raise InputError(
                f"this model has no token {name!r} for its prompt (learned tokens that it has: "
                f"{known}): use a model that was fine-tuned for the task, or the task's few-shot "
                "layout"
            )
        return self._vocabulary[name]

    def _add(self, word: str) -> tuple[int, ...]:
        unknown = int(self.tokenizer.unk_token_id)
        with _ADDING:
            if len(self._words) >= _MANY_WORDS:
                # A corpus of millions has no end of numbers; the tokenizer keeps each of them too.
                self._words.clear()
                self.tokenizer.cache.clear()
            pieces = self.tokenizer.bpe(word).split(" ")
            found = tuple(self._vocabulary.get(piece, unknown) for piece in pieces)
            self._words[word] = found
        return found


class _QuickMoses(MosesTokenizer):  # type: ignore[misc]
    """The Moses tokenizer without the 11,000-character sets that it builds at every full stop."""

    _ALPHA = frozenset(MosesTokenizer.IsAlpha)
    _LOWER = frozenset(MosesTokenizer.IsLower)

    def islower(self, text: str) -> bool:
        return self._LOWER.issuperset(text)

    def isanyalpha(self, text: str) -> bool:
        return not self._ALPHA.isdisjoint(text)
