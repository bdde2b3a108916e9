"""`biogpt score` and `biogpt eval`: compute the same figures as the official scorers."""

from __future__ import annotations

import time
from enum import Enum
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from pydantic import ValidationError

from biogpt_plugins.cli import annotated, console, evaluated
from biogpt_plugins.cli.running import SIGTERM
from biogpt_plugins.corpus import Record, read_gold
from biogpt_plugins.corpus.run import is_run, results
from biogpt_plugins.corpus.run.interrupts import Terminated, terminated_cleanly
from biogpt_plugins.engine import Form
from biogpt_plugins.entities import EntityDictionary
from biogpt_plugins.evaluation import Evaluation, evaluate, report
from biogpt_plugins.evaluation.baselines import measure_baselines
from biogpt_plugins.evaluation.run import check_texts, count_done, predict
from biogpt_plugins.evaluation.values import Baseline
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.pipeline.loading import find_task
from biogpt_plugins.pipeline.spec import Method
from biogpt_plugins.scoring.gold import GoldSet
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Prediction

Task = Annotated[
    str,
    typer.Argument(metavar="TASK", help="A task that `biogpt tasks` lists, or a TOML file."),
]
GroundTruth = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="PubMedQA: the file of labels. It also selects the questions.",
        show_default=False,
    ),
]
Entities = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="BC5CDR: the file of names and their ids.",
        show_default="the file beside the data, or the ids in the data",
    ),
]
Limit = Annotated[
    int | None, typer.Option("--limit", "-n", min=1, help="Read only the first N documents.")
]
CHUNK = 16


_WAYS = (*get_args(Form), *(one for one in get_args(Method) if one not in ("auto", "complete")))
"""Every way to get results: a decoding of completions, or a method without them."""


class Written(str, Enum):  # a Form: typer takes no list of Literals
    """How the model writes completions."""

    free = "free"
    grounded = "grounded"
    entities = "entities"


def score(  # noqa: PLR0913 - options of a command
    task: Task,
    *,
    gold: Annotated[
        Path,
        typer.Option(metavar="FILE", help="The annotated corpus, in any of its usual formats."),
    ],
    completions: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The model's completions, one document a line; or Predictions, as a JSON Lines "
            "file or a run folder.",
        ),
    ],
    ground_truth: GroundTruth = None,
    entities: Entities = None,
    as_json: console.Json = False,
) -> None:
    """Score recorded completions with a task's official metric, without a model.

    The command reads completions twice: as the official scripts do, and as this package does.
    """
    right = read_gold(gold, task, ground_truth=ground_truth, entities=entities)
    evaluated.show(evaluate(right, _recorded(completions)), as_json=as_json)


