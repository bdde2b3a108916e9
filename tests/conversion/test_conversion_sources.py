"""What can be converted, and into what: archives, averages, precisions, shards, tasks."""

import json
import subprocess
import sys

import pytest
import torch
from converted import Converted, assert_tensors
from fairseq_format import EOS, Model, pack, write
from fairseq_reference import Reference
from shared_data import shared
from transformers import BioGptForCausalLM, BioGptTokenizer
from typer.testing import CliRunner

from biogpt_plugins.cli import app
from biogpt_plugins.conversion import convert, weights

TEXT = "lithium induced tremor in patients with renal failure"


def contents(folder):
    """The files of a model but for the card, whose description names the source."""
    return {f.name: f.read_bytes() for f in folder.iterdir() if f.name != "biogpt_task.json"}


def test_only_the_folder_is_left_with_the_rights_of_any_other(tmp_path):
    made = Converted(Model(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"source", "made"}
    assert made.folder.stat().st_mode == made.checkpoint.parent.stat().st_mode
    modes = {file.stat().st_mode for file in made.folder.iterdir()}
    assert modes == {made.checkpoint.stat().st_mode}


@pytest.mark.parametrize("target", ["empty", "nowhere"])
def test_out_may_be_a_link(tmp_path, target):
    source = write(tmp_path / "source", Model(layers=1))
    (tmp_path / "empty").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / target)
    assert convert(source, tmp_path / "out").folder == tmp_path / "out"
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / target / "config.json").is_file()


def test_half_precision_becomes_float32_bit_by_bit(tmp_path):
    made = Converted(Model(dtype=torch.float16), tmp_path)
    assert_tensors(made.folder, {name: t.float() for name, t in made.state["model"].items()})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_bfloat16(tmp_path, dtype):
    made = Converted(Model(dtype=dtype), tmp_path, dtype="bfloat16")
    assert_tensors(made.folder, {name: t.bfloat16() for name, t in made.state["model"].items()})
    assert json.loads((made.folder / "config.json").read_text())["dtype"] == "bfloat16"
    assert made.network.dtype == torch.bfloat16


AVERAGES = {
    "epochs": (["checkpoint8.pt", "checkpoint9.pt", "checkpoint10.pt", "checkpoint11.pt"], 3),
    "updates": (["checkpoint_1_900.pt", "checkpoint_1_1000.pt", "checkpoint_2_1100.pt"], 2),
    "one": (["checkpoint1.pt", "checkpoint2.pt"], 1),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("kind", AVERAGES)
def test_averages_are_the_official_ones_bit_by_bit(tmp_path, kind, dtype):
    names, average = AVERAGES[kind]
    source = tmp_path / "RE-BC5CDR-BioGPT"
    models = [Model(seed=seed, dtype=dtype) for seed in range(len(names))]
    for name, model in zip(names, models, strict=True):
        write(source, model, name=name)
    for passed_over in ("checkpoint_avg.pt", "checkpoint_best.pt", "checkpoint_last.pt"):
        (source / passed_over).write_bytes(b"")
    made = convert(source, tmp_path / "out", average=average)
    assert made.checkpoints == tuple(reversed(names[-average:]))
    sums = None
    for model in reversed(models[-average:]):
        state = {name: tensor.float() for name, tensor in model.state()["model"].items()}
        sums = {name: sums[name] + tensor for name, tensor in state.items()} if sums else state
    assert_tensors(made.folder, {name: tensor / average for name, tensor in sums.items()})


@pytest.mark.parametrize("average", [None, 2])
def test_a_folder_of_many_checkpoints(tmp_path, average):
    names = ["checkpoint1.pt", "checkpoint2.pt", "checkpoint_avg.pt", "checkpoint_best.pt"]
    for name in names:
        write(tmp_path / "source", Model(), name=name)
    made = convert(tmp_path / "source", tmp_path / "out", average=average)
    assert made.checkpoints == (("checkpoint2.pt", "checkpoint1.pt") if average else (names[2],))


@pytest.mark.parametrize("name", ["RE-BC5CDR-BioGPT.tgz", "model.tar.gz", "model.tar", "no ending"])
def test_archives(tmp_path, name):
    made = Converted(Model(), tmp_path)
    archive = pack(made.checkpoint.parent, tmp_path / name)
    packed = convert(archive, tmp_path / "packed")
    assert (packed.task, packed.checkpoints) == (made.made.task, made.made.checkpoints)
    assert packed.card == made.made.card
    assert contents(packed.folder) == contents(made.folder)


def test_an_archive_of_many_checkpoints(tmp_path):
    for seed in range(3):
        write(tmp_path / "source", Model(seed=seed), name=f"checkpoint{seed}.pt")
    made = convert(tmp_path / "source", tmp_path / "made", average=2)
    archive = pack(tmp_path / "source", tmp_path / "many.tgz")
    packed = convert(archive, tmp_path / "packed", average=2)
    assert packed.checkpoints == made.checkpoints == ("checkpoint2.pt", "checkpoint1.pt")
    assert contents(packed.folder) == contents(made.folder)


def test_files_by_their_names(tmp_path, monkeypatch):
    made = Converted(Model(), tmp_path)
    for name in ("dict.txt", "bpecodes"):
        (made.checkpoint.parent / name).rename(tmp_path / f"my-{name}")
    (tmp_path / "out").mkdir()  # an empty folder is as good as none
    monkeypatch.chdir(tmp_path)
    options = {"dictionary": "my-dict.txt", "bpecodes": tmp_path / "my-bpecodes"}
    found = convert("source/checkpoint_avg.pt", "out", **options)
    assert contents(found.folder) == contents(made.folder)


def test_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "_LEAST", 30_000)
    monkeypatch.setattr(weights, "_MOST", 30_000)
    made = Converted(Model(), tmp_path)
    names = sorted(file.name for file in made.folder.glob("*.safetensors"))
    assert len(names) > 2
    assert names == [f"model-{i + 1:05}-of-{len(names):05}.safetensors" for i in range(len(names))]
    index = json.loads((made.folder / "model.safetensors.index.json").read_text())
    assert set(index["weight_map"].values()) == set(names)
    assert_tensors(made.folder, made.state["model"])
    assert made.distance(TEXT) < 1e-5
    assert made.pipeline().run([TEXT])[0].completion


