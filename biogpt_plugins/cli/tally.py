"""Counts a command's predictions as they arrive, and summarises them at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from biogpt_plugins.cli import console
from biogpt_plugins.corpus import Withdrawn
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import LostError, UnreadError
from biogpt_plugins.values.results import Failure, Prediction

_FAILURES_SHOWN = 5
_UNREAD = (UnreadError.__name__, LostError.__name__)


@dataclass
class Tally:
    """The counts so far."""

    papers: int = 0
    failures: int = 0
    withdrawn: int = 0
    unread: int = 0
    lost: int = 0
    cut: int = 0
    warned: int = 0
    warning: str = ""
    relations: int = 0
    grounded: int = 0
    negated: int = 0
    speculated: int = 0
    ends: int = 0
    identified: int = 0
    with_relations: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    started: float = field(default_factory=time.monotonic)

    def add(self, where: str, prediction: Prediction[Any]) -> None:
        self.papers += 1
        self.cut += bool(prediction.truncated_tokens)
        if prediction.warnings:
            self.warned += 1
            self.warning = self.warning or f"{where}: {prediction.warnings[0]}"
        result: Any = prediction.result
        if prediction.error and prediction.error.type == Withdrawn.__name__:
            self.withdrawn += 1
        elif prediction.error:
            self.failures += 1
            self.unread += prediction.error.type in _UNREAD
            self.lost += prediction.error.type == LostError.__name__
            self._name(where, prediction.error)
        elif prediction.kind == "relations":
            self.relations += len(result)
            self.grounded += sum(relation.grounded for relation in result)
            self.with_relations += bool(result)
            self.negated += sum(relation.negated for relation in result)
            self.speculated += sum(relation.speculated for relation in result)
            ends = [end for relation in result for end in (relation.head, relation.tail)]
            self.ends += len(ends)
            self.identified += sum(end.id is not None for end in ends)
        elif prediction.kind == "answer":
            self.labels[result.label or "no answer"] += 1
        elif prediction.kind == "labels":
            self.labels.update(result.labels or ("none",))

    @property
    def rest(self) -> str:
        failed = f", {self.failures} failed" if self.failures else ""
        return f"{self._rate:.1f}/s{failed}"

    def lines(self, *, labels: bool = True) -> Iterator[str]:
        """What is said at the end, with the labels unless they are told elsewhere."""
        seconds = time.monotonic() - self.started
        yield f"{counted(self.papers, 'record')} in {seconds:.1f} s, {self._rate:.1f} a second"
        if self.relations:
            yield (
                f"{counted(self.relations, 'relation')} in {self.with_relations:,} of the records; "
                f"both names stand in the text in {self.grounded / self.relations:.1%} of the "
                "relations (no measure of accuracy)"
            )
        if self.negated or self.speculated:
            yield f"{self.negated:,} negated in the text, {self.speculated:,} only speculated"
        if self.identified:
            yield f"{self.identified / self.ends:.1%} of the relations' ends have an id"
        if self.labels and labels:
            yield ", ".join(f"{label} {n:,}" for label, n in self.labels.most_common())
        if self.cut:
            yield f"{self.cut:,} truncated to fit the model"
        if self.warned:
            yield (
                counted(self.warned, "with warnings in its line", "with warnings in their lines")
                + f"; the first: {self.warning}"
            )
        if self.withdrawn:
            yield f"{self.withdrawn:,} deleted from PubMed or revised in a later record"
        if self.failures:
            yield counted(self.failures, "failed; its line says why", "failed; their lines say why")
        if self.lost:
            files = counted(self.lost, "file")
            yield f"the rest of {files} is lost: how many records, nobody knows"

    @property
    def _rate(self) -> float:
        return self.papers / max(time.monotonic() - self.started, 1e-3)

    def _name(self, where: str, error: Failure) -> None:
        if self.failures <= _FAILURES_SHOWN:
            place = "" if error.message.startswith(where) else f"{where}: "
            console.remark("warning", f"{place}{error.message}")
