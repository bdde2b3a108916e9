"""Errors as OpenAI's clients expect them: `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from biogpt_plugins.values.errors import BioGPTError, ContextOverflowError, EngineError, InputError
from biogpt_plugins.values.inputs import encodable

_TYPES = {401: "authentication_error", 429: "rate_limit_error", 503: "service_unavailable_error"}
_SERVERS = 500
_GONE = 499


class Fault(BaseModel):
    """What is wrong.

    Attributes:
        message: What is wrong, with what value, and what to do.
        type: The kind of error.
        param: The field at fault, if it is one.
        code: A word for programs.
    """

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(BaseModel):
    """An error."""

    error: Fault


class Refused(HTTPException):
    """A request that is not answered.

    Attributes:
        fault: What is wrong.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, encodable(message), dict(headers or {}))
        usual = "server_error" if status >= _SERVERS else "invalid_request_error"
        self.fault = Fault(
            message=encodable(message), type=_TYPES.get(status, usual), param=param, code=code
        )

    @classmethod
    def of(cls, error: BaseException) -> Refused:
        """What is answered where this was raised."""
        match error:
            case Refused():
                return error
            case ContextOverflowError():
                return cls(400, str(error), code="context_length_exceeded")
            case InputError() | TypeError():
                return cls(400, str(error))
            case EngineError():
                return cls(500, str(error), code="engine_error")
            case BioGPTError():
                return cls(500, str(error))
            case _:
                return cls(500, f"a fault in the server: {type(error).__name__}")

    @property
    def body(self) -> dict[str, Any]:
        """The error as JSON."""
        return ErrorBody(error=self.fault).model_dump()

    def answer(self) -> JSONResponse:
        """The answer."""
        return JSONResponse(self.body, self.status_code, self.headers)


class ClientGoneError(Exception):
    """The client has gone: nobody reads an answer."""


def handle_errors(app: FastAPI) -> None:
    """Answer the errors of an application as `Refused` does; `Guard` does so for faults."""

    async def refuse(_: Request, error: Exception) -> JSONResponse:
        return Refused.of(error).answer()

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return _invalid(error.errors()).answer()

    async def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        told = Refused(error.status_code, str(error.detail), headers=error.headers)
        return told.answer()

    async def gone(_: Request, __: Exception) -> JSONResponse:
        return Refused(_GONE, "the client has gone").answer()

    app.add_exception_handler(Refused, refuse)
    app.add_exception_handler(BioGPTError, refuse)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ClientGoneError, gone)


def _invalid(faults: Sequence[Mapping[str, Any]]) -> Refused:
    """The first of pydantic's faults that says most."""
    told = [fault for fault in faults if fault["type"] == "value_error"] or list(faults)
    fault = told[0]
    place = [str(part) for part in fault["loc"] if part not in ("body", "query", "header")]
    param = encodable(".".join(place)) or None
    if fault["type"] == "extra_forbidden":
        return Refused(400, f"unrecognized request argument: {param}", param=param)
    if fault["type"] == "json_invalid":
        return Refused(400, f"the body is not JSON: {fault['ctx']['error']}")
    if fault["type"] == "value_error":
        return Refused(400, str(fault["ctx"]["error"]), param=param)
    message = f"{fault['msg'][:1].lower()}{fault['msg'][1:]}"
    if param is None:
        return Refused(400, f"the body must be a JSON object, sent as application/json: {message}")
    return Refused(400, f"{param}: {message}", param=param)
