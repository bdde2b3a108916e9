"""What cannot be converted: each one clear line that names the remedy, and nothing left behind."""

import os
import re
import tarfile
from argparse import Namespace
from dataclasses import replace

import pytest
import torch
from converted import tree
from fairseq_format import Model, pack, write

from biogpt_plugins.conversion import convert
from biogpt_plugins.values.errors import BioGPTError, InputError, ModelError, ModelNotFoundError

MODEL = Model(layers=1)
BIAS = "decoder.layer_norm.bias"


def refused(home, source, error=ModelError, **options):
    """The one line with which `convert` refuses a source, having left nothing."""
    before = tree(home)
    with pytest.raises(error) as caught:
        convert(source, home / "out", **options)
    assert isinstance(caught.value, BioGPTError)
    assert tree(home) == before
    message = str(caught.value)
    assert "\n" not in message
    return message


def state_with(**changes):
    """The state of a checkpoint with other entries in its settings."""
    settings = {name.replace("__", "."): value for name, value in changes.items()}
    return lambda: replace(MODEL, changes=settings).state()


def tensors_with(change, **settings):
    def build():
        state = state_with(**settings)()
        change(state["model"])
        return state

    return build


def entries_with(**entries):
    return lambda: {**MODEL.state(), **entries}


ONE = {"model.decoder_layers": 1}
STATES = {
    "a tensor is missing": (tensors_with(lambda t: t.pop(BIAS)), f"lacks .*{BIAS}"),
    "a tensor too many": (
        tensors_with(lambda t: t.update({"decoder.layernorm_embedding.weight": torch.ones(32)})),
        "decoder.layernorm_embedding.weight",
    ),
    "a layer too many": (lambda: replace(Model(layers=2), changes=ONE).state(), "decoder.layers.1"),
    "a layer too few": (state_with(model__decoder_layers=2), "decoder.layers.1"),
    "the last tensor has another shape": (
        tensors_with(lambda t: t.update({BIAS: torch.ones(31)})),
        rf"{BIAS}.*\(31,\).*\(32,\)",
    ),
    "a projection of its own that is said to be tied": (
        tensors_with(
            lambda t: t.update(
                {"decoder.output_projection.weight": t["decoder.embed_tokens.weight"] + 1}
            )
        ),
        "output.projection",
    ),
    "no embeddings": (tensors_with(lambda t: t.pop("decoder.embed_tokens.weight")), "microsoft"),
    "no tensors": (entries_with(model=None), "microsoft/BioGPT"),
    "another architecture": (state_with(model___name="lstm_lm"), "'lstm_lm'.*transformer_lm"),
    "another task": (state_with(task___name="translation"), "'translation'.*language_modeling"),
    "settings of an old fairseq": (
        entries_with(cfg=None, args=Namespace(arch="transformer_lm_gpt2_small")),
        "`args` of an old fairseq.*0\\.12",
    ),
    "no settings": (entries_with(cfg=None), "no `cfg`.*microsoft/BioGPT"),
    "relu": (state_with(model__activation_fn="relu"), "'relu'.*'gelu'"),
    # The last norm is there only where norms stand before the layers.
    "norms behind the layers": (
        tensors_with(
            lambda t: [t.pop(BIAS), t.pop("decoder.layer_norm.weight")],
            model__decoder_normalize_before=False,
        ),
        "decoder.layer_norm|normalize_before",
    ),
    "<s> at the beginning": (state_with(task__add_bos_token=True), "<s>"),
    "two prompts": (state_with(task__manual_prompt="we can"), "manual and a learned"),
    "no layer": (state_with(model__decoder_layers=0), "decoder_layers is '0'.*than or equal to 1"),
    "a thousand million layers": (
        state_with(model__decoder_layers=10**9),
        "decoder_layers is '1000000000': .*less than or equal to 1000",
    ),
    "no head": (state_with(model__decoder_attention_heads=0), "decoder_attention_heads is '0'"),
    "seven heads": (
        state_with(model__decoder_attention_heads=7),
        "decoder_attention_heads is 7, but it must divide decoder_embed_dim, 32",
    ),
    "a width that is a word": (state_with(model__decoder_embed_dim="wide"), "embed_dim is 'wide'"),
    "no width": (state_with(model__decoder_embed_dim=None), "lacks a size.*decoder_embed_dim"),
    "a dropout that is a word": (state_with(model__dropout="x"), "dropout is 'x'"),
    "a dropout beyond 1": (state_with(model__attention_dropout=2.0), "attention_dropout is '2.0'"),
    "a dropout that is no number": (state_with(model__dropout=float("nan")), "dropout is 'nan'"),
    "a negative source limit": (
        state_with(task__max_source_positions=-5),
        "max_source_positions '-5': it must be a whole number from 1 to",
    ),
    "a source limit that is a word": (state_with(task__max_source_positions="x"), "positions 'x'"),
    "too many learned tokens": (state_with(task__learned_prompt=10**9), "learned_prompt '10000"),
    "learned tokens that are a list": (state_with(task__learned_prompt=[9]), r"prompt '\[9\]'"),
    "a manual prompt that is a number": (state_with(task__manual_prompt=5), "manual_prompt 5"),
    "more learned tokens than rows": (state_with(task__learned_prompt=10), "dict.txt"),
}


