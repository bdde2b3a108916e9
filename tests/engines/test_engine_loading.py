"""From a model's name to a shared engine, and what is said where there is none."""

import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import tiny
import torch
from huggingface_hub import errors
from safetensors.torch import load_file, save_file

from biogpt_plugins import load
from biogpt_plugins.checkpoints import BUNDLED, locate
from biogpt_plugins.checkpoints.card import ModelCard
from biogpt_plugins.checkpoints.registry import LEARNED
from biogpt_plugins.engine import Decoding, TaskCard
from biogpt_plugins.engines import TransformersEngine, load_engine, machine
from biogpt_plugins.engines.devices import available, pick_device, pick_devices, pick_dtype
from biogpt_plugins.hosts.fields import ModelFields
from biogpt_plugins.values.errors import (
    DeviceError,
    EngineError,
    InputError,
    ModelError,
    ModelNotFoundError,
    NotABioGPTError,
)

CPU = torch.device("cpu")


@pytest.fixture
def folder(tiny_biogpt, tmp_path):
    """A copy of the tiny model that a test may break."""
    return shutil.copytree(tiny_biogpt, tmp_path / "model")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """An empty local cache of the hub, and no network: sockets are blocked in all tests."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def cached(hub, name, model, *, without=()):
    """Put a model into the cache as the hub's client would."""
    repo = hub / f"models--{name.replace('/', '--')}"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text("a" * 40)
    snapshot = repo / "snapshots" / ("a" * 40)
    shutil.copytree(model, snapshot, ignore=shutil.ignore_patterns(*without))
    return snapshot


def test_importing_engines_loads_no_torch():
    code = (
        "import sys; import biogpt_plugins.engines, biogpt_plugins.checkpoints; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_racing_threads_get_one_engine_loaded_once(folder, monkeypatch):
    loads = []

    def counting(file):
        loads.append(file)
        return load_file(file)

    monkeypatch.setattr("biogpt_plugins.engines.network.load_file", counting)
    barrier = threading.Barrier(8)

    def ask(thread):
        barrier.wait()
        return load_engine(folder if thread % 2 else str(folder), device="cpu")

    with ThreadPoolExecutor(8) as pool:
        engines = list(pool.map(ask, range(8)))
    assert len({id(engine) for engine in engines}) == 1
    assert len(loads) == 1


def test_one_engine_for_each_model_device_and_dtype(folder, monkeypatch):
    engine = load_engine(folder, device="cpu")
    assert isinstance(engine, TransformersEngine)
    assert (engine.device, engine.dtype, engine.folder) == (CPU, torch.float32, folder)
    monkeypatch.chdir(folder.parent)
    same = [folder, str(folder), "model", "./model", folder / ".." / "model"]
    assert all(load_engine(model, device="cpu", dtype="float32") is engine for model in same)
    half = load_engine(folder, device="cpu", dtype=torch.bfloat16)
    assert half is not engine
    assert half.dtype == torch.bfloat16
    assert half.complete(["aspirin"], Decoding(max_new_tokens=3))[0].error is None
    assert sum(half.choose(["aspirin"], ["yes", "no"])[0].probabilities.values()) == pytest.approx(
        1
    )


def test_loading_is_silent_and_ready_for_use(folder, capfd):
    engine = load_engine(folder, batch_size=3)
    assert capfd.readouterr() == ("", "")
    assert not engine._scheduler._workers[0].runner._model.training
    with pytest.raises(InputError, match="batch_size must be at least 1, not 0"):
        load_engine(folder, batch_size=0)


def test_the_bundled_model():
    (name,) = BUNDLED
    try:
        folder = locate(name)
    except ModelNotFoundError as error:
        pytest.skip(str(error))
    engine = load_engine(name)
    assert engine is load_engine(folder)
    assert engine is load_engine(str(folder))
    assert engine.complete(["aspirin"], Decoding(max_new_tokens=5))[0].error is None


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("/nowhere/at/all", "model folder '/nowhere/at/all' does not exist"),
        ("./nowhere", "model folder .* does not exist"),
        ("a/b/c", "model folder .* does not exist"),
        ("", "model folder '' does not exist"),
        ("no spaces/please", "model folder .* does not exist"),
        ("someone/unheard-of", "hub was not reached.*hf download"),
        ("unheard-of", "hub was not reached"),
    ],
)
@pytest.mark.usefixtures("hub")
def test_a_model_that_is_nowhere(tmp_path, monkeypatch, model, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=says) as caught:
        load_engine(model, device="cpu")
    assert repr(model) in str(caught.value)


