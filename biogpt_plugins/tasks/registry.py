"""The registry of tasks: those of this package, of other packages, and the user's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from threading import RLock
from typing import Any, overload

from biogpt_plugins.tasks.bc5cdr import BC5CDR
from biogpt_plugins.tasks.ddi import DDI
from biogpt_plugins.tasks.describe import DESCRIBE
from biogpt_plugins.tasks.generate import GENERATE
from biogpt_plugins.tasks.hoc import HOC
from biogpt_plugins.tasks.kd_dti import KD_DTI
from biogpt_plugins.tasks.pubmedqa import PUBMEDQA, PUBMEDQA_REASONING_FREE
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.tasks.toml_task import FOLDER, read_task
from biogpt_plugins.values.errors import InputError, did_you_mean
from biogpt_plugins.values.results import Kind

GROUP = "biogpt_plugins.tasks"
"""Entry point group of packages with tasks: the name is the task's name, the value its Task."""

BUILT_IN: tuple[Task[Any], ...] = (
    BC5CDR,
    DDI,
    KD_DTI,
    PUBMEDQA,
    PUBMEDQA_REASONING_FREE,
    HOC,
    DESCRIBE,
    GENERATE,
)


def fold(name: str) -> str:
    """The key of a task's name; case, "-" and "_" make no difference."""
    return name.strip().lower().replace("-", "_")


class Tasks(Mapping[str, Task[Any]]):
    """A live mapping of all tasks by name.

    This package's tasks come first, then those of other packages, then those that were registered.
    Entry points are loaded when a name is neither built in nor registered, and when the mapping is
    iterated. Iterating skips one that cannot be loaded; `find` raises an error that says why.
    """

    def __init__(
        self, built_in: Iterable[Task[Any]] = (), found: Iterable[EntryPoint] | None = None
    ) -> None:
        """Make a registry.

        Args:
            built_in: Tasks whose names are reserved.
            found: Entry points; None uses those of the installed packages.
        """
        self._built_in = {fold(task.name): task for task in built_in}
        self._given = found
        self._registered: dict[str, Task[Any]] = {}
        self._files: dict[Path, Task[Any]] = {}
        self._loaded: dict[str, Task[Any] | InputError] = {}
        self._lock = RLock()

    def __getitem__(self, name: str) -> Task[Any]:
        try:
            return self.find(name)
        except InputError as error:
            raise KeyError(name) from error

    def __iter__(self) -> Iterator[str]:
        loaded = [self._load(key) for key in self._entry_points if key not in self._built_in]
        found = [*self._built_in.values(), *(each for each in loaded if isinstance(each, Task))]
        names = {fold(task.name): task.name for task in (*found, *self._registered.values())}
        return iter(names.values())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Tasks({', '.join(self)})"

    def of_kind(self, kind: Kind) -> list[str]:
        """The names of the tasks whose results are of a kind."""
        return [name for name, task in self.items() if task.kind == kind]

    def find(self, name: str) -> Task[Any]:
        """A task by name.

        Raises:
            InputError: No task has this name, or the package that provides it cannot be loaded.
        """
        key = fold(name)
        known = self._built_in.get(key) or self._registered.get(key)
        loaded = known or (self._load(key) if key in self._entry_points else None)
        if isinstance(loaded, InputError):
            raise loaded
        if loaded is None:
            raise InputError(
                f"no task is called {name!r}.{did_you_mean(name, self)} The tasks are "
                f"{', '.join(self)}; give a task of your own as a TOML file (task='my_task.toml') "
                "or to register_task"
            )
        return loaded

    def register(self, task: Task[Any], *, replace: bool = False) -> None:
        """Add a task.

        Args:
            task: The task. Adding the same one again changes nothing.
            replace: Replace a task that was registered under this name.

        Raises:
            InputError: Another task has this name.
        """
        key = fold(task.name)
        with self._lock:
            known = self._built_in.get(key)
            known = known or (self._load_task(key) if key in self._entry_points else None)
            fixed = known is not None
            known = known or self._registered.get(key)
            if known is None or known is task or known.fingerprint == task.fingerprint:
                if known is None:
                    self._registered[key] = task
            elif fixed or not replace:
                raise InputError(
                    f"the name {task.name!r} is taken by another task ({known.name}: "
                    f"{known.summary}): choose another name"
                    + ("" if fixed else ", or register with replace=True")
                )
            else:
                self._registered[key] = task

    def load(self, path: Path) -> Task[Any]:
        """Add the task of a TOML file. An unchanged file gives the same task again."""
        place, task = path.resolve(), read_task(path)
        with self._lock:
            known = self._files.get(place)
            if known and known.declaration == task.declaration and known.name in self:
                return self[known.name]
            own = known is not None and self._registered.get(fold(task.name)) is known
            self.register(task, replace=own)
            self._files[place] = self[task.name]
            return self[task.name]

    def forget(self, name: str) -> None:
        """Remove a registered task; a name that was not registered changes nothing."""
        with self._lock:
            self._registered.pop(fold(name), None)

    @cached_property
    def _entry_points(self) -> dict[str, EntryPoint]:
        found = entry_points(group=GROUP) if self._given is None else self._given
        return {fold(each.name): each for each in reversed(list(found))}

    def _load_task(self, key: str) -> Task[Any] | None:
        loaded = self._load(key)
        return loaded if isinstance(loaded, Task) else None

    def _load(self, key: str) -> Task[Any] | InputError:
        with self._lock:
            if key not in self._loaded:
                # What an entry point registers or looks up while it is loaded must not load it.
                point = self._entry_points[key]
                self._loaded[key] = InputError(f"task {point.name!r} is being loaded")
                self._loaded[key] = _loaded(point)
            return self._loaded[key]


