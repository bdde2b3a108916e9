"""What is taken for a model: adapters, other heads, folders of checkpoints, names nearly right."""

import json
import shutil
import sys
from pathlib import Path

import adapters
import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from biogpt_plugins import load
from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.card import ModelCard, read_card
from biogpt_plugins.cli import app
from biogpt_plugins.conversion import convert, inspect_model
from biogpt_plugins.engine import Decoding, Prompt, TaskCard
from biogpt_plugins.engines import load_engine
from biogpt_plugins.pipeline import Spec
from biogpt_plugins.training import finetune
from biogpt_plugins.values.errors import (
    InputError,
    MissingExtraError,
    ModelError,
    ModelNotFoundError,
    NotABioGPTError,
)

CARD = ModelCard(tasks={"ddi": TaskCard(layout="none")})
PROMPTS = [Prompt(text="lithium induced tremor"), Prompt(text="aspirin and warfarin")]


@pytest.fixture
def adapter(tiny_biogpt, tmp_path):
    return adapters.write(tmp_path / "adapter", tiny_biogpt)


@pytest.fixture
def token_classifier(tiny_biogpt, tmp_path):
    """A copy of the tiny model, with the settings and weights of another head."""
    folder = shutil.copytree(tiny_biogpt, tmp_path / "ner")
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["BioGptForTokenClassification"]
    (folder / "config.json").write_text(json.dumps(config))
    weights = load_file(folder / "model.safetensors")
    save_file(
        {**weights, "classifier.weight": torch.zeros(3, 32)},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    return folder


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args], obj=load)


def written(folder):
    found = load_engine(folder).complete(PROMPTS, Decoding(max_new_tokens=8, logprobs=True))
    return [(one.text, [token.logprob for token in one.tokens]) for one in found]


def assert_alike(ours, theirs):
    assert [text for text, _ in ours] == [text for text, _ in theirs]
    for (_, mine), (_, yours) in zip(ours, theirs, strict=True):
        assert mine == pytest.approx(yours, abs=1e-4)


def by_hand(base, adapter):
    """The weights that base and adapter make: W + B A alpha / r."""
    weights, low = (
        load_file(base / "model.safetensors"),
        load_file(adapter / "adapter_model.safetensors"),
    )
    for name in [key for key in low if ".lora_A." in key]:
        up = low[name.replace(".lora_A.", ".lora_B.")]
        place = name.removeprefix("base_model.model.").replace(".lora_A", "")
        weights[place] = weights[place] + up @ low[name] * adapters.ALPHA / adapters.RANK
    return weights


