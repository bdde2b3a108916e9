"""What `biogpt mcp` and `biogpt serve --run` refuse; `test_stdio` and `test_http` see them work."""

import re
import socket
import subprocess
import sys

import pytest
from doubles import Ruled
from typer.testing import CliRunner

from biogpt_plugins import Pipeline
from biogpt_plugins.cli import app

pytestmark = pytest.mark.enable_socket


def run(*arguments):
    def load(*_, **__):
        return Pipeline("bc5cdr", Ruled())

    done = CliRunner().invoke(app, arguments, obj=load)
    return done.exit_code, " ".join(done.stderr.split())


@pytest.mark.parametrize("command", [("mcp", "--http"), ("serve",)])
def test_a_folder_that_is_no_run(command, tmp_path):
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    code, told = run(*command, "--port", "0", "--run", str(tmp_path))
    assert code == 2
    assert f"{tmp_path} is not the folder of a run" in told


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        code, told = run("mcp", "--http", "--port", str(other.getsockname()[1]))
    assert code == 2
    assert "choose another with --port" in told


@pytest.mark.parametrize("more", [(), ("--http", "--port", "0")])
def test_without_the_extra_it_is_named(more, monkeypatch):
    for name in ("server", "sdk", "sessions", "stdio"):
        monkeypatch.delitem(sys.modules, f"biogpt_plugins.mcp_server.{name}", raising=False)
    for name in ("mcp", "mcp.server.lowlevel"):
        monkeypatch.setitem(sys.modules, name, None)
    code, told = run("mcp", *more)
    assert code == 2
    assert 'pip install "biogpt-plugins[mcp]"' in told


@pytest.mark.slow
def test_over_http_it_tells_the_address_that_clients_name():
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    command = [sys.executable, "-m", "biogpt_plugins", "mcp", "--http", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        told = next((line for line in process.stderr if line.startswith("serving")), "")
        process.terminate()
    assert re.fullmatch(r"serving demo at http://127\.0\.0\.1:\d+/mcp \(Ctrl-C stops\)\n", told)


def test_the_command_line_is_imported_without_the_sdk():
    code = "import sys, biogpt_plugins.cli; print(*{'mcp', 'anyio'}.intersection(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
