"""Progress bars for programs and notebooks that ask for one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from biogpt_plugins.values.predictions import Predictions
from biogpt_plugins.values.results import Prediction

FEWEST = 8
_SECONDS = 2.0


def is_seen() -> bool:
    """Whether a bar would be seen: in a notebook or on a terminal, not in a pipe or a file."""
    from rich.console import Console  # noqa: PLC0415 - most programs ask for no bar

    console = Console(stderr=True)
    return console.is_jupyter or console.is_terminal


def bar(name: str, total: int | None, *, done: int = 0) -> Any:  # noqa: ANN401 - tqdm's
    """A bar of tqdm, which a notebook with ipywidgets shows as a widget.

    Args:
        name: What it counts.
        total: How many there are, if that is known.
        done: How many are done at the start.
    """
    from tqdm.auto import tqdm  # noqa: PLC0415 - the same

    return tqdm(desc=name, total=total, initial=done, disable=not is_seen())


def with_bar(
    run: Callable[[list[object], int], Predictions], inputs: Sequence[object], name: str
) -> Iterator[Prediction[Any]]:
    """Run inputs some at a time, as many as take two seconds, and show how many are done.

    Args:
        run: Runs some of the inputs; it is told the number of the first, from 1.
        inputs: All inputs.
        name: What the bar counts.
    """
    size, done = FEWEST, 0
    with bar(name, len(inputs)) as shown:
        while done < len(inputs):
            began = time.monotonic()
            found = run(list(inputs[done : done + size]), done + 1)
            yield from found
            shown.update(len(found))
            done += len(found)
            rate = len(found) / max(time.monotonic() - began, 1e-3)
            size = max(FEWEST, min(int(rate * _SECONDS), 2 * size))