def test_a_checkpoint_without_its_copy_of_the_embeddings(tmp_path):
    state = Model().state()
    del state["model"]["decoder.output_projection.weight"], state["model"]["decoder.version"]
    convert(write(tmp_path / "source", Model(), state).parent, tmp_path / "out")
    assert_tensors(tmp_path / "out", state["model"])


def test_a_projection_of_its_own(tmp_path):
    model = Model(changes={"model.share_decoder_input_output_embed": False})
    state = model.state()
    own = torch.randn(len(model.symbols), 32, generator=torch.Generator().manual_seed(1)) / 10
    state["model"]["decoder.output_projection.weight"] = own
    convert(write(tmp_path / "source", model, state).parent, tmp_path / "out")
    ids = model.prompt(TEXT)
    with torch.inference_mode():
        found = BioGptForCausalLM.from_pretrained(tmp_path / "out")(torch.tensor([ids])).logits[0]
    assert (found - Reference(state).logits(ids)).abs().max() < 1e-5


def test_a_checkpoint_in_the_format_before_pytorch_1_6(tmp_path):
    checkpoint, state = write(tmp_path / "source", Model()), Model().state()
    torch.save(state, checkpoint, _use_new_zipfile_serialization=False)
    convert(checkpoint, tmp_path / "out")
    assert_tensors(tmp_path / "out", state["model"])


QA = "pubmedqa_reasoning_free"
TASKS = {
    # data, save_dir, folder -> task, lowercase
    ("data/BC5CDR/relis-bin", "checkpoints/RE-BC5CDR-BioGPT", "x"): ("bc5cdr", None),
    ("data/KD-DTI/relis-bin", "checkpoints/RE-DTI-BioGPT", "x"): ("kd_dti", None),
    ("data/DDI/relis-bin", "checkpoints/RE-DDI-BioGPT", "x"): ("ddi", None),
    ("data/HoC/ansis-bin", "checkpoints/DC-HoC-BioGPT", "x"): ("hoc", None),
    ("data/PubMedQA/pqal_qcl_ansis-bin", "QA-PubMedQA-BioGPT", "x"): ("pubmedqa", None),
    ("/data", "examples/QA-PubMedQA/ReasoningRequired", "x"): ("pubmedqa", None),
    ("data/PubMedQA/ansis-bin", "checkpoints/QA-PubMedQA-BioGPT", "x"): (QA, True),
    ("data/PubMedQA/biogpt-large-ansis-bin", "QA-PubMedQA-BioGPT-Large", "x"): (QA, False),
    ("/data", "/tmp", "RE-DTI-BioGPT"): ("kd_dti", None),
    ("/data", "checkpoints/DC-HoC-BioGPT", "RE-DTI-BioGPT"): ("hoc", None),
    ("/data", "/tmp", "QA-PubMedQA-BioGPT-Large"): (QA, False),
}


