"""The typed endpoints: `/v1/extract`, `/v1/answer` and `/v1/describe`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request, Response

from biogpt_plugins.engine import in_thread
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.serve.answering import ERRORS, also, json_of
from biogpt_plugins.serve.engine_checks import check_number
from biogpt_plugins.serve.errors import Refused
from biogpt_plugins.serve.service import Service
from biogpt_plugins.serve.typed import (
    AnswerRequest,
    DescribeRequest,
    ExtractRequest,
    Found,
)
from biogpt_plugins.serve.working import Streamed, merged, while_connected
from biogpt_plugins.values.results import Kind

_CHUNK = 16  # inputs of a stream that are computed together


def typed_routes(service: Service) -> APIRouter:
    """The endpoints of a service."""
    streamed: dict[int | str, dict[str, Any]] = {
        200: also("application/x-ndjson", "With `stream`: a Prediction in each line.")
    }
    router = APIRouter(responses={**ERRORS, **streamed}, tags=["typed"])

    async def found(
        request: Request, body: ExtractRequest | AnswerRequest | DescribeRequest, *kinds: Kind
    ) -> Response:
        if body.model is not None:
            service.check_model(body.model)
        limits = service.limits
        if len(body.inputs) > limits.inputs:
            raise Refused(400, f"{len(body.inputs):,} inputs are given, at most {limits.inputs:,}")
        pipeline = service.pipeline(kinds, body.named, body.settings)
        samples = pipeline.trust.settings.samples or 1
        check_number("samples", samples, limits.n)
        place = service.gate.admit(len(body.inputs) * samples)
        if not body.stream:
            with place:
                work = in_thread(pipeline.run, body.inputs)
                predictions = await while_connected(request, work)
            for one in predictions:
                service.metrics.used(one.usage)
            return json_of(
                Found(
                    model=service.name,
                    task=pipeline.task.name,
                    predictions=predictions,
                    warnings=list(service.remark(pipeline)),
                )
            )
        lines = _lines(pipeline, body.inputs, service)
        return Streamed(lines, media_type="application/x-ndjson", place=place)

    @router.post("/v1/extract", response_model=Found)
    async def extract(request: Request, body: ExtractRequest) -> Response:
        """Find the relations that papers state, or the hallmarks of cancer in them."""
        return await found(request, body, "relations", "labels")

    @router.post("/v1/answer", response_model=Found)
    async def answer(request: Request, body: AnswerRequest) -> Response:
        """Answer questions about passages with yes, no or maybe."""
        return await found(request, body, "answer")

    @router.post("/v1/describe", response_model=Found)
    async def describe(request: Request, body: DescribeRequest) -> Response:
        """Describe terms."""
        return await found(request, body, "text")

    return router


async def _lines(
    pipeline: Pipeline, inputs: list[Any], service: Service
) -> AsyncGenerator[str, None]:
    """A line of JSON for each prediction, in order."""
    pieces = merged([pipeline.imap(inputs, chunk_size=_CHUNK)])
    try:
        async for _, prediction in pieces:
            service.metrics.used(prediction.usage)
            yield prediction.model_dump_json() + "\n"
    finally:
        await pieces.aclose()
