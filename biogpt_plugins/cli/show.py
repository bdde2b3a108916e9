"""Results for a terminal, and for a log without colours."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from biogpt_plugins.text.grounding import sentence_at
from biogpt_plugins.values.results import Entity, Relation

HEAD, TAIL = "bold cyan", "bold magenta"
_BAR = 32


def bars(probabilities: Mapping[str, float]) -> Table:
    """Labels with their probabilities as bars and figures."""
    table = Table.grid(padding=(0, 2))
    best = max(probabilities.values())
    for label, share in probabilities.items():
        style = "bold green" if share == best else "dim"
        bar = ProgressBar(total=1, completed=share, width=_BAR, complete_style=style)
        if share == 1:
            bar.finished_style = style
        table.add_row(Text(label, style=style), bar, Text(f"{share:6.1%}", style=style))
    return table


def relation(found: Relation) -> Text:
    """A relation with the offsets of its ends: `cisplatin 0:9 -> hearing loss 18:30`.

    A flag says if the text negates the relation or calls it only possible.
    """
    line = Text.assemble(*_end(found.head, HEAD), (f" -{found.type}-> ", "dim"))
    line.append_text(Text.assemble(*_end(found.tail, TAIL)))
    flags = [found.negated * "negated", found.speculated * "speculated"]
    return line.append("".join(f" [{flag}]" for flag in flags if flag), style="yellow")


def sentence(found: Relation, text: str, console: Console) -> Text:
    """The sentence or sentences with both mentions of a relation.

    Colour marks the mentions; without colour, brackets do.
    """
    ends = [(e.start, e.end, style) for e, style in ((found.head, HEAD), (found.tail, TAIL))]
    spans = sorted((s, e, style) for s, e, style in ends if s is not None and e is not None)
    if not spans:
        return Text("not found in the text", style="italic")
    start, end = sentence_at(text, spans[0][0], max(e for _, e, _ in spans))
    shown = Text(text[start:end])
    for from_, to, style in spans:
        shown.stylize(style, from_ - start, to - start)
    if console.color_system is None:
        for from_, to, _ in reversed(spans):
            plain = shown.plain
            at, until = from_ - start, to - start
            shown = Text(f"{plain[:at]}[{plain[at:until]}]{plain[until:]}")
    return shown


def _end(entity: Entity, style: str) -> tuple[tuple[str, str], tuple[str, str]]:
    place = f" {entity.start}:{entity.end}" if entity.grounded else " (not in the text)"
    return (entity.text, style), (place, "dim")
