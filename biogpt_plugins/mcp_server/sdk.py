"""A server of the protocol on the official SDK, of which the lines 1.x and 2.x differ.

Messages are made from their form on the wire, which is the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp import types
from mcp.server.lowlevel import Server
from mcp.shared import exceptions

from biogpt_plugins import __version__
from biogpt_plugins.mcp_server.kit import Kit, Progress, Resource, Resources
from biogpt_plugins.values.errors import BioGPTError

_ONE = hasattr(Server, "call_tool")  # the line 1.x, where decorators add handlers
_NOT_FOUND = -32602  # invalid params, as the protocol says since 2026-07-28
_JSON = "application/json"
_ANNOTATIONS = {
    "readOnlyHint": True,
    "destructiveHint": False,
    "idempotentHint": True,
    "openWorldHint": False,
}


def make_server(kit: Kit, resources: Resources | None, *, about: str) -> Server[Any]:
    """Make the server of the tools and resources.

    Args:
        kit: The tools.
        resources: The resources, if there are any.
        about: What a chat model is told of the whole server.
    """
    options: dict[str, Any] = {"version": __version__, "instructions": about}
    handlers = _Handlers(kit, resources)
    return _on_one(handlers, options) if _ONE else _on_two(handlers, options)


class _Handlers:
    """What is answered, on either line of the SDK."""

    def __init__(self, kit: Kit, resources: Resources | None) -> None:
        self._kit, self.resources = kit, resources

    async def list_tools(self) -> types.ListToolsResult:
        tools = [
            {
                "name": tool.name,
                "title": tool.title,
                "description": tool.description,
                "inputSchema": tool.input_schema(),
                "outputSchema": tool.output_schema(),
                "annotations": {"title": tool.title, **_ANNOTATIONS},
            }
            for tool in self._kit.tools.values()
        ]
        return types.ListToolsResult.model_validate({"tools": tools})

    async def call_tool(
        self, name: str, given: Mapping[str, Any] | None, progress: Progress
    ) -> types.CallToolResult:
        told = await self._kit.call(name, given or {}, progress)
        answer: dict[str, Any] = {
            "content": [{"type": "text", "text": told.content}],
            "isError": told.result is None,
        }
        if told.result is not None:
            answer["structuredContent"] = told.result.model_dump(mode="json")
        return types.CallToolResult.model_validate(answer)

    async def list_resources(self) -> types.ListResourcesResult:
        found = [{**_about(one), "uri": one.uri} for one in self._listed(templates=False)]
        return types.ListResourcesResult.model_validate({"resources": found})

    async def list_templates(self) -> types.ListResourceTemplatesResult:
        found = [{**_about(one), "uriTemplate": one.uri} for one in self._listed(templates=True)]
        return types.ListResourceTemplatesResult.model_validate({"resourceTemplates": found})

    async def read_resource(self, uri: str) -> types.ReadResourceResult:
        assert self.resources
        try:
            text = await self.resources.read(uri)
        except BioGPTError as error:
            raise _refusal(str(error)) from error
        content = {"uri": uri, "mimeType": _JSON, "text": text}
        return types.ReadResourceResult.model_validate({"contents": [content]})

    def _listed(self, *, templates: bool) -> list[Resource]:
        every = self.resources.listed() if self.resources else []
        return [one for one in every if ("{" in one.uri) == templates]


def _about(resource: Resource) -> dict[str, str]:
    about = resource._asdict()
    return {**about, "mimeType": _JSON}


def _refusal(message: str) -> Exception:
    if _ONE:
        error = types.ErrorData(code=_NOT_FOUND, message=message)
        return exceptions.McpError(error)  # type: ignore[attr-defined,no-any-return]
    return exceptions.MCPError(code=_NOT_FOUND, message=message)


def _on_two(handlers: _Handlers, options: dict[str, Any]) -> Server[Any]:
    async def call_tool(ctx: Any, asked: Any) -> types.CallToolResult:  # noqa: ANN401
        async def progress(done: int, total: int, message: str) -> None:
            await ctx.session.report_progress(done, total, message)

        return await handlers.call_tool(asked.name, asked.arguments, progress)

    async def list_tools(_: object, __: object) -> types.ListToolsResult:
        return await handlers.list_tools()

    async def list_resources(_: object, __: object) -> types.ListResourcesResult:
        return await handlers.list_resources()

    async def list_templates(_: object, __: object) -> types.ListResourceTemplatesResult:
        return await handlers.list_templates()

    async def read_resource(_: object, asked: Any) -> types.ReadResourceResult:  # noqa: ANN401
        return await handlers.read_resource(str(asked.uri))

    more: dict[str, Any] = {}
    if handlers.resources:
        more = {
            "on_list_resources": list_resources,
            "on_list_resource_templates": list_templates,
            "on_read_resource": read_resource,
        }
    return Server("biogpt", **options, on_list_tools=list_tools, on_call_tool=call_tool, **more)


def _on_one(handlers: _Handlers, options: dict[str, Any]) -> Server[Any]:
    server: Any = Server("biogpt", **options)
    result: Any = types.ServerResult

    async def call_tool(asked: Any) -> Any:  # noqa: ANN401 - the SDK's ServerResult
        context = server.request_context
        token = context.meta and context.meta.progressToken

        async def progress(done: int, total: int, message: str) -> None:
            if token is not None:
                told = context.session.send_progress_notification
                await told(token, done, total, message, related_request_id=str(context.request_id))

        found = await handlers.call_tool(asked.params.name, asked.params.arguments, progress)
        return result(found)

    async def list_tools(_: object) -> Any:  # noqa: ANN401
        return result(await handlers.list_tools())

    async def list_resources(_: object) -> Any:  # noqa: ANN401
        return result(await handlers.list_resources())

    async def list_templates(_: object) -> Any:  # noqa: ANN401
        return result(await handlers.list_templates())

    async def read_resource(asked: Any) -> Any:  # noqa: ANN401
        return result(await handlers.read_resource(str(asked.params.uri)))

    server.request_handlers |= {
        types.ListToolsRequest: list_tools,
        types.CallToolRequest: call_tool,
    }
    if handlers.resources:
        server.request_handlers |= {
            types.ListResourcesRequest: list_resources,
            types.ListResourceTemplatesRequest: list_templates,
            types.ReadResourceRequest: read_resource,
        }
    made: Server[Any] = server
    return made
