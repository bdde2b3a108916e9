"""An Engine that asks a server."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any, ClassVar

from pydantic import TypeAdapter

from biogpt_plugins.checkpoints.address import check_address
from biogpt_plugins.engine import Choice, Chunk, Completion, Continuation, Decoding, Prompt, Scored
from biogpt_plugins.engine.limits import check_choices, check_continuations
from biogpt_plugins.remote.connection import VARIABLE, Patience, own_error
from biogpt_plugins.remote.loop import Gone
from biogpt_plugins.remote.requests import (
    CONTINUATIONS,
    DECODING,
    TEXTS,
    as_json,
    body,
    check_text,
    checked,
    flag,
    in_parts,
)
from biogpt_plugins.remote.server import Server
from biogpt_plugins.remote.wire import (
    Choices,
    Completions,
    Facts,
    Scores,
    TokenCounts,
    TokenIds,
    rows_of,
)
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import half_pair

_GREEDY = Decoding()
_KNOWN = 8192  # texts whose number of tokens is remembered
_CHUNK: TypeAdapter[Chunk] = TypeAdapter(Chunk)


class RemoteEngine:
    """An Engine on a server of this package; safe to share between threads and event loops.

    All is computed by the server: this process needs no torch and no model. A request that meets
    no server, or a busy one, is sent again for a while. When a caller is cancelled, the server
    stops its work.

    Attributes:
        model_name: The address of the server.
        merges_calls: Whether calls at the same time share batches.
    """

    merges_calls: ClassVar[bool] = True

    def __init__(
        self, url: str, *, token: str | None = None, patience: Patience = Patience()
    ) -> None:
        """Ask nothing yet.

        Args:
            url: The address of the server, such as "http://127.0.0.1:8000".
            token: A bearer token of the server; None takes the one in BIOGPT_SERVE_TOKEN.
            patience: How long the server is waited for.

        Raises:
            InputError: The address is not valid.
        """
        self.model_name = check_address(url)
        self._server = Server(self.model_name, _token(token), patience)
        self._closed = False
        self._counts: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"RemoteEngine({self.model_name!r})"

    def __reduce__(self) -> tuple[Callable[[str], RemoteEngine], tuple[str]]:
        return connect, (self.model_name,)  # tokens are not pickled

    # --- what the server tells ----------------------------------------------------------------

    @property
    def facts(self) -> Facts:
        """What the server tells of its engine; asked once.

        Raises:
            ServerError: It cannot be reached, or speaks another protocol.
        """
        return self._server.facts

    @property
    def served(self) -> str:
        """The name of the model on the server."""
        return self.facts.model

    @property
    def context_size(self) -> int:
        """The model's positions."""
        return self.facts.context_size

    @property
    def runtime(self) -> str:
        """The runtime of the model."""
        return self.facts.runtime

    @property
    def dtype(self) -> str:
        """The dtype of its weights."""
        return self.facts.dtype

    @property
    def device(self) -> str:
        """Where it runs."""
        return f"{self.facts.device} at {self.model_name}".strip()

    @property
    def free_logprobs(self) -> bool:
        """Whether log-probabilities take no further pass of the model, without beams."""
        return self.facts.free_logprobs

    @property
    def closed(self) -> bool:
        """Whether `close` was called, or the server serves another engine than before."""
        return self._closed or self._server.changed

    # --- the protocol -------------------------------------------------------------------------

    def complete(
        self, prompts: Sequence[Prompt | str], decoding: Decoding = _GREEDY
    ) -> list[Completion]:
        """Continue every prompt: one completion each, in order; a failed one has its own error."""
        return self._server.each(
            "complete",
            [partial(self._prompt, one) for one in prompts],
            {"decoding": _written(decoding)},
            lambda answer: Completions.model_validate_json(answer).completions,
            lambda error: Completion(error=error),
            gone=Completion(finish_reason="cancelled"),
            rows=rows_of(decoding),
            repeatable=decoding.temperature == 0 or decoding.seed is not None,
        )

    def stream(self, prompt: Prompt | str, decoding: Decoding = _GREEDY) -> Iterator[Chunk]:
        """Continue one prompt piece by piece. Closing the iterator ends the server's work.

        Raises:
            BioGPTError: The prompt is invalid, or (while reading) the server failed.
        """
        asked = self._prompt(prompt)
        return self._pieces(asked, _written(decoding))

    def choose(
        self, prompts: Sequence[Prompt | str], choices: Sequence[str], *, truncate: bool = True
    ) -> list[Choice]:
        """Score each choice, as a whole, as the continuation of each prompt; generate nothing.

        Raises:
            InputError: There are no choices, or one is empty or the beginning of another.
        """
        check_choices(choices)
        return self._server.each(
            "choose",
            [partial(self._prompt, one) for one in prompts],
            {"choices": TEXTS.dump_json(choices), "truncate": flag(truncate)},
            lambda answer: Choices.model_validate_json(answer).choices,
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

        Raises:
            InputError: There is not one sequence of continuations for each prompt.
        """
        check_continuations(prompts, continuations)
        asked = zip(prompts, continuations, strict=True)
        return self._server.each(
            "score",
            [partial(self._continued, *one) for one in asked],
            {"truncate": flag(truncate), "top_logprobs": b"%d" % top_logprobs},
            lambda answer: Scores.model_validate_json(answer).scores,
            lambda error: Scored(error=error),
        )

    def count_tokens(self, text: str) -> int:
        """The number of tokens of a text, without the leading `</s>`; remembered for a while."""
        count = self._counts.get(text)
        if count is None:
            self._check(text)
            (count,) = self._count([text])
        return count

    def token_ids(self, text: str) -> list[int]:
        """The token ids of a text, without the leading `</s>`."""
        self._check(text)
        answer = self._server.ask("tokens", texts=TEXTS.dump_json([text]))
        return TokenIds.model_validate_json(answer).tokens[0]

    def foresee(self, texts: Sequence[str]) -> None:
        """Learn how many tokens several texts have, which `count_tokens` is asked for soon."""
        new = {text for text in texts if text not in self._counts and not half_pair(text)}
        known = [text for text in sorted(new) if len(text) <= self.facts.limits.prompt]
        items = {number: TEXTS.dump_json([text])[1:-1] for number, text in enumerate(known)}
        for part in in_parts(items, 1, self.facts.limits):
            self._count([known[number] for number in part])

    def _count(self, texts: Sequence[str]) -> list[int]:
        answer = self._server.ask("count", texts=TEXTS.dump_json(texts))
        counts = TokenCounts.model_validate_json(answer).counts
        if len(self._counts) > _KNOWN:
            self._counts.clear()
        self._counts.update(zip(texts, counts, strict=True))
        return counts

    def close(self) -> None:
        """Close the connections of this process."""
        self._closed = True
        self._server.close()

    def _prompt(self, given: object, *, grammar: bool = True) -> bytes:
        return as_json(Prompt.of(given), self.facts.limits, grammar=grammar)

    def _continued(self, given: object, texts: Sequence[Continuation]) -> bytes:
        for text in texts:
            if isinstance(text, str):
                self._check(text)
        prompt = self._prompt(given, grammar=False)
        asked = body(prompt=prompt, continuations=CONTINUATIONS.dump_json(texts))
        return checked(asked, self.facts.limits)

    def _check(self, text: str) -> None:
        check_text(text, self.facts.limits)

    def _pieces(self, prompt: bytes, decoding: bytes) -> Iterator[Chunk]:
        try:
            with closing(self._server.lines("stream", prompt=prompt, decoding=decoding)) as lines:
                for line in lines:
                    yield _piece(line)
        except Gone:
            yield Chunk(text="", completion=Completion(finish_reason="cancelled"))


_ENGINES: dict[tuple[str, str | None], RemoteEngine] = {}


def connect(url: str, *, token: str | None = None) -> RemoteEngine:
    """The engine of a server: one for each address and token in a process.

    Args:
        url: The address of the server.
        token: As in RemoteEngine.

    Raises:
        InputError: The address or the token is not valid.
    """
    key = check_address(url), _token(token)
    known = _ENGINES.get(key)
    if known and known.closed:
        _ENGINES.pop(key, None)
    return _ENGINES.setdefault(key, RemoteEngine(key[0], token=key[1]))


def _token(given: str | None) -> str | None:
    """The token that was given, or the one in the environment.

    Raises:
        InputError: It cannot be sent.
    """
    token = (os.environ.get(VARIABLE, "") if given is None else given).strip()
    if not token.isascii() or len(token.split()) > 1:
        raise InputError("a token must have letters, digits and signs of ASCII, without spaces")
    return token or None


def _written(decoding: Decoding) -> bytes:
    return DECODING.dump_json(decoding, exclude_defaults=True)


def _piece(line: bytes) -> Chunk:
    """A piece of a stream.

    Raises:
        BioGPTError: It is an error.
    """
    told: dict[str, Any] = json.loads(line)
    if fault := told.get("error"):
        refused = fault["type"] == "invalid_request_error"
        raise own_error(fault["message"], str(fault["code"]), refused=refused)
    return _CHUNK.validate_python(told)
