"""Models for CTranslate2: converted, found, loaded, inspected, and refused with a reason."""

import json
import math
import pickle
import shutil
import subprocess
import sys
import tempfile

import bundled
import ctranslate2
import pytest
import tiny
import torch
from fairseq_format import Model, pack, write
from safetensors.torch import load_file, save_file
from transformers import BioGptForCausalLM
from typer.testing import CliRunner

from biogpt_plugins import load
from biogpt_plugins.checkpoints.calibration import Calibration, RelationCalibration
from biogpt_plugins.checkpoints.card import ModelCard
from biogpt_plugins.checkpoints.registry import LEARNED
from biogpt_plugins.cli import app
from biogpt_plugins.conversion import convert, convert_to_ctranslate2, inspect_model
from biogpt_plugins.engine import Decoding, TaskCard
from biogpt_plugins.engines import load_engine
from biogpt_plugins.engines.ctranslate2_folder import pick_compute_type
from biogpt_plugins.evaluation.run import predict
from biogpt_plugins.hosts.fields import ModelFields
from biogpt_plugins.scoring.gold import Document, GoldSet
from biogpt_plugins.training import finetune
from biogpt_plugins.values.errors import (
    DeviceError,
    InputError,
    MissingExtraError,
    ModelError,
    NotABioGPTError,
)

HERE = ctranslate2.get_supported_compute_types("cpu")
PROMPTS = ["aspirin and gastric ulcer", "is lithium tremor given", "dose effect study of"]
PAPERS = [{"title": "Aspirin.", "abstract": "Gastric ulcer after aspirin."}] * 2


def spelled(dtype):
    return str(dtype).removeprefix("torch.")


@pytest.fixture
def folder(tiny_biogpt, tmp_path):
    """A copy of the tiny model that a test may change."""
    return shutil.copytree(tiny_biogpt, tmp_path / "model")


@pytest.fixture(scope="module")
def exact(tiny_biogpt, tmp_path_factory):
    """The tiny model for CTranslate2, its weights as they are."""
    out = tmp_path_factory.mktemp("converted") / "exact"
    return convert_to_ctranslate2(tiny_biogpt, out, dtype="float32").folder


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where temporary folders are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    return tmp_path / "temporary"


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def scores(model, **options):
    """Log-probabilities in float32."""
    engine = load_engine(model, dtype="float32", device="cpu", **options)
    (one,) = engine.complete(PROMPTS[:1], Decoding(max_new_tokens=9, logprobs=True))
    chosen = engine.choose(PROMPTS, ["yes", "no", "may be"])
    shares = [math.log(share) for choice in chosen for share in choice.probabilities.values()]
    return shares + [token.logprob for token in one.tokens]


def alike(model, other, **options):
    """Whether a model for CTranslate2 computes what another does in transformers."""
    return scores(model, **options) == pytest.approx(scores(other), abs=1e-4)


