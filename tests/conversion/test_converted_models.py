"""Converted models in the hands of their users: nothing more has to be said than their folder."""

import json

import pytest
from converted import Converted
from fairseq_format import Model, pack
from langchain_core.exceptions import OutputParserException
from llama_index.core.schema import TextNode
from typer.testing import CliRunner

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.checkpoints.network import read_network
from biogpt_plugins.cli import app
from biogpt_plugins.conversion import inspect_model
from biogpt_plugins.training import finetune
from biogpt_plugins.values.errors import ModelError, ModelNotFoundError
from langchain_biogpt import BioGPTLLM, create_relation_chain
from llama_index_biogpt import BioGPTRelationExtractor

DDI = {"data": "../../data/DDI/relis-bin", "save_dir": "../../checkpoints/RE-DDI-BioGPT"}
MODELS = {
    "learned": Model(**DDI),
    "manual": Model(learned=None, manual="we can conclude that zebras", **DDI),
    "prefix": Model(prefix=True, **DDI),
    "none": Model(learned=None, **DDI),
}
TEXT = "Warfarin increases the dose of aspirin."


@pytest.fixture(scope="module", params=MODELS)
def each(request, tmp_path_factory):
    return Converted(MODELS[request.param], tmp_path_factory.mktemp("models"))


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def completion(made, text):
    (prediction,) = made.pipeline().run([text])
    assert prediction.task == "ddi"
    return prediction.completion


def test_extract(each, tmp_path):
    (tmp_path / "paper.txt").write_text(TEXT)
    shown = run("extract", tmp_path / "paper.txt", "--model", each.folder, "--dtype", "float32")
    record = json.loads(shown.stdout)
    assert (record["task"], record["completion"]) == ("ddi", completion(each, TEXT))


@pytest.mark.usefixtures("host_loop")
def test_adapters(each):
    name = str(each.folder)
    written = completion(each, TEXT)
    llm = BioGPTLLM(model=name, task="ddi", device="cpu", dtype="float32")
    assert llm.invoke(TEXT.lower()) == written
    chain = create_relation_chain(BioGPTLLM(model=name, device="cpu", dtype="float32"))
    with pytest.raises(OutputParserException) as caught:  # a random model writes no relations
        chain.invoke(TEXT)
    assert caught.value.llm_output == written
    extractor = BioGPTRelationExtractor(model=name, device="cpu", dtype="float32")
    (metadata,) = extractor.extract([TextNode(text=TEXT)])
    error = metadata["biogpt_relations_ddi_error"]
    assert error.startswith("ParseError")
    assert repr(written)[1:40] in error


def test_finetune_goes_on_in_the_same_layout(each, tmp_path):
    gold = [{"head": "aspirin", "type": "effect", "tail": "warfarin"}]
    row = {"task": "ddi", "text": TEXT, "gold": gold}
    (tmp_path / "train.jsonl").write_text(json.dumps(row) + "\n")
    out = finetune(
        "ddi", train=tmp_path / "train.jsonl", model=each.folder, out=tmp_path / "more", max_steps=1
    ).folder
    old, new = read_card(each.folder).tasks["ddi"], read_card(out).tasks["ddi"]
    assert new == old
    assert inspect_model(out).vocabulary == inspect_model(each.folder).vocabulary


def test_inspect(each, tmp_path):
    source = each.checkpoint.parent
    before, after = inspect_model(source), inspect_model(each.folder)
    packed = inspect_model(pack(source, tmp_path / "RE-DDI-BioGPT.tgz"))
    assert (before.form, after.form) == ("fairseq checkpoint", "transformers folder")
    different = {"name", "form", "card", "bytes"}
    assert before.model_dump(exclude=different) == after.model_dump(exclude=different)
    assert before.model_dump(exclude={"name"}) == packed.model_dump(exclude={"name"})
    assert before.card.tasks == after.card.tasks == read_card(each.folder).tasks
    assert (after.layers, after.hidden_size, after.heads, after.feed_forward) == (2, 32, 4, 64)
    assert (after.positions, after.vocabulary) == (96, len(each.model.symbols))
    weights = each.state["model"]
    tied = ("decoder.version", "decoder.output_projection.weight")
    assert after.parameters == sum(t.numel() for name, t in weights.items() if name not in tied)
    assert after.dtype == "float32"
    assert 0 < after.bytes - 4 * after.parameters < 10_000


def test_inspect_prints(each):
    shown = " ".join(run("inspect", each.folder).stdout.split())
    assert "transformers folder" in shown
    assert "ddi: drug-drug interactions" in shown
    assert "of at most 40 tokens" in shown
    assert "biogpt extract PAPERS --task ddi --model" in " ".join(shown.split())
    shown = " ".join(run("inspect", each.checkpoint.parent).stdout.split())
    assert "fairseq checkpoint" in shown
    assert "biogpt convert" in shown
    report = json.loads(run("inspect", each.folder, "--json").stdout)
    assert list(report["card"]["tasks"]) == ["ddi"]


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (Model(), "learned_prompt: the source, of at most 40 tokens, then learned1 ... learned9"),
        (MODELS["manual"], "then we ... zebras"),
        (MODELS["prefix"], "prefix: learned1 ... learned9, then the source, of at most 40 tokens"),
        (MODELS["none"], "none: the source, of at most 40 tokens"),
        (Model(learned=2), "then learned1 learned2"),
    ],
)
def test_inspect_names_the_layout(tmp_path, model, line):
    made = Converted(model, tmp_path)
    assert line in " ".join(run("inspect", made.folder).stdout.split())


def test_inspect_of_other_models(tmp_path):
    demo = inspect_model("demo")
    assert (demo.form, demo.card) == ("transformers folder", read_card(locate("demo")))
    config = json.loads((locate("demo") / "config.json").read_text())
    assert (demo.parameters, demo.dtype) == (read_network(config, "demo").parameters, "bfloat16")
    pretrained = Converted(Model(pretrained=True), tmp_path)
    shown = " ".join(run("inspect", pretrained.folder).stdout.split())
    assert "trained for no task" in shown
    assert "biogpt generate TEXT --model" in shown
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="no config"):
        inspect_model(tmp_path / "empty")
    with pytest.raises(ModelNotFoundError, match=r"model folder .* does not exist"):
        inspect_model(tmp_path / "nowhere")
    assert run("inspect", tmp_path / "nowhere").exit_code == 2
