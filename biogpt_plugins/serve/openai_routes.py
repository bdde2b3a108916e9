"""OpenAI's endpoints: `/v1/models` and `/v1/completions`."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from fastapi import APIRouter, Request, Response

from biogpt_plugins.engine import in_thread
from biogpt_plugins.serve.answering import ERRORS, also, json_of
from biogpt_plugins.serve.completions import Asked, complete, stream
from biogpt_plugins.serve.errors import ErrorBody, Refused
from biogpt_plugins.serve.service import Service
from biogpt_plugins.serve.wire import CompletionAnswer, CompletionRequest, ModelCard, ModelList
from biogpt_plugins.serve.working import Streamed, begun, while_connected


def openai_routes(service: Service, created: int) -> APIRouter:
    """The endpoints.

    Args:
        service: The service.
        created: When it began, in seconds of Unix.
    """
    router = APIRouter(responses=ERRORS, tags=["OpenAI"])

    def card() -> ModelCard:
        return ModelCard(
            id=service.name,
            created=created,
            tasks=service.tasks,
            context_size=service.engine.context_size,
        )

    @router.get("/v1/models")
    async def models() -> ModelList:
        """List the models that are served: one."""
        return ModelList(data=[card()])

    @router.get("/v1/models/{model:path}")
    async def model(model: str) -> ModelCard:
        """Describe a model that is served."""
        service.check_model(model)
        return card()

    @router.post(
        "/v1/completions",
        response_model=CompletionAnswer,
        responses={200: also("text/event-stream", "With `stream`: pieces, then [DONE].")},
    )
    async def completions(request: Request, body: CompletionRequest) -> Response:
        """Continue texts."""
        service.check_model(body.model)
        asked = Asked.of(body, service.name, service.limits)
        if not body.stream:
            with service.gate.admit(asked.rows):
                work = in_thread(complete, service.engine, asked)
                choices, used = await while_connected(request, work)
            service.metrics.used(used)
            return json_of(asked.answer(choices, used))
        place = service.gate.admit(asked.rows, asked.rows)
        try:
            pieces = await begun(request, stream(service.engine, asked, service.metrics.used))
        except BaseException:
            place.leave()
            raise
        return Streamed(_events(pieces), media_type="text/event-stream", place=place)

    return router


async def _events(pieces: AsyncGenerator[CompletionAnswer, None]) -> AsyncGenerator[str, None]:
    """Server-sent events; an error in the middle is the last of them."""
    try:
        async for piece in pieces:
            yield f"data: {piece.model_dump_json(exclude_none=True)}\n\n"
        yield "data: [DONE]\n\n"
    except Exception as error:  # the status has been sent
        body = ErrorBody(error=Refused.of(error).fault)
        yield f"data: {body.model_dump_json()}\n\n"
    finally:
        await pieces.aclose()