@pytest.mark.parametrize("case", STATES)
def test_checkpoints_of_something_else(tmp_path, case):
    build, says = STATES[case]
    checkpoint = write(tmp_path / "source", MODEL, build())
    message = refused(tmp_path, checkpoint)
    assert "checkpoint_avg.pt" in message
    _assert_says(message, says)


def _assert_says(message, says):
    __tracebackhide__ = True
    assert re.search(says, message), message


FIRST = MODEL.lines[0][0]
TEXTS = {
    # what becomes of dict.txt or bpecodes
    "no dictionary": ("dict.txt", None, "dict.txt.*--dict.*github"),
    "no codes": ("bpecodes", None, "bpecodes.*--bpecodes.*github"),
    "another model's dictionary": ("dict.txt", lambda t: t + "one 1\ntwo 1\n", "dict.txt"),
    "a symbol twice": ("dict.txt", lambda t: t + f"{FIRST}\n", "line 365 .*dict.txt.*repeats"),
    "a special symbol": ("dict.txt", lambda t: t.replace(FIRST, "<pad> 1"), "line 1 .*<pad>"),
    "no count": ("dict.txt", lambda t: t.replace(FIRST, FIRST[:-3]), "line 1 .*count"),
    "an empty line": ("dict.txt", lambda t: t.replace("\n", "\n\n", 1), "line 2 "),
    "no text": ("dict.txt", lambda _: "\udcff\udcfe", "dict.txt"),
    "an empty dictionary": ("dict.txt", lambda _: "", "dict.txt"),
    "a code of one symbol": ("bpecodes", lambda t: "alone\n" + t, "line 1 .*bpecodes"),
    "codes that are no text": ("bpecodes", lambda _: "\udcff\udcfe", "bpecodes"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_dictionaries_and_codes(tmp_path, case):
    name, change, says = TEXTS[case]
    path = write(tmp_path / "source", MODEL).parent / name
    text = path.read_text("utf-8")
    path.unlink()
    if change:
        path.write_text(change(text), "utf-8", errors="surrogateescape")
    _assert_says(refused(tmp_path, path.parent), says)


def _truncated(checkpoint):
    os.truncate(checkpoint, checkpoint.stat().st_size // 2)
    return checkpoint


def _truncated_archive(checkpoint):
    archive = pack(checkpoint.parent, checkpoint.parent.parent / "model.tgz")
    os.truncate(archive, archive.stat().st_size // 2)
    return archive


def _renamed(*names):
    def rename(checkpoint):
        for name in names:
            (checkpoint.parent / name).write_bytes(checkpoint.read_bytes())
        checkpoint.unlink()
        return checkpoint.parent

    return rename


def _emptied(checkpoint):
    for file in checkpoint.parent.iterdir():
        file.unlink()
    return checkpoint.parent


def _with_text(name):
    def put(checkpoint):
        path = checkpoint.parent / name
        path.write_text("no checkpoint at all\n")
        return path

    return put


def _converted(checkpoint):
    return convert(checkpoint, checkpoint.parent.parent / "RE-BC5CDR").folder


def _damaged(checkpoint):
    """One bit of a weight is another; where a length or a name is, anything would notice."""
    return _flip(checkpoint, MODEL.state()["model"][BIAS].numpy().tobytes())


def _damaged_pickle(checkpoint):
    return _flip(checkpoint, b"_rebuild_tensor_v2")


def _damaged_archive(what):
    def damage(checkpoint):
        archive = checkpoint.parent.parent / "model.tgz"
        # Not compressed, so that the damage leaves the stream readable.
        with tarfile.open(archive, "w:gz", compresslevel=0) as tar:
            tar.add(checkpoint.parent, "RE-BC5CDR-BioGPT")
        return _flip(archive, what)

    return damage


def _flip(path, within):
    data = bytearray(path.read_bytes())
    data[data.index(within)] ^= 1
    path.write_bytes(data)
    return path


def _two_models(checkpoint):
    archive = checkpoint.parent.parent / "checkpoints.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("RE-BC5CDR-BioGPT", "RE-DTI-BioGPT"):
            tar.add(checkpoint.parent, f"checkpoints/{name}")
    return archive


SOURCES = {
    "a truncated checkpoint": (_truncated, ModelError, "again"),
    "a truncated archive": (_truncated_archive, ModelError, "model.tgz.*again"),
    "a damaged checkpoint": (_damaged, ModelError, "checkpoint_avg.pt.*again"),
    "a checkpoint that cannot be loaded": (_damaged_pickle, ModelError, "damaged.*again"),
    "a damaged checkpoint in an archive": (
        _damaged_archive(MODEL.state()["model"][BIAS].numpy().tobytes()),
        ModelError,
        "again",
    ),
    "a damaged dictionary in an archive": (
        _damaged_archive(b"tremor 999\n"),
        ModelError,
        "model.tgz.*again",
    ),
    "a text": (_with_text("notes.txt"), ModelError, "notes.txt"),
    "a text that is named as a checkpoint": (_with_text("checkpoint_avg.pt"), ModelError, "avg.pt"),
    "a text that is named as an archive": (_with_text("model.tgz"), ModelError, "model.tgz"),
    "an empty folder": (_emptied, ModelNotFoundError, r"\.pt"),
    "nothing": (lambda c: c.parent / "nowhere.pt", ModelNotFoundError, "nowhere.pt.*folder"),
    "two checkpoints": (
        _renamed("checkpoint1.pt", "checkpoint2.pt"),
        ModelError,
        r"checkpoint1\.pt, checkpoint2\.pt.*--average",
    ),
    "the best and the last": (
        _renamed("checkpoint_best.pt", "checkpoint_last.pt"),
        ModelError,
        r"checkpoint_best\.pt, checkpoint_last\.pt",
    ),
    "a model of transformers": (_converted, ModelError, "transformers|already"),
    "an archive of two models": (_two_models, ModelError, "RE-BC5CDR.*RE-DTI.*unpack"),
}


@pytest.mark.parametrize("case", SOURCES)
def test_sources(tmp_path, case):
    prepare, error, says = SOURCES[case]
    source = prepare(write(tmp_path / "source", MODEL))
    _assert_says(refused(tmp_path, source, error), says)


AVERAGES = {
    "more than there are": (["checkpoint1.pt", "checkpoint2.pt"], 3, ModelError, "checkpoint1.pt"),
    "epochs and updates": (["checkpoint1.pt", "checkpoint_1_9.pt"], 2, ModelError, "fewer than 2"),
    "none": (["checkpoint1.pt"], 0, InputError, "at least 1"),
}


@pytest.mark.parametrize("case", AVERAGES)
def test_averages(tmp_path, case):
    names, average, error, says = AVERAGES[case]
    for name in names:
        write(tmp_path / "source", MODEL, name=name)
    _assert_says(refused(tmp_path, tmp_path / "source", error, average=average), says)


def test_averages_of_one_file_and_of_different_networks(tmp_path):
    first = write(tmp_path / "source", MODEL, name="checkpoint1.pt")
    _assert_says(refused(tmp_path, first, InputError, average=2), "folder")
    write(tmp_path / "source", replace(MODEL, layers=2), name="checkpoint2.pt")
    message = refused(tmp_path, tmp_path / "source", average=2)
    _assert_says(message, "checkpoint1.pt and checkpoint2.pt have different tensors")


OPTIONS = {
    "dictionary": ({"dictionary": "no/dict.txt"}, ModelNotFoundError, "no/dict.txt.*--dict"),
    "codes": ({"bpecodes": "no/codes"}, ModelNotFoundError, "no/codes.*--bpecodes"),
    "dtype": ({"dtype": "float16"}, InputError, "'bfloat16', not 'float16'"),
    "task": ({"task": "poetry"}, InputError, "'poetry'.*kd_dti"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options(tmp_path, case):
    options, error, says = OPTIONS[case]
    _assert_says(refused(tmp_path, write(tmp_path / "source", MODEL), error, **options), says)


@pytest.mark.parametrize("taken", ["folder", "file", "source"])
def test_a_place_that_is_taken(tmp_path, taken):
    checkpoint = write(tmp_path / "source", MODEL)
    if taken == "folder":
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine.txt").write_text("mine")
    elif taken == "file":
        (tmp_path / "out").write_text("mine")
    else:
        checkpoint.parent.rename(tmp_path / "out")
        checkpoint = tmp_path / "out"
    _assert_says(refused(tmp_path, checkpoint, InputError), "out.*name")


class Harmful:
    """Makes a folder when it is loaded."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.makedirs, (str(self.folder), 0o777, True)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_checkpoint_is_not_run(tmp_path, zipped):
    marker = tmp_path / "run"
    state = MODEL.state() | {"extra_state": {"meters": Harmful(marker)}}
    checkpoint = write(tmp_path / "source", MODEL)
    torch.save(state, checkpoint, _use_new_zipfile_serialization=zipped)
    message = refused(tmp_path, tmp_path / "source")
    _assert_says(message, "makedirs.*trust.*allow_pickle=True.*--allow-pickle")
    assert not marker.exists()
    convert(checkpoint, tmp_path / "out", allow_pickle=True)
    assert marker.exists()


def test_parents_that_were_made_for_nothing(tmp_path):
    write(tmp_path / "source", MODEL, without=["dict.txt"])
    before = tree(tmp_path)
    with pytest.raises(ModelNotFoundError):
        convert(tmp_path / "source", tmp_path / "new" / "deeper" / "out")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("packed", [False, True])
def test_a_disk_that_is_full(tmp_path, packed):
    source = write(tmp_path / "source", MODEL)
    source = pack(source.parent, tmp_path / "model.tgz") if packed else source
    resource = pytest.importorskip("resource")
    before = tree(tmp_path)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limit[1]))
    try:
        with pytest.raises((BioGPTError, OSError)) as caught:
            convert(source, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert "\n" not in str(caught.value)
    assert tree(tmp_path) == before