@pytest.mark.parametrize(("paths", "expected"), TASKS.items())
def test_the_task_is_told_by_the_settings_or_the_folder(tmp_path, paths, expected):
    (data, save_dir, folder), (task, lowercase) = paths, expected
    write(tmp_path / folder, Model(data=data, save_dir=save_dir, layers=1))
    made = convert(tmp_path / folder, tmp_path / "out")
    assert (made.task, list(made.card.tasks), made.notes) == (task, [task], ())
    assert made.card.tasks[task].lowercase is lowercase


def test_a_task_that_is_not_told(tmp_path):
    write(tmp_path / "run-3", Model(data="../data/corpus-bin", save_dir="../run-3", layers=1))
    made = convert(tmp_path / "run-3", tmp_path / "out")
    assert (made.task, list(made.card.tasks)) == ("generate", ["generate"])
    (note,) = made.notes
    assert "task" in note
    named = convert(tmp_path / "run-3", tmp_path / "named", task="KD-DTI")
    assert (named.task, list(named.card.tasks), named.notes) == ("kd_dti", ["kd_dti"], ())
    assert named.card.tasks["kd_dti"].learned_tokens[8] == "learned9"


VOCABULARIES = [("biogpt", 42384, [4805, 9, 656, 21]), ("biogpt-large", 57717, None)]


@pytest.mark.parametrize(("name", "size", "covid"), VOCABULARIES)
def test_the_released_vocabularies(tmp_path, name, size, covid):
    folder = shared(f"tokenizer/{name}/dict.txt").parent
    model = Model(vocabulary=folder, width=8, heads=2, ffn=8, layers=1)
    write(tmp_path / "source", model)
    made = convert(tmp_path / "source", tmp_path / "out")
    assert made.notes == ()
    assert len(json.loads((tmp_path / "out" / "vocab.json").read_text("utf-8"))) == size
    tokenizer = BioGptTokenizer.from_pretrained(tmp_path / "out")
    learned = [f"learned{i + 1}" for i in range(9)]
    assert tokenizer.convert_tokens_to_ids(learned) == list(range(size, size + 9))
    if covid:
        assert tokenizer("COVID-19 is")["input_ids"] == [EOS, *covid]
    papers = json.loads(shared("bc5cdr/valid.json").read_text("utf-8"))
    for paper in list(papers.values())[:8]:
        text = f"{paper['title']} {paper['abstract']}".lower()
        assert tokenizer(text)["input_ids"] == [EOS, *model.source(text)]


MEASURE = """
import re, sys
from pathlib import Path
from biogpt_plugins.conversion import convert

def kilobytes(what):
    return int(re.search(what + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

convert(sys.argv[1], sys.argv[3] + "-first")  # imports what is imported late
Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
before = kilobytes("VmRSS")
convert(sys.argv[2], sys.argv[3])
print(1024 * (kilobytes("VmHWM") - before))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks are Linux's to tell")
@pytest.mark.slow
def test_peak_memory(tmp_path):
    small = write(tmp_path / "small", Model())
    large = write(tmp_path / "large", Model(width=512, heads=8, ffn=2048, layers=6))
    command = [sys.executable, "-c", MEASURE, small, large, tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    size = large.stat().st_size
    assert size > 60e6
    assert size / 10 < int(done.stdout) < 1.3 * size


def run(*args):
    return CliRunner().invoke(app, ["convert", *map(str, args)])


def test_the_command(tmp_path):
    made = Converted(Model(), tmp_path, dtype="bfloat16")
    for name in ("dict.txt", "bpecodes"):
        (made.checkpoint.parent / name).rename(tmp_path / name)
    files = ("--dict", tmp_path / "dict.txt", "--bpecodes", tmp_path / "bpecodes")
    done = run(made.checkpoint, tmp_path / "out", *files, "--dtype", "bfloat16")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'out'}\n"
    assert "bc5cdr" in done.stderr
    assert contents(tmp_path / "out") == contents(made.folder)


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["{home}/nowhere.pt", "{home}/out"], "nowhere.pt"),
        (["{home}/source", "{home}/source"], "source"),
        (["{home}/source", "{home}/out", "--dict", "{home}/no"], "--dict"),
        (["{home}/source", "{home}/out", "--dtype", "int8"], "--dtype"),
        (["{home}/source", "{home}/out", "--average", "2"], "checkpoint"),
        (["{home}/source", "{home}/out", "--task", "poetry"], "poetry"),
        (["{home}/source"], "FOLDER"),
    ],
)
def test_the_command_refuses_in_one_line(tmp_path, args, why):
    write(tmp_path / "source", Model(layers=1))
    done = run(*[arg.format(home=tmp_path) for arg in args])
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert why.lower() in line.lower()
    assert not (tmp_path / "out").exists()
