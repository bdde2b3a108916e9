"""What holds for every request: who asks, how much, how slowly; and what is told of it."""

import json
import logging
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from held import PATIENCE, Held
from serving import left, told

from biogpt_plugins.serve.limits import Limits
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError

pytestmark = pytest.mark.enable_socket
TOKENS = ("open-sesame-1", "open-sesame-2")
ASKED = {"model": "scripted", "prompt": "a", "max_tokens": 2}


def ask(client, **options):
    return client.post("/v1/completions", json=ASKED, **options)


def exchange(client, data, *, end=True):
    """What the server answers to these bytes, until it closes the connection."""
    with socket.create_connection((client.base_url.host, client.base_url.port), PATIENCE) as wire:
        wire.sendall(data)
        if end:
            wire.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: wire.recv(1 << 16), b""))


def head(client, path, *lines):
    wanted = (f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{client.base_url.port}", *lines)
    return "\r\n".join((*wanted, "", "")).encode()


@pytest.mark.parametrize(
    ("path", "asked", "param"),
    [
        ("/v1/engine/count", {"texts": [1] * 1001}, "texts.0"),
        ("/v1/engine/complete", {"prompts": [1] * 1001}, "prompts.0"),
        ("/v1/engine/choose", {"prompts": [], "choices": [1] * 1001}, "choices.0"),
        ("/v1/engine/score", {"prompts": [1] * 1001}, "prompts.0"),
        (
            "/v1/engine/score",
            {"prompts": [{"prompt": {"text": "a"}, "continuations": [1] * 1001}]},
            "prompts.0.continuations.0.str",
        ),
        ("/v1/completions", {**ASKED, "prompt": [None] * 1001}, "prompt.str"),
        ("/v1/extract", {"papers": [1] * 1001}, "papers.0.str"),
        ("/v1/answer", {"questions": [1] * 1001}, "questions.0"),
        ("/v1/describe", {"terms": [1] * 1001}, "terms.0.str"),
    ],
)
def test_a_list_is_read_up_to_its_first_fault(serve, path, asked, param):
    error = told(serve(ScriptedEngine([])).post(path, json=asked), 400)
    assert error["param"] == param


def test_what_is_wrong_all_over_is_refused_without_each_fault(serve):
    asked = {"text": "a", **dict.fromkeys(map(str, range(1001)), 0)}
    error = told(serve(ScriptedEngine([])).post("/v1/papers", json=asked), 400)
    assert re.fullmatch(
        "the request has [0-9,]+ faults: write it as /openapi.json says", error["message"]
    )


def test_the_first_wrong_part_of_a_clause_is_told(serve):
    asked = {"prompts": [{"text": "a", "grammar": {"clause": [1] * 1001}}]}
    error = told(serve(ScriptedEngine([])).post("/v1/engine/complete", json=asked), 400)
    assert error["param"].startswith("prompts.0.grammar.clause.0.")


def wait_until_refused(client):
    """Wait until the server takes no more connections."""
    while True:
        try:
            socket.create_connection((client.base_url.host, client.base_url.port)).close()
        except ConnectionRefusedError:
            return


def test_each_schema_has_a_name_of_its_own(served):
    names = served.get("/openapi.json").json()["components"]["schemas"]
    assert not [name for name in names if name.startswith("biogpt_plugins__")]  # two that clash


class TestHealth:
    def test_health_and_readiness(self, serve):
        client = serve(ScriptedEngine())
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"status": "ready"}
        client.app.state.service.draining = True
        assert told(client.get("/readyz"), 503)["message"] == "the server is stopping"
        assert client.get("/healthz").status_code == 200

    def test_models(self, served):
        (model,) = served.get("/v1/models").json()["data"]
        assert (model["id"], model["object"]) == ("demo", "model")
        assert model["tasks"][:1] == ["bc5cdr"]
        assert model["context_size"] == 768
        assert served.get("/v1/models/demo").json() == model
        assert told(served.get("/v1/models/a/b"), 404)["code"] == "model_not_found"

    def test_metrics(self, served):
        served.post("/v1/extract", json={"papers": ["Lithium caused tremor."]})
        served.get("/nix")
        counted = {
            'biogpt_requests_total{path="/v1/extract",status="200"}',
            'biogpt_requests_total{path="other",status="404"}',
        }
        numbers: dict[str, str] = {}
        while not counted <= numbers.keys():  # a request is counted after its answer has left
            text = served.get("/metrics").text
            numbers = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
        assert all(float(numbers[name]) >= 1 for name in counted)
        assert float(numbers['biogpt_tokens_total{kind="completion"}']) > 0
        assert float(numbers["biogpt_pass_rows_total"]) >= float(numbers["biogpt_passes_total"]) > 0
        assert numbers["biogpt_results_asked"] == numbers["biogpt_queue"] == "0.0"
        assert float(numbers['biogpt_request_seconds_count{path="/v1/extract"}']) >= 1


