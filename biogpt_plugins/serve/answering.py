"""What all endpoints share: the errors they tell, and the forms of their answers."""

from __future__ import annotations

from typing import Any

from fastapi import Response
from pydantic import BaseModel

from biogpt_plugins.serve.errors import ErrorBody

_TOLD = (400, 401, 404, 405, 408, 409, 413, 421, 429, 500, 503)
ERRORS: dict[int | str, dict[str, Any]] = {
    **{status: {"model": ErrorBody} for status in _TOLD},
    "4XX": {"model": ErrorBody},
}
"""The errors of all endpoints, for the OpenAPI document."""


def also(media_type: str, description: str) -> dict[str, Any]:
    """What an endpoint answers besides JSON, for the OpenAPI document."""
    return {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}


def json_of(value: BaseModel) -> Response:
    """A value as JSON."""
    return Response(value.model_dump_json(), media_type="application/json")
