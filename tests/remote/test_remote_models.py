"""Models of servers by their address: tasks, components, commands and runs."""

import json
import os
import pickle
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import bundled
import pytest
from serving import running
from typer.testing import CliRunner

from biogpt_plugins import Pipeline, Spec, load
from biogpt_plugins.cli import app
from biogpt_plugins.corpus.run import results, run
from biogpt_plugins.corpus.run.manifest import Made
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.tasks.toml_task import read_task
from biogpt_plugins.testing import ScriptedEngine, registered
from biogpt_plugins.values.errors import InputError, ModelError, ServerError

pytestmark = pytest.mark.enable_socket
ROOT = Path(__file__).parents[2]
TEXT = " ".join(bundled.case().values())
NUMBER = re.compile(r"\d\.\d+(?:e-\d+)?")
UNTAUGHT = pytest.mark.filterwarnings("ignore:model 'demo' was trained for:UserWarning")
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "integrations", ROOT / "tests"))),
}


@pytest.fixture(scope="module")
def of_one_task():
    """The address of a server of one task."""
    with running(load("demo", "bc5cdr"), ["bc5cdr"]) as client:
        yield str(client.base_url)


class TestLoading:
    def test_one_pipeline_and_one_engine(self, address):
        pipeline = load(address)
        assert pipeline.task.name == "bc5cdr"
        assert load(address, "bc5cdr") is pipeline
        assert load(f"{address}/v1", "pubmedqa").engine is pipeline.engine
        for again in (pickle.loads(pickle.dumps(one)) for one in (pipeline, pipeline.spec)):
            assert again in (pipeline, pipeline.spec)
        changed = pipeline.with_settings(pipeline.spec.but(min_score=0.5))
        assert pickle.loads(pickle.dumps(changed)).spec == changed.spec
        with pytest.raises(ModelError, match="cannot be loaded by name"):
            pickle.dumps(Pipeline("bc5cdr", ScriptedEngine()))

    def test_layouts_and_calibrations_are_the_servers(self, address):
        near, far = load("demo", "bc5cdr"), load(address, "bc5cdr")
        assert (far.card, far.cards) == (near.card, near.cards)
        assert (far.beside, far.decoding) == (near.beside, near.decoding)
        assert far.model_name == "demo"

    def test_runs_are_of_the_same_settings(self, address):
        near, far = load("demo", "bc5cdr"), load(address, "bc5cdr")
        assert Made.by(far).settings == Made.by(near).settings
        assert len(Made.by(far).settings["weights"]) == 16

    @UNTAUGHT
    def test_a_task_that_is_not_served(self, of_one_task):
        assert load(of_one_task).task.name == "bc5cdr"
        with pytest.raises(InputError, match="does not serve the task ddi: its tasks are bc5cdr;"):
            load(of_one_task, "ddi")
        assert load(of_one_task, "generate").engine is load(of_one_task).engine

    def test_a_task_of_ones_own(self, of_one_task, tmp_path):
        own = tmp_path / "own.toml"
        drugprot = ROOT / "examples/12_your_own_task/drugprot.toml"
        own.write_text(drugprot.read_text().replace('name = "', 'name = "own_', 1))
        with pytest.warns(UserWarning, match="was trained for"):
            assert load(of_one_task, own).task.name.startswith("own_")

    def test_a_task_that_the_server_declares(self):
        drugprot = ROOT / "examples/12_your_own_task/drugprot.toml"
        task = read_task(drugprot)
        with ExitStack() as stack:
            with registered(task):
                served = running(Pipeline(task, ScriptedEngine()))
                url = str(stack.enter_context(served).base_url)
            assert task.name not in TASKS
            with pytest.warns(UserWarning, match="was not trained for"):
                assert load(url, task.name).task.fingerprint == task.fingerprint
            assert task.name in TASKS

    def test_a_model_that_was_not_trained_for_a_task(self, address):
        with pytest.warns(UserWarning, match="'demo' was trained for .*, not hoc"):
            load(address, "hoc")

    @pytest.mark.parametrize(
        "options", [{"device": "cpu"}, {"engine": "ctranslate2"}, {"batch_size": 3}]
    )
    def test_settings_of_the_server(self, address, options):
        (name,) = options
        with pytest.raises(InputError, match=f"^{name} is set where the server is started"):
            load(address, "bc5cdr", **options)

    def test_words_for_nothing_make_no_other_version(self):
        card = TaskCard(nothing="nothing is told")
        served = Pipeline("bc5cdr", ScriptedEngine(["nothing is told."]), cards={"bc5cdr": card})
        with running(served) as client:
            far = load(str(client.base_url), "bc5cdr")
            assert far.task.fingerprint == served.task.fingerprint
            (found,) = far.run(["Lithium caused tremor."])
        assert (found.ok, found.result) == (True, [])

    def test_a_server_that_is_gone_and_comes_back_with_another_model(self):
        with running(Pipeline("generate", ScriptedEngine(["yes"]))) as client:
            url = str(client.base_url)
            pipeline = load(url, "generate")
            service = client.app.state.service
            service._facts = service.facts().model_copy(update={"fingerprint": "another"})
            (failed,) = pipeline.run(["a"])
            assert failed.error.type == "EngineChangedError"
            again = load(url, "generate")
            assert again is not pipeline
            assert again.run(["a"])[0].result == "yes"