class TestAccess:
    def test_a_token_is_needed(self, serve):
        client = serve(ScriptedEngine(["yes"] * 2), tokens=TOKENS)
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": TOKENS[0]},
            {"Authorization": f"Basic {TOKENS[0]}"},
            {"Authorization": f"Bearer {TOKENS[0]} x"},
            {"Authorization": "Bearer"},
        ):
            response = ask(client, headers=headers)
            assert told(response, 401)["code"] == "invalid_api_key"
            assert response.headers["WWW-Authenticate"] == "Bearer"
        for token in TOKENS:
            assert ask(client, headers={"Authorization": f"Bearer {token}"}).status_code == 200

    def test_everything_but_health_needs_it(self, serve):
        client = serve(ScriptedEngine(), tokens=TOKENS)
        for path in ("/v1/models", "/metrics", "/openapi.json", "/nix", "/healthz/"):
            told(client.get(path), 401)
        for path in ("/healthz", "/readyz"):
            assert client.get(path).status_code == 200

    def test_other_names_of_this_machine_are_refused(self, serve):
        client = serve(ScriptedEngine(["yes"] * 3))
        error = told(ask(client, headers={"Host": "evil.example:80"}), 421)
        assert "localhost" in error["message"]
        for host in ("localhost", "localhost:1", "[::1]:80"):
            assert ask(client, headers={"Host": host}).status_code == 200

    def test_other_sites_get_no_leave(self, serve):
        client = serve(ScriptedEngine(["yes"]))
        origin = {"Origin": "https://evil.example"}
        asks = {**origin, "Access-Control-Request-Method": "POST"}
        told(client.options("/v1/completions", headers=asks), 405)
        response = ask(client, headers=origin)
        assert not [name for name in response.headers if name.startswith("access-control")]
        form = {"Content-Type": "text/plain"}
        text = client.post("/v1/completions", content=json.dumps(ASKED), headers=form)
        assert "application/json" in told(text, 400)["message"]

    @pytest.mark.parametrize(
        ("text", "told_"),
        [
            ("", "no token"),
            ("# only a remark\n", "no token"),
            ("short", "token 1 must have 8"),
            ("long-enough-1\nwith a space", "token 2"),
        ],
    )
    def test_tokens_that_are_none(self, text, told_):
        from biogpt_plugins.serve.access import read_tokens

        with pytest.raises(InputError, match=told_):
            read_tokens(text)

    def test_tokens_of_a_file_or_the_environment(self, tmp_path):
        from biogpt_plugins.serve.access import tokens_of

        file = tmp_path / "tokens"
        file.write_text(f"# lab\n{TOKENS[0]}\n\n {TOKENS[1]} \n")
        assert tokens_of(file, "ignored") == TOKENS
        assert tokens_of(None, "\n".join(TOKENS)) == TOKENS
        assert tokens_of(None, None) == ()


