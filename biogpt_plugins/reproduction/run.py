"""A reproduction from the data to the table, in stages that are not done twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from platform import python_version
from typing import Any, Protocol, TypeVar

from biogpt_plugins import __version__
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.checkpoints.locate import find_here
from biogpt_plugins.corpus import read_gold, write_text
from biogpt_plugins.corpus.gold import FILL_IN, missing_names, read_solved
from biogpt_plugins.evaluation import evaluate
from biogpt_plugins.evaluation.run import predict
from biogpt_plugins.pipeline import Pipeline, load
from biogpt_plugins.reproduction.asked import Asked
from biogpt_plugins.reproduction.invented import invent
from biogpt_plugins.reproduction.published import CORPORA, Published, Tell, first, obtain
from biogpt_plugins.reproduction.report import SMOKE, Line, Measured, Paper, Report
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError

T = TypeVar("T")
FIGURES, TABLE = "figures.json", "figures.md"
INVENTED = "invented papers"
_DATA, _TRIAL, _MODEL, _TEST = "data", "trial", "model", "test"
_FRESH = "fresh"
_TINY = {
    "layers": "2",
    "width": "32",
    "heads": "2",
    "merges": "500",
    "positions": "512",
    "max_source_tokens": "384",
}
_PAPERS, _EPOCHS = 20, "2"  # of a trial run
_CHUNK = 16


class Watch(Protocol):
    """Shows the progress of something."""

    def __call__(self, values: Iterator[T], name: str, total: int) -> Iterator[T]:
        """Give the values, one after the other."""
        ...


def _unwatched(values: Iterator[T], name: str, total: int) -> Iterator[T]:  # noqa: ARG001
    return values


def reproduce(  # noqa: PLR0913 - the command's own arguments
    figure: str,
    *,
    out: Path,
    model: str | None = None,
    data: Path | None = None,
    url: str | None = None,
    smoke: bool = False,
    options: Mapping[str, str] | None = None,
    load: Callable[..., Pipeline] = load,
    tell: Tell = lambda _: None,
    watch: Watch = _unwatched,
) -> Report:
    """Train as BioGPT's authors did, evaluate on their test set, and compare with their figure.

    The stages are data, training and one evaluation for each way of decoding. A second call with
    the same arguments continues where the first one ended.

    Args:
        figure: A name in `CORPORA`.
        out: The folder to write: `data`, `model`, `test`, figures.json and figures.md.
        model: The model to begin with; None for the one that the paper's figure comes from. One
            that knows the task already is evaluated without training.
        data: A folder with the official files; None downloads them.
        url: Where to download them: an address that `data/BC5CDR/raw/train.json` can follow. None
            for the official repository.
        smoke: Try every stage on 20 papers, which are invented without `data` and `url`, and with
            a tiny fresh model unless `model` names one.
        options: Settings that replace those of the official recipe.
        load: As `biogpt_plugins.load`.
        tell: Gets messages about what is done.
        watch: Shows the progress of predictions.

    Raises:
        InputError: An argument or a file cannot be used, or `out` has a run with other options.
        FetchError: A file cannot be downloaded.
        ModelError: The model cannot be found or is not a BioGPT.
        TrainingInterrupted: Ctrl-C or SIGTERM stopped the training; a checkpoint is kept.
    """
    if figure not in CORPORA:
        raise InputError(f"there is no figure {figure!r}: choose one of {', '.join(CORPORA)}")
    published = CORPORA[figure]
    chosen = model or (_FRESH if smoke else published.model)
    begun = Asked.read(out, known=_DATA)
    asked = Asked(
        figure=figure,
        model=chosen,
        smoke=smoke,
        options=_options(chosen, options or {}, smoke=smoke),
        source=f"the folder {data}" if data else url or (INVENTED if smoke else published.url),
    )
    if smoke:
        tell(SMOKE)
        published = replace(published, digests={})
    if begun:
        begun.check(asked, out)
        published = replace(published, digests=begun.data, known="as when this run began")
    stages = _Stages(published, begun or asked, out, load, tell, watch)
    if options and not stages.learns:
        raise InputError(
            f"{chosen} knows {published.task} and is not trained, so {', '.join(options)} would "
            "change nothing: leave it out (--set)"
        )
    stages = stages.obtain(data or (url or published.url).rstrip("/"))
    return stages.report(stages.measure(stages.train()))


def _options(model: str, given: Mapping[str, str], *, smoke: bool) -> dict[str, str]:
    if not smoke:
        return dict(given)
    return {"epochs": _EPOCHS, **(_TINY if model == _FRESH else {}), **given}


@dataclass(frozen=True)
class _Stages:
    """The stages of one reproduction.

    Attributes:
        published: The data.
        asked: What was asked for, now or at the first start.
        out: The folder.
    """

    published: Published
    asked: Asked
    out: Path
    load: Callable[..., Pipeline]
    tell: Tell
    watch: Watch

    @property
    def learns(self) -> bool:
        """Whether the model has to be trained for the task."""
        model = self.asked.model
        return model == _FRESH or (
            self.published.task not in read_card(find_here(model), model).tasks
        )

    def obtain(self, source: Path | str) -> _Stages:
        """Get the files that are not there yet, compare all with what is known, and record them."""
        published, begun = self.published, self.asked.data
        folder, names = self.out / _DATA, published.files(training=self.learns)
        if self.asked.source == INVENTED and not begun:
            invent(published, folder)
        digests = obtain(published, names, folder, source, self.tell)
        if begun:
            return self
        for name, digest in digests.items():
            known = published.known if name in published.digests else "recorded for later starts"
            self.tell(f"{name}: SHA-256 {digest}, {known}")
        self._read(folder / name for name in names if name != published.beside)
        asked = self.asked.model_copy(update={"data": digests})
        asked.save(self.out)
        return replace(self, asked=asked)

    def _read(self, files: Iterable[Path]) -> None:
        """Read the files once, and refuse KD-DTI as it is published: without DrugBank's names."""
        for file in files:
            missing = sum(map(missing_names, read_solved(file, [self.published.task])))
            if missing and not self.asked.smoke:
                raise InputError(
                    f"{file} has DrugBank ids in place of {counted(missing, 'name')}, which "
                    "DrugBank's licence keeps out of it, and no model can learn them: "
                    f"{FILL_IN}, and give the folder with --data"
                )

    def train(self) -> str:
        """Train the model, or continue, unless it is finished or knows the task; its name."""
        if not self.learns:
            self.tell(f"{self.asked.model} knows {self.published.task}: it is not trained")
            return self.asked.model
        folder = self.out / _MODEL
        interrupted = any(folder.glob("checkpoints/checkpoint-*"))
        if (folder / "config.json").exists() and not interrupted:
            self.tell(f"the training is finished: {folder}")
            return str(folder)
        shutil.rmtree(self.out / _TEST, ignore_errors=True)  # of another model
        file = self.out / _DATA / self.published.train
        if self.asked.smoke:
            file = first(file, self.out / _TRIAL / file.name, _PAPERS)

        from biogpt_plugins.training import finetune  # noqa: PLC0415 - it loads torch

        options: dict[str, Any] = dict(self.asked.options)
        finetune(
            self.published.task,
            train=file,
            model=self.asked.model,
            out=folder,
            recipe="official",
            resume=interrupted,
            tell=self.tell,
            **options,
        )
        return str(folder)

    def measure(self, model: str) -> list[Measured]:
        """Evaluate the model on the test set, by each way of decoding."""
        task = get_task(self.published.task)
        own = {"long_texts": "cut", "min_score": 0.0} if task.kind == "relations" else {}
        ways: dict[str, dict[str, Any]] = {
            "free": {"method": "complete"},
            "grounded": {"method": "complete", "decoding": "grounded"},
            **({"choose": {"method": "choose"}} if task.choices else {}),
        }
        return [
            self._measured(model, way, {"dtype": "float32", **own, **options})
            for way, options in ways.items()
        ]

    def _measured(self, model: str, way: str, options: Mapping[str, Any]) -> Measured:
        place = self.out / _TEST / f"{way}.json"
        if place.exists():
            self.tell(f"the evaluation is finished: {place}")
            return Measured.model_validate_json(place.read_text(encoding="utf-8"))
        gold = read_gold(
            self.out / _DATA / self.published.test,
            self.published.task,
            limit=_PAPERS if self.asked.smoke else None,
        )
        pipeline = self.load(model, self.published.task, **options)
        found = predict(pipeline, gold, folder=place.with_suffix(""), chunk_size=_CHUNK)
        evaluation = evaluate(gold, list(self.watch(found, way, len(gold.documents))))

        from biogpt_plugins.engines.machine import describe_machine  # noqa: PLC0415 - loads torch

        measured = Measured(
            documents=evaluation.documents,
            lines=tuple(Line.all_of(way, evaluation)),
            machine=describe_machine(str(getattr(pipeline.engine, "device", "cpu"))),
        )
        write_text(str(place), [measured.model_dump_json(indent=2), "\n"])
        return measured

    def report(self, measured: Sequence[Measured]) -> Report:
        """Put the figures beside those of the paper, and write both."""
        known = self.published.figure(self.asked.model)
        report = Report(
            **self.asked.model_dump(),
            paper=Paper.model_validate(known.model_dump(include=set(Paper.model_fields))),
            training=_training(self.out / _MODEL),
            measured=tuple(measured),
            versions=_versions(),
        )
        write_text(str(self.out / FIGURES), [report.model_dump_json(indent=2), "\n"])
        write_text(str(self.out / TABLE), [report.markdown()])
        return report


def _training(folder: Path) -> dict[str, int | float]:
    """The number of updates, and the last one's loss, of a finished training."""
    from biogpt_plugins.training.record import UPDATES_FILE  # noqa: PLC0415 - seldom needed

    path = folder / UPDATES_FILE
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    last = next(row for row in reversed(rows) if "loss" in row)
    return {"updates": last["step"], "loss of the last update": round(last["loss"], 4)}


def _versions() -> dict[str, str]:
    from biogpt_plugins.training.record import versions  # noqa: PLC0415 - seldom needed

    return {"biogpt-plugins": __version__, "python": python_version(), **versions()}
