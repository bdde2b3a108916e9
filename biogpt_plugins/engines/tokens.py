"""Prompts -> token ids, and token ids -> text, as in the official code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from typing import TYPE_CHECKING

from biogpt_plugins.engine import Grammar, Prompt
from biogpt_plugins.engines.copied import Spelling
from biogpt_plugins.engines.derivations import STRAYS
from biogpt_plugins.engines.drafts import Outline
from biogpt_plugins.engines.merges import WORD_END, merges_of
from biogpt_plugins.engines.moses import Detokenizer, Splitter, unescape
from biogpt_plugins.engines.vocabulary import Vocabulary
from biogpt_plugins.text.grounding import PLURAL
from biogpt_plugins.values.errors import ContextOverflowError, InputError
from biogpt_plugins.values.inputs import half_pair, short

if TYPE_CHECKING:
    from transformers import BioGptTokenizer

_ELLIPSIS = "..." + WORD_END
_MANY_CHUNKS = 1 << 18
_MANY_TEXTS, _LONG_TEXT = 1 << 11, 1 << 13  # of so many characters
_CONTEXT = re.compile(r"\s|^[,']|[,']$")  # what a chunk's words depend on besides itself

Words = tuple[tuple[str, list[int]], ...]
"""Words by Moses, with their ids."""
# A vocabulary may list them as if they were words.
_LEARNED = re.compile(r"learned\d+(</w>)?|<seqsep>")


@dataclass(frozen=True)
class Encoded:
    """A prompt as token ids.

    Attributes:
        ids: The ids, including the leading `</s>`.
        truncated: Number of tokens cut from the source.
        grammar: The grammar of its completion.
        text: The words of the remaining source text with their ids, if there is a grammar.
        outline: The fixed words that its completion is likely to have.
    """

    ids: list[int]
    truncated: int = 0
    grammar: Grammar | None = None
    text: Words = ()
    outline: Outline | None = None


class Tokens:
    """A BioGptTokenizer for prompts, with the same ids but many times as fast.

    Chunks of text are cached with their ids. sacremoses splits them into words, and the
    `tokenizers` library splits words into pieces; for vocabularies that the library would split
    differently, BioGptTokenizer does. Safe to share between threads.

    Text never becomes a special token: "</s>" in a paper is four characters.

    Attributes:
        pad: Id of the padding token.
        eos: Id of `</s>`, which begins a prompt and ends a completion.
        ellipsis: Id of `...`, or of `<unk>` if the vocabulary lacks it; ends a text that was cut.
        rows: Number of embeddings that a model needs for this vocabulary.
    """

    def __init__(self, tokenizer: BioGptTokenizer | Vocabulary) -> None:
        words = self._lexicon = Vocabulary.of(tokenizer)
        self._vocabulary = words.names
        self.pad, self.eos = words.names[words.pad], words.names[words.sep]
        self._pieces: dict[int, str] = {token: piece for piece, token in self._vocabulary.items()}
        self.rows = max(self._pieces) + 1
        self._learned = {n: i for n, i in self._vocabulary.items() if _LEARNED.fullmatch(n)}
        self._silent = {*words.silent, *self._learned.values()}
        self._unknown = words.names[words.unknown]
        self.ellipsis = self._vocabulary.get(_ELLIPSIS, self._unknown)
        self._splitter = Splitter()
        self._pairs = merges_of(words)
        self._chunks: dict[str, list[int]] = {}
        self._words: dict[str, Words] = {}
        self._texts: dict[str, list[int]] = {}

    @property
    def tokenizer(self) -> BioGptTokenizer:
        """The underlying tokenizer."""
        return self._lexicon.tokenizer

    def ids(self, text: str) -> list[int]:
        """Token ids of a text, without special tokens.

        Raises:
            InputError: The text contains half of a surrogate pair, which has no UTF-8.
        """
        if (word := self._chunks.get(text)) and not _CONTEXT.search(text):
            return [*word]
        if half := half_pair(text):
            raise InputError(f"the text {short(text)} {half}")
        keys = self._splitter.keys(text)
        if keys is None:
            return [token for word in self._splitter.whole(text) for token in self._split(word)]
        known = self._chunks
        try:
            return [token for key in keys for token in known[key]]
        except KeyError:
            new = self._learn(key for key in keys if key not in known)
            return [token for key in keys for token in new.get(key) or known[key]]

    def of(self, text: str) -> Sequence[int]:
        """As `ids`, for a text that is likely to be asked for again soon, as texts of papers are.

        Raises:
            InputError: As there.
        """
        known = self._texts.get(text)
        if known is None:
            known = self.ids(text)
            if len(self._texts) >= _MANY_TEXTS:
                self._texts = {}
            if len(text) <= _LONG_TEXT:
                self._texts[text] = known
        return known

    def given(self, ids: Sequence[int]) -> list[int]:
        """Token ids that were given in place of a text, without a leading `</s>`.

        Raises:
            InputError: One is not the id of a piece of text.
        """
        text = list(ids[1:] if ids and ids[0] == self.eos else ids)
        for token in text:
            silent = token in self._silent and token != self._unknown
            if token < 0 or token not in self._pieces or silent:
                name = self._pieces.get(token, "unknown") if token >= 0 else "unknown"
                raise InputError(
                    f"token {token} ({name}) is no piece of a text: give ids of text alone, behind "
                    f"{self.eos} ({self._pieces[self.eos]}) if you like, with which each prompt "
                    "begins anyway"
                )
        return text

    def words_of(self, text: str, most: float = inf) -> Iterator[tuple[str, list[int]]]:
        """The words of a text by Moses, with their ids; at most `most` ids in total."""
        keys = self._splitter.keys(text)
        words = self._worded(self._splitter.whole(text)) if keys is None else self._chunked(keys)
        if most == inf:
            yield from words
            return
        for word, ids in words:
            most -= len(ids)
            if most < 0:
                return
            yield word, ids

    def _worded(self, words: Iterable[str]) -> Words:
        return tuple((word, self._split(word)) for word in words)

    def _chunked(self, keys: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
        """The words of chunks, which are remembered like their ids."""
        known = self._words
        if new := [key for key in keys if key not in known]:
            if len(known) >= _MANY_CHUNKS:
                known = self._words = {}
                new = list(keys)
            split = self._splitter.words(dict.fromkeys(new))
            known.update((key, self._worded(words)) for key, words in split.items())
        return chain.from_iterable(known[key] for key in keys)

    def as_in(
        self, written: Sequence[int], words: Sequence[tuple[str, Sequence[int]]]
    ) -> Sequence[int]:
        """The ids of a completion, with each unknown piece as the text of these words spells it."""
        if self._unknown not in written:
            return written
        spelling = self.spelling(words)
        return spelling.of(written) if spelling else written

    def spelling(self, words: Sequence[tuple[str, Sequence[int]]]) -> Spelling | None:
        """How a text spells its unknown pieces; None if it has none.

        Args:
            words: Its words by Moses, with their ids.
        """
        spelt = unescape("\n".join(word for word, _ in words)).split("\n") if words else []
        stems = (word.rstrip(STRAYS) for word in spelt)
        forms = dict.fromkeys(form for stem in stems for form in (stem, PLURAL.sub("", stem)))
        bare = [(form, self._split(form)) for form in forms if form]
        ids: list[int] = []
        own: list[int] = []
        for word, tokens in [*words, *bare]:
            ids += tokens
            own += self._own(word, tokens) if self._unknown in tokens else tokens
        return Spelling(ids, own, self._unknown) if ids != own else None

    def _own(self, word: str, ids: Sequence[int]) -> list[int]:
        """The ids of a word, with an id that no model knows for each unknown piece."""
        pieces = self.tokenizer.bpe(word).split(" ")
        if len(pieces) != len(ids):
            return list(ids)
        own = []
        for piece, token in zip(pieces, ids, strict=True):
            if token != self._unknown:
                own.append(token)
                continue
            new = -1 - int.from_bytes(piece.encode(errors="replace"), "big")
            self._pieces[new] = piece
            own.append(new)
        return own

    def as_spelt(self, text: str) -> list[int]:
        """The ids of a text, with an id that no model knows for each unknown piece."""
        ids = self.ids(text)
        if self._unknown not in ids:
            return ids
        return [
            own for word, some in self.words_of(text, len(ids)) for own in self._own(word, some)
        ]

    def spelt(self, token: int) -> tuple[str, bool]:
        """The spelling of a token, and whether it ends a word."""
        piece = self._pieces.get(token, "")
        return piece.removesuffix(WORD_END), self.ends_word(token) or token in self._silent

    def text(self, ids: Sequence[int]) -> str:
        """The text of a completion's ids, without special and learned tokens."""
        writing = Detokenizer()
        writing.add(self.words(ids))
        return writing.text

    def words(self, ids: Sequence[int]) -> list[str]:
        """The words of ids, in the spelling of the vocabulary; the last word may be incomplete."""
        spelt = "".join(self.pieces(ids)).replace(" ", "")
        return spelt.replace(WORD_END, " ").split()

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """The tokens that have text, in the spelling of the vocabulary."""
        # A model may have more embedding rows than its vocabulary has names.
        return [self._pieces.get(token, "") for token in ids if token not in self._silent]

    def places(self, ids: Sequence[int], text: str) -> list[tuple[int, str, int]]:
        """The offsets of tokens in their text; tokens without text are left out.

        Args:
            ids: The ids.
            text: Their text.

        Returns:
            Index into `ids`, spelling and offset of each token. The offset is the token's own if
            its word is in the text letter by letter, otherwise the offset of the word.
        """
        places: list[tuple[int, str, int]] = []
        word: list[tuple[int, str]] = []
        at = 0
        for index, token in enumerate(ids):
            if token not in self._silent:
                word.append((index, self._pieces.get(token, "").removesuffix(WORD_END)))
            if word and (self.ends_word(token) or index == len(ids) - 1):
                spelt = "".join(piece for _, piece in word)
                marked = "&" in spelt or "@" in spelt
                shown = unescape(spelt.replace("@-@", "-")) if marked else spelt
                start = max(at, text.find(shown, at))
                offset = start
                for place, piece in word:
                    places.append((place, piece, offset))
                    offset += len(piece) if shown == spelt else 0
                at = start + len(shown) if text.startswith(shown, start) else start
                word = []
        return places

    def ends_word(self, token: int) -> bool:
        """Whether this token ends a word."""
        return self._pieces.get(token, "").endswith(WORD_END)

    def end_of_words(self, ids: Sequence[int]) -> int:
        """The number of ids that form whole words."""
        ends = (end for end in range(len(ids), 0, -1) if self.ends_word(ids[end - 1]))
        return next(ends, 0)

    def encode(
        self,
        prompt: Prompt,
        *,
        window: int,
        room: int,
        truncate: bool = True,
        empty: bool = False,
    ) -> Encoded:
        """Encode a prompt so that `room` tokens of `window` are left for the completion.

        A source that is too long loses the end of its text, and `...` (`<unk>` if the vocabulary
        lacks it) replaces the last token, as in the official `language_model_prompt_dataset.py`.

        Args:
            prompt: The prompt.
            window: Most tokens of prompt and completion together.
            room: Tokens to leave for the completion.
            truncate: Whether to cut a source that is too long; otherwise it is an error.
            empty: Whether the source may be "".

        Raises:
            InputError: The text is empty, its ids are not valid, or the model lacks a prompt token.
            ContextOverflowError: The prompt is too long and must not, or cannot, be cut.
        """
        source = self._source(prompt, empty=empty)
        prefix = [self.eos, *map(self._id, prompt.prefix_tokens)]
        suffix = [*map(self._id, prompt.suffix_tokens), *self.ids(prompt.target)]
        limit = window - len(prefix) - len(suffix) - room
        if prompt.max_source_tokens is not None:
            limit = min(limit, prompt.max_source_tokens)
        excess = len(source) - limit
        if excess <= 0:
            return self._encoded(prompt, [*prefix, *source, *suffix])
        numbers = (
            f"the prompt has {len(source)} tokens, but only {limit} fit (window {window}, "
            f"max_source_tokens {prompt.max_source_tokens}, {len(prefix) + len(suffix) - 1} "
            f"prompt and target tokens, {room} for the completion)"
        )
        if not truncate:
            raise ContextOverflowError(f"{numbers}: shorten the text, or allow truncation")
        # Tokenise head and tail separately: tokenisation rules look across words, so the exact
        # borders between head, text and tail are unknown in the ids of the whole.
        head, tail = len(self.ids(prompt.head)), self.ids(prompt.tail)
        kept = limit - 1 - len(tail)
        if kept <= head:
            raise ContextOverflowError(
                f"{numbers}, and {head + len(tail)} of them must not be cut: shorten the "
                "parts before and after the text"
            )
        ids = [*prefix, *source[:kept], self.ellipsis, *tail, *suffix]
        return self._encoded(prompt, ids, truncated=excess + 1)

    def _source(self, prompt: Prompt, *, empty: bool) -> list[int]:
        if prompt.ids:
            if prompt.source or prompt.grammar:
                raise InputError("a prompt of token ids can have neither a text nor a grammar")
            return self.given(prompt.ids)
        source = [*self.of(prompt.source)]
        if not (prompt.text.strip() and source) and not (empty and prompt.source == ""):
            raise InputError(f"the text {prompt.text!r} is empty: give at least one word")
        return source

    def _encoded(self, prompt: Prompt, ids: list[int], truncated: int = 0) -> Encoded:
        if prompt.grammar is None:
            return Encoded(ids, truncated)
        most = len(self.of(prompt.text)) - truncated if truncated else inf
        text = self.words_of(prompt.text, most)
        return Encoded(ids, truncated, prompt.grammar, tuple(text))

    def _id(self, name: str) -> int:
        # Names without end-of-word mark only: "learned1" is not the word of a text.
        if name not in self._vocabulary:
            known = ", ".join(self._learned) or "none"
            raise InputError(
                f"this model has no prompt token {name!r} (its learned tokens: {known}): use "
                "a model that was fine-tuned for the task, or the task's few-shot layout"
            )
        return self._vocabulary[name]

    def _learn(self, keys: Iterable[str]) -> dict[str, list[int]]:
        new = {
            key: [token for word in words for token in self._split(word)]
            for key, words in self._splitter.words(keys).items()
        }
        if len(self._chunks) >= _MANY_CHUNKS:
            # A corpus of millions of texts has countless numbers; the tokenizer caches each too.
            self._chunks = {}
            self._lexicon.forget()
        self._chunks.update(new)
        return new

    def _split(self, word: str) -> list[int]:
        if self._pairs:
            ids = (token.id for token in self._pairs.tokenize(word))
            return [token if token < self.rows else self._unknown for token in ids]
        pieces = self.tokenizer.bpe(word).split(" ")
        return [self._vocabulary.get(piece, self._unknown) for piece in pieces]