class TestLimits:
    def test_a_large_body(self, serve):
        client = serve(ScriptedEngine(["yes"]), limits=Limits(body=300))
        large = {**ASKED, "prompt": "a" * 300}
        assert (
            "larger than 300 bytes"
            in told(client.post("/v1/completions", json=large), 413)["message"]
        )
        pieces = (b"x" * 100 for _ in range(10))  # no length is told beforehand
        told(client.post("/v1/completions", content=pieces), 413)
        assert ask(client).status_code == 200

    def test_a_slow_body(self, serve):
        client = serve(ScriptedEngine(["yes"]), limits=Limits(body_seconds=0.05))
        lines = ("Content-Length: 50", "Content-Type: application/json", "Connection: close")
        asked = head(client, "/v1/completions", *lines) + b"{"
        answer = exchange(client, asked, end=False)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"took more than 0.05 s" in answer
        assert ask(client).status_code == 200

    @pytest.mark.parametrize("data", [b"", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: "])
    def test_a_slow_head(self, serve, data):
        client = serve(ScriptedEngine(), limits=Limits(head_seconds=0.05))
        assert exchange(client, data, end=False) == b""

    def test_a_slow_head_after_another_request(self, serve):
        client = serve(ScriptedEngine(), limits=Limits(head_seconds=0.5))
        first = f"GET /healthz HTTP/1.1\r\nHost: localhost:{client.base_url.port}\r\n\r\n"
        answer = exchange(client, first.encode() + b"GET /heal", end=False)
        assert answer.count(b"HTTP/1.1 ") == 1

    def test_a_long_prompt(self, serve):
        client = serve(ScriptedEngine(), limits=Limits(prompt=5))
        asked = {**ASKED, "prompt": ["a", "aspirin"]}
        error = told(client.post("/v1/completions", json=asked), 400)
        assert error["message"] == "a prompt has more than 5 characters or ids"

    @pytest.mark.parametrize(
        ("continuations", "says"),
        [
            (["a"] * 4, "continuations of a prompt = 4 is more than this server allows: 3"),
            (["a", "aspirin"], "a continuation has more than 5 characters"),
            ([[1] * 6], "a continuation has more than 5 characters or ids"),
        ],
    )
    def test_continuations(self, serve, continuations, says):
        client = serve(ScriptedEngine(), limits=Limits(prompt=5, continuations=3))
        asked = {"prompts": [{"prompt": {"text": "a"}, "continuations": continuations}]}
        assert says in told(client.post("/v1/engine/score", json=asked), 400)["message"]

    @pytest.mark.parametrize(
        "data",
        [
            b"nonsense\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
            b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 70_000,
            b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ],
        ids=["nonsense", "length", "many headers", "long header", "chunks"],
    )
    def test_requests_that_are_none(self, serve, data):
        client = serve(ScriptedEngine())
        answer = exchange(client, data)
        assert answer == b"" or answer.split()[1].startswith(b"4")
        assert client.get("/healthz").status_code == 200

    def test_a_client_that_leaves_before_its_body(self, serve):
        client = serve(ScriptedEngine(["yes"]))
        kind = "Content-Type: application/json"
        exchange(client, head(client, "/v1/completions", "Content-Length: 50", kind) + b"{")
        assert ask(client).status_code == 200

    def test_requests_in_one_piece_are_answered_in_order(self, serve):
        client = serve(ScriptedEngine())
        one = f"GET /%s HTTP/1.1\r\nHost: 127.0.0.1:{client.base_url.port}\r\n%s\r\n"
        both = one % ("healthz", "") + one % ("nix", "Connection: close\r\n")
        answer = exchange(client, both.encode(), end=False)
        assert answer.index(b" 200 ") < answer.index(b" 404 ")

    def test_a_client_that_does_not_read_its_stream(self, serve, caplog):
        long = " ".join(["a" * 500_000] * 40)  # more than the system keeps for a reader
        client = serve(ScriptedEngine([long]), limits=Limits(send_seconds=0.05))
        gate = client.app.state.service.gate
        with left(client, "/v1/completions", model="scripted", prompt="a", stream=True):
            while "does not read its answer" not in caplog.text:
                time.sleep(0.005)
        assert gate.rows == gate.threads == 0


class TestBackPressure:
    def test_a_full_queue_puts_off(self, serve):
        engine = Held(["yes"] * 3)
        client = serve(engine, limits=Limits(queue=2))
        with ThreadPoolExecutor(1) as threads:
            two = {**ASKED, "prompt": ["a", "b"]}
            first = threads.submit(client.post, "/v1/completions", json=two)
            assert engine.started.wait(PATIENCE)
            response = ask(client)
            assert told(response, 429)["code"] == "server_busy"
            assert 1 <= int(response.headers["Retry-After"]) <= 60
            assert client.get("/healthz").status_code == 200
            engine.freed.set()
            assert first.result().status_code == 200
        assert ask(client).status_code == 200

    def test_more_than_there_ever_is_room_for(self, serve):
        client = serve(ScriptedEngine(), limits=Limits(queue=2))
        asked = {**ASKED, "prompt": ["a"] * 3}
        error = told(client.post("/v1/completions", json=asked), 400)
        assert error["message"] == "the request asks for 3 results, and 2 are the most: divide it"

    def test_a_place_is_left_whatever_happens(self, serve):
        client = serve(ScriptedEngine(["yes"] * 2), limits=Limits(queue=1))
        for _ in range(3):
            assert ask(client).status_code in (200, 500)
        streams = {**ASKED, "stream": True}
        for _ in range(2):
            told(client.post("/v1/completions", json=streams), 500)
        assert client.app.state.service.gate.rows == client.app.state.service.gate.threads == 0


class TestLog:
    def test_each_request_has_an_id_and_a_line(self, serve, caplog):
        client = serve(ScriptedEngine(["yes"] * 3))
        with caplog.at_level(logging.INFO, "biogpt_plugins.serve"):
            given = ask(client, headers={"X-Request-ID": "run-7.a"})
            made = ask(client, headers={"X-Request-ID": "two words"})
            client.get("/nix%0aforged")
            while len(caplog.records) < 3:  # a line is written after the answer
                time.sleep(0.001)
        assert given.headers["X-Request-ID"] == "run-7.a"
        assert len(made.headers["X-Request-ID"]) == 32
        lines = [record.getMessage() for record in caplog.records]
        assert lines[0].startswith("127.0.0.1 POST /v1/completions 200 ")
        assert lines[0].endswith(" ms run-7.a")
        assert lines[1].endswith(f" ms {made.headers['X-Request-ID']}")
        assert r"GET /nix\nforged 404 " in lines[2]

    def test_a_fault_of_the_server_is_told_without_its_insides(self, serve):
        class Faulty(ScriptedEngine):
            def complete(self, *_):
                raise ZeroDivisionError("secret")

        response = ask(serve(Faulty()))
        error = told(response, 500)
        assert error["message"] == "a fault in the server: ZeroDivisionError"
        assert response.headers["X-Request-ID"]

    def test_no_paths_but_those_that_are_told(self, serve):
        client = serve(ScriptedEngine())
        for path in ("/docs", "/redoc", "/v1/engines"):
            told(client.get(path), 404)
        told(client.get("/v1/completions"), 405)


class TestStopping:
    def test_requests_in_progress_are_answered(self, serve):
        engine = Held(["yes"])
        client = serve(engine)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(ask(client)))
        thread.start()
        assert engine.started.wait(PATIENCE)
        client.stop()
        wait_until_refused(client)
        engine.freed.set()
        thread.join()
        assert answers[0].json()["choices"][0]["text"] == "yes"
