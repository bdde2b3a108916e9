"""The tools and resources of a server, as values that know nothing of the protocol's SDK."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel, ValidationError

from biogpt_plugins.hosts.tool_texts import explain
from biogpt_plugins.mcp_server.values import Arguments
from biogpt_plugins.values.errors import BioGPTError, InputError, did_you_mean
from biogpt_plugins.values.results import Failure

LOG = logging.getLogger("biogpt_plugins.mcp_server")


class Progress(Protocol):
    """Tells the client how far a call is."""

    def __call__(self, done: int, total: int, message: str) -> Awaitable[None]:
        """Tell that `done` of `total` papers are done."""
        ...


class Told(NamedTuple):
    """The answer of a tool.

    Attributes:
        content: Text for the chat model.
        result: The result for the program; None if the call failed.
    """

    content: str
    result: BaseModel | None = None


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool.

    Attributes:
        name: Its name for chat models.
        title: Its name for people.
        description: When to use it, and when not.
        arguments: What it is asked.
        result: What it answers.
        call: Answers a call; raises a BioGPTError that says what to do.
    """

    name: str
    title: str
    description: str
    arguments: type[Arguments]
    result: type[BaseModel]
    call: Callable[[Any, Progress], Awaitable[Told]]

    def input_schema(self) -> dict[str, Any]:
        """The schema of its arguments, without references, which not every client follows."""
        return _inlined(self.arguments.model_json_schema())

    def output_schema(self) -> dict[str, Any]:
        """The schema of its result."""
        return _inlined(self.result.model_json_schema(mode="serialization"))


class Resource(NamedTuple):
    """A resource, or a template of resources if its URI has {names}."""

    uri: str
    name: str
    title: str
    description: str


class Resources(Protocol):
    """What a client may read."""

    def listed(self) -> list[Resource]:
        """All resources and templates."""
        ...

    async def read(self, uri: str) -> str:
        """A resource, as JSON.

        Raises:
            BioGPTError: There is none, or it cannot be read.
        """
        ...


class Kit:
    """The tools of a server by name; a call that fails is answered, not raised."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        """Collect them."""
        self.tools = {tool.name: tool for tool in tools}

    async def call(self, name: str, given: Mapping[str, Any], progress: Progress) -> Told:
        """Answer a call. An answer without a result says what is wrong and what to do."""
        try:
            tool = self._tool(name)
            return await tool.call(_read(tool, given), progress)
        except BioGPTError as error:
            return Told(explain(Failure.of(error)))
        except Exception as error:  # whatever an engine of the user's own raises
            LOG.exception("a fault in the tool %s", name)
            return Told(explain(Failure(type="", message=f"a fault: {type(error).__name__}")))

    def _tool(self, name: str) -> Tool:
        if name not in self.tools:
            known = ", ".join(self.tools)
            near = did_you_mean(name, self.tools)
            raise InputError(f"there is no tool {name!r}.{near} The tools are {known}")
        return self.tools[name]


def _read(tool: Tool, given: Mapping[str, Any]) -> Arguments:
    try:
        return tool.arguments.model_validate(given)
    except ValidationError as error:
        faults = "; ".join(map(_fault, error.errors()))
        raise InputError(
            f"{tool.name} was not called as it must be: {faults}. Correct the call, and call again"
        ) from error


def _fault(error: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    place = ".".join(map(str, error["loc"]))
    own = error.get("ctx", {}).get("error")
    message = str(own) if isinstance(own, InputError) else error["msg"]
    message = message[:1].lower() + message[1:]
    return f"{place}: {message}" if place else message


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its definitions where they are referred to, and without names of classes.

    No definition refers to itself.
    """
    parts = schema.pop("$defs", {})

    def inline(one: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(one, list):
            return [inline(each) for each in one]
        if not isinstance(one, dict):
            return one
        if "$ref" in one:
            name = one["$ref"].rpartition("/")[2]
            return inline({**parts[name], **{k: v for k, v in one.items() if k != "$ref"}})
        return {
            name: inline(each)
            for name, each in one.items()
            if name != "title" or isinstance(each, dict)  # a property of this name
        }

    found: dict[str, Any] = inline(schema)
    found.pop("description", None)  # the tool has its own
    return found
