"""`biogpt ask`, `describe` and `generate`: one question, term or text at a time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.cli import console, show
from biogpt_plugins.errors import ModelError
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.tasks.pubmedqa import PUBMEDQA, PUBMEDQA_REASONING_FREE

PRETRAINED = "microsoft/biogpt"

MaxNewTokens = Annotated[
    int | None, typer.Option("--max-new-tokens", "-n", min=1, help="Most tokens to write.")
]


def ask(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(help="A question to be answered yes, no or maybe.")],
    *,
    context: Annotated[
        str,
        typer.Option("--context", "-c", help="The passage; @FILE reads it, @- the standard input."),
    ],
    long_answer: Annotated[
        str, typer.Option(help="The passage's own conclusion, for a reasoning-free model.")
    ] = "",
    model: console.Model = "demo",
    abstain_below: console.AbstainBelow = None,
    as_json: console.Json = False,
    engine: console.Engine = None,
    device: console.Device = None,
    dtype: console.Dtype = None,
    allow_pickle: console.AllowPickle = False,
) -> None:
    """Answer a question about a passage: yes, no or maybe, with probabilities."""
    value = {"question": question, "context": _text(context), "long_answer": long_answer}
    task = _layout(model, long_answer, allow_pickle=allow_pickle)
    pipeline = console.load(
        ctx,
        model,
        task,
        abstain_below=abstain_below,
        engine=engine,
        device=device,
        dtype=dtype,
        allow_pickle=allow_pickle,
    )
    answer = console.result_of(pipeline.run([value])[0], as_json=as_json)
    if not as_json:
        console.stdout().print(show.bars(answer.probabilities))
        if answer.abstained:
            console.stdout().print(f"no answer: {answer.abstained}")


def describe(  # noqa: PLR0913 - options of a command
    ctx: typer.Context,
    term: Annotated[str, typer.Argument(help="A gene, drug, disease, ...")],
    *,
    model: console.Model = PRETRAINED,
    as_json: console.Json = False,
    engine: console.Engine = None,
    device: console.Device = None,
    dtype: console.Dtype = None,
    allow_pickle: console.AllowPickle = False,
) -> None:
    """Say what a term means, with a pretrained model (the bundled one was not taught this)."""
    pipeline = console.load(
        ctx,
        model,
        "describe",
        engine=engine,
        device=device,
        dtype=dtype,
        allow_pickle=allow_pickle,
    )
    with console.stderr().status("writing"):
        prediction = pipeline.run([term])[0]
    text = console.result_of(prediction, as_json=as_json)
    if not as_json:
        out = console.stdout()
        out.print(f"{term.strip()} is {text}", soft_wrap=not out.is_terminal)


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
    engine: console.Engine = None,
    device: console.Device = None,
    dtype: console.Dtype = None,
    allow_pickle: console.AllowPickle = False,
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
        engine=engine,
        device=device,
        dtype=dtype,
        allow_pickle=allow_pickle,
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


def _layout(model: str, long_answer: str, *, allow_pickle: bool) -> str:
    """The task that the model was taught of the two, or the one that suits the question."""
    with console.stderr().status(f"looking for {model}"):
        try:
            card = read_card(locate(model, allow_pickle=allow_pickle), model)
        except ModelError:  # what is wrong is said when it is loaded
            card = read_card(None, model)
    required, free = PUBMEDQA.name, PUBMEDQA_REASONING_FREE.name
    fitting = free if long_answer else required
    task = next((name for name in (fitting, required, free) if name in card.tasks), fitting)
    if long_answer and task == required:
        console.remark("warning", f"{model} was not taught to read a long answer: it is left out")
    return task


def _text(given: str) -> str:
    if not given.startswith("@"):
        return given
    data = sys.stdin.buffer.read() if given == "@-" else Path(given[1:]).read_bytes()
    return console.decode(data, given[1:])