@console.takes_model_options
def run(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    task: Task,
    *,
    data: Annotated[
        Path,
        typer.Option(metavar="FILE", help="The annotated corpus, in any of its usual formats."),
    ],
    model: console.Model = "demo",
    limit: Limit = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Keep the predictions in this folder, like `biogpt extract --run`, and write "
            "score.json and report.md there. The same command continues an interrupted run.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        console.Method,
        typer.Option(
            help="complete writes a completion and reads it, like the official scripts; choose "
            "scores the task's labels; rank gives every pair of annotated entities a probability."
        ),
    ] = console.Method.complete,
    decoding: Annotated[
        list[Written] | None,
        typer.Option(
            metavar="free|grounded|entities",
            help="free lets the model write anything; grounded makes it copy names from the text; "
            "entities makes it name only what the corpus annotates, or --entities-from finds. Give "
            "the option several times to compare them; --out then has a subfolder for each.",
            show_default="free; entities with --entities-from",
        ),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help=f"Compare several ways in one table: a list with commas of {', '.join(_WAYS)}. "
            "--out then has a subfolder for each.",
            show_default=False,
        ),
    ] = None,
    long_texts: Annotated[
        console.LongTexts,
        typer.Option(
            help="cut drops the end of a text that is longer than the model takes, like the "
            "official scripts; windows reads all of it, like `biogpt extract`."
        ),
    ] = console.LongTexts.cut,
    calibration: console.CalibrationFile = None,
    baselines: Annotated[
        bool,
        typer.Option(
            "--baselines",
            help="Also score what any system must beat, on the same documents: nothing; all pairs "
            "of the annotated entities; those within a sentence; names of --dictionary and of "
            "--train within a sentence; the most frequent label.",
        ),
    ] = False,
    train: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Annotated training data, for --baselines: its names, types and labels.",
            show_default="no names; types and labels of the corpus itself",
        ),
    ] = None,
    dictionary: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Names, for --baselines: a file that `biogpt dictionary build` wrote, or a CSV "
            "file.",
            show_default=False,
        ),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write reliability.png and precision_recall.png to this folder: a line with its "
            "95 % band for each method whose results have probabilities, a point for others and "
            "for baselines.",
            show_default=False,
        ),
    ] = None,
    ground_truth: GroundTruth = None,
    entities: Annotated[
        str,
        typer.Option(
            metavar="use|ignore|check|FILE",
            help="use the annotations of the corpus with --decoding entities; ignore them; or "
            "check them, without a model. BC5CDR: the file of names and their ids.",
            show_default="use, and the file beside the data, or the ids in the data",
        ),
    ] = "use",
    entities_from: Annotated[
        str | None,
        typer.Option(
            "--entities-from",
            metavar=annotated.SOURCE,
            help="For --decoding entities, which this sets, and --method rank: find the entities "
            "as in `biogpt extract`, in all documents and in place of their annotations.",
            show_default=False,
        ),
    ] = None,
    as_json: console.Json = False,
    options: dict[str, Any],
) -> None:
    """Run a model on a corpus and score it with the task's official metric.

    The command also measures how reliable relation scores are, and with --method choose the
    probabilities of answers: the model's own, and the calibrated ones if there is a calibration.
    """
    ways = _ways(methods, method, decoding, Written.entities if entities_from else Written.free)
    source = annotated.in_place(entities_from, entities, ways)
    names = None if entities in get_args(annotated.EntityUse) else Path(entities)
    right = read_gold(
        data, find_task(task, model), ground_truth=ground_truth, entities=names, limit=limit
    )
    check_texts(right)
    if entities == "check":
        annotated.check(Record(one.where or one.id, one.record) for one in right.documents)
        return
    if not baselines and (train or dictionary):
        option = "--train" if train else "--dictionary"
        raise InputError(f"{option} is for --baselines: give both, or neither")
    simple = _baselines(right, train, dictionary, entities) if baselines else ()
    if not source:
        annotated.check_given(right, ways, entities)
    scored = get_task(right.task).kind == "relations"
    evaluations: dict[str, Evaluation] = {}
    for way in ways:
        completes = way in get_args(Form)
        needy = way in annotated.NEEDY
        use = source if source and needy else "ignore" if entities == "ignore" else None
        pipeline = console.load(
            ctx,
            model,
            right.task,
            method="complete" if completes else way,
            decoding=way if completes and way != "free" else None,
            min_score=0.0 if scored else None,
            **({"entities": use} if use else {}),
            **({"long_texts": long_texts.value} if scored else {}),
            calibration=calibration,
            **options,
        )
        folder = out / way if out and len(ways) > 1 else out
        predictions, facts = _predictions(pipeline, right, folder)
        named = (entities_from or "annotations") if needy else ""
        told = {"method": way, "entities": named, "baselines": simple}
        evaluations[way] = evaluation = evaluate(right, predictions).model_copy(update=told)
        if folder:
            documents = counted(len(right.documents), "document")
            facts = [f"model: {model}", f"data: {data}, {documents}", *facts]
            evaluated.write(folder, evaluation, title=f"{right.task}: {model}", facts=facts)
    pictures = evaluated.draw(evaluations, plots) if plots else []
    if len(ways) > 1:
        evaluated.show_all(evaluations, as_json=as_json)
        if out:
            text = report.markdown_side_by_side(evaluations, title=f"{right.task}: {model}")
            (out / "report.md").write_text(text, encoding="utf-8")
    else:
        evaluated.show(evaluation, as_json=as_json)
    for path in [*([out] if out else []), *pictures]:
        console.stderr().print(f"written to {path}", soft_wrap=True)
    if not any(prediction.ok for prediction in predictions):
        raise typer.Exit(1)