class TestAdapters:
    @pytest.fixture(autouse=True)
    def _peft(self, request):
        if "without_peft" not in request.node.name:
            pytest.importorskip("peft", reason='NO TEST of adapters: pip install -e ".[finetune]"')

    def test_loads_on_its_base_and_writes_what_its_merged_weights_write(
        self, adapter, tiny_biogpt, tmp_path
    ):
        whole = shutil.copytree(tiny_biogpt, tmp_path / "whole")
        save_file(
            by_hand(tiny_biogpt, adapter), whole / "model.safetensors", metadata={"format": "pt"}
        )
        ours = written(adapter)
        assert_alike(ours, written(whole))
        assert ours != written(tiny_biogpt), "the adapter changes something"

    def test_convert_merges_it_with_its_card(self, adapter, tiny_biogpt, tmp_path):
        CARD.save(adapter)
        done = run("convert", adapter, tmp_path / "out")
        assert done.exit_code == 0, done.stderr
        assert str(tmp_path / "out") in done.stdout
        assert "trained for ddi" in done.stderr
        found = load_file(tmp_path / "out" / "model.safetensors")
        for name, tensor in by_hand(tiny_biogpt, adapter).items():
            torch.testing.assert_close(found[name], tensor)
        assert read_card(tmp_path / "out") == CARD
        assert_alike(written(tmp_path / "out"), written(adapter))

    def test_has_the_card_of_its_base_without_its_own(self, tiny_biogpt, tmp_path):
        base = shutil.copytree(tiny_biogpt, tmp_path / "base")
        CARD.save(base)
        assert read_card(adapters.write(tmp_path / "adapter", base)) == CARD
        assert load(tmp_path / "adapter").task.name == "ddi"

    @pytest.mark.parametrize("base", ["base", "../base"])
    def test_finds_a_base_that_is_named_from_where_it_is(self, tiny_biogpt, tmp_path, base):
        shutil.copytree(tiny_biogpt, tmp_path / "base")
        adapter = adapters.write(tmp_path / "adapter", base)
        assert locate(adapter) == adapter
        assert inspect_model(adapter).form == "PEFT adapter"

    def test_is_loaded_again_after_a_change_of_its_base(self, tiny_biogpt, tmp_path):
        base = shutil.copytree(tiny_biogpt, tmp_path / "base")
        adapter = adapters.write(tmp_path / "adapter", base)
        first = load_engine(adapter)
        assert load_engine(adapter) is first
        (base / "note.txt").touch()
        assert load_engine(adapter) is not first

    def test_that_does_not_fit_its_base(self, tiny_biogpt, tmp_path):
        more = adapters.write(tmp_path / "more", tiny_biogpt, layers=3)
        with pytest.raises(ModelError, match=r"does not fit its base: 4 tensors .*layers\.2"):
            load_engine(more)
        fewer = adapters.write(tmp_path / "fewer", tiny_biogpt, layers=1)
        with pytest.raises(ModelError, match=r"does not fit its base: 4 tensors .*layers\.1"):
            load_engine(fewer)
        wide = adapters.write(tmp_path / "wide", tiny_biogpt, width=16)
        with pytest.raises(ModelError, match="cannot load the adapter"):
            load_engine(wide)

    @pytest.mark.parametrize(
        ("told", "error", "says"),
        [
            ({"base_model_name_or_path": ""}, ModelError, "names no base model: write its folder"),
            ({"task_type": "TOKEN_CLS"}, NotABioGPTError, "is an adapter of a model for TOKEN_CLS"),
            (
                {"auto_mapping": {"base_model_class": "BioGptForTokenClassification"}},
                NotABioGPTError,
                "is an adapter of BioGptForTokenClassification",
            ),
            ({"base_model_name_or_path": "/no/base"}, ModelNotFoundError, "the base of the adapt"),
        ],
    )
    def test_that_cannot_be_used(self, tiny_biogpt, tmp_path, told, error, says):
        with pytest.raises(error, match=says):
            locate(adapters.write(tmp_path / "adapter", tiny_biogpt, **told))

    def test_whose_files_are_missing_or_pickled(self, adapter):
        (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
        with pytest.raises(ModelError, match="only in a pickle file"):
            locate(adapter)
        (adapter / "adapter_model.bin").unlink()
        with pytest.raises(ModelError, match="has no weights"):
            locate(adapter)
        (adapter / "adapter_config.json").write_text("[]")
        with pytest.raises(NotABioGPTError, match="is not an adapter: cannot read"):
            locate(adapter)

    def test_on_an_adapter(self, adapter, tmp_path):
        with pytest.raises(ModelError, match=r"is an adapter too: merge .*biogpt convert"):
            locate(adapters.write(tmp_path / "second", adapter))

    def test_that_must_be_merged_first(self, adapter, tmp_path):
        with pytest.raises(ModelError, match=r"biogpt convert .* FOLDER --to ctranslate2"):
            load_engine(adapter, engine="ctranslate2")
        with pytest.raises(InputError, match="task apply only to fairseq checkpoints"):
            convert(adapter, tmp_path / "out", task="ddi")
        gold = tmp_path / "gold.jsonl"
        gold.write_text(
            '{"text": "a and b", "gold": [{"head": "a", "type": "mechanism", "tail": "b"}]}\n'
        )
        with pytest.raises(ModelError, match="is an adapter: merge it with `biogpt convert"):
            finetune("ddi", train=gold, model=adapter, out=tmp_path / "trained")

    def test_without_peft(self, adapter, monkeypatch):
        monkeypatch.setitem(sys.modules, "peft", None)
        with pytest.raises(MissingExtraError, match="is a PEFT adapter, which needs peft") as one:
            load_engine(adapter)
        assert 'pip install "biogpt-plugins[finetune]"' in str(one.value)
        assert 'pip install -e ".[finetune]"' in str(one.value)


class TestOtherHeads:
    @pytest.mark.parametrize("use", [locate, load, load_engine], ids=lambda use: use.__name__)
    def test_are_refused_by_name(self, token_classifier, use):
        with pytest.raises(NotABioGPTError, match="is a BioGptForTokenClassification, which"):
            use(token_classifier)

    def test_are_refused_by_their_weights(self, token_classifier):
        config = json.loads((token_classifier / "config.json").read_text())
        (token_classifier / "config.json").write_text(json.dumps({**config, "architectures": None}))
        with pytest.raises(NotABioGPTError, match=r"have a head .* \(classifier\.weight\)"):
            load_engine(token_classifier)

    def test_a_network_without_its_head_is_used(self, tiny_biogpt, tmp_path):
        from transformers import BioGptModel

        folder = shutil.copytree(tiny_biogpt, tmp_path / "body")
        (folder / "model.safetensors").unlink()
        BioGptModel.from_pretrained(tiny_biogpt).save_pretrained(folder)
        assert_alike(written(folder), written(tiny_biogpt))


class TestNames:
    def test_a_folder_of_checkpoints_names_the_newest(self, tiny_biogpt, tmp_path):
        for steps in (500, 1500, 1000):
            shutil.copytree(tiny_biogpt, tmp_path / "out" / f"checkpoint-{steps}")
        with pytest.raises(NotABioGPTError) as refused:
            load(tmp_path / "out")
        last = str(tmp_path / "out" / "checkpoint-1500")
        assert f"it contains 3 models, name {last!r}" in str(refused.value)

    @pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
    def test_a_file_of_a_model_names_its_folder(self, tiny_biogpt, file):
        with pytest.raises(NotABioGPTError) as refused:
            locate(tiny_biogpt / file)
        assert f"name its folder, {str(tiny_biogpt)!r}" in str(refused.value)

    def test_a_misspelt_folder_names_the_one_beside(self, tiny_biogpt, tmp_path):
        shutil.copytree(tiny_biogpt, tmp_path / "mymodel")
        with pytest.raises(ModelNotFoundError) as refused:
            load(tmp_path / "mymodle")
        assert f"Did you mean {str(tmp_path / 'mymodel')!r}?" in str(refused.value)

    @pytest.mark.parametrize(
        ("given", "meant"), [("demmo", "demo"), ("microsft/biogpt", "microsoft/biogpt")]
    )
    def test_a_misspelt_model_names_the_one_that_is_known(self, given, meant):
        with pytest.raises(ModelNotFoundError, match=f"Did you mean '{meant}'"):
            locate(given, local_files_only=True)

    def test_a_known_model_that_is_not_at_hand_is_not_taken_for_misspelt(self):
        with pytest.raises(ModelNotFoundError) as refused:
            locate("microsoft/biogpt", local_files_only=True)
        assert "Did you mean" not in str(refused.value)

    def test_a_home(self, tiny_biogpt, tmp_path, monkeypatch):
        CARD.save(shutil.copytree(tiny_biogpt, tmp_path / "mine"))
        monkeypatch.setenv("HOME", str(tmp_path))
        for given in ("~/mine", Path("~/mine")):
            assert load(given, "ddi").engine.context_size == 96
            assert Spec(model=given, task="ddi").pipeline().task.name == "ddi"

    @pytest.mark.parametrize("host", ["langchain_biogpt", "llama_index_biogpt"])
    def test_a_path_in_both_hosts(self, tiny_biogpt, tmp_path, host, monkeypatch):
        ours = pytest.importorskip(host)
        shutil.copytree(tiny_biogpt, tmp_path / "mine")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        for given in (tmp_path / "mine", Path("mine"), Path("~/mine"), "~/mine", "mine"):
            assert ours.BioGPTLLM(model=given).limits()[0] == 96