def _loaded(point: EntryPoint) -> Task[Any] | InputError:
    package = point.dist.name if point.dist else "an unknown package"
    where = f"the entry point {point.name} = {point.value} of {package}"
    try:
        task = point.load()
    except Exception as error:  # a package of the user's may raise anything
        return InputError(f"{where} cannot be loaded: {type(error).__name__}: {error}")
    if not isinstance(task, Task):
        return InputError(f"{where} is of type {type(task).__name__}: it must be a Task")
    if fold(task.name) != fold(point.name):
        return InputError(f"{where} is task {task.name!r}: name the entry point after the task")
    return task


TASKS = Tasks(BUILT_IN)
"""All tasks by name, including those that are registered later."""


def tasks() -> Tasks:
    """All tasks by name."""
    return TASKS


def register_task(task: Task[Any], *, replace: bool = False) -> Task[Any]:
    """Make a task available by its name to `load`, adapters, tools and evaluation in this process.

    Other processes, such as Ray's workers, must register it too. A module that registers its task
    when it is imported, a TOML file, and an entry point of the group `biogpt_plugins.tasks` do
    this; commands find the last two as well.

    Args:
        task: The task. Registering the same one again changes nothing.
        replace: Replace a task that was registered under this name.

    Returns:
        The task.

    Raises:
        InputError: Another task has this name; case, "-" and "_" make no difference.
    """
    TASKS.register(task, replace=replace)
    return task


def declared(folder: Path, name: str) -> Path | None:
    """The TOML file of a task in the folder of a model that was trained for it, if there is one."""
    path = folder / FOLDER / f"{fold(name)}.toml"
    return path if path.is_file() else None


def know_tasks_of(folder: Path, names: Iterable[str]) -> None:
    """Register the tasks in a model's folder, except names that are known already.

    Raises:
        InputError: A file in the folder does not declare a task.
    """
    for name in names:
        path = declared(folder, name)
        if path and name not in TASKS:
            load_task(path)


@overload
def get_task(name: Task[Any]) -> Task[Any]: ...
@overload
def get_task(name: str | Path | Task[Any]) -> Task[Any]: ...
def get_task(name: str | Path | Task[Any]) -> Task[Any]:
    """Find a task by name, or read it from a TOML file, after which its name is known too.

    Args:
        name: Its name, in which case, "-" and "_" make no difference; or the file, as a Path or
            a string that ends in ".toml".

    Raises:
        InputError: There is no task of this name (the message lists the tasks), the file does not
            declare a task, or another task has its name.
    """
    if isinstance(name, Task):
        return name
    return load_task(name) if is_file(name) else TASKS.find(str(name))


def is_file(name: object) -> bool:
    """Whether a name of a task is that of a TOML file."""
    return isinstance(name, Path) or (isinstance(name, str) and name.endswith(".toml"))


def load_task(path: str | Path) -> Task[Any]:
    """Read a task from a TOML file and register it; a file that changed is read again.

    Raises:
        InputError: As `biogpt_plugins.tasks.toml_task.read_task` says, or another task has its
            name.
    """
    return TASKS.load(Path(path))
