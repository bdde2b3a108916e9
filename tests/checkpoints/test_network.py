"""Settings of a network that no BioGPT has: refused by name, before anything is built."""

import json
import shutil

import pytest

from biogpt_plugins import load
from biogpt_plugins.checkpoints import BUNDLED
from biogpt_plugins.checkpoints.locate import find_here, locate
from biogpt_plugins.checkpoints.network import Network, read_network
from biogpt_plugins.conversion import convert_to_ctranslate2, inspect_model
from biogpt_plugins.values.errors import ModelError

CASES = {
    "num_attention_heads": [0, 7, -4, 4.0, True, "4", None, [4]],
    "num_hidden_layers": [0, -1, 10**9, "2"],
    "hidden_size": [0, 10**9],
    "intermediate_size": [0, 10**12],
    "vocab_size": [0, -1, 10**9],
    "max_position_embeddings": [0, -1, 10**9],
    "hidden_dropout_prob": ["x", -0.1, 1.5, float("nan"), None],
    "attention_probs_dropout_prob": ["x", float("inf")],
    "activation_dropout": ["x", 2],
    "layerdrop": ["x", -1],
    "layer_norm_eps": [0, -1e-5, "x", 1e9],
    "hidden_act": [5, None],
    "scale_embedding": ["yes", 1],
    "tie_word_embeddings": [None, "no"],
    "eos_token_id": [[2], [], None, -1, 10**9, "2"],
    "pad_token_id": [None, -1, 10**9],
    "bos_token_id": ["<s>", -1, 10**9],
    "num_labels": ["2", -1, 10**9],
}
EACH = [(name, value) for name, values in CASES.items() for value in values]


@pytest.fixture
def folder(tiny_biogpt, tmp_path):
    return shutil.copytree(tiny_biogpt, tmp_path / "model")


def change(folder, **settings):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config.update(settings)
    path.write_text(json.dumps(config))


def refused(call, *args, **options):
    with pytest.raises(ModelError) as caught:
        call(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("name", "value"), EACH)
def test_a_setting_out_of_bounds_is_named(folder, name, value):
    change(folder, **{name: value})
    said = refused(locate, folder)
    assert said.startswith(f"{folder}/config.json does not describe a BioGPT: ")
    assert name in said
    assert value is None or str(value)[:20] in said


@pytest.mark.parametrize(
    "settings",
    [{"num_attention_heads": 7}, {"num_hidden_layers": 10**9}, {"eos_token_id": [2]}],
)
def test_whatever_reads_a_model_refuses_it(folder, tmp_path, settings):
    change(folder, **settings)
    said = refused(load, folder)
    assert refused(inspect_model, folder) == said
    assert refused(convert_to_ctranslate2, folder, tmp_path / "out") == said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"num_hidden_layers": 1}, r"tensors are missing, too many or of another shape.*layers\.1"),
        ({"num_hidden_layers": 3}, "tensors are missing"),
        ({"vocab_size": 5_000_000}, r"it describes [\d,]+ weights, but \*.safetensors has"),
        ({"hidden_size": 4096}, "it describes"),
        ({"intermediate_size": 1 << 20}, "it describes"),
        ({"hidden_act": "nope"}, "hidden_act is 'nope'"),
        ({"architectures": 5}, "architectures in .* must be a list, not 5"),
    ],
)
def test_settings_of_another_network_are_told(folder, settings, why):
    change(folder, **settings)
    with pytest.raises(ModelError, match=why):
        load(folder, "bc5cdr")


@pytest.mark.filterwarnings("ignore:model .* was not trained for")
@pytest.mark.parametrize(
    ("settings", "loads"),
    [
        ({"rope_scaling": 5}, True),
        ({"id2label": "x"}, True),
        ({"quantization_config": []}, False),
        ({"dtype": "float99"}, True),
    ],
    ids=str,
)
def test_settings_that_are_not_of_the_network_are_no_bare_error(folder, tmp_path, settings, loads):
    """Loading does not read most of them; transformers, which converts, refuses them."""
    change(folder, **settings)
    assert "/model" in refused(convert_to_ctranslate2, folder, tmp_path / "out")
    if loads:
        assert load(folder, "bc5cdr").spec.model == str(folder)
    else:
        assert "/model" in refused(load, folder, "bc5cdr")
    assert inspect_model(folder).layers == 2


def test_a_network_knows_its_size(tiny_biogpt):
    from safetensors import safe_open

    for folder in (tiny_biogpt, find_here(BUNDLED[0])):
        config = json.loads((folder / "config.json").read_text())
        with safe_open(folder / "model.safetensors", "np") as file:
            shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118
        stored = sum(shape[0] * (shape[1] if shape[1:] else 1) for shape in shapes)
        assert read_network(config, "here").parameters == stored


def test_defaults_are_those_of_the_official_model():
    assert Network().parameters == 346_763_264


@pytest.mark.parametrize("name", ["max_source_tokens", "max_length"])
def test_a_card_with_a_negative_limit_is_refused(folder, name):
    card = {"tasks": {"bc5cdr": {name: -5}}}
    (folder / "biogpt_task.json").write_text(json.dumps(card))
    said = refused(load, folder, "bc5cdr")
    assert (
        f"cannot read the model card {folder}/biogpt_task.json: tasks.bc5cdr.{name} is '-5'" in said
    )
