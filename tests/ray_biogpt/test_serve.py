"""The server on Ray Serve: built without a cluster, and on a real Ray with two replicas."""

import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import local_ray
import pytest
import yaml
from ray_marks import MARKS
from serving import PATIENCE

from biogpt_plugins.values.errors import EngineError, InputError, OptionError

pytest.importorskip("ray.serve", reason="Ray Serve is not installed")
on_ray = pytest.importorskip("ray_biogpt.serve", reason="Ray Serve is not installed")

pytestmark = MARKS

DOCS = Path(__file__).parents[2] / "docs" / "ray.md"
TOKEN = {"Authorization": "Bearer open-sesame"}


def paper(number):
    return {"id": str(number), "title": "A case.", "text": f"drug{number} caused illness{number}."}


def replica(load=local_ray.ruled, *, guarded=False, **options):
    return on_ray.Replica(load, on_ray.Options(**options), Path.cwd(), guarded=guarded)


class TestWithoutACluster:
    def test_arguments_of_the_command_line_are_texts(self):
        given = {"tasks": "bc5cdr,ddi", "gpus": "0", "max_replicas": "8", "min_score": "0.5"}
        arguments = on_ray.Arguments.model_validate({**given, "local": "false"})
        assert (arguments.spec.task, arguments.spec.min_score) == ("bc5cdr", 0.5)
        options = on_ray.Options(**arguments.options)
        assert (options.tasks, options.gpus, options.local) == (("bc5cdr", "ddi"), 0, False)
        assert options.deployment["autoscaling_config"]["max_replicas"] == 8
        assert on_ray.app(arguments)

    def test_a_task_that_is_named_is_the_first_of_all(self):
        options = on_ray.Arguments(task="pubmedqa", tasks=["bc5cdr", "pubmedqa"]).options
        assert options["tasks"] == ("pubmedqa", "bc5cdr")

    def test_what_is_misspelt_or_wrong_is_refused(self):
        with pytest.raises(OptionError, match=r"'max_replica'\. Did you mean 'max_replicas'\?"):
            on_ray.Arguments(max_replica=2)
        with pytest.raises(InputError, match="min_score must be from 0 to 1, not 8"):
            _ = on_ray.Arguments(min_score=8).spec
        with pytest.raises(OptionError, match="application has no option 'gpu'"):
            on_ray.application(local_ray.ruled, gpu=1)

    def test_a_proxy_sends_no_more_than_a_replica_takes(self):
        options = on_ray.Options(queue=7, min_replicas=3)
        assert options.limits.queue == 7
        assert options.deployment["max_ongoing_requests"] == options.limits.requests
        assert options.deployment["autoscaling_config"]["max_replicas"] == 3

    def test_the_file_of_the_docs_is_one_of_ray(self):
        from ray.serve.schema import ServeDeploySchema

        (block,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
        config = ServeDeploySchema.model_validate(yaml.safe_load(block))
        (deployed,) = config.applications
        module, _, name = deployed.import_path.partition(":")
        assert (module, getattr(on_ray, name)) == (on_ray.__name__, on_ray.app)
        options = on_ray.Options(**on_ray.Arguments(**deployed.args).options)
        assert [one.name for one in deployed.deployments] == [options.deployment["name"]]

    def test_a_replica_without_the_tokens_does_not_start(self, tmp_path, monkeypatch):
        monkeypatch.delenv(on_ray.TOKENS, raising=False)
        with pytest.raises(InputError, match="the tokens are not on this machine: set BIOGPT_SERV"):
            replica(guarded=True)
        with pytest.raises(FileNotFoundError):
            replica(guarded=True, token_file=tmp_path / "tokens")

    async def test_health_is_that_of_the_engine(self):
        await replica().check_health()
        failing = replica(local_ray.broken)
        with pytest.raises(MemoryError):
            await failing.check_health()
        failing._service.gate.admit(1)
        await failing.check_health()  # a busy one is not asked
        failing._service.draining = True
        with pytest.raises(EngineError, match="the engine is closed"):
            await failing.check_health()

    async def test_the_header_with_the_id_is_left_to_the_proxy(self):
        transport = httpx.ASGITransport(replica(tasks=["bc5cdr"]).__serve_build_asgi_app__())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.post("/v1/extract", json={"papers": [paper(1)]})
        assert answer.status_code == 200
        assert "X-Request-ID" not in answer.headers


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("asked")


@pytest.fixture(scope="module")
def address(folder):
    """Two replicas, the first of which that reads of drug60 dies."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    tokens = folder / "tokens"
    tokens.write_text("open-sesame\n", encoding="utf-8")
    with local_ray.local_ray():
        from ray import serve

        with suppress(TimeoutError):  # Ray waits a minute for its proxy, which goes on starting
            serve.start(http_options={"host": "127.0.0.1", "port": port})
        load = partial(local_ray.dying, str(folder), "drug60 ")
        options = {"tasks": ["bc5cdr"], "gpus": 0, "cpus": 0.5, "token_file": tokens}
        serve.run(on_ray.application(load, min_replicas=2, **options))
        yield f"http://127.0.0.1:{port}"
        serve.shutdown()


@pytest.fixture
def client(address):
    with httpx.Client(base_url=address, headers=TOKEN, timeout=PATIENCE) as client:
        yield client


def tried(client, number):
    """The prediction for a paper, asked again where there is none, and the failures before it."""
    failures = []
    while True:
        try:
            answer = client.post("/v1/extract", json={"papers": [paper(number)]})
        except httpx.TransportError as error:
            failures.append(error)
            continue
        if answer.status_code == 200:
            return answer.json()["predictions"][0], failures
        assert answer.status_code in (429, 500), answer.text
        failures.append(answer.status_code)


@pytest.mark.slow
class TestOnRay:
    def test_answers_are_those_of_a_pipeline_and_both_replicas_give_them(self, client, folder):
        numbers = range(50)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(partial(tried, client), numbers))
        expected = local_ray.ruled().run([paper(number) for number in numbers])
        assert answers == [(json.loads(one.model_dump_json()), []) for one in expected]
        asked = [file.read_text(encoding="utf-8") for file in folder.glob("asked-*")]
        assert ["drug" in one for one in asked] == [True, True]

    def test_streams(self, client):
        asked = {"papers": [paper(number) for number in range(20)], "stream": True}
        with client.stream("POST", "/v1/extract", json=asked) as answer:
            assert answer.headers["content-type"] == "application/x-ndjson"
            found = [json.loads(line)["id"] for line in answer.iter_lines()]
        assert found == [str(number) for number in range(20)]
        asked = {"model": "scripted", "prompt": "drug1 caused illness1.", "stream": True}
        with client.stream("POST", "/v1/completions", json=asked) as answer:
            lines = list(filter(None, answer.iter_lines()))
        assert lines[-1] == "data: [DONE]"
        told = "".join(json.loads(line[6:])["choices"][0]["text"] for line in lines[:-1])
        assert told == "the relation between drug1 and illness1 exists."

    def test_what_holds_for_every_request(self, client, address):
        assert client.get("/v1/models").json()["data"][0]["tasks"] == ["bc5cdr"]
        assert client.get("/nix").json()["error"]["type"] == "invalid_request_error"
        assert client.get("/readyz", headers={"X-Request-ID": "mine"}).headers.get_list(
            "X-Request-ID"
        ) == ["mine"]
        assert httpx.get(f"{address}/v1/models", timeout=PATIENCE).status_code == 401
        assert httpx.get(f"{address}/healthz", timeout=PATIENCE).status_code == 200

    def test_a_stream_whose_replica_dies_does_not_look_whole(self, client, folder):
        asked = {"papers": [paper(number) for number in range(40, 80)], "stream": True}
        with client.stream("POST", "/v1/extract", json=asked) as answer:
            if answer.status_code == 200:  # its beginning came through
                with pytest.raises(httpx.RemoteProtocolError):
                    list(answer.iter_lines())
            else:
                assert answer.status_code == 500
        (folder / "worker-died").unlink()

    def test_a_replica_that_dies_under_load_loses_nothing(self, client, address, folder):
        from openai import OpenAI

        numbers = range(51, 100)
        openai = OpenAI(base_url=f"{address}/v1", api_key="open-sesame", max_retries=10)
        complete = partial(openai.completions.create, model="scripted", max_tokens=99)
        with ThreadPoolExecutor(8) as pool, openai:
            texts = pool.map(
                lambda number: complete(prompt=paper(number)["text"]).choices[0].text, numbers
            )
            answers = list(pool.map(partial(tried, client), numbers))
            assert [re.findall(r"drug\d+", text)[0] for text in texts] == [
                f"drug{number}" for number in numbers
            ]
        assert (folder / "worker-died").exists()
        expected = local_ray.ruled().run([paper(number) for number in numbers])
        assert [found for found, _ in answers] == [
            json.loads(one.model_dump_json()) for one in expected
        ]

    def test_an_application_that_is_deleted_finishes_its_streams(self, client):
        from ray import serve

        options = {"tasks": ["bc5cdr"], "gpus": 0, "cpus": 0.5, "drain": PATIENCE}
        serve.run(
            on_ray.application(local_ray.slow, **options), name="second", route_prefix="/second"
        )
        assert client.get("/second/healthz").json() == {"status": "ok"}
        asked = {"papers": [paper(number) for number in range(60)], "stream": True}
        with client.stream("POST", "/second/v1/extract", json=asked) as answer:
            lines = answer.iter_lines()
            next(lines)
            serve.delete("second", _blocking=False)
            assert len(list(lines)) == 59

    def test_the_numbers_of_all_replicas_are_among_those_of_ray(self, client):
        import ray

        (node,) = ray.nodes()
        page = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
        found: set[str] = set()
        while len(found) < 2:  # they are told every ten seconds
            told = httpx.get(page, timeout=PATIENCE).text
            found = set(re.findall(r'ray_biogpt_results_asked\{.*?replica="(\w+)"', told, re.I))
        assert client.get("/metrics").status_code == 200
