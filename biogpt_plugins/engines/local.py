"""An engine on a local model: prompts become jobs of a scheduler, and jobs completions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import torch

from biogpt_plugins.engine import (
    Choice,
    Chunk,
    Completion,
    Continuation,
    Decoding,
    Load,
    Prompt,
    Runtime,
    Scored,
)
from biogpt_plugins.engine.limits import check_continuations, completion_room, positions
from biogpt_plugins.engines.derivations import Derivation
from biogpt_plugins.engines.drafts import Drafter, Outline
from biogpt_plugins.engines.jobs import BeamSearch, Generation, Job, Scoring
from biogpt_plugins.engines.labels import ids_of_choices, ids_of_continuations, in_parts
from biogpt_plugins.engines.moses import Detokenizer
from biogpt_plugins.engines.scheduler import Runner, Scheduler
from biogpt_plugins.engines.stopping import StopStrings
from biogpt_plugins.engines.telling import Telling, told, told_ids, told_one
from biogpt_plugins.engines.tokens import Encoded, Tokens
from biogpt_plugins.engines.vocabulary import Vocabulary
from biogpt_plugins.values.errors import BioGPTError, InputError, ModelError
from biogpt_plugins.values.results import Usage

if TYPE_CHECKING:
    from transformers import BioGptTokenizer

_GREEDY = Decoding()
_AHEAD = 16
W = TypeVar("W", bound=Job)
R = TypeVar("R")


class LocalEngine:
    """An Engine on a local model; safe to share between threads and event loops.

    Simultaneous calls from any threads are merged into full batches; see Scheduler.

    Attributes:
        runtime: The runtime of the model.
        model_name: The model's name as the user gave it.
        folder: The folder it was loaded from; None for a model built in memory.
        context_size: Positions of the model: most tokens of prompt and completion together.
        closed: Whether `close` was called.
        loaded_as: The options of `load_engine` that loaded it, and "folder"; None for an engine
            built in another way.
        free_logprobs: Whether log-probabilities take no further pass of the model, without beams.
        drafts: Whether a pass of the model may write several tokens, which are guessed before.
        can_draft: Whether the runtime can do so at all.
        merges_calls: Whether calls at the same time share batches.
    """

    runtime: ClassVar[Runtime] = "transformers"
    free_logprobs: ClassVar[bool] = True
    can_draft: ClassVar[bool] = True
    merges_calls: ClassVar[bool] = True

    def __init__(  # noqa: PLR0913 - for subclasses
        self,
        tokenizer: BioGptTokenizer | Vocabulary,
        runners: Sequence[Runner],
        *,
        model_name: str,
        context_size: int,
        rows: int,
        folder: Path | None = None,
    ) -> None:
        """Set up the engine.

        Args:
            tokenizer: The model's tokenizer, or its vocabulary.
            runners: The model, and its copies.
            model_name: The name of the model.
            context_size: Number of positions.
            rows: Number of embeddings.
            folder: The folder it was loaded from.

        Raises:
            ModelError: The tokenizer has more tokens than the model has embeddings.
        """
        self.model_name = model_name
        self.folder = folder
        self.context_size = context_size
        self.closed = False
        self.drafts = True
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

    @property
    def tokenizer(self) -> BioGptTokenizer:
        """The model's BioGptTokenizer."""
        return self._tokens.tokenizer

    @property
    def load(self) -> Load:
        """How busy it is with the calls of all callers."""
        return self._scheduler.load

    def count_tokens(self, text: str) -> int:
        """The number of tokens of a text, without the leading `</s>`."""
        return len(self._tokens.of(text))

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
        labels = ids_of_choices(choices, self._tokens)
        room = max(map(len, labels))

        def encode(prompt: Prompt | str) -> Encoded:
            asked, window = Prompt.of(prompt), self.context_size
            return self._tokens.encode(asked, window=window, room=room, truncate=truncate)

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
        continuations: Sequence[Sequence[Continuation]],
        *,
        truncate: bool = True,
        top_logprobs: int = 0,
    ) -> list[Scored]:
        """Give the probability of each of a prompt's continuations; generate nothing.

        A prompt is read once. Its continuations follow as branches of a tree, of which each sees
        the prompt and itself, in passes of a bounded number of tokens. An empty or too long
        continuation is the error of its prompt.

        Raises:
            InputError: There is not one sequence of continuations for each prompt.
        """
        check_continuations(prompts, continuations)
        tokens, window = self._tokens, self.context_size
        waiting = iter(continuations)
        asked: dict[int, tuple[Sequence[Continuation], list[tuple[int, ...]]]] = {}

        def encode(prompt: Prompt | str) -> Encoded:
            texts = next(waiting)
            labels = ids_of_continuations(texts, tokens, window)
            bare, room = replace(Prompt.of(prompt), grammar=None), max(map(len, labels), default=1)
            encoded = tokens.encode(bare, window=window, room=room, truncate=truncate, empty=True)
            asked[id(encoded)] = texts, labels
            return encoded

        def jobs(encoded: Encoded) -> Sequence[Scoring]:
            _, labels = asked[id(encoded)]
            return [
                Scoring(prompt=encoded.ids, labels=some, top=top_logprobs)
                for some in in_parts(labels)
            ]

        def scored(encoded: Encoded, done: Sequence[Scoring]) -> Scored:
            if error := next((job.error for job in done if job.error), None):
                return Scored(error=error)
            every = [measured for job in done for measured in job.parts]
            return Scored(
                tokens=tuple(
                    told(tokens, tokens.as_spelt(text), text, measured)
                    if isinstance(text, str)
                    else told_ids(tokens, ids, measured)
                    for text, ids, measured in zip(*asked[id(encoded)], every, strict=True)
                ),
                usage=Usage(prompt_tokens=len(encoded.ids), completion_tokens=sum(map(len, every))),
                truncated_tokens=encoded.truncated,
            )

        return self._each(prompts, encode, jobs, scored, lambda error: Scored(error=error))

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
        writing, fed, shown, telling = Detokenizer(), 0, "", Telling(self._tokens)
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
                tokens = telling.add(row.written[:fed], settled, row.measured[:fed])
                yield Chunk(text=settled[len(shown) :], tokens=tokens)
                shown = settled
        completion = self._completion(row, encoded)
        rest = completion.tokens[telling.count :]
        yield Chunk(text=completion.text[len(shown) :], tokens=rest, completion=completion)

    def _encode(self, prompt: Prompt | str, decoding: Decoding) -> Encoded:
        prompt, window = Prompt.of(prompt), positions(decoding, self.context_size)
        outline = None
        if self.drafts and self.can_draft:
            outline = Outline(prompt.grammar, self._tokens.ids, self._tokens.ends_word)
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
        return replace(
            self._tokens.encode(prompt, window=window, room=room, truncate=decoding.truncate),
            outline=outline,
        )

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
        if encoded.outline:
            row.drafter = Drafter(encoded.ids, encoded.outline)
        if form:
            row.derivation = form.copy()
            if form.finished:  # the text has nothing to copy
                row.end("stop")
        return row

    def _completion(self, row: Generation, encoded: Encoded) -> Completion:
        written = self._tokens.as_in(row.written, encoded.text)
        whole = self._tokens.text(written)
        text, stopped = row.stops.cut(whole)
        tokens = told(self._tokens, written, whole, row.measured) if row.measured else ()
        end = None if stopped else row.closing
        return Completion(
            text=text,
            tokens=tuple(token for token in tokens if token.start < len(text)),
            end=end and told_one(self._tokens, self._tokens.eos, len(text), end),
            finish_reason="stop" if stopped else row.finish,
            usage=Usage(prompt_tokens=len(encoded.ids), completion_tokens=len(row.written)),
            truncated_tokens=encoded.truncated,
        )


def _rows(job: Generation | BeamSearch) -> list[Generation]:
    return job.rows if isinstance(job, BeamSearch) else [job]
