"""`biogpt ask`, `describe` and `generate`: one question, term or text at a time."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from glob import glob
from pathlib import Path
from typing import Annotated, Any

import typer

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.cli import console, show
from biogpt_plugins.cli.running import Ray, RayCpus, RayEngines, Run, carry_out, where
from biogpt_plugins.corpus import Format, check_readable
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.tasks.pubmedqa import PUBMEDQA, PUBMEDQA_REASONING_FREE
from biogpt_plugins.values.errors import InputError, ModelError

PRETRAINED = "microsoft/biogpt"

MaxNewTokens = Annotated[
    int | None, typer.Option("--max-new-tokens", "-n", min=1, help="Most tokens to write.")
]


@console.takes_model_options
def ask(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    question: Annotated[
        list[str],
        typer.Argument(
            help="A question to be answered yes, no or maybe; of a corpus also several."
        ),
    ],
    *,
    context: Annotated[
        str | None,
        typer.Option(
            "--context",
            "-c",
            help="The passage; @FILE reads it, @- the standard input.",
            show_default=False,
        ),
    ] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(
            help="A file of papers to ask instead, each by itself; may be given again. A pattern "
            "in quotes stands for all files that it fits.",
            show_default=False,
        ),
    ] = None,
    run: Run = None,
    ray: Ray = None,
    ray_engines: RayEngines = None,
    ray_cpus: RayCpus = None,
    form: Annotated[
        Format, typer.Option("--format", "-f", help="Of the corpus, as in `biogpt extract`.")
    ] = Format.auto,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Stop after so many answers of a corpus.")
    ] = None,
    long_answer: Annotated[
        str, typer.Option(help="The passage's own conclusion, for a reasoning-free model.")
    ] = "",
    model: console.Model = "demo",
    abstain_below: console.AbstainBelow = None,
    calibration: console.CalibrationFile = None,
    as_json: console.Json = False,
    options: dict[str, Any],
) -> None:
    """Answer a question about a passage: yes, no or maybe, with probabilities.

    With --corpus and --run, ask each paper of a corpus, which goes on after whatever ended it.
    """
    files = _of_a_corpus(question, corpus, context, run, single=bool(as_json or long_answer))
    if ray and not run:
        raise InputError("--ray is for a run over a corpus: name its papers with --corpus")
    if context is None and not files:
        raise InputError("give a passage (--context) or papers (--corpus): see `biogpt ask --help`")
    asked = {"question": question[0], "context": _text(context or ""), "long_answer": long_answer}
    task = _layout(model, long_answer, options)
    load = partial(
        ctx.obj,
        model,
        task,
        abstain_below=abstain_below,
        calibration=calibration,
        **options,
    )
    if run:
        carry_out(
            where(load, model, ray, ray_engines, ray_cpus),
            files,
            run,
            name=task,
            form=form,
            limit=limit,
            questions=question,
        )
        return
    pipeline = console.loaded(load, model)
    answer = console.result_of(pipeline.run([asked])[0], as_json=as_json)
    if not as_json:
        console.stdout().print(show.bars(answer.probabilities))
        if answer.abstained:
            console.stdout().print(f"no answer: {answer.abstained}")


@console.takes_model_options
def describe(
    ctx: typer.Context,
    term: Annotated[str, typer.Argument(help="A gene, drug, disease, ...")],
    *,
    model: console.Model = PRETRAINED,
    as_json: console.Json = False,
    options: dict[str, Any],
) -> None:
    """Say what a term means, with a pretrained model (the bundled one was not taught this)."""
    pipeline = console.load(
        ctx,
        model,
        "describe",
        **options,
    )
    with console.stderr().status("writing"):
        prediction = pipeline.run([term])[0]
    text = console.result_of(prediction, as_json=as_json)
    if not as_json:
        out = console.stdout()
        out.print(f"{term.strip()} is {text}", soft_wrap=not out.is_terminal)


@console.takes_model_options
def generate(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    prompt: Annotated[str, typer.Argument(help="The text to continue.")],
    *,
    model: console.Model = PRETRAINED,
    max_new_tokens: MaxNewTokens = None,
    temperature: Annotated[
        float, typer.Option(min=0, help="0 for the most probable text; above, sampled.")
    ] = 0.0,
    seed: Annotated[int | None, typer.Option(help="Makes sampling repeat itself.")] = None,
    as_json: console.Json = False,
    options: dict[str, Any],
) -> None:
    """Continue a text, as it is written, with a pretrained model."""
    decoding = TASKS["generate"].decoding.but(
        max_new_tokens=max_new_tokens, temperature=temperature, seed=seed
    )
    pipeline = console.load(
        ctx,
        model,
        "generate",
        decoding=decoding,
        **options,
    )
    out = console.stdout()
    if not as_json:
        out.print(prompt, end="", soft_wrap=True)
    for piece in pipeline.stream(prompt):
        if piece.text and not as_json:
            out.print(piece.text, end="", soft_wrap=True)
        if piece.prediction:
            if not as_json:
                out.print()
            console.result_of(piece.prediction, as_json=as_json)


def _layout(model: str, long_answer: str, options: Mapping[str, Any]) -> str:
    """The task that the model was taught of the two, or the one that suits the question."""
    with console.stderr().status(f"looking for {model}"):
        try:
            named = {
                name: options[name] for name in ("revision", "allow_pickle") if name in options
            }
            card = read_card(locate(model, **named), model)
        except ModelError:  # what is wrong is said when it is loaded
            card = read_card(None, model)
    required, free = PUBMEDQA.name, PUBMEDQA_REASONING_FREE.name
    fitting = free if long_answer else required
    task = next((name for name in (fitting, required, free) if name in card.tasks), fitting)
    if long_answer and task == required:
        console.remark("warning", f"{model} was not taught to read a long answer: it is left out")
    return task


def _of_a_corpus(
    questions: list[str],
    corpus: list[str] | None,
    context: str | None,
    run: Path | None,
    *,
    single: bool,
) -> list[str]:
    """The files of the corpus, if one is asked."""
    if not corpus:
        if run or len(questions) > 1:
            raise InputError(
                "several questions, and --run, are for a corpus: name it with --corpus"
            )
        return []
    if context is not None or single:
        raise InputError("--corpus asks papers: leave out --context, --long-answer and --json")
    if not run:
        raise InputError("--corpus needs a folder for its answers: name it with --run")
    for one in questions:
        if Path(one).is_file():
            raise InputError(
                f"{one} is a file, and stands where a question does: give --corpus before each "
                "file, or put the pattern in quotes"
            )
    files = [name for given in corpus for name in (sorted(glob(given)) or [given])]
    check_readable(files)
    return files


def _text(given: str) -> str:
    if not given.startswith("@"):
        return given
    data = sys.stdin.buffer.read() if given == "@-" else Path(given[1:]).read_bytes()
    return console.decode(data, given[1:])
