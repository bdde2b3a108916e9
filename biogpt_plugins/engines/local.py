"""An engine on a local model: prompts become jobs of a scheduler, and jobs completions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, ClassVar, TypeVar

import torch
from transformers import BioGptTokenizer

from biogpt_plugins.engine import (
    Choice,
    Chunk,
    Completion,
    Decoding,
    Prompt,
    Runtime,
    Scored,
    Token,
)
from biogpt_plugins.engine.limits import completion_room, positions
from biogpt_plugins.engines.derivations import Derivation
from biogpt_plugins.engines.jobs import BeamSearch, Generation, Job, Scoring
from biogpt_plugins.engines.moses import Detokenizer
from biogpt_plugins.engines.scheduler import Runner, Scheduler
from biogpt_plugins.engines.stopping import StopStrings
from biogpt_plugins.engines.tokens import Encoded, Tokens
from biogpt_plugins.values.errors import BioGPTError, InputError, ModelError
from biogpt_plugins.values.results import Usage

_GREEDY = Decoding()
_AHEAD = 16
_MOST_BRANCHES = 512  # tokens of a pass; their logits take 90 MB
W = TypeVar("W", bound=Job)
R = TypeVar("R")


class LocalEngine:
    """An Engine on a local model; safe to share between threads and event loops.

    Simultaneous calls from any threads are merged into full batches; see Scheduler.

    Attributes:
        runtime: The runtime of the model.
        model_name: The model's name as the user gave it.
        tokenizer: The model's BioGptTokenizer.
        folder: The folder it was loaded from; None for a model built in memory.
        context_size: Positions of the model: most tokens of prompt and completion together.
        closed: Whether `close` was called.
        loaded_as: The options of `load_engine` that loaded it, and "folder"; None for an engine
            built in another way.
        free_logprobs: Whether log-probabilities take no further pass of the model, without beams.
    """

    runtime: ClassVar[Runtime] = "transformers"
    free_logprobs: ClassVar[bool] = True

    def __init__(  # noqa: PLR0913 - for subclasses
        self,
        tokenizer: BioGptTokenizer,
        runners: Sequence[Runner],
        *,
        model_name: str,
        context_size: int,
        rows: int,
        folder: Path | None = None,
    ) -> None:
        """Set up the engine.

        Args:
            tokenizer: The model's tokenizer.
            runners: The model, and its copies.
            model_name: The name of the model.
            context_size: Number of positions.
            rows: Number of embeddings.
            folder: The folder it was loaded from.

        Raises:
            ModelError: The tokenizer has more tokens than the model has embeddings.
        """
        self.model_name = model_name
        self.tokenizer = tokenizer
        self.folder = folder
        self.context_size = context_size
        self.closed = False
        self.loaded_as: dict[str, Any] | None = None
        self._tokens = Tokens(tokenizer)
        if self._tokens.rows > rows:
            raise ModelError(
                f"the tokenizer of {model_name!r} has {self._tokens.rows} tokens, but the "
                f"model has {rows} embeddings: use the tokenizer that belongs to the model"
            )
        self._scheduler = Scheduler(runners)

    def limit_batches(self, batch_size: int) -> None:
        """Set the maximum number of prompts at once per copy of the model, for all callers.

        Raises:
            InputError: The number is less than 1.
        """
        self._scheduler.limit(batch_size)

    def close(self) -> None:
        """Cancel all running calls, and wait for the engine's threads to end."""
        self.closed = True
        self._scheduler.close()

    def count_tokens(self, text: str) -> int:
        """The number of tokens of a text, without the leading `</s>`."""
        return len(self._tokens.ids(text))

    def token_ids(self, text: str) -> list[int]:
        """The token ids of a text, without the leading `</s>`."""
        return self._tokens.ids(text)

    def complete(
        self, prompts: Sequence[Prompt | str], decoding: Decoding = _GREEDY
    ) -> list[Completion]:
        """Continue every prompt: one completion each, in order; a failed one has its own error."""
        stops = StopStrings(decoding.stop, self._tokens)

        def jobs(encoded: Encoded) -> Sequence[Generation | BeamSearch]:
            form = self._form(encoded, decoding)
            if decoding.num_beams == 1:
                return [self._row(encoded, decoding, stops, form, i) for i in range(decoding.n)]
            rows = [self._row(encoded, decoding, stops, form) for _ in range(decoding.n)]
            return [BeamSearch(prompt=encoded.ids, decoding=decoding, rows=rows)]

        def completion(encoded: Encoded, done: Sequence[Generation | BeamSearch]) -> Completion:
            if error := next((job.error for job in done if job.error), None):
                return Completion(error=error)
            rows = [row for job in done for row in _rows(job)]
            first, *others = [self._completion(row, encoded) for row in rows]
            return replace(first, others=tuple(others))

        return self._each(
            prompts,
            lambda prompt: self._encode(prompt, decoding),
            jobs,
            completion,
            lambda error: Completion(error=error),
        )

    def stream(self, prompt: Prompt | str, decoding: Decoding = _GREEDY) -> Iterator[Chunk]:
        """Continue one prompt piece by piece; the pieces add up to the text of the completion.

        A piece is yielded once it is final: whole words, without the beginning of a stop string.
        The generation runs only a few tokens ahead of the reader. Closing the iterator stops it.

        Raises:
            BioGPTError: The prompt is invalid, or (while reading) the runtime failed.
        """
        encoded = self._encode(prompt, decoding)
        return self._pieces(encoded, replace(decoding, num_beams=1, n=1))

    def choose(
        self, prompts: Sequence[Prompt | str], choices: Sequence[str], *, truncate: bool = True
    ) -> list[Choice]:
        """Score each choice, as a whole, as the continuation of each prompt; generate nothing.

        A common beginning of prompts is computed once.

        Raises:
            InputError: There are no choices, or one is empty or the beginning of another.
        """
        labels = self._labels(choices)
        room = max(map(len, labels))

        def encode(prompt: Prompt | str) -> Encoded:
            window = self.context_size
            return self._tokens.encode(_prompt(prompt), window=window, room=room, truncate=truncate)

        def choice(encoded: Encoded, done: Sequence[Scoring]) -> Choice:
            (job,) = done
            if job.error:
                return Choice(probabilities={}, error=job.error)
            shares = torch.tensor(job.logs, dtype=torch.float64).softmax(-1).tolist()
            return Choice(
                probabilities=dict(zip(choices, shares, strict=True)),
                usage=Usage(prompt_tokens=len(encoded.ids)),
                truncated_tokens=encoded.truncated,
            )

        return self._each(
            prompts,
            encode,
            lambda encoded: [Scoring(prompt=encoded.ids, labels=labels)],
            choice,
            lambda error: Choice(probabilities={}, error=error),
        )

    def score(
        self,
        prompts: Sequence[Prompt | str],
        continuations: Sequence[Sequence[str]],
        *,
        truncate: bool = True,
    ) -> list[Scored]:
        """Give the probability of each of a prompt's continuations; generate nothing.

        A prompt is read once. Its continuations follow as branches of a tree, of which each sees
        the prompt and itself, in passes of a bounded number of tokens.

        Raises:
            InputError: A continuation is empty.
        """
        several = iter(continuations)
        labels: dict[int, list[tuple[int, ...]]] = {}

        def encode(prompt: Prompt | str) -> Encoded:
            found = [tuple(self._tokens.ids(text)) for text in next(several)]
            if not all(found):
                raise InputError("a continuation is empty: give at least one word")
            room = max(map(len, found), default=1)
            window = self.context_size
            encoded = self._tokens.encode(
                replace(_prompt(prompt), grammar=None), window=window, room=room, truncate=truncate
            )
            labels[id(encoded)] = found
            return encoded

        def jobs(encoded: Encoded) -> Sequence[Scoring]:
            return [
                Scoring(prompt=encoded.ids, labels=some) for some in _parts(labels[id(encoded)])
            ]

        def scored(encoded: Encoded, done: Sequence[Scoring]) -> Scored:
            if error := next((job.error for job in done if job.error), None):
                return Scored(error=error)
            every = [pair for job in done for pair in zip(job.labels, job.parts, strict=True)]
            return Scored(
                tokens=tuple(self._told(ids, logs) for ids, logs in every),
                usage=Usage(
                    prompt_tokens=len(encoded.ids),
                    completion_tokens=sum(len(ids) for ids, _ in every),
                ),
                truncated_tokens=encoded.truncated,
            )

        return self._each(prompts, encode, jobs, scored, lambda error: Scored(error=error))

    def _told(self, ids: Sequence[int], logs: Sequence[float]) -> tuple[Token, ...]:
        text = self._tokens.text(ids)
        places = self._tokens.places(ids, text)
        return tuple(Token(text=piece, start=at, logprob=logs[i]) for i, piece, at in places)

    def _each(
        self,
        prompts: Sequence[Prompt | str],
        encode: Callable[[Prompt | str], Encoded],
        jobs_of: Callable[[Encoded], Sequence[W]],
        outcome: Callable[[Encoded, Sequence[W]], R],
        failed: Callable[[BioGPTError], R],
    ) -> list[R]:
        asked: list[tuple[Encoded, Sequence[W]] | BioGPTError] = []
        for prompt in prompts:
            try:
                encoded = encode(prompt)
                asked.append((encoded, jobs_of(encoded)))
            except BioGPTError as error:
                asked.append(error)
        jobs = [job for pair in asked if isinstance(pair, tuple) for job in pair[1]]
        self._scheduler.run([job for job in jobs if not job.done])
        return [outcome(*pair) if isinstance(pair, tuple) else failed(pair) for pair in asked]

    def _pieces(self, encoded: Encoded, decoding: Decoding) -> Iterator[Chunk]:
        stops = StopStrings(decoding.stop, self._tokens)
        row = self._row(encoded, decoding, stops, self._form(encoded, decoding))
        row.ahead = _AHEAD
        spelling = self._tokens.spelling(encoded.text)
        writing, fed, shown = Detokenizer(), 0, ""
        for count in self._scheduler.follow(row):
            if row.error:
                raise row.error
            if row.done:
                break
            # How an unknown piece is spelt depends on what follows.
            known = spelling.first(row.written) if spelling else count
            end = self._tokens.end_of_words(row.written[fed : min(count, known)]) + fed
            writing.add(self._tokens.words(row.written[fed:end]))
            fed = end
            settled = stops.before(writing.settled)
            if len(settled) > len(shown):
                yield Chunk(text=settled[len(shown) :])
                shown = settled
        completion = self._completion(row, encoded)
        yield Chunk(text=completion.text[len(shown) :], completion=completion)

    def _encode(self, prompt: Prompt | str, decoding: Decoding) -> Encoded:
        prompt, window = _prompt(prompt), positions(decoding, self.context_size)
        if decoding.constrained and prompt.grammar is None:
            raise InputError(
                f"{decoding.form} decoding needs a grammar, and the prompt has none: give it a "
                "grammar, or use free decoding"
            )
        if decoding.form == "entities" and prompt.grammar and prompt.grammar.copies:
            raise InputError(
                "decoding among entities needs entities, and a prompt has none: run the task's "
                "pipeline or component on inputs with entities, or use grounded decoding"
            )
        if not decoding.constrained:
            prompt = replace(prompt, grammar=None)
        room = completion_room(prompt, decoding, window)
        return self._tokens.encode(prompt, window=window, room=room, truncate=decoding.truncate)

    def _budget(self, encoded: Encoded, decoding: Decoding) -> int:
        left = positions(decoding, self.context_size) - len(encoded.ids)
        return min(decoding.max_new_tokens or left, left)

    def _form(self, encoded: Encoded, decoding: Decoding) -> Derivation | None:
        """The start of every completion in the prompt's grammar, if it has one."""
        if encoded.grammar is None:
            return None
        budget = self._budget(encoded, decoding)
        return Derivation(encoded.grammar, encoded.text, self._tokens.ids, budget)

    def _row(
        self,
        encoded: Encoded,
        decoding: Decoding,
        stops: StopStrings,
        form: Derivation | None,
        sample: int = 0,
    ) -> Generation:
        seeded = sample and decoding.seed is not None
        row = Generation(
            prompt=encoded.ids,
            decoding=decoding,
            budget=self._budget(encoded, decoding),
            stops=stops,
            # The first of several samples is the same as a single sample.
            random=Random(f"{decoding.seed}/{sample}" if seeded else decoding.seed),
        )
        if form:
            row.derivation = form.copy()
            if form.finished:  # the text has nothing to copy
                row.end("stop")
        return row

    def _completion(self, row: Generation, encoded: Encoded) -> Completion:
        spelling = self._tokens.spelling(encoded.text)
        written = spelling.of(row.written) if spelling else row.written
        whole = self._tokens.text(written)
        text, stopped = row.stops.cut(whole)
        places = self._tokens.places(written, whole) if row.logprobs else []
        tokens = (Token(text=p, start=at, logprob=row.logprobs[i]) for i, p, at in places)
        return Completion(
            text=text,
            tokens=tuple(token for token in tokens if token.start < len(text)),
            finish_reason="stop" if stopped else row.finish,
            usage=Usage(prompt_tokens=len(encoded.ids), completion_tokens=len(row.written)),
            truncated_tokens=encoded.truncated,
        )

    def _labels(self, choices: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        if isinstance(choices, str) or not choices:
            raise InputError(f"choices must be a sequence of at least one label, not {choices!r}")
        labels = tuple(tuple(self._tokens.ids(choice)) for choice in choices)
        for i, label in enumerate(labels):
            if not label:
                raise InputError(f"the choice {choices[i]!r} is empty: give at least one word")
            for j, other in enumerate(labels):
                if i != j and other[: len(label)] == label:
                    raise InputError(
                        f"the choice {choices[i]!r} is the beginning of {choices[j]!r}, so "
                        "their probabilities cannot be separated: reword one of them, or "
                        "end both with a full stop"
                    )
        return labels


def _rows(job: Generation | BeamSearch) -> list[Generation]:
    return job.rows if isinstance(job, BeamSearch) else [job]


def _parts(labels: Sequence[tuple[int, ...]]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Labels in parts of a bounded number of tokens; common beginnings count once."""
    part: list[tuple[int, ...]] = []
    known: set[tuple[int, ...]] = set()
    for label in labels:
        new = {label[:end] for end in range(1, len(label))} - known
        if part and len(known) + len(new) > _MOST_BRANCHES:
            yield tuple(part)
            part, known, new = [], set(), {label[:end] for end in range(1, len(label))}
        part.append(label)
        known |= new
    if part:
        yield tuple(part)


def _prompt(prompt: object) -> Prompt:
    if isinstance(prompt, str):
        return Prompt(text=prompt)
    if isinstance(prompt, Prompt):
        return prompt
    raise InputError(f"a prompt must be a str or a Prompt, not a {type(prompt).__name__}")
