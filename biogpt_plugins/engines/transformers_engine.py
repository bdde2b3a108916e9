"""The engine on Hugging Face transformers: any BioGPT, on CUDA, MPS or the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from random import Random
from threading import Lock
from typing import TypeVar

import torch
from transformers import BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins.engine import Choice, Chunk, Completion, Decoding, Prompt, Token, cancelled
from biogpt_plugins.engines.batches import Batcher, engine_error
from biogpt_plugins.engines.decode import Row, score, write, write_beams
from biogpt_plugins.engines.stopping import Stops
from biogpt_plugins.engines.tokens import Encoded, Tokens
from biogpt_plugins.errors import BioGPTError, EngineError, InputError, ModelError
from biogpt_plugins.results import Usage

_GREEDY = Decoding()
_ROOM = 64
_BATCH_SIZE = {"cuda": 64, "mps": 16, "cpu": 8}
R = TypeVar("R")


class TransformersEngine:
    """An Engine that runs a transformers BioGPT; safe to share between threads.

    Batches run one at a time. Within a batch, and in a stream, a thread has the model for one
    step, then the next in line has it: a stream goes on while a batch runs, and a stream that
    nobody reads keeps nobody waiting.

    Attributes:
        model_name: The name that the model was asked for by.
        tokenizer: The model's BioGptTokenizer.
        folder: The folder it was loaded from; None for a model that was built in memory.
        device: Where the model is.
        dtype: What it computes in.
    """

    def __init__(
        self,
        model: BioGptForCausalLM,
        tokenizer: BioGptTokenizer,
        *,
        model_name: str,
        folder: Path | None = None,
        batch_size: int | None = None,
    ) -> None:
        """Wrap a model that is on its device, in its dtype.

        Args:
            model: The model; set to evaluation mode.
            tokenizer: Its tokenizer.
            model_name: What to call it.
            folder: Where it was loaded from.
            batch_size: Most prompts of a batch; None for what suits the device.

        Raises:
            ModelError: The tokenizer has more tokens than the model has embeddings.
        """
        self.model_name = model_name
        self.tokenizer = tokenizer
        self.folder = folder
        self.device: torch.device = model.device
        self.dtype: torch.dtype = model.dtype
        self._model = model.eval()
        self._tokens = Tokens(tokenizer)
        if self._tokens.rows > model.config.vocab_size:
            raise ModelError(
                f"the tokenizer of {model_name!r} has {self._tokens.rows} tokens, its model "
                f"{model.config.vocab_size} embeddings: they do not belong together"
            )
        self._batches = Batcher(_BATCH_SIZE.get(self.device.type, 8))
        self._queue, self._forward = Lock(), Lock()
        if batch_size is not None:
            self.limit_batches(batch_size)

    @property
    def context_size(self) -> int:
        """Positions of the model: most tokens of prompt and completion together."""
        return int(self._model.config.max_position_embeddings)

    def limit_batches(self, batch_size: int) -> None:
        """Set the most prompts of a batch, for all who share this engine.

        Raises:
            InputError: It is less than 1.
        """
        if batch_size < 1:
            raise InputError(f"batch_size = {batch_size!r} must be at least 1")
        self._batches.limit(batch_size)

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text, the leading `</s>` not counted."""
        return len(self._tokens.ids(text))

    def token_ids(self, text: str) -> list[int]:
        """Ids of a text's tokens, the leading `</s>` not among them."""
        return self._tokens.ids(text)

    def complete(
        self, prompts: Sequence[Prompt | str], decoding: Decoding = _GREEDY
    ) -> list[Completion]:
        """Continue every prompt; one completion each, in order, its own error if it failed."""
        stops = Stops(decoding.stop, self._tokens)
        beams = decoding.num_beams > 1

        def work(batch: list[Encoded]) -> list[Completion]:
            n = decoding.n if beams else 1
            rows = [self._row(encoded, decoding, stops) for encoded in batch for _ in range(n)]
            if beams:
                for _, equals in groupby(rows, key=lambda row: row.budget):
                    write_beams(self._model, list(equals), decoding, self._turn)
            else:
                for _ in write(self._model, rows, decoding, self._turn):
                    pass
            found = [self._completion(row, batch[i // n]) for i, row in enumerate(rows)]
            return [_as_one(found[at : at + n]) for at in range(0, len(found), n)]

        found = self._each(
            prompts,
            lambda prompt: self._encode(prompt, decoding),
            work,
            lambda error: Completion(error=error),
            samples=1 if beams else decoding.n,
        )
        return [_as_one(completions) for completions in found]

    def stream(self, prompt: Prompt | str, decoding: Decoding = _GREEDY) -> Iterator[Chunk]:
        """Continue one prompt piece by piece; the pieces add up to the completion's text.

        A piece is shown once nothing can change it any more: whole words, and no beginning of a
        stop string. Closing the iterator stops the generation, which runs only while it is read.

        Raises:
            BioGPTError: The prompt cannot be used, or (on reading) the runtime failed.
        """
        encoded = self._encode(prompt, decoding)
        return self._pieces(encoded, replace(decoding, num_beams=1, n=1))

    def choose(
        self, prompts: Sequence[Prompt | str], choices: Sequence[str], *, truncate: bool = True
    ) -> list[Choice]:
        """Score each choice, whole, as what follows each prompt; nothing is generated.

        Raises:
            InputError: There are no choices, or one is empty, or the beginning of another.
        """
        labels = self._labels(choices)
        room = max(map(len, labels))

        def encode(prompt: Prompt | str) -> Encoded:
            window = self.context_size
            return self._tokens.encode(_prompt(prompt), window=window, room=room, truncate=truncate)

        def work(batch: list[Encoded]) -> list[Choice]:
            if cancelled():
                return [Choice(probabilities={}, error=EngineError("cancelled")) for _ in batch]
            logs = score(self._model, [encoded.ids for encoded in batch], labels, self._turn)
            shares = torch.tensor(logs, dtype=torch.float64).softmax(-1).tolist()
            return [
                Choice(
                    probabilities=dict(zip(choices, row, strict=True)),
                    usage=Usage(prompt_tokens=len(encoded.ids)),
                    truncated_tokens=encoded.truncated,
                )
                for encoded, row in zip(batch, shares, strict=True)
            ]

        found = self._each(
            prompts, encode, work, lambda error: Choice(probabilities={}, error=error)
        )
        return [choice for (choice,) in found]

    def _each(
        self,
        prompts: Sequence[Prompt | str],
        encode: Callable[[Prompt | str], Encoded],
        work: Callable[[list[Encoded]], list[R]],
        failed: Callable[[BioGPTError], R],
        *,
        samples: int = 1,
    ) -> list[list[R]]:
        found: dict[int, list[R]] = {}
        encoded: dict[int, Encoded] = {}
        for index, prompt in enumerate(prompts):
            try:
                encoded[index] = encode(prompt)
            except BioGPTError as error:
                found[index] = [failed(error)]
        # Equal lengths side by side waste no padding; the longest first, as memory runs out there.
        order = sorted(encoded, key=lambda index: -len(encoded[index].ids))
        items = [replace(encoded[index], sample=i) for index in order for i in range(samples)]
        results = self._batches.run(items, work)
        several = iter(results)
        for index in order:
            own = islice(several, samples)
            found[index] = [failed(r) if isinstance(r, EngineError) else r for r in own]
        return [found[index] for index in range(len(found))]

    def _pieces(self, encoded: Encoded, decoding: Decoding) -> Iterator[Chunk]:
        stops = Stops(decoding.stop, self._tokens)
        row = self._row(encoded, decoding, stops)
        steps = write(self._model, [row], decoding, self._turn)
        shown = ""
        while row.finish is None:
            try:
                next(steps, None)
            except Exception as error:
                raise engine_error(error) from error
            if row.finish is None and self._tokens.ends_word(row.written[-1]):
                settled = stops.settled(row.written)
                if len(settled) > len(shown):
                    yield Chunk(text=settled[len(shown) :])
                    shown = settled
        completion = self._completion(row, encoded)
        yield Chunk(text=completion.text[len(shown) :], completion=completion)

    def _encode(self, prompt: Prompt | str, decoding: Decoding) -> Encoded:
        prompt, window = _prompt(prompt), self._window(decoding)
        # A checkpoint's own source limit leaves the room that it was trained with.
        room = min(decoding.max_new_tokens or _ROOM, _ROOM, max(1, window // 4))
        room = room if prompt.max_source_tokens is None else 1
        return self._tokens.encode(prompt, window=window, room=room, truncate=decoding.truncate)

    def _window(self, decoding: Decoding) -> int:
        # max_length counts the final `</s>`, which the model never reads and needs no position.
        limit = decoding.max_length - 1 if decoding.max_length else self.context_size
        return min(limit, self.context_size)

    def _row(self, encoded: Encoded, decoding: Decoding, stops: Stops) -> Row:
        window = self._window(decoding)
        seeded = encoded.sample and decoding.seed is not None
        left = window - len(encoded.ids)
        return Row(
            prompt=encoded.ids,
            budget=min(decoding.max_new_tokens or left, left),
            stops=stops,
            # Of several samples the first is the one that would be written alone.
            random=Random(f"{decoding.seed}/{encoded.sample}" if seeded else decoding.seed),
        )

    def _completion(self, row: Row, encoded: Encoded) -> Completion:
        whole = self._tokens.text(row.written)
        text, stopped = row.stops.cut(whole)
        places = self._tokens.places(row.written, whole) if row.logprobs else []
        tokens = (Token(text=p, start=at, logprob=row.logprobs[i]) for i, p, at in places)
        return Completion(
            text=text,
            tokens=tuple(token for token in tokens if token.start < len(text)),
            finish_reason="stop" if stopped else row.finish,
            usage=Usage(prompt_tokens=len(encoded.ids), completion_tokens=len(row.written)),
            truncated_tokens=encoded.truncated,
        )

    def _labels(self, choices: Sequence[str]) -> list[list[int]]:
        if isinstance(choices, str) or not choices:
            raise InputError(f"choices = {choices!r} must be a sequence of at least one label")
        labels = [self._tokens.ids(choice) for choice in choices]
        for i, label in enumerate(labels):
            if not label:
                raise InputError(f"the choice {choices[i]!r} is empty: give at least one word")
            for j, other in enumerate(labels):
                if i != j and other[: len(label)] == label:
                    raise InputError(
                        f"the choice {choices[i]!r} is the beginning of {choices[j]!r}, so their "
                        "probabilities cannot be told apart: word them differently, or let both "
                        "end in a full stop"
                    )
        return labels

    @contextmanager
    def _turn(self) -> Iterator[None]:
        # Python's locks are not fair: a loop that lets go and takes again at once keeps its lock.
        # Whoever waits for the model therefore holds the queue, and the loop has to pass it.
        with self._queue:
            self._forward.acquire()
        try:
            yield
        finally:
            self._forward.release()


def _prompt(prompt: object) -> Prompt:
    if isinstance(prompt, str):
        return Prompt(text=prompt)
    if isinstance(prompt, Prompt):
        return prompt
    raise InputError(f"a prompt is a string or a Prompt, not a {type(prompt).__name__}")


def _as_one(completions: Sequence[Completion]) -> Completion:
    """The completions of one prompt; an error of one is that of all."""
    first, *others = completions
    failed = next((c for c in completions if c.error), first)
    return failed if failed.error or not others else replace(first, others=tuple(others))
