"""What users rely on, asked of a component of ours and of its peers alike; the tables of docs/.

A behaviour returns where it holds. Where it does not, it raises an AssertionError that says what
was seen; any other error is a mistake of the test. Each `beside_*.py` is a comparison:

    python tests/beside_huggingface_llm.py    # writes its table into docs/llama_index.md
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from biogpt_plugins import TruncationWarning

DOCS = Path(__file__).parent.parent / "docs"
END = "\n<!-- end of side by side -->\n"

Check = TypeVar("Check", bound=Callable[[Any], None])


class Side:
    """One of those that are compared; it is made when it is first asked.

    Attributes:
        name: Its name in the table.
        package: The distribution that it comes from, where that is not always installed.
    """

    name: ClassVar[str]
    package: ClassVar[str | None] = None


@dataclass(frozen=True)
class Behaviour:
    """What a user relies on.

    Attributes:
        title: What it is, as the table puts it.
        check: Raises an AssertionError where it does not hold.
        holds: The peers of which it is on record that it does.
        sides: Those that are asked; it means nothing to the others.
    """

    title: str
    check: Callable[[Any], None]
    holds: Collection[type[Side]]
    sides: Sequence[type[Side]]


class Comparison:
    """Behaviours that ours and the peers are asked alike, and the table of what was seen."""

    def __init__(
        self, file: str, page: str, *, ours: Sequence[type[Side]], peers: Sequence[type[Side]]
    ) -> None:
        """Begin one.

        Args:
            file: The file that holds it, and writes its table.
            page: The page of docs/ that has the table.
            ours: Those that are to behave as is said.
            peers: Those of which it is on record whether they do.
        """
        self.page = DOCS / page
        self.command = f"python tests/{Path(file).name}"
        self.ours = ours
        self.sides = (*ours, *peers)
        self.behaviours: list[Behaviour] = []
        self._begin = f"<!-- side by side: written by `{self.command}` -->\n\n"

    def behaviour(
        self,
        title: str,
        *,
        holds: Collection[type[Side]] = (),
        nothing_to: Collection[type[Side]] = (),
    ) -> Callable[[Check], Check]:
        """Put a check on the list, with the peers for which it holds, or to which it is nothing."""
        sides = [side for side in self.sides if side not in nothing_to]

        def add(check: Check) -> Check:
            self.behaviours.append(Behaviour(title, check, tuple(holds), tuple(sides)))
            return check

        return add

    def table(self) -> str:
        """The page's table."""
        rows = [("", *(side.name for side in self.sides)), ("---",) * (len(self.sides) + 1)]
        rows += [
            (behaviour.title, *(_cell(behaviour, side) for side in self.sides))
            for behaviour in self.behaviours
        ]
        return "".join(f"| {' | '.join(row)} |\n" for row in rows)

    def shown(self) -> str:
        """The table that the page has."""
        return self._parts()[1]

    def write(self) -> None:
        """Write the table into the page."""
        before, _, after = self._parts()
        self.page.write_text(before + self._begin + self.table() + END + after, encoding="utf-8")

    def _parts(self) -> tuple[str, str, str]:
        """The page before the table, the table, and the page after it."""
        before, begin, rest = self.page.read_text(encoding="utf-8").partition(self._begin)
        shown, end, after = rest.partition(END)
        if not (begin and end):
            raise ValueError(
                f"{self.page.name} lacks the lines {self._begin.strip()} and {END.strip()}"
            )
        return before, shown, after


@cache
def seen(behaviour: Behaviour, side: type[Side]) -> str | None:
    """What was seen where the behaviour does not hold; None where it does."""
    try:
        with warnings.catch_warnings():
            # Our LLM says what it cuts; whether a text is cut is not what is compared.
            warnings.simplefilter("ignore", TruncationWarning)
            behaviour.check(_made(side))
    except AssertionError as error:
        return str(error)
    return None


@cache
def _made(side: type[Side]) -> Side:
    return side()


def _cell(behaviour: Behaviour, side: type[Side]) -> str:
    if side not in behaviour.sides:
        return "–"
    found = seen(behaviour, side)
    return "yes" if found is None else f"no: {found}"
