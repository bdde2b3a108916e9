"""Clocks, and rounds in which all sides take turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from shlex import join
from typing import Generic, NamedTuple, Protocol, TypeVar

from biogpt_plugins.bench.figures import Series

T = TypeVar("T")


class Timed(NamedTuple, Generic[T]):
    """How many seconds a call took, and what it returned."""

    seconds: float
    value: T


@dataclass(frozen=True)
class Job(Generic[T]):
    """The work of one side in each round.

    Attributes:
        name: The side's name in tables.
        do: Does it once. It gets the number of the round.
    """

    name: str
    do: Callable[[int], T]


@dataclass(frozen=True)
class Missing:
    """A side that cannot be measured, and why."""

    name: str
    why: str


def timed(do: Callable[[], T], wait: Callable[[], object] = lambda: None) -> Timed[T]:
    """Time a call.

    Args:
        do: The call.
        wait: Returns when the device has finished its work. It runs before and after.
    """
    wait()
    start = time.perf_counter()
    value = do()
    wait()
    return Timed(time.perf_counter() - start, value)


def in_turns(
    jobs: Sequence[Job[T] | Missing],
    rounds: int,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, tuple[T, ...]]:
    """Run each job once a round. Each round starts with another job.

    Other work on the machine then slows all sides alike.

    Args:
        jobs: The jobs. Sides that are missing are left out.
        rounds: How many rounds.
        tell: Gets messages about the progress.
    """
    able = present(jobs)
    values: dict[str, list[T]] = {job.name: [] for job in able}
    for number in range(rounds):
        first = number % max(1, len(able))
        for job in (*able[first:], *able[:first]):
            tell(f"{job.name}, round {number + 1} of {rounds}")
            values[job.name].append(job.do(number))
    return {name: tuple(several) for name, several in values.items()}


class HasName(Protocol):
    """A side of any kind."""

    @property
    def name(self) -> str:
        """The side's name in tables."""
        ...


SideT = TypeVar("SideT", bound=HasName)


def present(sides: Sequence[SideT | Missing]) -> list[SideT]:
    """The sides that can be measured."""
    return [side for side in sides if not isinstance(side, Missing)]


def series(
    sides: Sequence[HasName | Missing], values: Mapping[str, Sequence[float]]
) -> tuple[Series, ...]:
    """A row for each side. A missing side's row says why it has no values."""
    return tuple(
        Series(side=side.name, note=side.why)
        if isinstance(side, Missing)
        else Series(side=side.name, values=tuple(values[side.name]))
        for side in sides
    )


def command_line(*program: str, words: Iterable[str]) -> str:
    """A command as reports tell it: files by their names, without the folders of one machine.

    Args:
        *program: What is run, such as "biogpt", "bench".
        words: What the user gave it.
    """
    told = (Path(word).name if Path(word).is_absolute() else word for word in words)
    return join([*program, *told])


def describe_versions(packages: Sequence[str]) -> dict[str, str]:
    """The versions of Python and of some packages; "not installed" for a missing package."""
    versions = {"python": python_version(), **dict.fromkeys(packages, "not installed")}
    for name in packages:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions
