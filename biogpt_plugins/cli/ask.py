"""`biogpt ask`, `describe` and `generate`: a question, a term or a text at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.address import is_address
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.cli import console, show
from biogpt_plugins.cli.annotated import Entities, check, setting
from biogpt_plugins.cli.running import Ray, RayCpus, RayEngines, Run, carry_out, where
from biogpt_plugins.cli.words import check_no_file, one_text, passage_of, text_of
from biogpt_plugins.corpus import Format, check_readable, expanded, read_records
from biogpt_plugins.pipeline.served import connected
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.tasks.pubmedqa import PUBMEDQA, PUBMEDQA_REASONING_FREE
from biogpt_plugins.tasks.questions import refusal
from biogpt_plugins.values.errors import InputError, ModelError, ServerError

PRETRAINED = "microsoft/biogpt"

MaxNewTokens = Annotated[
    int | None,
    typer.Option("--max-new-tokens", "-n", min=1, help="Largest number of tokens to write."),
]


@console.takes_model_options
def ask(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    question: Annotated[
        list[str],
        typer.Argument(
            metavar="QUESTION",
            help="A question in quotes, to answer with yes, no or maybe. With --corpus, one or "
            "more; @FILE reads them from a file, one a line.",
        ),
    ],
    *,
    context: Annotated[
        str | None,
        typer.Option(
            "--context",
            "-c",
            metavar="TEXT",
            help="The passage; @FILE reads the paper in a file, @- standard input.",
            show_default=False,
        ),
    ] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="A file of papers to ask, each separately, instead of a passage. Repeatable. A "
            'quoted pattern like "*.xml" names all matching files.',
            show_default=False,
        ),
    ] = None,
    run: Run = None,
    ray: Ray = None,
    ray_engines: RayEngines = None,
    ray_cpus: RayCpus = None,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="The format of the corpus; `biogpt extract --help` explains the formats.",
        ),
    ] = Format.auto,
    columns: console.Columns = None,
    entities: Entities = "use",
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="With --corpus: stop after this many answers."),
    ] = None,
    long_answer: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="The passage's own conclusion, for a reasoning-free model."
        ),
    ] = "",
    model: console.Model = "demo",
    abstain_below: console.AbstainBelow = None,
    calibration: console.CalibrationFile = None,
    as_json: console.Json = False,
    options: dict[str, Any],
) -> None:
    """Answer a question about a passage: yes, no or maybe, with probabilities.

    With --corpus and --run, ask every paper of a corpus; the same command continues an interrupted
    run.
    """
    questions = _questions(question)
    files = _of_a_corpus(questions, corpus, context, run, single=bool(as_json or long_answer))
    setting(entities)  # answers do not depend on entities
    if entities == "check" and files:
        check(read_records(files, form, columns=console.named_columns(columns)))
        return
    if ray and not run:
        raise InputError("--ray needs a corpus: name its papers with --corpus")
    if context is None and not files:
        raise InputError(
            "no passage and no papers: give --context or --corpus; see `biogpt ask --help`"
        )
    for each in questions:
        if why := refusal(each):
            raise InputError(why)
    passage = {
        "question": questions[0],
        "context": passage_of(context or ""),
        "long_answer": text_of(long_answer, "long answer"),
    }
    task = _layout(model, long_answer, options)
    asked = console.Asked.of(
        ctx.obj,
        model=model,
        task=task,
        abstain_below=abstain_below,
        calibration=calibration,
        **options,
    )
    if run:
        carry_out(
            where(asked, ray, ray_engines, ray_cpus),
            files,
            run,
            name=task,
            form=form,
            limit=limit,
            columns=console.named_columns(columns),
            questions=questions,
        )
        return
    pipeline = console.loaded(asked, model)
    answer = console.result_of(pipeline.run([passage])[0], as_json=as_json)
    if not as_json:
        console.stdout().print(show.bars(answer.probabilities))
        if answer.abstained:
            console.stdout().print(f"no answer: {answer.abstained}")


@console.takes_model_options
def describe(
    ctx: typer.Context,
    term: Annotated[
        list[str], typer.Argument(metavar="TERM", help="A gene, drug, disease, ..., in quotes.")
    ],
    *,
    model: console.Model = PRETRAINED,
    as_json: console.Json = False,
    options: dict[str, Any],
) -> None:
    """Describe a biomedical term with a pretrained model (the bundled one cannot)."""
    told = one_text(term, "term").strip()
    pipeline = console.load(ctx, model, "describe", **options)
    with console.stderr().status("writing"):
        prediction = pipeline.run([told])[0]
    text = console.result_of(prediction, as_json=as_json)
    if not as_json:
        out = console.stdout()
        out.print(f"{told} is {text}", soft_wrap=not out.is_terminal)


@console.takes_model_options
def generate(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    prompt: Annotated[
        list[str],
        typer.Argument(metavar="TEXT", help="The text to continue, in quotes, or @FILE."),
    ],
    *,
    model: console.Model = PRETRAINED,
    max_new_tokens: MaxNewTokens = None,
    temperature: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="NUMBER",
            help="0 writes the most probable text; higher values sample more freely.",
        ),
    ] = 0.0,
    seed: Annotated[int | None, typer.Option(help="Repeats the same samples.")] = None,
    as_json: console.Json = False,
    options: dict[str, Any],
) -> None:
    """Continue a text with a pretrained model, and print it as the model writes."""
    given = one_text(prompt, "text")
    decoding = TASKS["generate"].decoding.but(
        max_new_tokens=max_new_tokens, temperature=temperature, seed=seed
    )
    pipeline = console.load(ctx, model, "generate", decoding=decoding, **options)
    out = console.stdout()
    if not as_json:
        out.print(given, end="", soft_wrap=True)
    for piece in pipeline.stream(given):
        if piece.text and not as_json:
            out.print(piece.text, end="", soft_wrap=True)
        if piece.prediction:
            if not as_json:
                out.print()
            console.result_of(piece.prediction, as_json=as_json)


def _layout(model: str, long_answer: str, options: Mapping[str, Any]) -> str:
    """The question-answering task that the model was trained on, or that suits the question."""
    with console.stderr().status(f"looking for {model}"):
        try:
            named = {
                name: options[name] for name in ("revision", "allow_pickle") if name in options
            }
            if is_address(model):
                tasks = connected(model).facts.cards
            else:
                tasks = read_card(locate(model, **named), model).tasks
        except (ModelError, ServerError):  # loading reports what is wrong
            tasks = read_card(None, model).tasks
    required, free = PUBMEDQA.name, PUBMEDQA_REASONING_FREE.name
    fitting = free if long_answer else required
    task = next((name for name in (fitting, required, free) if name in tasks), fitting)
    if long_answer and task == required:
        console.remark(
            "warning", f"{model} was not trained on long answers: --long-answer is ignored"
        )
    return task


def _questions(given: list[str]) -> list[str]:
    """The questions that were given, each in quotes or in a line of a file.

    Raises:
        InputError: A question was given in several words, or the name of a file in its place.
    """
    questions: list[str] = []
    for one in given:
        if not one.startswith("@"):
            check_no_file(one, "question", "; for papers, give --corpus before each file")
            questions.append(one)
            continue
        lines = [line for line in text_of(one, "question").splitlines() if line.strip()]
        if not lines:
            raise InputError(f"there is no question in {one[1:]}: write one a line")
        questions += lines
    whole = all(one.rstrip().endswith("?") for one in questions)
    if len(given) > 1 and not whole and any(len(one.split()) == 1 for one in questions):
        raise InputError(f'the question must be in quotes: "{" ".join(given)}"')
    return questions


def _of_a_corpus(
    questions: list[str],
    corpus: list[str] | None,
    context: str | None,
    run: Path | None,
    *,
    single: bool,
) -> list[str]:
    """The files of the corpus, or an empty list without one."""
    if not corpus:
        if run or len(questions) > 1:
            raise InputError(
                "several questions or --run need a corpus: name its papers with --corpus"
            )
        return []
    if context is not None or single:
        raise InputError(
            "--corpus cannot be used with --context, --long-answer or --json: leave them out"
        )
    if not run:
        raise InputError("--corpus needs a folder for its answers: name it with --run")
    files = expanded(corpus)
    check_readable(files)
    return files
