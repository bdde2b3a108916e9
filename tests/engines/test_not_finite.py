"""Models whose numbers are not finite: each prompt at fault fails by name, and costs no other."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from biogpt_plugins import Pipeline
from biogpt_plugins.engine import Decoding, TaskCard
from biogpt_plugins.engines import load_engine
from biogpt_plugins.values.errors import EngineError

SOUND, FAULTY = "lithium tremor", "lithium tremor " * 12
LABELS = ["yes", "no", "may be"]
MESSAGE = r"not finite: .* load it with dtype='float32'"
DECODINGS = {
    "greedy": Decoding(max_new_tokens=4),
    "scored": Decoding(max_new_tokens=4, logprobs=True),
    "sampled": Decoding(max_new_tokens=4, temperature=1.0, seed=7),
    "samples": Decoding(max_new_tokens=4, temperature=1.0, n=3),
    "beams": Decoding(max_new_tokens=4, num_beams=3),
    "scored beams": Decoding(max_new_tokens=4, num_beams=3, n=2, logprobs=True),
}


def damaged(tiny_biogpt, folder, name, row, value):
    """A copy of the tiny model with one row of its weights replaced."""
    shutil.copytree(tiny_biogpt, folder)
    file = folder / "model.safetensors"
    weights = load_file(file)
    weights[f"biogpt.{name}"][row] = value
    save_file(weights, file, {"format": "pt"})
    return folder


@pytest.fixture(scope="module", params=["transformers", "ctranslate2"])
def runtime(request):
    return request.param


@pytest.fixture(scope="module")
def partly(tiny_biogpt, tmp_path_factory, runtime):
    """Computes NaN for prompts that reach its twentieth position."""
    folder = tmp_path_factory.mktemp("partly") / "model"
    damaged(tiny_biogpt, folder, "embed_positions.weight", 20, torch.nan)
    return load_engine(folder, engine=runtime, device="cpu", dtype="float32")


@pytest.fixture(scope="module", params=[torch.nan, torch.inf, 3e38])
def never(request, tiny_biogpt, tmp_path_factory, runtime):
    """Computes NaN or infinity for every prompt: by damage, or by an overflow."""
    folder = tmp_path_factory.mktemp("never") / "model"
    damaged(tiny_biogpt, folder, "layer_norm.weight", slice(None), request.param)
    return load_engine(folder, engine=runtime, device="cpu", dtype="float32")


@pytest.mark.parametrize("decoding", DECODINGS.values(), ids=DECODINGS)
def test_a_completion(partly, decoding):
    found = partly.complete([SOUND, FAULTY, SOUND, FAULTY], decoding)
    assert [type(one.error) for one in found] == [type(None), EngineError] * 2
    for one in found[1::2]:
        with pytest.raises(EngineError, match=MESSAGE):
            raise one.error
    assert found[0] == partly.complete([SOUND], decoding)[0] or not decoding.seed


@pytest.mark.parametrize("decoding", DECODINGS.values(), ids=DECODINGS)
def test_a_completion_of_a_model_that_is_damaged_throughout(never, decoding):
    for found in never.complete([SOUND, FAULTY], decoding):
        assert (type(found.error), found.text, found.tokens) == (EngineError, "", ())


def test_a_completion_that_becomes_faulty_while_it_is_written(partly):
    (found,) = partly.complete(["lithium tremor " * 6], Decoding(max_new_tokens=60))
    with pytest.raises(EngineError, match=MESSAGE):
        raise found.error


def test_labels(partly, never):
    found = partly.choose([FAULTY, SOUND], LABELS)
    assert [type(one.error) for one in found] == [EngineError, type(None)]
    assert found[0].probabilities == {}
    assert sum(found[1].probabilities.values()) == pytest.approx(1)
    with pytest.raises(EngineError, match=MESSAGE):
        _ = never.choose([SOUND], LABELS)[0].label


def test_a_stream(never):
    with pytest.raises(EngineError, match=MESSAGE):
        list(never.stream(SOUND, DECODINGS["greedy"]))


def test_a_pipeline_gives_an_error_and_no_label(never):
    """The instance of the issue: the label was "yes", with NaN probabilities."""
    pipeline = Pipeline("pubmedqa", never, card=TaskCard())
    (found,) = pipeline.run([{"question": "Is it?", "context": "It is."}])
    assert (found.result, found.error.type) == (None, "EngineError")
    assert "not finite" in found.error.message
    assert "NaN" not in found.model_dump_json()
