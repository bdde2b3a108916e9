"""A client of the SDK that starts the server, and speaks with it over standard input and output."""

import asyncio
import json
import os
import subprocess
import sys

import pytest
from small_run import TEXTS, small_run
from tool_client import PATIENCE, ROOT, call, cancel, connected, process, said, wire

from biogpt_plugins import __version__

DRIVER = ROOT / "tests/tool_driver.py"
TOOLS = ["extract_relations", "answer_question", "describe_term"]


async def test_tools_and_resources_of_a_process_that_prints_a_lot(tmp_path):
    folder = small_run(tmp_path / "corpus", TEXTS)
    progress = []

    async def note(done, total, message):
        progress.append((done, total, message))

    with (tmp_path / "errors").open("w+") as errors:
        async with connected(process(DRIVER, "ruled", folder, errors=errors)) as session:
            assert session.greeting["serverInfo"]["version"] == __version__
            assert "yes/no questions" in session.greeting["instructions"]
            tools = wire(await session.list_tools())["tools"]
            assert [tool["name"] for tool in tools] == [*TOOLS, "search_relations"]
            for tool in tools:
                hints = dict(tool["annotations"])
                assert hints.pop("title") == tool["title"]
                assert hints == {
                    "readOnlyHint": True,
                    "destructiveHint": False,
                    "idempotentHint": True,
                    "openWorldHint": False,
                }
            text = "drug1 caused illness1."
            failed, told, found = await call(session, TOOLS[0], note, text=text)
            assert not failed
            assert told.endswith(f'- drug1 (chemical) -[CID]-> illness1 (disease): "{text}"')
            assert found["papers"][0]["relations"][0]["sentence"] == text
            failed, told, found = await call(session, TOOLS[0])
            assert (failed, found) == (True, None)
            assert "exactly one of the two" in told
            _, told, found = await call(session, "search_relations", head="drug2")
            assert found["relations"][0]["papers"][0]["paper"] == "101"
            uris = [one["uri"] for one in wire(await session.list_resources())["resources"]]
            templates = wire(await session.list_resource_templates())["resourceTemplates"]
            assert templates[0]["uriTemplate"] == "biogpt://runs/corpus/papers/{paper}"
            (content,) = wire(await session.read_resource(uris[0]))["contents"]
            assert content["mimeType"] == "application/json"
            assert json.loads(content["text"])["total"] == 3
            with pytest.raises(Exception, match="there is no resource biogpt://runs/nix"):
                await session.read_resource("biogpt://runs/nix")
        errors.seek(0)
        printed = errors.read()
    assert [(done, total) for done, total, _ in progress] == [(0, 1), (1, 1)]
    lines = ("before it serves", "from Python", "from C", "from a child", "it ended")
    assert all(line in printed for line in lines)
    assert "Traceback" not in printed


async def test_a_call_that_is_cancelled_stops_the_engine(tmp_path):
    with (tmp_path / "errors").open("w+") as errors:
        async with connected(process(DRIVER, "held", errors=errors)) as session:
            asked = {"text": "a b"}
            calling = asyncio.ensure_future(session.call_tool(TOOLS[0], asked))
            await said(errors.name, "the engine started")
            await cancel(session, calling)
            await said(errors.name, "the engine stopped")
            # It goes on: the engine is no longer held by what nobody waits for.
            failed, told, _ = await call(session, "describe_term")
            assert failed
            assert "term: field required" in told


async def test_the_command_loads_no_model_until_a_tool_is_called(tmp_path):
    code = (
        "import sys, atexit; from biogpt_plugins.cli import main; "
        "atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr)); "
        "sys.argv = ['biogpt', 'mcp']; main()"
    )
    with (tmp_path / "errors").open("w+") as errors:
        async with connected(process("-c", code, errors=errors)) as session:
            tools = wire(await session.list_tools())["tools"]
            assert [tool["name"] for tool in tools] == TOOLS
            assert "which chemical induces which disease" in tools[0]["description"]
            assert "for trying out the software" in session.greeting["instructions"]
        errors.seek(0)
        assert errors.read() == "False\n"


@pytest.mark.slow
async def test_the_command_reads_with_the_bundled_model():
    from bundled import CASES, case_text

    async with connected(process("-m", "biogpt_plugins", "mcp")) as session:
        failed, _, found = await call(
            session, TOOLS[0], papers=[{"text": case_text(*one)} for one in CASES]
        )
        assert not failed
        for (chemical, disease), paper in zip(CASES, found["papers"], strict=True):
            names = {
                (one["head"]["text"].lower(), one["tail"]["text"]) for one in paper["relations"]
            }
            assert (chemical, disease) in names
        asked = {"question": "Does lithium cause tremor?", "context": case_text()}
        _, told, found = await call(session, TOOLS[1], **asked)
        assert found["papers"][0]["answer"] in told
        _, told, _ = await call(session, TOOLS[2], term="lithium")
        assert told.startswith("lithium is ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "./nix"], "nix"),
        (["--task", "pubmedqa"], "does not find relations"),
        (["--run", "nix"], "nix is not the folder of a run"),
    ],
)
def test_what_cannot_be_served_is_told_on_standard_error(arguments, told, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "biogpt_plugins", "mcp", *arguments],
        input="",
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'integrations'}"},
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert told in " ".join(done.stderr.split())


def test_a_client_that_goes_without_its_answer_ends_the_server_without_a_word(tmp_path):
    paths = f"{ROOT}{os.pathsep}{ROOT / 'integrations'}"
    asked = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    with (tmp_path / "errors").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "biogpt_plugins", "mcp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": paths},
        )
        process.stdout.close()
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        process.stdin.close()
        assert process.wait(PATIENCE) == 1
    assert (tmp_path / "errors").read_text() == ""
