"""Requests to servers that are away, busy, broken or strange; and callers who go away."""

import asyncio
import json
import logging
import os
import pickle
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from held import Held, cancelling_stops
from served import Quiet, served
from serving import SOON
from uninstalled import uninstalled

from biogpt_plugins import Pipeline, Spec
from biogpt_plugins.engine import Chunk, Completion, Decoding, in_thread
from biogpt_plugins.remote import RemoteEngine, connect
from biogpt_plugins.remote.connection import Patience
from biogpt_plugins.serve.limits import Limits
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError, InputError, MissingExtraError, ServerError

pytestmark = pytest.mark.enable_socket
FACTS = {
    "protocol": 1,
    "version": "0.1.0",
    "fingerprint": "x",
    "model": "scripted",
    "context_size": 9,
    "tasks": {},
    "limits": {"body": 1 << 20, "inputs": 9, "prompt": 99, "rows": 9},
}
DONE = {"completions": [{"text": "yes", "finish_reason": "stop"}]}
NOWHERE = "http://127.0.0.1:9"


class Script(Quiet):
    """Answers as a list says: (status, headers, body), or None to break off."""

    protocol_version = "HTTP/1.1"
    answers: list
    asked: Counter

    def do_GET(self):
        self._say(200, {}, FACTS)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked[self.path] += 1
        answer = self.answers.pop(0)
        if answer is None:
            self.close_connection = True
            return
        self._say(*answer)

    def _say(self, status, headers, value):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        told = {"Content-Length": str(len(body)), "Connection": "close", **headers}
        for name, one in told.items():
            self.send_header(name, one)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True


@pytest.fixture
def script():
    """A server that answers as it is told: `script(answers)` gives an engine, and its requests."""
    with_all = []

    def start(*answers, patience=SOON):
        handler = type("H", (Script,), {"answers": [*answers], "asked": Counter()})
        context = served(handler)
        engine = RemoteEngine(context.__enter__(), patience=patience)
        with_all.append((context, engine))
        return engine, handler.asked

    yield start
    for context, engine in with_all:
        engine.close()
        context.__exit__(None, None, None)


BREAKS_OFF = (200, {"Content-Length": "999"}, DONE)
BUSY = (429, {"Retry-After": "0"}, {"error": {"message": "busy", "code": "server_busy"}})


class TestAgain:
    @pytest.mark.parametrize(
        "failing",
        [
            [None, None],
            [BUSY, BUSY, BUSY],
            [(503, {}, b"")],
            [(502, {}, b"<html>bad gateway</html>"), (504, {}, b"")],
            [(500, {}, b"Internal Server Error")],
            [BREAKS_OFF],
        ],
        ids=["gone", "busy", "stopping", "proxy", "lost replica", "half an answer"],
    )
    def test_a_request_is_sent_again(self, script, failing):
        engine, asked = script(*failing, (200, {}, DONE))
        assert engine.complete(["a"]) == [Completion(text="yes", finish_reason="stop")]
        assert asked["/v1/engine/complete"] == len(failing) + 1

    @pytest.mark.parametrize(
        "decoding", [Decoding(temperature=1, seed=3), Decoding(num_beams=2)], ids=["seed", "beams"]
    )
    def test_half_an_answer_that_would_be_the_same_again(self, script, decoding):
        engine, _ = script(BREAKS_OFF, (200, {}, DONE))
        assert engine.complete(["a"], decoding)[0].text == "yes"

    def test_half_an_answer_that_would_be_another(self, script):
        engine, asked = script(BREAKS_OFF, (200, {}, DONE))
        with pytest.raises(ServerError, match="went away in the middle of its answer"):
            engine.complete(["a"], Decoding(temperature=1))
        assert asked["/v1/engine/complete"] == 1

    def test_sampling_is_asked_again_while_nothing_has_come(self, script):
        engine, _ = script(None, BUSY, (200, {}, DONE))
        assert engine.complete(["a"], Decoding(temperature=1))[0].text == "yes"

    def test_a_stream_that_has_begun_is_not(self, script):
        piece = b'{"text":"a "}\n'
        engine, asked = script(None, BUSY, (200, {"Content-Length": "999"}, piece))
        stream = engine.stream("a")
        assert next(stream) == Chunk(text="a ")
        with pytest.raises(ServerError, match="in the middle of its answer"):
            next(stream)
        assert asked["/v1/engine/stream"] == 3

    def test_a_server_that_stays_away(self):
        engine = RemoteEngine(NOWHERE, patience=SOON)
        with pytest.raises(ServerError, match=f"^{NOWHERE} cannot be reached .* 3 attempts"):
            engine.complete(["a"])
        engine.close()

    def test_a_server_that_stays_busy(self, script):
        wait = (503, {"Retry-After": "7"}, {"error": {"message": "wait", "code": None}})
        engine, asked = script(wait)
        with pytest.raises(ServerError, match=r"is busy \(wait\): try again later"):
            engine.complete(["a"])
        assert asked["/v1/engine/complete"] == 1  # seven seconds are more than its patience

    @pytest.mark.parametrize("told", ["Thu, 01 Jan 1970 00:00:00 GMT", "soon", "nan", "-3"])
    def test_a_time_to_wait_that_is_a_date_or_nonsense(self, script, told):
        engine, _ = script((429, {"Retry-After": told}, b""), (200, {}, DONE))
        assert engine.complete(["a"])[0].text == "yes"

    def test_no_text_is_blamed_for_a_server_that_is_away(self):
        engine = RemoteEngine(NOWHERE, patience=SOON)
        first, second = Pipeline("bc5cdr", _Known(engine)).run(["a", "b"])
        assert first.error == second.error
        assert first.error.type == "ServerError"
        engine.close()