def test_neither_torch_nor_transformers_is_imported(address):
    code = (
        "import sys, json\n"
        "from biogpt_plugins import load\n"
        f"pipeline = load({address!r}, 'bc5cdr')\n"
        f"found = pipeline.run([{TEXT!r}])\n"
        "lines = ''.join(one.text for one in pipeline.stream('Lithium caused tremor.'))\n"
        "loaded = {'torch', 'transformers', 'ctranslate2', 'fastapi'} & set(sys.modules)\n"
        "print(json.dumps([sorted(loaded), found[0].ok, bool(lines)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert json.loads(done.stdout) == [[], True, True]


class TestHosts:
    @UNTAUGHT
    def test_langchain(self, address):
        host = pytest.importorskip("langchain_biogpt", reason="LangChain is not installed")
        near, far = (
            host.BioGPTLLM(model=model, max_new_tokens=8, temperature=0)
            for model in ("demo", address)
        )
        assert far.invoke("lithium-induced") == near.invoke("lithium-induced")
        assert far.get_num_tokens("lithium-induced") == near.get_num_tokens("lithium-induced")
        assert "".join(far.stream("lithium")) == "".join(near.stream("lithium"))
        long = (llm.model_copy(update={"max_new_tokens": 40}) for llm in (near, far))
        chains = (host.create_relation_chain(llm, decoding="grounded") for llm in long)
        ours, theirs = (chain.invoke(TEXT) for chain in chains)
        assert [str(one) for one in ours] == [str(one) for one in theirs]
        llm = host.BioGPTLLM(model=address, token="open-sesame")
        shown = [repr(llm), str(llm.model_dump()), json.dumps(llm.to_json(), default=str)]
        assert not [one for one in shown if "sesame" in one]

    @UNTAUGHT
    def test_llama_index(self, address):
        host = pytest.importorskip("llama_index_biogpt", reason="LlamaIndex is not installed")
        near, far = (
            host.BioGPTLLM(model=model, max_new_tokens=8, temperature=0)
            for model in ("demo", address)
        )
        assert far.metadata.context_window == near.metadata.context_window
        assert far.complete("lithium").text == near.complete("lithium").text
        secret = host.BioGPTLLM(model=address, token="open-sesame")
        assert "sesame" not in f"{secret!r}{secret.to_dict()}"

    def test_a_mapper(self, address):
        host = pytest.importorskip("ray_biogpt", reason="Ray is not installed")
        import numpy as np

        mapper = pickle.loads(pickle.dumps(host.BioGPTMapper(address, "bc5cdr")))
        batch = {"text": np.array([TEXT], dtype=object)}
        (found,) = mapper(batch)["prediction"]
        assert json.loads(found)["model"] == "demo"


class TestCommands:
    def ask(self, *arguments):
        return CliRunner().invoke(app, list(arguments), obj=load)

    def test_they_take_an_address(self, address, tmp_path):
        papers = tmp_path / "papers.jsonl"
        papers.write_text(json.dumps({"text": TEXT}))
        near, far = (self.ask("extract", str(papers), "-m", one) for one in ("demo", address))
        assert (far.exit_code, NUMBER.sub("", far.stdout)) == (0, NUMBER.sub("", near.stdout))
        scores = ([float(one) for one in NUMBER.findall(each.stdout)] for each in (near, far))
        assert next(scores) == pytest.approx(next(scores), abs=1e-4)
        assert "is small and for trying out" in " ".join(far.stderr.split())
        question = ("ask", "Does lithium cause tremor?", "--context", TEXT, "--json")
        answered = self.ask(*question, "-m", address)
        assert json.loads(answered.stdout)["model"] == "demo"

    def test_what_needs_the_files_of_a_model_says_so(self, address):
        failed = self.ask("bench", "-m", address)
        assert failed.exit_code == 2
        assert "is the address of a server, and this needs the files of a model" in " ".join(
            failed.stderr.split()
        )

    @pytest.mark.slow  # it is waited for; `TestAgain` sees the same
    def test_a_server_that_is_not_there(self):
        failed = self.ask("ask", "Does it?", "--context", TEXT, "-m", "http://127.0.0.1:9")
        assert failed.exit_code == 2
        assert "http://127.0.0.1:9 cannot be reached" in " ".join(failed.stderr.split())


SERVER = """
import sys, time, threading
from doubles import Ruled
from biogpt_plugins import Pipeline
from biogpt_plugins.serve import Server, bind, create_app

class Slow(Ruled):
    def complete(self, prompts, decoding):
        found = super().complete(prompts, decoding)
        print("done", len(prompts), flush=True)
        time.sleep(float(sys.argv[2]))
        return found

with bind("127.0.0.1", int(sys.argv[1])) as place:
    app = create_app(Pipeline("bc5cdr", Slow()))
    started = lambda address: print(address, flush=True)
    Server(app, place, drain=0, started=started).serve_place()
"""


@pytest.fixture
def server():
    """Starts servers in processes of their own: `server(port, seconds)`."""
    begun = []

    def start(port=0, seconds=0.0):
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(port), str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        begun.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def test_a_run_whose_server_is_killed_goes_on_when_it_is_back(server, tmp_path):
    papers = tmp_path / "papers.jsonl"
    texts = [f"drug{number} caused illness{number}." for number in range(200)]
    papers.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts)))
    first, url = server(seconds=0.5)
    command = [sys.executable, "-m", "biogpt_plugins", "extract", str(papers), "-m", url]
    command += ["--task", "bc5cdr", "--run", str(tmp_path / "run")]
    running_ = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert first.stdout.readline() == "done 64\n"
    for _ in range(2):
        assert first.stdout.readline().startswith("done ")  # the third are asked after the first
    first.send_signal(signal.SIGKILL)
    said = " ".join(running_.communicate(timeout=600)[1].split())
    assert running_.returncode == 2
    assert f"error: {url} cannot be reached" in said
    kept = len(list(results(tmp_path / "run")))
    assert 64 <= kept < 200
    assert f"holds {kept} results" in said
    assert "not finished: give the same command again to continue" in said
    assert "Traceback" not in said
    second, again = server(int(url.rpartition(":")[2]))
    assert again == url
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)
    assert f"continuing after {kept} finished records" in done.stderr
    found = list(results(tmp_path / "run"))
    assert [one.id for one in found] == [str(number) for number in range(200)]
    assert all(one.ok and len(one.relations) == 1 for one in found)
    second.kill()
    counted = [int(line.split()[1]) for line in second.stdout.read().splitlines()]
    assert sum(counted) == 200 - kept


def test_a_run_in_this_process(tmp_path):
    papers = tmp_path / "papers.jsonl"
    papers.write_text('{"id": 1, "text": "a"}\n')
    pipeline = Pipeline("bc5cdr", _Away())
    with pytest.raises(ServerError, match="away"):
        run(pipeline, [papers], tmp_path / "run")
    assert list(results(tmp_path / "run")) == []


class _Away(ScriptedEngine):
    def complete(self, *_):
        raise ServerError("away")


def test_specs_of_addresses():
    spec = Spec(model="HTTP://Host:8000/", task="bc5cdr")
    assert spec.model == "http://host:8000"
    assert Spec.model_validate_json(spec.model_dump_json()) == spec
