"""What is known of PubMed, models and GPUs, and what `pubmed_baseline.py` has measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

RESULTS = Path(__file__).parents[1] / "results" / "pubmed-baseline.json"

_BYTES = 2  # of a number in bfloat16


@dataclass(frozen=True)
class Baseline:
    """PubMed's baseline of a year; where its figures are from is told in docs/pubmed.md.

    Attributes:
        files: How many files.
        citations: How many citations at most: 30,000 a file.
        abstracts: The share of them that have an abstract.
        bytes: Size of a citation in the files, gzipped.
    """

    files: int = 1_274
    citations: int = 38_220_000
    abstracts: float = 0.71
    bytes: int = 1_178


@dataclass(frozen=True)
class Model:
    """A published size.

    Attributes:
        name: Its name.
        vocabulary: The vocabulary by which its prompts are counted.
        parameters: All of them.
        layers: Layers.
        width: Of a layer.
    """

    name: str
    vocabulary: str
    parameters: int
    layers: int
    width: int

    @property
    def multiplied(self) -> int:
        """Parameters that each token of a prompt is multiplied with: the layers' own."""
        return 12 * self.layers * self.width**2

    @property
    def weights(self) -> int:
        """Bytes that a step reads of the model."""
        return _BYTES * self.parameters

    @property
    def held(self) -> int:
        """Bytes of the keys and values of a token."""
        return 2 * _BYTES * self.layers * self.width


@dataclass(frozen=True)
class Gpu:
    """A GPU, by its maker's data sheet: bfloat16 without sparsity, and the memory's bandwidth."""

    name: str
    flops: float
    bandwidth: float


BASELINE = Baseline()
MODELS = (
    Model("BioGPT", "biogpt", 346_763_264, 24, 1024),
    Model("BioGPT-Large", "biogpt-large", 1_571_188_800, 48, 1600),
)
GPUS = (
    Gpu("H100 SXM", 989.4e12, 3.35e12),
    Gpu("A100 SXM 80 GB", 312e12, 2.039e12),
)


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lengths(_Values):
    """Of prompts or completions, in tokens."""

    mean: float
    median: float
    p95: float
    most: int

    @classmethod
    def of(cls, lengths: Sequence[int]) -> Lengths:
        """The lengths in short."""
        ordered = sorted(lengths)
        return cls(
            mean=round(sum(ordered) / len(ordered), 1),
            median=ordered[len(ordered) // 2],
            p95=ordered[len(ordered) * 95 // 100],
            most=ordered[-1],
        )


class Vocabulary(_Values):
    """What papers come to in a vocabulary.

    Attributes:
        prompts: By layout, of papers with their abstracts, and of their titles alone.
        solved: Tokens of the solved examples, which are the same in all prompts.
        completions: Length of what a model is to write, by the data's own annotation, paper by
            paper, the final `</s>` not counted.
        sizes: Of prompt and completion together, fine-tuned, paper by paper.
        seconds: Processor time that it takes to tokenise a prompt of new words.
    """

    prompts: dict[str, Lengths]
    solved: int
    completions: list[int]
    sizes: list[int]
    seconds: float


class Disk(_Values):
    """Bytes of a result in a shard, and in Parquet; and of its text in the index."""

    nothing: float
    relation: float
    parquet_nothing: float
    parquet_relation: float
    index: float


class Own(_Values):
    """Seconds a paper that are spent beside the model.

    Attributes:
        run: A run's, in one process: reading, grounding, evidence, writing.
        reading: Processor time of the process that reads, on Ray.
        writing: Of the one that writes.
        worker: Of a worker, without a model.
        looked_up: What the reading process waits for an index of the whole baseline.
        kept: What the writing process does.
        export: To write it as Parquet, once the run is done.
    """

    run: float
    reading: float
    writing: float
    worker: float
    looked_up: float
    kept: float
    export: float


class Figures(_Values):
    """All that was measured.

    Attributes:
        command: How to run it again.
        date: When it was made, as in ISO 8601.
        data: The papers.
        machine: What machine.
        versions: Distributions and their versions.
        vocabularies: By name.
        relations: Relations of a paper, on average, by what is to be written.
        disk: Sizes.
        own: Times beside the model.
        reading: Citations a second of processor time, out of gzipped XML.
        looking: The same for the look that `--latest` takes first.
        unpacked: Bytes of a generated citation, which are to be like PubMed's.
        packed: The same, gzipped.
        indexed: Texts in the index that `own` waits for.
        together: Papers a second on Ray, with workers on the same machine.
    """

    command: str
    date: str
    data: str
    machine: dict[str, str]
    versions: dict[str, str]
    vocabularies: dict[str, Vocabulary]
    relations: float
    disk: Disk
    own: Own
    reading: float
    looking: float
    unpacked: float
    packed: float
    indexed: int
    together: float


def read(path: Path = RESULTS) -> Figures:
    """The results."""
    return Figures.model_validate_json(path.read_text(encoding="utf-8"))