class TestFolders:
    def test_they_keep_what_belongs_to_a_model(self, folder, tmp_path):
        card = ModelCard(tasks={"bc5cdr": TaskCard(layout="learned_prompt")}, description="tiny")
        card.save(folder)
        calibration = Calibration(relations={"bc5cdr": RelationCalibration(slope=2.0)})
        calibration.save(folder)
        made = convert_to_ctranslate2(folder, tmp_path / "out")
        assert made.folder == tmp_path / "out"
        assert (made.task, made.card, made.checkpoints) == ("bc5cdr", card, ("model.safetensors",))
        assert {file.name for file in made.folder.iterdir()} == {
            "README.md",
            "biogpt_calibration.json",
            "biogpt_task.json",
            "config.json",
            "generation_config.json",
            "merges.txt",
            "model.bin",
            "vocab.json",
            "vocabulary.json",
        }
        assert {path.name for path in tmp_path.iterdir()} == {"model", "out"}
        pipeline = load(made.folder)
        assert (pipeline.task.name, pipeline.trust.calibration) == ("bc5cdr", calibration)

    def test_the_vocabulary_is_the_tokenizers_by_id(self, exact):
        names = json.loads((exact / "vocabulary.json").read_text())
        assert dict(zip(names, range(len(names)), strict=True)) == json.loads(
            (exact / "vocab.json").read_text()
        )

    @pytest.mark.parametrize("engine", [None, "ctranslate2"])
    def test_they_load_by_themselves(self, exact, engine):
        found = load_engine(exact, engine=engine)
        assert (found.runtime, found.dtype) == ("ctranslate2", "int8")
        assert load_engine(exact) is found
        assert found.folder == exact
        assert load_engine(exact, dtype="float32", engine=engine).dtype == "float32"

    def test_rounded_ones_are_smaller_and_stay_rounded(self, exact, tiny_biogpt, tmp_path):
        rounded = convert_to_ctranslate2(tiny_biogpt, tmp_path / "out").folder
        assert (rounded / "model.bin").stat().st_size < 0.5 * (exact / "model.bin").stat().st_size
        found, other = (load_engine(one).complete(PROMPTS) for one in (rounded, exact))
        assert found == other
        for dtype in ("float32", torch.float32, "fp32"):
            with pytest.raises(ModelError, match=r"rounded to int8.*--dtype float32"):
                load_engine(rounded, dtype=dtype)

    def test_transformers_does_not_take_them(self, exact, tmp_path):
        with pytest.raises(ModelError, match=r"converted for CTranslate2.*leave the engine out"):
            load_engine(exact, engine="transformers")
        solved = tmp_path / "solved.jsonl"
        solved.write_text('{"text": "Aspirin with warfarin.", "gold": [["a", "b", "effect"]]}\n')
        with pytest.raises(ModelError, match="cannot train"):
            finetune("ddi", train=[solved], model=exact, out=tmp_path / "out")
        with pytest.raises(ModelError, match="already converted for CTranslate2"):
            convert_to_ctranslate2(exact, tmp_path / "out")

    def test_hub_models_may_be_such_folders(self, exact, tmp_path, monkeypatch):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
        repository = tmp_path / "hub" / "models--lab--tiny"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text("a" * 40)
        shutil.copytree(exact, repository / "snapshots" / ("a" * 40))
        assert load_engine("lab/tiny").runtime == "ctranslate2"

    def test_inspect_says_what_they_are(self, exact):
        found = inspect_model(exact)
        assert (found.form, found.dtype) == ("CTranslate2 folder", "float32")
        assert found.bytes == (exact / "model.bin").stat().st_size
        assert found.layers == 2


class TestNetworks:
    """Whatever the config says is what is computed."""

    @pytest.mark.parametrize(
        "change",
        [
            {"layer_norm_eps": 1e-12},
            {"layer_norm_eps": 0.1},
            {"scale_embedding": False},
            {"hidden_act": "relu"},
            {"hidden_act": "gelu_new"},
            {"hidden_act": "silu"},
        ],
        ids=str,
    )
    def test_settings(self, folder, change):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **change}))
        assert alike(folder, folder, engine="ctranslate2")

    def test_an_output_projection_of_its_own(self, folder):
        config = json.loads((folder / "config.json").read_text())
        tensors = load_file(folder / "model.safetensors")
        own = tensors["biogpt.embed_tokens.weight"].flip(0).contiguous()
        tensors["output_projection.weight"] = own
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))
        assert alike(folder, folder, engine="ctranslate2")

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    def test_weights_of_half_the_size_stay_as_they_are(self, folder, dtype):
        BioGptForCausalLM.from_pretrained(folder, dtype=dtype).save_pretrained(folder)
        made = convert_to_ctranslate2(folder, folder.parent / "out", dtype="float32").folder
        assert inspect_model(made).dtype == str(dtype).removeprefix("torch.")
        assert alike(made, folder)
        assert alike(folder, folder, engine="ctranslate2")

    def test_shards(self, folder):
        model = BioGptForCausalLM.from_pretrained(folder)
        (folder / "model.safetensors").unlink()
        model.save_pretrained(folder, max_shard_size="40KB")
        assert len(list(folder.glob("*.safetensors"))) > 1
        assert alike(folder, folder, engine="ctranslate2")

    def test_rows_without_a_name(self, folder, tmp_path):
        file = folder / "vocab.json"
        vocabulary = json.loads(file.read_text())
        rows = [vocabulary.pop(name) for name in LEARNED]
        file.write_text(json.dumps(vocabulary))
        made = convert_to_ctranslate2(folder, tmp_path / "out", dtype="float32").folder
        engine = load_engine(made)
        assert engine.tokenizer.convert_tokens_to_ids(list(LEARNED)) == rows
        assert alike(made, folder)

    def test_one_that_ctranslate2_does_not_have(self, folder):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "hidden_act": "mish"}))
        with pytest.raises(
            ModelError, match="does not support the activation 'mish'; it supports gelu"
        ):
            load_engine(folder, engine="ctranslate2")


