"""The endpoints for those who run the server: health, readiness and metrics."""

from __future__ import annotations

from fastapi import APIRouter, Response

from biogpt_plugins.serve.answering import ERRORS
from biogpt_plugins.serve.errors import Refused
from biogpt_plugins.serve.service import Service


def operation_routes(service: Service) -> APIRouter:
    """The endpoints of a service."""
    router = APIRouter(responses=ERRORS, tags=["operation"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Tell that the process lives."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> dict[str, str]:
        """Tell whether requests are answered."""
        if not service.ready:
            raise Refused(503, "the server is stopping", headers={"Retry-After": "5"})
        return {"status": "ready"}

    @router.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:
        """Tell Prometheus how much is done."""
        return Response(
            service.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )

    return router