class _Known:
    """An engine that is away, but for what was told before."""

    served = "demo"
    context_size = 9

    def __init__(self, engine):
        self.model_name = engine.model_name
        self.complete, self.count_tokens = engine.complete, engine.count_tokens


class TestRefusals:
    @pytest.mark.parametrize(
        ("answer", "error", "said"),
        [
            ((400, {}, {"error": {"message": "wrong", "code": None}}), InputError, "^wrong$"),
            ((500, {}, {"error": {"message": "bad", "code": "x"}}), EngineError, "^bad$"),
            ((401, {}, b""), ServerError, "set BIOGPT_SERVE_TOKEN, or give token"),
            ((404, {}, b"nothing here"), ServerError, "has no engine for this package"),
            ((307, {"Location": "https://x"}, b""), ServerError, "redirects to https://x"),
            ((418, {}, b"short and stout"), ServerError, r"\(HTTP 418\): short and stout"),
        ],
        ids=["input", "engine", "token", "path", "redirect", "other"],
    )
    def test_they_are_told_at_once(self, script, answer, error, said):
        engine, asked = script(answer)
        with pytest.raises(error, match=said):
            engine.complete(["a"])
        assert asked["/v1/engine/complete"] == 1

    @pytest.mark.parametrize(
        ("told", "said"),
        [
            ({**FACTS, "protocol": 2, "version": "9.1"}, "biogpt-plugins 9.1, .* protocol 2"),
            ({**FACTS, "context_size": None}, r"context_size: .* same version on both sides"),
            ({"hello": "world"}, "is no server of this package"),
            (b"<html>", "is no server of this package"),
        ],
        ids=["protocol", "facts", "other JSON", "other"],
    )
    def test_other_versions_and_other_servers(self, told, said):
        class Other(Script):
            def do_GET(self):
                self._say(200, {}, told)

        with served(Other) as url:
            engine = RemoteEngine(url, patience=SOON)
            with pytest.raises(ServerError, match=said):
                engine.complete(["a"])
            engine.close()

    def test_another_engine_than_before(self, serve):
        far, client = serve(ScriptedEngine(["yes"] * 3))
        assert far.complete(["a"])[0].text == "yes"
        service = client.app.state.service
        service._facts = service.facts().model_copy(update={"fingerprint": "y", "model": "new"})
        for work in (lambda: far.complete(["a"]), lambda: next(far.stream("a"))):
            with pytest.raises(ServerError, match="another engine than before, of the model 'new'"):
                work()
        assert far.closed

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("http://", "is not the address of a server"),
            ("http://host:99999", "is not the address"),
            ("ftp://host", "is not the address"),
            ("http://me:secret@host", "must hold no name, password"),
            ("http://host?token=secret", "must hold no name, password"),
        ],
    )
    def test_addresses_that_are_none(self, url, said):
        with pytest.raises(InputError, match=said) as caught:
            RemoteEngine(url)
        assert "secret" not in str(caught.value)

    def test_addresses_have_one_spelling(self):
        for url in ("HTTP://Host:8000/", "http://host:8000/v1"):
            assert RemoteEngine(url).model_name == "http://host:8000"
            assert Spec(model=url).model == "http://host:8000"
        assert RemoteEngine("https://h/lab/v1/").model_name == "https://h/lab"

    def test_without_httpx_the_extra_is_named(self):
        said = r'pip install "biogpt-plugins\[remote\]"'
        with (
            uninstalled("biogpt_plugins.remote", "httpx"),
            pytest.raises(MissingExtraError, match=said),
        ):
            Spec(model=NOWHERE).pipeline()


