"""A fairseq checkpoint built in code, the folder that became of it, and how to compare the two."""

from functools import cached_property
from pathlib import Path

import torch
from fairseq_format import Model, write
from fairseq_reference import Reference
from safetensors.torch import load_file
from transformers import BioGptForCausalLM, BioGptTokenizer

import biogpt_plugins
from biogpt_plugins.conversion import convert


class Converted:
    """A model, its checkpoint, and the folder that became of it."""

    def __init__(self, model: Model, home: Path, **options):
        self.model = model
        self.checkpoint = write(home / "source", model)
        self.made = convert(self.checkpoint.parent, home / "made", **options)
        self.folder = self.made.folder
        self.state = torch.load(self.checkpoint, weights_only=True)
        self.reference = Reference(self.state)

    @cached_property
    def network(self) -> BioGptForCausalLM:
        return BioGptForCausalLM.from_pretrained(self.folder)

    @cached_property
    def tokenizer(self) -> BioGptTokenizer:
        return BioGptTokenizer.from_pretrained(self.folder)

    def pipeline(self) -> biogpt_plugins.Pipeline:
        task = None if self.made.task else "generate"
        return biogpt_plugins.load(
            self.folder, task, device="cpu", dtype="float32", long_texts="cut"
        )

    def distance(self, text: str) -> float:
        """The largest difference of a logit from fairseq's, over all positions of a prompt."""
        ids = self.model.prompt(text)
        with torch.inference_mode():
            logits = self.network(torch.tensor([ids])).logits[0]
        expected = self.reference.logits(ids)
        assert logits.shape == expected.shape
        return float((logits - expected).abs().max())

    def generate(self, ids: list[int]) -> list[int]:
        """What transformers writes by itself, with nothing but the saved settings."""
        row = torch.tensor([ids])
        found = self.network.generate(row, attention_mask=torch.ones_like(row))
        return found[0, len(ids) :].tolist()

    def text(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True)


def assert_tensors(folder: Path, state: dict[str, torch.Tensor]) -> None:
    """The folder holds the tensors of a fairseq state dict under transformers' names, no others.

    Bit by bit; the projection is tied, so only its embeddings are stored.
    """
    own = {name.removeprefix("decoder."): tensor for name, tensor in state.items()}
    expected = {f"biogpt.{name}": tensor for name, tensor in own.items()}
    expected.pop("biogpt.version", None)
    expected.pop("biogpt.output_projection.weight", None)
    shards = [load_file(file) for file in folder.glob("*.safetensors")]
    found = {name: tensor for shard in shards for name, tensor in shard.items()}
    assert set(found) == set(expected)
    assert len(found) == sum(map(len, shards))
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name


def tree(folder: Path) -> dict[Path, bytes | None]:
    """Everything below a folder: the contents of files, None for folders."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
