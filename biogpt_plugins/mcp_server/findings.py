"""What a run found, for searches and resources: edges in memory, everything else on disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from biogpt_plugins.corpus.run import Line, Outcome, is_run, outcome_at, placed_outcomes, state_of
from biogpt_plugins.corpus.run.manifest import read_manifest
from biogpt_plugins.engine import cancelled
from biogpt_plugins.findings.edges import Aggregate, Edge, paper_of
from biogpt_plugins.findings.nodes import Node, NodeKey
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.text.grounding import fold
from biogpt_plugins.values.errors import BioGPTError, InputError
from biogpt_plugins.values.results import Relation

_LOOK = 256  # outcomes between two looks at whether the call was cancelled


class PaperLines(NamedTuple):
    """A paper in a run: where its outcomes are, and the number of its relations."""

    lines: tuple[Line, ...] = ()
    relations: int = 0


class Findings:
    """What a run found at one time.

    Attributes:
        edges: Its relations, most papers first.
        papers: Its papers by their ids, in the order of the inputs.
        unreadable: Number of its records that failed.
    """

    def __init__(self, folder: Path) -> None:
        """Read a run.

        Raises:
            InputError: It is damaged, or finds no relations.
            BioGPTError: The call was cancelled.
        """
        self._folder = folder
        self.papers: dict[str, PaperLines] = {}
        self.unreadable = 0
        aggregated = Aggregate()
        for number, (line, outcome) in enumerate(placed_outcomes(folder)):
            if number % _LOOK == 0 and cancelled():
                raise BioGPTError("the search was cancelled")
            aggregated.add(outcome.prediction)
            self._note(line, outcome)
        self._nodes = aggregated.nodes()
        self.edges = aggregated.edges(self._nodes)
        self._names: defaultdict[str, set[NodeKey]] = defaultdict(set)
        for node in {
            end.key: end for edge in self.edges for end in (edge.head, edge.tail)
        }.values():
            for name in (node.name, *node.spellings, *_ids(node)):
                self._names[fold(name)].add(node.key)

    def _note(self, line: Line, outcome: Outcome) -> None:
        prediction = outcome.prediction
        if prediction.error:
            self.unreadable += outcome.failed
            return
        name = paper_of(prediction)
        known = self.papers.get(name, PaperLines())
        relations = known.relations + len(prediction.relations)
        self.papers[name] = PaperLines((*known.lines, line), relations)

    def search(self, head: str, tail: str, type_: str) -> list[Edge]:
        """The edges between two names or identifiers, "" for any, most papers first."""
        heads, tails = self._called(head), self._called(tail)
        return [
            edge
            for edge in self.edges
            if (heads is None or edge.head.key in heads)
            and (tails is None or edge.tail.key in tails)
            and (not type_ or edge.type.casefold() == type_.casefold())
        ]

    def _called(self, name: str) -> set[NodeKey] | None:
        """The nodes of a name, or else those whose names have its words; None for any."""
        wanted = fold(name)
        if not wanted:
            return None
        if wanted in self._names:
            return self._names[wanted]
        words = set(wanted.split())
        found = (keys for known, keys in self._names.items() if words <= set(known.split()))
        return {key for keys in found for key in keys}

    def similar(self, name: str) -> list[str]:
        """Names that are spelled like a name."""
        return get_close_matches(fold(name), self._names, n=5) if name else []

    def outcomes(self, paper: str) -> list[Outcome]:
        """The outcomes of a paper.

        Raises:
            InputError: There is none, or the run is damaged.
        """
        if paper not in self.papers:
            raise InputError(
                f"the run has no paper {paper!r} that could be read: give an id as the run's "
                "papers have it"
            )
        return [outcome_at(self._folder, line) for line in self.papers[paper].lines]

    def statements(self, edge: Edge, paper: str) -> Iterator[Relation]:
        """The relations of a paper that an edge stands for."""
        for outcome in self.outcomes(paper):
            for relation in outcome.prediction.relations:
                ends = (relation.head, edge.head), (relation.tail, edge.tail)
                if relation.type == edge.type and all(
                    node.key in self._nodes.keys(entity) for entity, node in ends
                ):
                    yield relation


def _ids(node: Node) -> tuple[str, ...]:
    """An identifier with and without its prefix."""
    return (node.id, node.id.rpartition(":")[2]) if node.id else ()


class FinishedRun:
    """A run, which is read at the first question, and again when it has grown.

    Attributes:
        name: The name of its folder.
        finds: What its task finds.
    """

    def __init__(self, folder: Path) -> None:
        """Name a run.

        Raises:
            InputError: The folder holds no run, or one that finds no relations.
        """
        if not is_run(folder):
            raise InputError(
                f"{folder} is not the folder of a run: name one that was given to "
                "`biogpt extract --run`"
            )
        manifest = read_manifest(folder)
        task = str(manifest.settings.get("task")) if manifest else ""
        known = TASKS.get(task)
        if known and known.kind != "relations":
            raise InputError(
                f"{folder} is a run of the task {task}, which finds no relations to search: name "
                f"one of {' or '.join(TASKS.of_kind('relations'))}"
            )
        self.name = folder.resolve().name
        self.finds = known.summary if known else f"those of the task {task}"
        self._folder = folder
        self._lock = Lock()
        self._known: tuple[tuple[int, int], Findings] | None = None

    def findings(self) -> Findings:
        """What it found so far.

        Raises:
            InputError: It is damaged.
        """
        with self._lock:
            state = state_of(self._folder)
            if self._known is None or self._known[0] != state:
                self._known = state, Findings(self._folder)
            return self._known[1]


def named_runs(folders: Collection[Path]) -> dict[str, FinishedRun]:
    """Runs by their names.

    Raises:
        InputError: A folder holds no run of relations, or two have one name.
    """
    runs: dict[str, FinishedRun] = {}
    for folder in folders:
        run = FinishedRun(folder)
        if run.name in runs:
            raise InputError(
                f"two runs are called {run.name!r}, the name of their folder: rename one of them"
            )
        runs[run.name] = run
    return runs