class TestTokens:
    TOKEN = "open-sesame-1"

    def test_it_is_sent(self, serve, monkeypatch):
        far, client = serve(ScriptedEngine(["yes"]), token=self.TOKEN, tokens=[self.TOKEN])
        assert far.complete(["a"])[0].text == "yes"
        url = str(client.base_url)
        without = RemoteEngine(url, patience=SOON)
        with pytest.raises(ServerError, match="wants a valid token"):
            without.complete(["a"])
        without.close()
        monkeypatch.setenv("BIOGPT_SERVE_TOKEN", f" {self.TOKEN}\n")
        with_it = connect(url)
        assert with_it.facts.model == "scripted"
        assert connect(url, token=self.TOKEN) is with_it
        assert pickle.loads(pickle.dumps(with_it)) is with_it

    def test_it_is_nowhere_to_be_seen(self, serve, caplog):
        caplog.set_level(logging.DEBUG)
        far, client = serve(ScriptedEngine(["yes"]), token=self.TOKEN, tokens=[self.TOKEN])
        spec = Spec(model=str(client.base_url), task="generate", token=self.TOKEN)
        pipeline = spec.pipeline()
        pipeline.run(["a"])
        shown = [repr(one) for one in (far, spec, pipeline, pipeline.engine)]
        shown += [spec.model_dump_json(), str(spec.model_dump()), str(spec), caplog.text]
        shown += [pickle.dumps(one).decode("latin-1") for one in (spec, pipeline, far)]
        assert not [one for one in shown if self.TOKEN in one]
        assert pickle.loads(pickle.dumps(spec)).token is None

    @pytest.mark.parametrize("token", ["two words", "naïve"])
    def test_a_token_that_cannot_be_sent(self, token):
        with pytest.raises(InputError, match="a token must have letters") as caught:
            RemoteEngine(NOWHERE, token=token)
        assert token not in str(caught.value)


class TestCancelling:
    async def test_the_server_stops_its_work(self, serve):
        engine = Held(["yes"])
        far, _ = serve(engine)
        await cancelling_stops(in_thread(far.complete, ["a"]), engine)

    async def test_choices_too(self, serve):
        engine = Held(probabilities=[[0.5, 0.5]])
        far, _ = serve(engine)
        await cancelling_stops(in_thread(far.choose, ["a"], ["x", "y"]), engine)

    async def test_a_stream(self, serve):
        engine = Held(["yes no"])
        far, _ = serve(engine)
        await cancelling_stops(in_thread(lambda: list(far.stream("a"))), engine)

    async def test_while_it_waits_for_a_busy_server(self, script):
        wait = (503, {"Retry-After": "500"}, b"")
        engine, asked = script(wait, patience=Patience(busy=1e6))
        task = asyncio.ensure_future(in_thread(engine.complete, ["a"]))
        while not asked["/v1/engine/complete"]:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    def test_a_stream_that_is_closed(self, serve):
        stopped = threading.Event()

        class Endless(ScriptedEngine):
            def stream(self, *_):
                try:
                    while True:
                        yield Chunk(text="on and ")
                finally:
                    stopped.set()

        far, _ = serve(Endless())
        stream = far.stream("a")
        assert next(stream).text == "on and "
        stream.close()
        assert stopped.wait(60)

    def test_closing_ends_what_waits(self, serve):
        engine = Held(["yes"])
        far, _ = serve(engine)
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(far.complete, ["a"])
            assert engine.started.wait(60)
            far.close()
            with pytest.raises(EngineError, match="was closed"):
                waiting.result()
        assert engine.stopped.wait(60)
        assert far.closed


class TestProcesses:
    def test_threads_share_one_engine(self, serve):
        far, _ = serve(ScriptedEngine(["yes"] * 32))
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: far.complete(["a"])[0].text, range(32)))
        assert found == ["yes"] * 32

    async def test_event_loops_too(self, serve):
        far, _ = serve(ScriptedEngine(["yes"] * 8))
        done = await asyncio.gather(*(in_thread(far.complete, ["a"]) for _ in range(8)))
        assert [one.text for (one,) in done] == ["yes"] * 8

    def test_a_busy_server_is_waited_for(self, serve):
        far, _ = serve(
            ScriptedEngine(["yes"] * 12), limits=Limits(requests=1), patience=Patience(first=0.01)
        )
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: far.complete(["a"])[0].text, range(12)))
        assert found == ["yes"] * 12

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_a_fork_has_connections_of_its_own(self, serve):
        far, _ = serve(ScriptedEngine(["yes"] * 3))
        assert far.complete(["a"])[0].text == "yes"
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            try:
                os.write(writing, far.complete(["a"])[0].text.encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as told:
            assert told.read() == "yes"
        os.waitpid(child, 0)
        assert far.complete(["a"])[0].text == "yes"
