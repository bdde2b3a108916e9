"""`biogpt extract`: files of papers in, one Prediction a line out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.cli.running import Ray, RayCpus, RayEngines, Run, carry_out, where
from biogpt_plugins.corpus import (
    Format,
    JsonlWriter,
    Sections,
    check_readable,
)
from biogpt_plugins.corpus.run import FEWEST, Lines
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.pipeline.dictionary import EntityDictionary
from biogpt_plugins.pipeline.loading import find_task
from biogpt_plugins.values.errors import InputError


@console.takes_model_options
def extract(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    files: Annotated[
        list[str], typer.Argument(help='Files of papers, plain or gzipped; "-" for standard input.')
    ],
    *,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            "-t",
            help="Its name, see `biogpt tasks`, or its TOML file.",
            show_default="the model's own",
        ),
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
    min_agreement: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Leave out relations that a smaller share of the samples has.",
            show_default="0.5",
        ),
    ] = None,
    abstain_below: console.AbstainBelow = None,
    calibration: console.CalibrationFile = None,
    method: Annotated[
        console.Method | None,
        typer.Option(
            help="choose scores the task's labels; complete writes and reads a completion.",
            show_default="choose, where the task has labels",
        ),
    ] = None,
    options: dict[str, Any],
) -> None:
    """Extract relations, answers or hallmarks from papers.

    Writes one Prediction a line, in the order of the records, each as soon as it is there: what is
    done stays done, whatever happens next. A record that cannot be read, or on which the model
    fails, becomes a line that says so. With --run the results are kept in a folder, where
    `biogpt aggregate` reads them, and the same command goes on after whatever ended it. Long papers
    are read in windows, and identical texts once.
    """
    if run and (out != "-" or force):
        raise InputError("--run keeps the results in its folder: leave out --out and --force")
    if ray and not run:
        raise InputError("--ray is for a run: name a folder for its results with --run")
    task_name = "papers"
    if task is not None:  # a misspelt name is told at once
        task_name = find_task(task, model).name
    check_readable(files)
    asked = {"min_agreement": min_agreement, "method": method and method.value}
    options |= {name: value for name, value in asked.items() if value is not None}
    load = partial(
        _load,
        ctx.obj,
        model,
        task,
        decoding=decoding,
        min_score=min_score,
        samples=samples,
        abstain_below=abstain_below,
        calibration=calibration,
        dictionary=EntityDictionary.read(dictionary) if dictionary else None,
        **options,
    )
    reading: dict[str, Any] = {
        "form": form,
        "sections": sections,
        "latest": latest,
        "strict": strict,
        "limit": limit,
    }
    if run:
        place = where(load, model, ray, ray_engines, ray_cpus)
        carry_out(place, files, run, name=task_name, chunk=chunk, **reading)
        return
    with JsonlWriter(out, force=force, inputs=files) as writer:
        pipeline = console.loaded(load, model)
        name = pipeline.task.name
        carry_out(pipeline, files, Lines(writer), name=name, chunk=chunk or FEWEST, **reading)


def _load(load: console.Load, model: str, task: str | None, **options: Any) -> Pipeline:  # noqa: ANN401
    """Load a model so that every relation tells how sure it was; perhaps in another process."""
    pipeline = load(model, task, **options)
    if pipeline.task.kind == "relations":
        pipeline = pipeline.with_decoding(pipeline.decoding.but(logprobs=True))
    return pipeline