@pytest.mark.parametrize("name", ["RE-BC5CDR-BioGPT", "re-ddi-biogpt", "DC-HoC-BioGPT.tgz", "run"])
def test_fairseq_models_are_to_be_converted(tmp_path, monkeypatch, name):
    (tmp_path / "DC-HoC-BioGPT.tgz").touch()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint_avg.pt").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=f"(?i)`biogpt convert {name}"):
        load_engine(name, device="cpu")


def test_a_path_is_never_a_hub_id(tmp_path):
    with pytest.raises(ModelNotFoundError, match=r"model folder .* does not exist"):
        locate(tmp_path / "microsoft" / "biogpt")


def broken(folder, how):
    config = json.loads((folder / "config.json").read_text())
    weights = folder / "model.safetensors"
    match how:
        case "no config":
            (folder / "config.json").unlink()
        case "bad config":
            (folder / "config.json").write_text("{")
        case "a list":
            (folder / "config.json").write_text("[]")
        case "another model":
            (folder / "config.json").write_text(json.dumps({**config, "model_type": "gpt2"}))
        case "no vocabulary":
            (folder / "vocab.json").unlink()
            (folder / "merges.txt").unlink()
        case "no weights":
            weights.unlink()
        case "damaged weights":
            weights.write_bytes(weights.read_bytes()[:1000])
        case "lacking weights":
            tensors = load_file(weights)
            del tensors["biogpt.layers.1.fc1.weight"]
            save_file(tensors, weights, metadata={"format": "pt"})
        case "other shapes":
            (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 65}))
        case "too many tokens":
            vocab = json.loads((folder / "vocab.json").read_text())
            (folder / "vocab.json").write_text(json.dumps({**vocab, "new": len(vocab)}))


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        ("no config", NotABioGPTError, "has no config.json"),
        ("bad config", NotABioGPTError, "cannot read"),
        ("a list", NotABioGPTError, "cannot read"),
        ("another model", NotABioGPTError, "must be 'biogpt', not 'gpt2'"),
        ("no vocabulary", ModelError, "lacks vocab.json and merges.txt"),
        ("no weights", ModelError, "has no weights"),
        ("damaged weights", ModelError, "cannot load"),
        ("lacking weights", ModelError, "biogpt.layers.1.fc1.weight"),
        ("other shapes", ModelError, "fc1"),
        ("too many tokens", ModelError, "use the tokenizer that belongs to the model"),
    ],
)
def test_a_folder_that_is_no_biogpt_or_is_damaged(folder, how, error, says):
    broken(folder, how)
    with pytest.raises(error, match=says) as caught:
        load_engine(folder, device="cpu")
    assert str(folder) in str(caught.value)


def test_pickled_weights_are_loaded_only_when_allowed(tmp_path):
    folder = tiny.build(tmp_path / "pickled", safe=False)
    with pytest.raises(ModelError, match="allow_pickle=True"):
        load_engine(folder, device="cpu")
    engine = load_engine(folder, device="cpu", allow_pickle=True)
    assert engine.complete(["aspirin"], Decoding(max_new_tokens=3))[0].error is None
    # In memory it is in nobody's way; it is reading the file that may be refused.
    with pytest.raises(ModelError, match="allow_pickle=True"):
        load_engine(folder, device="cpu")


@pytest.mark.parametrize("local_files_only", [None, True])
def test_a_cached_hub_model_needs_no_network(hub, tiny_biogpt, local_files_only):
    snapshot = cached(hub, "lab/tiny", tiny_biogpt)
    engine = load_engine("lab/tiny", device="cpu", local_files_only=local_files_only)
    assert engine.model_name == "lab/tiny"
    assert engine.folder == snapshot
    assert load_engine("lab/tiny", revision="a" * 40, device="cpu") is engine


@pytest.mark.parametrize(
    ("spelling", "learned"),
    [("{}", True), ("{}</w>", True), (None, True), ("filler {}", False)],
    ids=["tokens", "words", "rows without a name", "none"],
)
def test_learned_tokens_of_a_hub_model_without_a_card(hub, folder, spelling, learned):
    file = folder / "vocab.json"
    vocabulary = json.loads(file.read_text())
    rows = [vocabulary.pop(name) for name in LEARNED]
    if spelling:
        names = map(spelling.format, LEARNED)
        vocabulary |= dict(zip(names, rows, strict=True))
    file.write_text(json.dumps(vocabulary))
    cached(hub, "microsoft/BioGPT-Large-PubMedQA", folder)

    pipeline = load("microsoft/BioGPT-Large-PubMedQA", device="cpu")
    question = {"question": "Does Aspirin help?", "context": "No.", "long_answer": "Not at all"}
    prompt = pipeline.task.render(question, pipeline.card)
    assert prompt.source == "question: Does Aspirin help? context: No. answer: Not at all."
    ids = pipeline.engine._tokens.encode(prompt, window=96, room=8).ids
    assert (ids[-len(rows) :] == rows) == learned
    assert pipeline.run([question])[0].ok


@pytest.mark.parametrize(
    ("options", "without", "error", "says"),
    [
        ({"local_files_only": False}, (), ModelNotFoundError, "not reached"),
        ({"revision": "v2"}, (), ModelNotFoundError, "at revision 'v2'"),
        ({}, ("*.safetensors",), ModelNotFoundError, "not reached"),
        ({"local_files_only": True}, ("*.safetensors",), ModelError, "has no weights.*cache only"),
        ({"local_files_only": True}, ("config.json",), NotABioGPTError, "no config.json"),
    ],
)
def test_a_cache_that_does_not_do(hub, tiny_biogpt, options, without, error, says):  # noqa: PLR0917
    cached(hub, "lab/tiny", tiny_biogpt, without=without)
    with pytest.raises(error, match=says):
        load_engine("lab/tiny", device="cpu", **options)


@pytest.fixture
def served(hub, monkeypatch):
    """A stand-in for the hub's client that serves a folder, or raises; it keeps what was asked."""
    asked = []

    def serve(source):
        def snapshot_download(name, *, revision, allow_patterns, local_files_only):
            if local_files_only:
                raise errors.LocalEntryNotFoundError("not cached")
            asked.append((name, revision, allow_patterns))
            if isinstance(source, Exception):
                raise source
            for pattern in allow_patterns:
                for file in source.glob(pattern):
                    hub.mkdir(exist_ok=True)
                    shutil.copy(file, hub)
            return str(hub)

        monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
        return asked

    return serve


def test_a_download_takes_the_small_files_first(served, folder, hub):
    asked = served(folder)
    assert locate("lab/tiny", revision="v2") == hub
    assert [(name, revision) for name, revision, _ in asked] == [("lab/tiny", "v2")] * 2
    assert "*.safetensors" not in asked[0][2]
    assert all("*.bin" not in patterns for _, _, patterns in asked)


def test_a_model_is_asked_what_it_was_taught_before_its_weights_come(served, folder):
    ModelCard(tasks={"ddi": TaskCard()}).save(folder)
    asked = served(folder)
    assert ModelFields(model="lab/tiny").own_relation_task() == "ddi"
    assert [("*.safetensors" in patterns) for _, _, patterns in asked] == [False]
    with pytest.raises(ModelNotFoundError):
        ModelFields(model="lab/tiny").own_relation_task(local_files_only=True)


def test_another_model_is_not_downloaded(served, folder):
    broken(folder, "another model")
    asked = served(folder)
    with pytest.raises(
        NotABioGPTError,
        match=r"'lab/gpt2' is not a BioGPT: model_type in .* must be 'biogpt', not 'gpt2'",
    ):
        locate("lab/gpt2")
    assert len(asked) == 1


def test_pickled_weights_are_downloaded_only_when_allowed(served, tmp_path, hub):
    asked = served(tiny.build(tmp_path / "pickled", safe=False))
    with pytest.raises(ModelError, match=r"has no safetensors on the hub.*allow_pickle=True"):
        locate("lab/tiny")
    assert not list(hub.glob("*.bin"))
    assert locate("lab/tiny", allow_pickle=True) == hub
    assert "*.bin" in asked[-1][2]


ANSWER = SimpleNamespace(headers={}, request=None)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (errors.GatedRepoError("no", response=ANSWER), "is gated: ask for access"),
        (
            errors.RevisionNotFoundError("no", response=ANSWER),
            "name an existing branch, tag or commit",
        ),
        (errors.RepositoryNotFoundError("no", response=ANSWER), "check the spelling"),
        (errors.HfHubHTTPError("no", response=ANSWER), "hub was not reached"),
        (errors.OfflineModeIsEnabled("no"), "hub was not reached"),
        (errors.HFValidationError("no"), "hub was not reached"),
        (OSError("disk full"), "disk full"),
    ],
)
def test_what_the_hub_may_answer(served, error, says):
    served(error)
    with pytest.raises(ModelNotFoundError, match=says) as caught:
        locate("lab/tiny")
    assert "'lab/tiny'" in str(caught.value)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "", "gpu", "cpu:1"])
def test_a_device_that_is_not_here(device):
    with pytest.raises(DeviceError, match=r"available: .*cpu") as caught:
        pick_device(device)
    assert repr(device) in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_without_one(folder):
    with pytest.raises(DeviceError, match="'cuda' is not available on this machine; available: "):
        load_engine(folder, device="cuda")


def test_several_devices(folder):
    both = load_engine(folder, device="cpu, CPU")
    assert both is load_engine(folder, device="cpu,cpu")
    assert both is not load_engine(folder, device="cpu")
    assert len(both._scheduler._workers) == 2
    prompts = ["aspirin dose", "lithium tremor", "renal failure"] * 8
    assert both.complete(prompts) == load_engine(folder, device="cpu").complete(prompts)
    assert pick_devices("all")[0] == pick_device()
    with pytest.raises(DeviceError, match="'cuda:99' is not available"):
        load_engine(folder, device="cpu,cuda:99")


def test_a_closed_engine_is_loaded_anew(folder):
    engine = load_engine(folder, device="cpu", dtype="float16")
    engine.close()
    with pytest.raises(EngineError, match="is closed: load the model again"):
        engine.complete(["aspirin"])
    again = load_engine(folder, device="cpu", dtype="float16")
    assert again is not engine
    assert again.complete(["aspirin"])[0].error is None


def test_devices():
    assert pick_device() == torch.device(available()[0])
    assert pick_device("CPU") == pick_device(CPU) == pick_device("cpu:0") == CPU


@pytest.mark.parametrize("dtype", ["float8", "int8", "", torch.int64])
def test_a_dtype_that_is_none(tiny_biogpt, dtype):
    with pytest.raises(DeviceError, match="use float32, bfloat16 or float16"):
        pick_dtype(dtype, CPU, tiny_biogpt, "tiny")


def test_default_dtypes_on_the_cpu(folder, monkeypatch):
    assert pick_dtype(None, CPU, folder, "tiny") == torch.float32
    config = json.loads((folder / "config.json").read_text())
    large = {"hidden_size": 1024, "num_hidden_layers": 24, "intermediate_size": 4096}
    (folder / "config.json").write_text(json.dumps({**config, **large}))
    for units, dtype in (({"avx512_bf16": True}, torch.bfloat16), ({"avx2": True}, torch.float32)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda units=units: units, raising=False)
        assert pick_dtype(None, CPU, folder, "large") == dtype


LOADS = """
import os, time
import torch
from biogpt_plugins.engine import Decoding
from biogpt_plugins.engines import load_engine

torch.set_num_threads(3)
threads = lambda: len(os.listdir("/proc/self/task"))

def settled(count):
    end = time.monotonic() + 60
    while threads() > count and time.monotonic() < end:
        time.sleep(0.01)
    return threads()

def compute():
    torch.ones(10**6).exp()

before = threads()
"""

HELPERS = """
engine = load_engine("demo", device="cpu")
print(settled(before) - before)
compute()
print(threads() - before)
asked = ["lithium"] * 3, Decoding(max_new_tokens=3)
found = engine.complete(*asked)
print(settled(before + 1) - before)
compute()
print(engine.complete(*asked) == found, settled(before + 1) - before)
"""

FORKS = """
compute()
if not os.fork():
    engine = load_engine("demo", device="cpu")
    print(len(engine.complete(["lithium"], Decoding(max_new_tokens=3))), flush=True)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""

helpers = pytest.mark.skipif(
    machine._pause(os.getpid()) is None, reason="torch does not compute with GNU's OpenMP here"
)


def told(script):
    """The words that a script prints; numpy's own threads would be counted, too."""
    ours = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=ours, timeout=600
    ).stdout.split()


@helpers
def test_only_who_computes_keeps_helpers():
    """Those of another would make them sleep after each operation."""
    loaded, computed, called, same, again = told(LOADS + HELPERS)
    assert (loaded, computed, same) == ("0", "2", "True")
    assert called == again == "1", "the engine's own thread"


@helpers
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_waits_for_no_helpers_of_before():
    assert told(LOADS + FORKS) == ["1", "0"]
