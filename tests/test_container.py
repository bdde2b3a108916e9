"""The container and compose: they name stages, options, extras and versions that exist."""

import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest
import typer
import yaml

from biogpt_plugins.cli import app

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).parents[1]


class Stage(NamedTuple):
    base: str
    lines: list[tuple[str, str]]

    def all(self, word):
        return [rest for name, rest in self.lines if name == word]

    def last(self, word):
        return self.all(word)[-1]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def stages():
    lines = [line for line in text("Dockerfile").splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = {}
    for line in filter(None, joined.splitlines()):
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            base, name = rest.split(" AS ")
            found[name] = Stage(base, [])
        elif found:
            found[name].lines.append((word, rest))
    return found


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(text("compose.yaml"))


def pins():
    return dict(re.findall(r"^([\w.-]+)==(\S+?)(?:;.*)?$", text("constraints.txt"), re.MULTILINE))


def serve_options(arguments):
    """The options of `biogpt serve`, as its own parser reads them; unknown ones raise."""
    name, *rest = arguments
    command = typer.main.get_command(app).get_command(None, name)
    return command.make_context(name, rest).params


def test_the_last_stage_serves_and_is_healthy_where_it_listens(stages):
    name, server = list(stages.items())[-1]
    assert name == "server"
    options = serve_options(json.loads(server.last("CMD")))
    assert options["host"] == "0.0.0.0"
    assert server.last("EXPOSE") == str(options["port"])
    assert f"127.0.0.1:{options['port']}/readyz" in server.last("HEALTHCHECK")
    assert json.loads(server.last("ENTRYPOINT"))[:2] == ["tini", "--"]


def test_what_runs_is_not_root(stages):
    for name in ("server", "notebook"):
        stage = stages[name]
        users = [*stages[stage.base].all("USER"), *stage.all("USER")]
        assert int(users[-1]) > 0


def test_extras_and_versions_exist(stages, compose):
    extras = tomllib.loads(text("pyproject.toml"))["project"]["optional-dependencies"]
    (asked,) = [
        rest.partition("=")[2] for rest in stages["libraries"].all("ARG") if "EXTRAS" in rest
    ]
    assert set(asked.split(",")) <= extras.keys()
    (installed,) = stages["notebook"].all("RUN")
    names = installed.partition("jupyterlab")[2].partition(" && ")[0].split()[1:]
    assert set(names) <= pins().keys()
    assert compose["services"]["chroma"]["image"] == f"chromadb/chroma:{pins()['chromadb']}"


def test_what_is_copied_is_there_and_not_ignored(stages):
    lines = [line for line in text(".dockerignore").splitlines() if line.startswith("!")]
    kept = [line.removeprefix("!") for line in lines]
    copied = [
        source
        for stage in stages.values()
        for rest in stage.all("COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists()
        assert any(fnmatch(source, one) or source.startswith(f"{one}/") for one in kept)
    assert sorted(kept) == sorted({source.split("/")[0] for source in copied})


def test_compose_names_stages_options_and_volumes(stages, compose):
    services = compose["services"]
    for service in services.values():
        assert service.get("build", {}).get("target", "server") in stages
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source in compose["volumes"] or source.startswith("./")
    server = services["server"]
    options = serve_options(server["command"])
    assert options["port"] == 8000
    assert int(server["stop_grace_period"].removesuffix("s")) > options["drain"]
    assert f"HF_HOME={server['volumes'][0].split(':')[1]} " in stages["package"].last("ENV")


def test_variables_of_compose_are_explained_and_tokens_have_to_be_given():
    used = re.findall(r"\$\{(\w+)([^}]*)\}", text("compose.yaml"))
    given = dict(re.findall(r"^(\w+)=(.*)$", text("env.example"), re.MULTILINE))
    assert {name for name, _ in used} == given.keys()
    for name, rest in used:
        assert given[name] or not rest or rest.startswith(":?")
    assert "/.env" in text(".gitignore").splitlines()


def test_the_gpu_file_changes_what_is_there(stages, compose):
    changed = yaml.safe_load(text("compose.gpu.yaml"))["services"]
    assert changed.keys() == {"server"} <= compose["services"].keys()
    (argument,) = changed["server"]["build"]["args"]
    assert any(rest.startswith(f"{argument}=") for rest in stages["libraries"].all("ARG"))
