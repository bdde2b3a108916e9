"""`biogpt demo`: shows the package in under a minute, without a network."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import typer
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from biogpt_plugins.cli import console, show
from biogpt_plugins.demo import demo as demonstration
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.values.inputs import Paper
from biogpt_plugins.values.results import Relation

MODEL = "demo"
_INTRODUCTION = Text.assemble(
    ("BioGPT demo\n", "bold"),
    "Five invented papers, read by the small BioGPT that comes with this package.\n",
    ("The model is for trying the software, not for medicine: expect mistakes.", "yellow"),
)
_LARGE = """\
To use Microsoft's large model on a GPU (6 GB, downloaded once from the hub):
  biogpt ask "Does aspirin prevent stroke?" --context @abstract.txt \\
    --model microsoft/BioGPT-Large-PubMedQA --allow-pickle"""

Found = list[Relation] | str


class _Way(NamedTuple):
    """A way to read the papers: its name, the code that a user would write, and what reads."""

    name: str
    code: str
    read: Callable[[Sequence[Paper], Pipeline], list[Found]]


_WAYS = (
    _Way(
        "LangChain",
        'llm = BioGPTLLM(task="bc5cdr", decoding="grounded")\n'
        "  create_relation_chain(llm).batch(papers)",
        demonstration.by_langchain,
    ),
    _Way(
        "LlamaIndex",
        'reader = BioGPTRelationExtractor(decoding="grounded")\n'
        "  IngestionPipeline(transformations=[reader]).run(papers)",
        demonstration.by_llama_index,
    ),
)
_ALONE = _Way(
    "this package alone",
    'load("demo", "bc5cdr", decoding="grounded").run(papers)',
    demonstration.by_itself,
)


def demo(ctx: typer.Context) -> None:
    """Read five papers with LangChain and LlamaIndex, on the bundled model.

    A framework that is not installed is left out.
    """
    started = time.monotonic()
    out, err = console.stdout(), console.stderr()
    pairs = demonstration.papers()
    papers = [paper for paper, _ in pairs]
    with err.status("looking for LangChain and LlamaIndex"):
        missing = demonstration.missing()
    for host, how in missing.items():
        console.remark("note", f"the demo goes without {host}: {how}")
    out.print(_INTRODUCTION)
    pipeline = console.load(ctx, MODEL, demonstration.TASK, decoding="grounded")

    first, *others = [way for way in _WAYS if way.name not in missing] or [_ALONE]
    _heading(out, f"Which chemical induces which disease? With {first.name}:")
    chained = _read(first, papers, pipeline)
    for paper, found in zip(papers, chained, strict=True):
        _show(out, paper, found)

    for other in others:
        _heading(out, f"The same papers with {other.name}:")
        out.print(_comparison(papers, chained, _read(other, papers, pipeline)))

    _heading(out, "Yes, no or maybe?")
    questions = [question for _, question in pairs if question]
    answers = console.load(ctx, MODEL, "pubmedqa").run(questions)
    for question, prediction in zip(questions, answers, strict=True):
        out.print()
        out.print(_titled(question.id, question.question))
        answer = console.result_of(prediction)
        out.print(_indented(show.bars(answer.probabilities)))

    out.print()
    out.print(_LARGE, soft_wrap=True)
    out.print(f"\nDone in {time.monotonic() - started:.0f} s.", style="dim")


def _read(way: _Way, papers: Sequence[Paper], pipeline: Pipeline) -> list[Found]:
    _code(console.stdout(), way.code)
    with console.stderr().status(f"{way.name} is reading"):
        return way.read(papers, pipeline)


def _heading(out: Console, title: str) -> None:
    out.print()
    out.print(title, style="bold")


def _code(out: Console, code: str) -> None:
    out.print(f"  {code}", style="green", soft_wrap=True)


def _titled(identifier: str | None, title: str) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_row(Text(identifier or "", style="dim"), Text(title, style="bold"))
    return table


def _indented(shown: Text | Table, by: int = 2) -> Padding:
    return Padding(shown, (0, 0, 0, by), expand=False)


def _show(out: Console, paper: Paper, found: Found) -> None:
    out.print()
    out.print(_titled(paper.id, paper.title))
    if isinstance(found, str):
        out.print(_indented(Text(found, style="red")))
        return
    for relation in filter(_grounded, found):
        out.print(_indented(show.relation(relation)))
        out.print(_indented(show.sentence(relation, paper.source, out), 6))
    if rest := _rest(found):
        out.print(_indented(Text(rest, style="dim")))


def _comparison(
    papers: Sequence[Paper], chained: Sequence[Found], ingested: Sequence[Found]
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in ("paper", "LangChain", "LlamaIndex", "same"):
        table.add_column(name, style="dim" if name == "paper" else "")
    for paper, one, other in zip(papers, chained, ingested, strict=True):
        same = _ends(one) == _ends(other)
        verdict = Text("yes", style="green") if same else Text("no", style="bold red")
        table.add_row(paper.id, _brief(one), _brief(other), verdict)
    return table


def _brief(found: Found) -> str:
    if isinstance(found, str):
        return "unreadable"
    names = [f"{r.head.text} > {r.tail.text}" for r in filter(_grounded, found)]
    return "\n".join([*names, *filter(None, [_rest(found)])])


def _rest(found: list[Relation]) -> str:
    """How many relations are not shown because their names are not in the text."""
    if not found:
        return "no relations found"
    strange = sum(not relation.grounded for relation in found)
    return f"{strange} left out: not in the text" if strange else ""


def _grounded(relation: Relation) -> bool:
    return relation.grounded


def _ends(found: Found) -> object:
    if isinstance(found, str):
        return None
    return [[(end.text, end.start, end.end) for end in (r.head, r.tail)] for r in found]
