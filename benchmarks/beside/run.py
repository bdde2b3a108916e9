"""A run: a model, papers, and one case after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import BioGptConfig

from beside.agreement import check_ids
from beside.answering import questions, several
from beside.comparison import ComparedReport, compared
from beside.costs import loading, overhead, tokenizer
from beside.extraction import callers, extract
from beside.place import Place
from beside.shapes import (
    SHAPES,
    build,
    bundled_vocabulary,
    official_vocabulary,
    plain_copy,
)
from beside.subjects import Subjects
from beside.trial import Settings, Trial
from beside.writing import decode, stream
from biogpt_plugins.bench.clock import describe_versions
from biogpt_plugins.bench.figures import Table
from biogpt_plugins.bench.papers import read_papers
from biogpt_plugins.bench.sides import Load
from biogpt_plugins.checkpoints import locate
from biogpt_plugins.engines.devices import pick_device
from biogpt_plugins.engines.machine import describe_machine
from biogpt_plugins.engines.pretrained import quiet
from biogpt_plugins.values.errors import InputError

_PACKAGES = (
    "biogpt-plugins",
    "torch",
    "transformers",
    "tokenizers",
    "ctranslate2",
    "langchain-core",
    "langchain-huggingface",
    "llama-index-core",
    "llama-index-llms-huggingface",
)

Case = Callable[[Trial], Iterator[Table]]

CASES: dict[str, Case] = {
    "tokenizer": tokenizer,
    "extract": extract,
    "questions": questions,
    "several": several,
    "stream": stream,
    "callers": callers,
    "load": loading,
    "overhead": overhead,
    "decode": decode,
}
"""What can be measured, by the name that a user asks for."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """The model to measure on.

    Attributes:
        name: A model, as `load` takes it.
        shape: One of SHAPES, for random weights in place of the model's.
        dictionary: fairseq's dict.txt for the shape; None for the model's vocabulary.
        bpecodes: fairseq's byte-pair codes that belong to the dictionary.
        allow_pickle: As in `load`.
    """

    name: str = "demo"
    shape: str | None = None
    dictionary: Path | None = None
    bpecodes: Path | None = None
    allow_pickle: bool = False

    def __post_init__(self) -> None:
        if self.shape is not None and self.shape not in SHAPES:
            raise InputError(f"shape {self.shape!r} is unknown: use {', '.join(SHAPES)}")
        if (self.dictionary is None) != (self.bpecodes is None):
            raise InputError("--dict and --bpecodes belong together: give both")
        if self.dictionary and not self.shape:
            raise InputError("--dict and --bpecodes are the vocabulary of a --shape: give one")

    @property
    def title(self) -> str:
        """What it is, in words."""
        name = Path(self.name).name if Path(self.name).is_dir() else self.name
        if not self.shape:
            return f"model {name}"
        words = "of dict.txt" if self.dictionary else f"of {name}"
        return f"random weights in {self.shape} shape, with the vocabulary {words}"

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A temporary folder that all sides load the model from."""
        with TemporaryDirectory(prefix="biogpt-bench-") as home:
            folder = Path(home) / "model"
            if self.shape and self.dictionary and self.bpecodes:
                words = official_vocabulary(self.dictionary, self.bpecodes)
                yield build(self.shape, folder, words)
                return
            source = locate(self.name, allow_pickle=self.allow_pickle)
            if self.shape:
                yield build(self.shape, folder, bundled_vocabulary(source))
            else:
                yield plain_copy(source, folder)


def run(  # noqa: PLR0913 - keyword-only
    model: Model,
    cases: Sequence[str],
    settings: Settings,
    load: Load,
    *,
    command: str,
    data: Sequence[str] = (),
    device: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> ComparedReport:
    """Measure.

    Args:
        model: On what.
        cases: Names of CASES.
        settings: What is asked of all sides.
        load: How pipelines of ours are loaded.
        command: How it was asked for, for the report.
        data: Files of papers; the demonstration's if there are none.
        device: The device; None for the best there is.
        tell: Takes remarks on how far it is.

    Raises:
        BioGPTError: Something could not be read, loaded or run.
    """
    papers = read_papers(data)
    tell(f"loading {model.title}")
    with quiet(), model.folder() as folder:
        place = Place(folder, pick_device(device))
        config = BioGptConfig.from_pretrained(folder)
        subjects = Subjects(papers, place.tokens, int(config.max_position_embeddings))
        trial = Trial(place, subjects, settings, load, tell)
        check_ids(trial)
        tables = [compared(table) for case in cases for table in CASES[case](trial)]
        return ComparedReport(
            command=command,
            date=date.today().isoformat(),
            model=model.title,
            machine=describe_machine(str(place.device)),
            versions=describe_versions(_PACKAGES),
            settings={
                "papers": ", ".join(Path(name).name for name in data) or "the demo's",
                "rounds": str(settings.rounds),
                "tokens to write": str(settings.new_tokens),
            },
            agreements=tuple(trial.agreements),
            tables=tuple(tables),
        )