def _ways(
    methods: str | None, method: console.Method, decoding: list[Written] | None, usual: Written
) -> list[str]:
    """What `--methods`, or `--method` and `--decoding`, ask for, each once."""
    if methods is None:
        if method is console.Method.complete:
            return list(dict.fromkeys(one.value for one in decoding or [usual]))
        if decoding:
            raise InputError(f"--method {method.value} writes nothing: leave --decoding out")
        return [method.value]
    if decoding or method is not console.Method.complete:
        raise InputError("--methods replaces --method and --decoding: give only --methods")
    ways = list(dict.fromkeys(one.strip() for one in methods.split(",")))
    for way in ways:
        if way not in _WAYS:
            raise InputError(f"--methods has no {way!r}: use {', '.join(_WAYS)}, with commas")
    return ways


def _baselines(
    right: GoldSet[Any], train: Path | None, dictionary: Path | None, entities: str
) -> tuple[Baseline, ...]:
    """The baselines of a corpus; notes say which are left out."""
    found = measure_baselines(
        right,
        train=read_gold(train, right.task) if train else None,
        dictionary=EntityDictionary.of(dictionary) if dictionary else None,
        annotations=entities != "ignore",
    )
    for note in found.notes:
        console.remark("note", note)
    return tuple(found.measured)


def _predictions(
    pipeline: Pipeline, right: GoldSet[Any], folder: Path | None
) -> tuple[list[Prediction[Any]], list[str]]:
    """The predictions for a corpus, and a line about the time they took."""
    total = len(right.documents)
    taken_up = min(count_done(folder), total) if folder else 0
    started = time.monotonic()
    predictions: list[Prediction[Any]] = []
    try:
        with console.progress() as progress, terminated_cleanly():
            bar = progress.add_task(right.task, total=total, rest="")
            for prediction in predict(pipeline, right, folder=folder, chunk_size=CHUNK):
                if taken_up and not predictions:
                    console.remark(
                        "note",
                        f"{folder} already holds {taken_up:,} of {counted(total, 'prediction')}",
                    )
                predictions.append(prediction)
                progress.update(bar, advance=1)
    except KeyboardInterrupt as error:
        if folder:
            console.remark(
                "note",
                f"{folder} keeps the finished predictions: give the same command again to continue",
            )
        if isinstance(error, Terminated):
            raise typer.Exit(SIGTERM) from error
        raise
    seconds = time.monotonic() - started
    return predictions, [f"{total - taken_up:,} of them predicted in {seconds:.0f} s"]


def _recorded(path: Path) -> list[str] | list[Prediction[Any]]:
    """Completions, one a line; or Predictions, if the first line is a JSON object."""
    if is_run(path):
        return list(results(path))
    if not path.is_file():
        raise InputError(f"no such file of completions: {str(path)!r}")
    # Not splitlines: it also splits at other characters, which a completion may contain.
    text = StringIO(console.decode(path.read_bytes(), str(path)), newline=None).getvalue()
    lines = text.removesuffix("\n").split("\n") if text else []
    if not lines or not lines[0].startswith("{"):
        return lines
    return [
        _prediction(line, f"line {n} of {path}") for n, line in enumerate(lines, 1) if line.strip()
    ]


def _prediction(line: str, where: str) -> Prediction[Any]:
    try:
        return Prediction.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors()[0]
        place = "".join(f"{key}: " for key in fault["loc"])
        raise InputError(f"{where} is not a Prediction: {place}{fault['msg'].lower()}") from error
