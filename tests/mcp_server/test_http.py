"""A client of the SDK that asks the server over HTTP: the real uvicorn."""

import asyncio
import json
import socket

import httpx
import pytest
from doubles import Ruled
from held import Held
from serving import PATIENCE, running, told
from small_run import TEXTS, small_run
from tool_client import ONE, call, cancel, connected, web, wire
from uninstalled import uninstalled

from biogpt_plugins import Pipeline
from biogpt_plugins.serve import Limits
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import MissingExtraError

pytestmark = pytest.mark.enable_socket
TEXT = "drug1 caused illness1."
GREETING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "a test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def serve():
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(engine=None, tasks=None, **options):
            pipeline = Pipeline("bc5cdr", engine or Ruled())
            return stack.enter_context(running(pipeline, tasks, **options))

        yield start


def session_of(client):
    return connected(web(f"{client.base_url}/"))


async def test_tools_and_resources_with_progress(serve, tmp_path):
    client = serve(runs=[small_run(tmp_path / "corpus", TEXTS)])
    progress = []

    async def note(done, total, _):
        progress.append((done, total))

    async with session_of(client) as session:
        tools = wire(await session.list_tools())["tools"]
        assert len(tools) == 4
        papers = [{"text": TEXT}] * 9
        failed, _, found = await call(session, "extract_relations", note, papers=papers)
        assert not failed
        assert len(found["papers"]) == 9
        _, said, _ = await call(session, "search_relations", head="drug2", tail="illness1")
        assert "101 states it" in said
        (content,) = wire(await session.read_resource("biogpt://runs/corpus/papers"))["contents"]
        assert json.loads(content["text"])["total"] == 5
    assert progress == [(0, 9), (8, 9), (9, 9)]
    assert 'biogpt_requests_total{path="/mcp",status="200"}' in client.get("/metrics").text


async def test_a_client_of_the_newest_protocol(serve):
    if ONE:
        pytest.skip("the line 1.x of the SDK does not speak it")
    import mcp

    async with mcp.Client(f"{serve().base_url}/mcp", mode="2026-07-28") as client:
        found = wire(await client.call_tool("extract_relations", {"text": TEXT}))
        assert found["structuredContent"]["papers"][0]["relations"]


async def test_a_call_that_is_cancelled_stops_the_engine(serve):
    engine = Held(["the relation between a and b exists."])
    async with session_of(serve(engine)) as session:
        calling = asyncio.ensure_future(session.call_tool("extract_relations", {"text": "a b"}))
        assert await asyncio.to_thread(engine.started.wait, PATIENCE)
        await cancel(session, calling)
        assert await asyncio.to_thread(engine.stopped.wait, PATIENCE)


async def test_the_tools_share_the_limits_of_the_server(serve):
    engine = Held(["the relation between a and b exists."] * 2)
    client = serve(engine, limits=Limits(queue=2))
    async with session_of(client) as session:
        asked = {"papers": [{"text": "a b"}] * 2}
        first = asyncio.ensure_future(session.call_tool("extract_relations", asked))
        assert await asyncio.to_thread(engine.started.wait, PATIENCE)
        failed, said, _ = await call(session, "describe_term", term="a")
        assert failed
        assert "the server is busy with 2 results: try again in" in said
        engine.freed.set()
        assert not wire(await first)["isError"]
        failed, said, _ = await call(session, "extract_relations", papers=[{"text": "a"}] * 3)
        assert failed
        assert "2 are the most" in said
    assert 'biogpt_tokens_total{kind="completion"} 0.0' not in client.get("/metrics").text


async def test_only_tools_of_the_tasks_that_are_served(serve):
    async with session_of(serve(tasks=["ddi", "describe"])) as session:
        tools = wire(await session.list_tools())["tools"]
        assert {tool["name"] for tool in tools} == {"extract_relations", "describe_term"}
        assert "drug" in tools[0]["description"]


async def test_replicas_keep_nothing_between_requests(serve):
    client = serve(replicated=True)
    async with session_of(client) as session:
        failed, _, found = await call(session, "extract_relations", text=TEXT)
        assert not failed
        assert found["papers"][0]["relations"]
    assert "mcp-session-id" not in greet(client).headers


def greet(client, **headers):
    return client.post("/mcp", json=GREETING, headers={**ACCEPT, **headers})


def test_tokens_hold_for_tools_too(serve):
    client = serve(tokens=["open-sesame"])
    assert told(greet(client), 401)["code"] == "invalid_api_key"
    assert greet(client, Authorization="Bearer open-sesame").status_code == 200


def test_pages_of_other_sites_may_not_ask(serve):
    client = serve()
    assert greet(client, Origin="https://evil.example").status_code == 403
    assert greet(client, Host="evil.example").status_code == 421
    here = f"http://localhost:{client.base_url.port}"
    assert greet(client, Origin=here).status_code == 200


def test_there_is_no_stream_that_would_keep_the_server_from_stopping(serve):
    client = serve()
    answer = client.get("/mcp", headers=ACCEPT)
    assert told(answer, 405)
    assert set(answer.headers["allow"].split(", ")) == {"POST", "DELETE"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"jsonrpc": "2.0", "id": 1}', b"\xff"])
def test_what_is_no_message_is_refused(serve, body):
    if ONE and body == b"\xff":
        pytest.skip("the line 1.x of the SDK answers with 500")
    client = serve()
    answer = client.post(
        "/mcp", content=body, headers={**ACCEPT, "Content-Type": "application/json"}
    )
    assert 400 <= answer.status_code < 500
    assert greet(client).status_code == 200


def begin(client):
    """A connection on which half of a request has been sent."""
    wire = socket.create_connection((client.base_url.host, client.base_url.port), PATIENCE)
    lines = ("POST /mcp HTTP/1.1", "Host: localhost", "Content-Length: 50", "Connection: close")
    wire.sendall("\r\n".join((*lines, "", "{")).encode())
    return wire


def test_a_slow_request_is_told_that_it_was(serve):
    client = serve(limits=Limits(body_seconds=0.05))
    with begin(client) as wire:
        assert wire.recv(1 << 16).startswith(b"HTTP/1.1 408 ")
    assert greet(client).status_code == 200


def test_a_client_that_goes_away_within_its_request_is_no_fault_of_the_server(serve):
    client = serve()
    begin(client).close()
    page = ""
    while 'requests_total{path="/mcp"' not in page:
        page = client.get("/metrics").text
    assert 'requests_total{path="/mcp",status="499"} 1.0' in page


def test_tools_alone_are_served_if_so_wished(serve):
    client = serve(tools_alone=True)
    assert greet(client).status_code == 200
    assert client.get("/healthz").status_code == 200
    assert client.get("/v1/models").status_code == 404
    assert client.post("/v1/extract", json={"papers": ["a"]}).status_code == 404


def test_without_the_extra_the_rest_is_served(serve, tmp_path):
    with uninstalled("biogpt_plugins.mcp_server", "mcp", "mcp.server.lowlevel"):
        client = serve(ScriptedEngine())
        assert isinstance(client, httpx.Client)
        assert client.post("/mcp", json=GREETING).status_code == 404
        assert client.get("/v1/models").status_code == 200
        with pytest.raises(MissingExtraError, match=r"biogpt-plugins\[mcp\]"):
            serve(runs=[small_run(tmp_path / "corpus", TEXTS)])
        with pytest.raises(MissingExtraError):
            serve(tools_alone=True)
