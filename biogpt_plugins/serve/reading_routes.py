"""The endpoints behind the page: tasks, the papers of a text, and one paper while it is read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

from fastapi import APIRouter, Request, Response

from biogpt_plugins.engine import in_thread
from biogpt_plugins.pipeline.loading import trial_note
from biogpt_plugins.serve.answering import ERRORS, also, json_of
from biogpt_plugins.serve.errors import Refused
from biogpt_plugins.serve.reading import (
    OfferedTask,
    PaperList,
    PastedText,
    Step,
    TaskList,
    WatchRequest,
    papers_of,
)
from biogpt_plugins.serve.service import Service
from biogpt_plugins.serve.watching import watched
from biogpt_plugins.serve.working import Streamed, merged, while_connected
from biogpt_plugins.values.results import is_for_trial


def reading_routes(service: Service) -> APIRouter:
    """The endpoints of a service."""
    router = APIRouter(responses=ERRORS, tags=["reading"])

    @router.get("/v1/tasks")
    async def tasks() -> TaskList:
        """List the tasks that are served."""
        name = service.engine.model_name
        return TaskList(
            model=service.name,
            note=trial_note(name) if is_for_trial(name) else None,
            data=[
                OfferedTask(
                    name=one.task.name,
                    summary=one.task.summary,
                    kind=one.task.kind,
                    trained=one.task.name in one.cards,
                    warnings=list(service.remark(one)),
                )
                for one in service.pipelines
            ],
        )

    @router.post("/v1/papers", response_model=PaperList)
    async def papers(request: Request, body: PastedText) -> Response:
        """Read the papers of a text, whatever its format."""
        with service.gate.admit(1):
            work = in_thread(papers_of, body, service.limits.inputs)
            return json_of(await while_connected(request, work))

    @router.post(
        "/v1/watch",
        response_class=Response,
        responses={200: also("application/x-ndjson", "A Step in each line.")},
    )
    async def watch(body: WatchRequest) -> Response:
        """Watch the relations of one paper being written."""
        if body.model is not None:
            service.check_model(body.model)
        pipeline = service.pipeline(("relations", "labels"), body.named, body.settings)
        place = service.gate.admit(1)
        warnings = service.remark(pipeline)
        steps = watched(pipeline, body.paper, least=body.least, warnings=warnings)
        lines = _lines(steps, service)
        return Streamed(lines, media_type="application/x-ndjson", place=place)

    return router


async def _lines(steps: Iterator[Step], service: Service) -> AsyncGenerator[str, None]:
    """A line of JSON for each step; an error in the middle is the last of them."""
    pieces = merged([steps])
    try:
        async for _, step in pieces:
            if step.prediction:
                service.metrics.used(step.prediction.usage)
            yield step.model_dump_json(exclude_none=True) + "\n"
    except Exception as error:  # the status has been sent
        yield Step(error=Refused.of(error).fault).model_dump_json(exclude_none=True) + "\n"
    finally:
        await pieces.aclose()
