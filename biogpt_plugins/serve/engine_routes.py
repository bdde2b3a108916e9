"""The engine itself, for the engines of clients: see `biogpt_plugins.remote`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, TypeAdapter

from biogpt_plugins.engine import Chunk, Decoding, Prompt, in_thread
from biogpt_plugins.remote.wire import (
    ENGINE,
    Asked,
    AskedForTokens,
    AskedToChoose,
    AskedToComplete,
    AskedToScore,
    AskedToStream,
    Choices,
    Completions,
    Facts,
    Scores,
    TokenCounts,
    TokenIds,
    rows_of,
)
from biogpt_plugins.serve.answering import ERRORS, also
from biogpt_plugins.serve.engine_checks import (
    check_continuations,
    check_decoding,
    check_prompts,
    check_texts,
)
from biogpt_plugins.serve.errors import ErrorBody, Refused
from biogpt_plugins.serve.service import Service
from biogpt_plugins.serve.working import Streamed, begun, merged, while_connected

T = TypeVar("T")
_CHUNK = TypeAdapter(Chunk)


def engine_routes(service: Service) -> APIRouter:
    """The endpoints of a service."""
    router = APIRouter(prefix=ENGINE, responses=ERRORS, tags=["engine"])

    @router.get("")
    async def facts() -> Facts:
        """Describe the engine."""
        return await in_thread(service.facts)

    _add_writing(router, service)
    _add_measuring(router, service)
    return router


def _add_writing(router: APIRouter, service: Service) -> None:
    engine, limits = service.engine, service.limits

    @router.post("/complete", response_model=Completions)
    async def complete(request: Request, body: AskedToComplete) -> Response:
        """Continue prompts."""
        await _check_engine(service, body)
        check_prompts(body.prompts, limits)
        check_decoding(body.decoding, limits)
        rows = len(body.prompts) * rows_of(body.decoding)
        work = partial(engine.complete, body.prompts, body.decoding)
        found = await _done(service, request, rows, work)
        every = [one for first in found for one in (first, *first.others)]
        if any(one.finish_reason == "cancelled" for one in every):
            raise Refused(503, "the server is stopping", headers={"Retry-After": "5"})
        for one in every:
            service.metrics.used(one.usage)
        return _json(Completions(completions=found))

    @router.post(
        "/stream",
        response_model=Chunk,
        responses={200: also("application/x-ndjson", "A piece in each line.")},
    )
    async def stream(request: Request, body: AskedToStream) -> Response:
        """Continue a prompt piece by piece."""
        await _check_engine(service, body)
        check_prompts([body.prompt], limits)
        check_decoding(body.decoding, limits)
        place = service.gate.admit(1)
        try:
            pieces = await begun(request, _pieces(service, body.prompt, body.decoding))
        except BaseException:
            place.leave()
            raise
        return Streamed(_lines(pieces), media_type="application/x-ndjson", place=place)


def _add_measuring(router: APIRouter, service: Service) -> None:
    engine, limits = service.engine, service.limits

    @router.post("/choose", response_model=Choices)
    async def choose(request: Request, body: AskedToChoose) -> Response:
        """Give the probability of each label behind prompts."""
        await _check_engine(service, body)
        check_prompts(body.prompts, limits)
        check_texts("choices", body.choices, limits)
        work = partial(engine.choose, body.prompts, body.choices, truncate=body.truncate)
        found = await _done(service, request, len(body.prompts), work)
        for one in found:
            service.metrics.used(one.usage)
        return _json(Choices(choices=found))

    @router.post("/score", response_model=Scores)
    async def score(request: Request, body: AskedToScore) -> Response:
        """Give the probabilities of continuations of prompts."""
        await _check_engine(service, body)
        prompts = [one.prompt for one in body.prompts]
        continuations = [one.continuations for one in body.prompts]
        check_prompts(prompts, limits)
        check_continuations(continuations, limits)
        check_decoding(Decoding(logprobs=True, top_logprobs=body.top_logprobs), limits)
        work = partial(
            engine.score,
            prompts,
            continuations,
            truncate=body.truncate,
            top_logprobs=body.top_logprobs,
        )
        found = await _done(service, request, len(prompts), work)
        for one in found:
            service.metrics.used(one.usage)
        return _json(Scores(scores=found))

    @router.post("/tokens")
    async def tokens(request: Request, body: AskedForTokens) -> TokenIds:
        """Tokenise texts."""
        await _check_engine(service, body)
        check_texts("texts", body.texts, limits)
        return TokenIds(tokens=await _done(service, request, 0, _of_each(engine.token_ids, body)))

    @router.post("/count")
    async def count(request: Request, body: AskedForTokens) -> TokenCounts:
        """Count the tokens of texts."""
        await _check_engine(service, body)
        check_texts("texts", body.texts, limits)
        work = _of_each(engine.count_tokens, body)
        return TokenCounts(counts=await _done(service, request, 0, work))


async def _check_engine(service: Service, asked: Asked) -> None:
    if asked.engine is None:
        return
    facts = await in_thread(service.facts)
    if asked.engine != facts.fingerprint:
        raise Refused(
            409,
            f"it serves another engine than before, of the model {facts.model!r}: load it again",
            param="engine",
            code="engine_changed",
        )


async def _done(service: Service, request: Request, rows: int, work: Callable[[], T]) -> T:
    with service.gate.admit(rows):
        return await while_connected(request, in_thread(work))


def _of_each(tell: Callable[[str], T], asked: AskedForTokens) -> Callable[[], list[T]]:
    return lambda: [tell(text) for text in asked.texts]


def _json(value: BaseModel) -> Response:
    return Response(value.model_dump_json(exclude_defaults=True), media_type="application/json")


async def _pieces(
    service: Service, prompt: Prompt, decoding: Decoding
) -> AsyncGenerator[Chunk, None]:
    pieces = merged([await in_thread(service.engine.stream, prompt, decoding)])
    try:
        async for _, piece in pieces:
            if piece.completion:
                service.metrics.used(piece.completion.usage)
            yield piece
    finally:
        await pieces.aclose()


async def _lines(pieces: AsyncGenerator[Chunk, None]) -> AsyncGenerator[str, None]:
    """A line of JSON for each piece; an error in the middle is the last of them."""
    try:
        async for piece in pieces:
            yield _CHUNK.dump_json(piece, exclude_defaults=True).decode() + "\n"
    except Exception as error:  # the status has been sent
        yield ErrorBody(error=Refused.of(error).fault).model_dump_json() + "\n"
    finally:
        await pieces.aclose()
