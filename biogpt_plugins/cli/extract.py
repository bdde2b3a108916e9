"""`biogpt extract`: reads files of papers and writes one Prediction a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from biogpt_plugins.cli import console
from biogpt_plugins.cli.annotated import Entities, EntitiesFrom, check, setting
from biogpt_plugins.cli.operating import at_best_f1
from biogpt_plugins.cli.running import Ray, RayCpus, RayEngines, Run, carry_out, where
from biogpt_plugins.corpus import (
    Format,
    JsonlWriter,
    Record,
    Sections,
    check_readable,
    expanded,
    read_records,
)
from biogpt_plugins.corpus.readers.files import is_pipe
from biogpt_plugins.corpus.run import FEWEST, Lines
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.pipeline.loading import find_task
from biogpt_plugins.tasks.pubmedqa import PUBMEDQA
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Question

_LOOKED_AT = 5  # records


@console.takes_model_options
def extract(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Files of papers, plain or packed (gzip, bzip2, xz, Zstandard); packages of them, "
            'tar or zip, as PMC has them; folders; "-" for standard input.',
        ),
    ],
    *,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            "-t",
            metavar="TASK",
            help="A task that `biogpt tasks` lists, or a TOML file.",
            show_default="the model's own",
        ),
    ] = None,
    model: console.Model = "demo",
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="auto detects the format of each file, and refuses what it does not know. "
            "medline: PubMed's XML; nbib: PubMed's text; ris, refer, isi, endnote-xml: what "
            "reference managers export; europepmc-xml: Europe PMC's search; jats: PMC's full "
            "texts; pubmedqa: an object of PMIDs and their questions; jsonl: JSON, an object a "
            "line or arrays of objects, with title and abstract, text, or question and context; "
            "csv: columns of these names, whatever stands between them; parquet, feather, xlsx: "
            "the same; pdf: title and abstract are guessed; text: one document a file.",
        ),
    ] = Format.auto,
    columns: console.Columns = None,
    entities: Entities = "use",
    entities_from: EntitiesFrom = None,
    sections: Annotated[
        Sections,
        typer.Option(
            help="For full texts in JATS or BioC: abstract reads the title and the abstract; all "
            "reads each section separately, with offsets in the whole paper."
        ),
    ] = Sections.abstract,
    latest: Annotated[
        bool,
        typer.Option(
            "--latest",
            help="For PubMed's XML: scan all files first, and read only the last version of a "
            "citation that was revised or deleted.",
        ),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first record that cannot be read.")
    ] = False,
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="FILE", help='JSON Lines file to write; "-" for standard output.'
        ),
    ] = "-",
    force: Annotated[
        bool, typer.Option("--force", help="Replace the --out file if it exists.")
    ] = False,
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
            help="Number of records to give the model at a time.",
            show_default="64; with --run up to 512, as many as take 15 seconds; with --ray on "
            "GPUs 512",
        ),
    ] = None,
    decoding: console.DecodingManner = None,
    dictionary: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A file that `biogpt dictionary build` wrote, or a CSV file with the columns "
            "name, id and type: it gives entities their ids.",
            show_default=False,
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            "--min-score",
            "--min-probability",
            min=0,
            max=1,
            metavar="PROBABILITY",
            help="Leave out relations with a lower score. Each output line says how many.",
            show_default=False,
        ),
    ] = None,
    recall: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="With --method rank and its calibration: keep the most probable pairs that hold "
            "this share of the relations that a paper is expected to have.",
            show_default=False,
        ),
    ] = None,
    best_f1: Annotated[
        Path | None,
        typer.Option(
            "--best-f1",
            metavar="FILE",
            help="With --method rank: use the --min-probability with the best F1 on this annotated "
            "corpus, which is ranked first.",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Write this many completions for each record, and report the share of them that "
            "contains each relation.",
            show_default="1",
        ),
    ] = None,
    min_agreement: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="With --samples: leave out relations in a smaller share of the samples.",
            show_default="0.5",
        ),
    ] = None,
    abstain_below: console.AbstainBelow = None,
    calibration: console.CalibrationFile = None,
    method: Annotated[
        console.Method | None,
        typer.Option(
            help="choose scores the task's labels; complete writes a completion and reads it; rank "
            "gives every pair of annotated entities a probability.",
            show_default="choose if the task has labels",
        ),
    ] = None,
    options: dict[str, Any],
) -> None:
    """Extract relations, answers or hallmarks from papers.

    The command writes one Prediction a line, in the order of the records, as soon as each is
    ready. A record that cannot be read, or on which the model fails, becomes a line with the error.
    With --run it keeps the results in a folder that `biogpt aggregate` can read, and the same
    command continues an interrupted run. It reads long papers in overlapping windows, and identical
    texts once.
    """
    if run and (out != "-" or force):
        raise InputError("--run writes to its own folder: leave out --out and --force")
    if ray and not run:
        raise InputError("--ray needs a folder for the results: name one with --run")
    # A misspelt name is reported at once.
    named = find_task(task, model) if task is not None else None
    use = setting(entities, entities_from)
    files = expanded(files)
    check_readable(files)
    records = partial(read_records, files, form, columns=console.named_columns(columns))
    if entities == "check":
        check(islice(records(sections=sections, latest=latest, strict=strict), limit))
        return
    if named:
        _check_fit(named, files, records)
    asked = console.Asked.of(
        ctx.obj,
        scored=True,
        model=model,
        task=task,
        decoding=decoding or ("entities" if entities_from else None),
        min_score=min_score,
        samples=samples,
        abstain_below=abstain_below,
        calibration=calibration,
        dictionary=dictionary,
        min_agreement=min_agreement,
        method=method and method.value,
        entities=use,
        recall=recall,
        **options,
    )
    reading: dict[str, Any] = {
        "form": form,
        "sections": sections,
        "latest": latest,
        "strict": strict,
        "columns": console.named_columns(columns),
        "limit": limit,
    }
    if best_f1:
        asked = at_best_f1(asked, best_f1)
    if run:
        place = where(asked, ray, ray_engines, ray_cpus)
        if isinstance(place, Pipeline):
            _check_fit(place.task, files, records)
        name = named.name if named else "papers"
        carry_out(place, files, run, name=name, chunk=chunk, **reading)
        return
    with JsonlWriter(out, force=force, inputs=files) as writer:
        pipeline = console.loaded(asked, model)
        _check_fit(pipeline.task, files, records)
        name = pipeline.task.name
        carry_out(pipeline, files, Lines(writer), name=name, chunk=chunk or FEWEST, **reading)


def _check_fit(task: Task[Any], files: list[str], records: Callable[[], Iterator[Record]]) -> None:
    """Check that a task that answers questions is not given papers, and no other one questions.

    Raises:
        InputError: The first record that can be read is of the other kind.
    """
    if any(map(is_pipe, files)):
        return
    values = (one.value for one in islice(records(), _LOOKED_AT))
    first = next((one for one in values if not isinstance(one, InputError)), None)
    keys = {str(key).lower() for key in first} if isinstance(first, Mapping) else set()
    asks = isinstance(first, Question) or "question" in keys
    if asks and not keys & {"text", "abstract", "title"} and task.kind != "answer":
        raise InputError(
            f"task {task.name} reads papers, and {files[0]} holds questions about passages: answer "
            f"them with --task {PUBMEDQA.name}"
        )
    if first is not None and not asks and task.input is Question:
        raise InputError(
            f"task {task.name} answers questions, and {files[0]} holds papers without one: ask "
            f"each paper with `biogpt ask QUESTION --corpus {files[0]} --run FOLDER`"
        )