class TestLoading:
    def test_one_engine_for_each_runtime(self, folder, temporary):
        plain = load_engine(folder, device="cpu", dtype="float32")
        found = load_engine(folder, engine="ctranslate2", dtype="float32")
        assert found is not plain
        assert found is load_engine(str(folder), engine="ctranslate2", dtype="fp32", device="cpu")
        assert found is not load_engine(folder, engine="ctranslate2")
        assert plain is load_engine(folder, engine="transformers", device="cpu", dtype="float32")
        assert (plain.runtime, found.runtime) == ("transformers", "ctranslate2")
        assert found.folder == folder
        assert not list(temporary.iterdir()), "what was converted on the way is left"
        found.close()
        assert load_engine(folder, engine="ctranslate2", dtype="float32") is not found

    def test_it_is_silent_and_takes_a_batch_size(self, folder, capfd):
        engine = load_engine(folder, engine="ctranslate2", batch_size=3)
        engine.complete(PROMPTS)
        assert capfd.readouterr() == ("", "")
        with pytest.raises(InputError, match="batch_size must be at least 1, not 0"):
            load_engine(folder, engine="ctranslate2", batch_size=0)

    @pytest.mark.parametrize(
        ("options", "error", "says"),
        [
            (
                {"engine": "onnx"},
                InputError,
                "engine must be 'transformers' or 'ctranslate2', not 'onnx'",
            ),
            ({"dtype": "int3"}, DeviceError, "'int3'.*this machine's cpu; choose .*float32"),
            (
                {"device": "mps"},
                DeviceError,
                "'mps' is not available on this machine; available: cpu",
            ),
            (
                {"device": "cuda"},
                DeviceError,
                "'cuda' is not available on this machine; available: cpu",
            ),
            ({"device": "cpu,gpu"}, DeviceError, "'gpu' is not available"),
        ],
    )
    def test_what_cannot_be(self, tiny_biogpt, options, error, says):
        with pytest.raises(error, match=says):
            load_engine(tiny_biogpt, **{"engine": "ctranslate2", **options})

    @pytest.mark.parametrize(
        "dtype",
        [d for d in ("bfloat16", torch.float16, "int16", "int3") if spelled(d) not in HERE],
    )
    def test_what_this_processor_does_not_compute_in(self, tiny_biogpt, dtype):
        with pytest.raises(DeviceError) as refused:
            load_engine(tiny_biogpt, engine="ctranslate2", dtype=dtype)
        reason, choice = str(refused.value).split("; choose ")
        assert reason == f"dtype '{dtype}' cannot be used with CTranslate2 on this machine's cpu"
        assert choice.replace(" or ", ", ").split(", ") == sorted(HERE)

    @pytest.mark.parametrize(
        ("types", "choice"),
        [
            ({"float32"}, "float32"),
            ({"int8", "float32"}, "float32 or int8"),
            ({"int16", "int8_float32", "int8", "float32"}, "float32, int16, int8 or int8_float32"),
        ],
    )
    def test_the_choice_is_in_order_on_every_processor(self, monkeypatch, types, choice):
        monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda *_: types)
        with pytest.raises(DeviceError, match=f"; choose {choice}$"):
            pick_compute_type("float16", torch.device("cpu"))
        assert pick_compute_type(None, torch.device("cpu")) == (
            "int8" if len(types) > 1 else choice
        )

    def test_two_copies_on_one_machine_share_the_work(self, tiny_biogpt):
        engine = load_engine(tiny_biogpt, engine="ctranslate2", dtype="float32", device="cpu,cpu")
        assert len(engine._scheduler._workers) == 2
        expected = load_engine(tiny_biogpt, device="cpu").complete(PROMPTS)
        assert engine.complete(PROMPTS) == expected

    def test_pickled_weights_are_not_converted(self, tmp_path):
        folder = tiny.build(tmp_path / "pickled", safe=False)
        with pytest.raises(ModelError, match="save_pretrained"):
            load_engine(folder, engine="ctranslate2", allow_pickle=True)
        with pytest.raises(ModelError, match="save_pretrained"):
            convert_to_ctranslate2(folder, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    @pytest.mark.slow
    def test_the_package_is_an_extra(self, tiny_biogpt):
        code = (
            "import sys; sys.modules['ctranslate2'] = None\n"
            "from biogpt_plugins import load\n"
            "from biogpt_plugins.values.errors import MissingExtraError\n"
            "from biogpt_plugins.conversion import convert_to_ctranslate2\n"
            f"model = {str(tiny_biogpt)!r}\n"
            "for act in (lambda: load(model, 'generate', engine='ctranslate2'),\n"
            "            lambda: convert_to_ctranslate2(model, model + '-out')):\n"
            "    try:\n"
            "        act()\n"
            "    except MissingExtraError as error:\n"
            "        print(error)\n"
            "load(model, 'generate', engine='transformers')\n"
        )
        found = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True
        )
        assert found.stdout.count('pip install "biogpt-plugins[ctranslate2]"') == 2
        assert issubclass(MissingExtraError, ImportError)

    @pytest.mark.slow
    def test_nothing_imports_it_before_it_is_asked_for(self):
        code = (
            "import sys, biogpt_plugins.hosts.fields, biogpt_plugins.cli, biogpt_plugins.engines; "
            "sys.exit(any(name in sys.modules for name in ('torch', 'ctranslate2')))"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
        code = "import sys, biogpt_plugins.engines.loading; sys.exit('ctranslate2' in sys.modules)"
        subprocess.run([sys.executable, "-c", code], check=True)


def broken(folder, how):
    match how:
        case "no weights":
            (folder / "model.bin").unlink()
        case "damaged weights":
            (folder / "model.bin").write_bytes((folder / "model.bin").read_bytes()[:1000])
        case "no config":
            (folder / "config.json").unlink()
        case "no vocabulary":
            (folder / "vocab.json").unlink()
        case "too many tokens":
            vocab = json.loads((folder / "vocab.json").read_text())
            (folder / "vocab.json").write_text(json.dumps({**vocab, "new": len(vocab)}))


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        ("no weights", ModelError, r"no weights \(model.bin\)"),
        ("damaged weights", ModelError, "CTranslate2 cannot load"),
        ("no config", NotABioGPTError, "no config.json"),
        ("no vocabulary", ModelError, "lacks vocab.json"),
        ("too many tokens", ModelError, "use the tokenizer that belongs to the model"),
    ],
)
def test_a_converted_folder_that_is_damaged(exact, tmp_path, how, error, says):
    folder = shutil.copytree(exact, tmp_path / "model")
    broken(folder, how)
    with pytest.raises(error, match=says) as caught:
        load_engine(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("how", ["lacking", "of another shape", "damaged"])
def test_weights_that_do_not_fit(folder, how):
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    name = "biogpt.layers.1.fc1.weight"
    if how == "damaged":
        weights.write_bytes(weights.read_bytes()[:1000])
    else:
        tensors.pop(name)
        more = {name: torch.zeros(3, 32)} if how == "of another shape" else {}
        save_file({**tensors, **more}, weights, metadata={"format": "pt"})
    says = (
        "cannot read the weights"
        if how == "damaged"
        else f"do not match.*1 tensor is missing.*{name}"
    )
    with pytest.raises(ModelError, match=says):
        load_engine(folder, engine="ctranslate2")


class TestFairseq:
    def test_one_step_does_both(self, tmp_path):
        source = write(tmp_path / "RE-BC5CDR-BioGPT", Model(layers=1)).parent
        archive = pack(source, tmp_path / "RE-BC5CDR-BioGPT.tgz")
        made = convert_to_ctranslate2(archive, tmp_path / "out", dtype="float32")
        first = convert(source, tmp_path / "first")
        assert (made.task, made.notes) == (first.task, first.notes)
        assert {path.name for path in tmp_path.iterdir()} == {
            "RE-BC5CDR-BioGPT",
            archive.name,
            "first",
            "out",
        }
        both = [load(one, dtype="float32", device="cpu") for one in (made.folder, first.folder)]
        found = [pipeline.run(PAPERS) for pipeline in both]
        assert [[p.completion for p in own] for own in found[:1]] == [
            [p.completion for p in own] for own in found[1:]
        ]

    def test_its_options_go_with_checkpoints_alone(self, tiny_biogpt, tmp_path):
        with pytest.raises(InputError, match=r"dictionary and task apply only.*leave them out"):
            convert_to_ctranslate2(
                tiny_biogpt, tmp_path / "out", dictionary="dict.txt", task="bc5cdr", average=None
            )
        with pytest.raises(InputError, match="'int8' or 'float32'"):
            convert_to_ctranslate2(tiny_biogpt, tmp_path / "out", dtype="bfloat16")


class TestSettings:
    """Results are told apart by what they came from."""

    def test_fields_name_the_engine(self, tiny_biogpt):
        fields = ModelFields(model=str(tiny_biogpt), engine="ctranslate2", dtype="float32")
        assert fields.bind_task("generate").engine.runtime == "ctranslate2"
        assert fields.bind_engine() is fields.bind_task("generate").engine
        assert pickle.loads(pickle.dumps(fields)) == fields
        assert "engine" not in ModelFields().model_dump()
        assert fields.model_dump()["engine"] == "ctranslate2"

    def test_a_pipeline_at_hand_tells_how_it_is_run(self, tiny_biogpt):
        plain, exact = (
            load(str(tiny_biogpt), "generate", engine=engine, dtype="float32", device="cpu")
            for engine in ("transformers", "ctranslate2")
        )
        fields = ModelFields.from_pipeline.__func__(_Fields, exact)
        assert (fields.engine, fields.dtype, fields.own_ways()) == ("ctranslate2", "float32", {})
        bare = ModelFields(model=str(tiny_biogpt), pipeline=exact)
        assert bare.own_ways() == {"engine": "'ctranslate2'", "dtype": "'float32'"}
        assert ModelFields(model=str(tiny_biogpt), pipeline=plain).own_ways() == {}

    @pytest.mark.parametrize("order", [(None, "ctranslate2"), ("ctranslate2", None)])
    def test_a_run_does_not_go_on_with_another_engine(self, tiny_biogpt, tmp_path, order):
        gold = GoldSet("generate", [Document("1", [], {"text": "aspirin"})])
        first, second = (
            load(tiny_biogpt, "generate", engine=engine, dtype="float32", device="cpu")
            for engine in order
        )
        assert len(list(predict(first, gold, folder=tmp_path))) == 1
        assert len(list(predict(first, gold, folder=tmp_path))) == 1
        with pytest.raises(InputError, match="another run"):
            list(predict(second, gold, folder=tmp_path))
        told = json.loads((tmp_path / "run.json").read_text())
        assert told["settings"]["engine"] == (order[0] or "transformers")


class _Fields(ModelFields):
    task: str | None = None


class TestCommands:
    def test_convert_inspect_extract_and_eval(self, tmp_path):
        out = tmp_path / "demo8"
        done = run("convert", "--to", "ctranslate2", "demo", out)
        assert (done.exit_code, done.stdout) == (0, f"{out}\n"), done.stderr
        assert "model.safetensors: trained for bc5cdr" in done.stderr

        done = run("inspect", out)
        assert "CTranslate2 folder" in " ".join(done.stdout.split())
        assert "int8, " in done.stdout

        papers = tmp_path / "papers.jsonl"
        gold = [{"head": "lithium", "type": "CID", "tail": "tremor"}]
        papers.write_text(json.dumps({**bundled.case(), "gold": gold}) + "\n")
        first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
        done = run("extract", papers, "--model", out, "-o", first)
        assert done.exit_code == 0, done.stderr
        done = run("extract", papers, "--engine", "ctranslate2", "-o", second)
        assert done.exit_code == 0, done.stderr
        found, other = (json.loads(file.read_text()) for file in (first, second))
        assert found.pop("model") == str(out)
        assert other.pop("model") == "demo"
        assert found == other

        runs = tmp_path / "runs"
        evaluation = ("eval", "bc5cdr", "--data", papers, "--out", runs)
        done = run(*evaluation, "--model", out, "--dtype", "int8")
        assert done.exit_code == 0, done.stderr
        assert json.loads((runs / "run.json").read_text())["settings"]["engine"] == "ctranslate2"
        done = run(*evaluation, "--model", "demo")
        assert done.exit_code == 2
        assert "holds another run" in done.stderr

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("demo", "--to", "ctranslate2", "--dtype", "bfloat16"), "'int8' or 'float32'"),
            (
                ("demo", "--to", "ctranslate2", "--task", "bc5cdr"),
                "task apply only to fairseq checkpoints",
            ),
            (("nowhere/at/all", "--to", "ctranslate2"), "does not exist: name a folder"),
            (("demo", "--to", "onnx"), "'--to'"),
            (("demo",), "checkpoint 'demo' does not exist"),
        ],
    )
    def test_convert_refuses_in_one_line(self, tmp_path, args, says):
        model, *options = args
        done = run("convert", model, tmp_path / "out", *options)
        assert (done.exit_code, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert says in line
        assert not (tmp_path / "out").exists()

    def test_ask_and_generate_take_an_engine(self):
        asked = ("ask", "does it?", "--context", "It does.", "--engine", "ctranslate2")
        assert "yes" in run(*asked).stdout
        done = run("generate", "aspirin", "-n", 3, "--model", "demo", "--engine", "ctranslate2")
        assert done.exit_code == 0, done.stderr
        assert done.stdout.startswith("aspirin")
        done = run(*asked, "--dtype", "int3")
        assert done.exit_code == 2
        assert "'int3' cannot be used with CTranslate2 on this machine's cpu" in done.stderr
