"""`biogpt serve`."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from serving import PATIENCE
from typer.testing import CliRunner
from uninstalled import uninstalled

from biogpt_plugins import load
from biogpt_plugins.cli import app

pytestmark = pytest.mark.enable_socket
ROOT = Path(__file__).parents[2]


def run(*arguments, **options):
    return CliRunner().invoke(app, ["serve", *arguments], obj=load, **options)


@pytest.mark.slow
def test_a_process_serves_until_it_is_stopped_and_finishes_its_work(tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("open-sesame\n")
    paths = f"{ROOT}{os.pathsep}{ROOT / 'integrations'}"
    command = [sys.executable, "-m", "biogpt_plugins", "serve", "--port", "0", "-t", "bc5cdr"]
    process = subprocess.Popen(
        [*command, "--token-file", str(tokens)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    try:
        said = ""
        while not (found := re.search(r"serving demo at (\S+)", said)):
            line = process.stderr.readline()
            assert line, said
            said += line
        headers = {"Authorization": "Bearer open-sesame"}
        with httpx.Client(base_url=found[1], headers=headers, timeout=PATIENCE) as client:
            (model,) = client.get("/v1/models").json()["data"]
            assert model["tasks"] == ["bc5cdr"]
            asked = {"model": "demo", "prompt": "aspirin", "max_tokens": 700, "stream": True}
            with client.stream("POST", "/v1/completions", json=asked) as response:
                lines = response.iter_lines()
                next(lines)
                process.send_signal(signal.SIGTERM)
                rest = list(lines)
            assert rest[-2] == "data: [DONE]"
        said += process.communicate(timeout=PATIENCE)[1]
    finally:
        process.kill()
    assert process.returncode in (-signal.SIGTERM, 143)
    assert "POST /v1/completions 200" in said
    assert "Traceback" not in said


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run("--port", str(port))
    assert result.exit_code == 2
    assert f"cannot serve at 127.0.0.1, port {port}: " in " ".join(result.stderr.split())
    assert "loading" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["--host", "no.such.host.invalid"], {}, "cannot serve at host"),
        (["--token-file", "missing"], {}, "missing: No such file"),
        ([], {"BIOGPT_SERVE_TOKENS": "short"}, "token 1 must have 8"),
        (["--port", "0", "--task", "nix"], {}, "no task is called 'nix'"),
        (["--port", "0", "--model", "./nix"], {}, "nix"),
    ],
)
def test_what_cannot_be_served(arguments, environment, told):
    result = run(*arguments, env=environment)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_a_server_for_other_machines_without_a_token_warns():
    result = run("--host", "0.0.0.0", "--port", "0", "--task", "nix")
    assert "everybody who reaches 0.0.0.0 can ask this server" in " ".join(result.stderr.split())
    local = run("--port", "0", "--task", "nix")
    assert "everybody" not in local.stderr


def test_the_command_is_imported_without_the_libraries_of_servers():
    code = (
        "import sys, biogpt_plugins.cli; "
        "print(*{'fastapi', 'uvicorn', 'starlette', 'torch'}.intersection(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


@pytest.mark.parametrize("library", ["fastapi", "uvicorn", "prometheus_client"])
def test_without_the_extra_it_is_named(library):
    with uninstalled("biogpt_plugins.serve", library):
        result = run("--port", "0")
    assert result.exit_code == 2
    assert 'pip install "biogpt-plugins[serve]"' in " ".join(result.stderr.split())
