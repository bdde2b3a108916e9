"""`biogpt extract`: files of papers in, one Prediction a line out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from biogpt_plugins.cli import console
from biogpt_plugins.cli.running import Ray, RayCpus, RayEngines, Run, carry_out, where
from biogpt_plugins.cli.tally import Tally
from biogpt_plugins.corpus import (
    Format,
    JsonlWriter,
    Record,
    Sections,
    check_readable,
    read_records,
)
from biogpt_plugins.corpus.run import FEWEST
from biogpt_plugins.corpus.run.reading import taken
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.pipeline.dictionary import EntityDictionary
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Failure, Prediction


def extract(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    files: Annotated[
        list[str], typer.Argument(help='Files of papers, plain or gzipped; "-" for standard input.')
    ],
    *,
    task: Annotated[
        str | None,
        typer.Option("--task", "-t", help="See `biogpt tasks`.", show_default="the model's own"),
    ] = None,
    model: console.Model = "demo",
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            "-f",
            help="medline: PubMed's XML; jats: PMC's full texts; pubmedqa: an object of PMIDs and "
            "their questions; jsonl: an object a line, or an array of objects, with title and "
            "abstract, text, or question and context; csv: columns of these names, also between "
            "tabs; text: one document a file. auto looks into each file.",
        ),
    ] = Format.auto,
    sections: Annotated[
        Sections,
        typer.Option(
            help="Full texts, JATS or BioC: abstract reads title and abstract; all reads every "
            "section by itself, with offsets in the whole paper."
        ),
    ] = Sections.abstract,
    latest: Annotated[
        bool,
        typer.Option(
            "--latest",
            help="PubMed's XML: look through all files first, and read citations that are revised "
            "or deleted only in their last version.",
        ),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first record that cannot be read.")
    ] = False,
    out: Annotated[
        str, typer.Option("--out", "-o", help='JSON Lines file; "-" for standard output.')
    ] = "-",
    force: Annotated[bool, typer.Option("--force", help="Replace an OUT that exists.")] = False,
    run: Run = None,
    ray: Ray = None,
    ray_engines: RayEngines = None,
    ray_cpus: RayCpus = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="Stop after this many records.")
    ] = None,
    chunk: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Records handed to the model at a time.",
            show_default="64; with --run up to 512, as many as take 15 seconds; with --ray 512 on "
            "GPUs",
        ),
    ] = None,
    decoding: console.DecodingManner = None,
    dictionary: Annotated[
        Path | None,
        typer.Option(
            help="CSV file with the columns name, id and type: gives entities their ids.",
            show_default=False,
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Leave out relations with a lower score; each line says how many.",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Write so many completions for each record, and tell what share of them has a "
            "relation.",
            show_default="one",
        ),
    ] = None,
    abstain_below: console.AbstainBelow = None,
    engine: console.Engine = None,
    device: console.Device = None,
    dtype: console.Dtype = None,
    allow_pickle: console.AllowPickle = False,
) -> None:
    """Extract relations, answers or hallmarks from papers.

    Writes one Prediction a line, in the order of the records, each as soon as it is there: what is
    done stays done, whatever happens next. A record that cannot be read, or on which the model
    fails, becomes a line that says so. With --run the results are kept in a folder, where
    `biogpt aggregate` reads them, and long papers are read in windows.
    """
    if run and (out != "-" or force):
        raise InputError("--run keeps the results in its folder: leave out --out and --force")
    if ray and not run:
        raise InputError("--ray is for a run: name a folder for its results with --run")
    if task is not None:
        get_task(task)
    check_readable(files)
    load = partial(
        _load,
        ctx.obj,
        model,
        task,
        decoding=decoding,
        min_score=min_score,
        samples=samples,
        abstain_below=abstain_below,
        dictionary=EntityDictionary.read(dictionary) if dictionary else None,
        engine=engine,
        device=device,
        dtype=dtype,
        allow_pickle=allow_pickle,
    )
    if run:
        carry_out(
            where(load, model, ray, ray_engines, ray_cpus),
            files,
            run,
            name=task or "papers",
            form=form,
            sections=sections,
            latest=latest,
            strict=strict,
            limit=limit,
            chunk=chunk,
        )
        return
    read = partial(read_records, files, form, sections=sections)
    with JsonlWriter(out, force=force, inputs=files) as writer:
        pipeline = console.loaded(load, model)
        records = islice(read(latest=latest, strict=strict), limit)
        tally = Tally()
        try:
            with console.progress() as progress:
                total = _count(files, read, limit, progress)
                bar = progress.add_task(pipeline.task.name, total=total, rest="")
                for record, prediction in _predict(pipeline, records, chunk or FEWEST):
                    writer.write(prediction)
                    tally.add(record.where, prediction)
                    progress.update(bar, advance=1, rest=tally.rest)
        except (KeyboardInterrupt, OSError, InputError) as error:
            if not isinstance(error, BrokenPipeError):
                _conclude(tally, out)
            raise
    _conclude(tally, out)
    if not tally.papers:
        raise InputError(f"no records in {', '.join(files)}")
    if tally.failures == tally.papers:
        raise typer.Exit(1)


def _load(load: console.Load, model: str, task: str | None, **options: Any) -> Pipeline:  # noqa: ANN401
    """Load a model so that every relation tells how sure it was; perhaps in another process."""
    pipeline = load(model, task, **options)
    if pipeline.task.kind == "relations":
        pipeline = pipeline.with_decoding(pipeline.decoding.but(logprobs=True))
    return pipeline


def _predict(
    pipeline: Pipeline, records: Iterator[Record], chunk: int
) -> Iterator[tuple[Record, Prediction[Any]]]:
    broken: Exception | None = None
    while broken is None:
        batch, broken = taken(records, chunk)
        if not batch:
            break
        readable = [r for r in batch if not isinstance(r.value, InputError)]
        predictions = iter(pipeline.run([r.value for r in readable]))
        for record in batch:
            if isinstance(record.value, InputError):
                id_ = getattr(record.value, "id", None)
                error = Failure.of(record.value)
                yield record, Prediction(id=id_, task=pipeline.task.name, error=error)
            else:
                yield record, record.placed(next(predictions))
    if broken:
        raise broken


def _count(
    files: list[str],
    read: Callable[[], Iterator[Record]],
    limit: int | None,
    progress: Progress,
) -> int | None:
    """How many records there are to be, where files can be read twice and somebody watches."""
    if progress.disable or not all(Path(name).is_file() for name in files):
        return None
    return sum(1 for _ in islice(read(), limit))


def _conclude(tally: Tally, out: str) -> None:
    err = console.stderr()
    for line in tally.lines():
        err.print(line)
    if tally.papers and out != "-":
        err.print(f"written to {out}", soft_wrap=True)
