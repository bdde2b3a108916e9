"""A run: processes one after the other, each measurement stopped at its time, all kept at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from card.plan import START, Item, Scale, Stage
from card.rows import CardReport, Figure, Row
from card.worker import Work, work

_ROOT = Path(__file__).parents[2]
_SHOWN = 1000


class Run:
    """Measures what is planned, and saves the report after each row."""

    def __init__(
        self,
        report: CardReport,
        scale: Scale,
        stem: Path,
        tell: Callable[[str], None] = lambda _: None,
        *,
        work: Callable[[Connection, Work], None] = work,
    ) -> None:
        """Prepare to run.

        Args:
            report: The report without rows.
            scale: How much is asked.
            stem: Where it is saved, without an ending.
            tell: Gets messages about the progress.
            work: What each process does.
        """
        self.report = report
        self._scale, self._stem, self._tell = scale, stem, tell
        self._work, self._begun = work, time.perf_counter()

    @property
    def _left(self) -> float:
        return self._scale.seconds - (time.perf_counter() - self._begun)

    def all(self, stages: Sequence[Stage]) -> CardReport:
        """Measure all stages, and return the report."""
        with TemporaryDirectory(prefix="biogpt-card-") as scratch:
            for stage in stages:
                if stage.kind == "tests":
                    self._add(self._tests(stage.items[0], Path(scratch)))
                else:
                    self._stage(stage, Path(scratch))
        self._save(complete=True)
        return self.report

    def _add(self, row: Row) -> None:
        self._tell(f"{row.name}: {row.status}, {row.took:.1f} s. {row.note}"[:_SHOWN])
        self.report = self.report.model_copy(update={"rows": (*self.report.rows, row)})
        self._save()

    def _save(self, *, complete: bool = False) -> None:
        took = time.perf_counter() - self._begun
        self.report = self.report.model_copy(update={"took": took, "complete": complete})
        self.report.save(self._stem)

    def _stage(self, stage: Stage, scratch: Path) -> None:
        """Measure in a process; where it ends before all is done, another one goes on."""
        left, begins = list(stage.items), True
        if stage.kind == "vllm" and not find_spec("vllm"):
            self._give_up(left, "not installed", "vllm")
            return
        while left:
            if self._left <= 0:
                self._give_up(left, "no time", f"{self._scale.seconds:.0f} s are over")
                return
            some = replace(stage, items=tuple(left))
            for row in self._process(
                Work(some, self._scale, self.report.device, scratch, self._stem)
            ):
                if row.name != stage.name:
                    self._add(row)
                    left = [item for item in left if item.name != row.name]
                elif begins or row.status != "measured":
                    self._add(row)
                    begins = False
                if row.name == stage.name and row.status != "measured":
                    self._give_up(left, row.status, f"{stage.name} failed")
                    return

    def _give_up(self, items: Sequence[Item], status: str, note: str) -> None:
        for item in items:
            self._add(_row(item, status, note))

    def _process(self, given: Work) -> Iterator[Row]:
        """The rows of one process, at least one besides that of its start.

        What it does not end in time, or does not survive, is its last row.
        """
        context = get_context("spawn")
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=self._work, args=(there, given))
        process.start()
        there.close()
        doing, begun = Item(given.stage.name, START * given.scale.patience), time.perf_counter()
        done: list[str] = []
        try:
            while len(done) <= len(given.stage.items):
                took = time.perf_counter() - begun
                if not here.poll(max(0.0, min(doing.budget - took, self._left))):
                    took = time.perf_counter() - begun
                    over = "its time" if took >= doing.budget else "the time of the whole run"
                    yield _row(doing, "failed", f"stopped: {over} is over", took)
                    return
                told = here.recv()
                if isinstance(told, Item):
                    doing, begun = told, time.perf_counter()
                else:
                    done.append(told.name)
                    yield told
        except EOFError:
            process.join()
            began = doing.name not in done
            if began or len(done) == 1:
                lost = doing if began else given.stage.items[0]
                note = f"its process ended with exit code {process.exitcode}"
                yield _row(lost, "failed", note, time.perf_counter() - begun)
        finally:
            _end(process)
            here.close()

    def _tests(self, item: Item, scratch: Path) -> Row:
        """Run `tests/gpu`."""
        file, begun = scratch / "tests.xml", time.perf_counter()
        command = [
            sys.executable,
            "-m",
            "pytest",
            "tests/gpu",
            "-m",
            "gpu",
            "-p",
            "no:cacheprovider",
        ]
        log = self._stem.with_name(f"{self._stem.name}-tests.log")
        with log.open("w", encoding="utf-8") as out:
            process = subprocess.Popen(
                [*command, f"--junitxml={file}"],
                cwd=_ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = process.wait(min(item.budget, max(1.0, self._left)))
            except subprocess.TimeoutExpired:
                took = time.perf_counter() - begun
                return _row(item, "failed", f"stopped: its time is over; see {log.name}", took)
            finally:
                _end(process)
        took = time.perf_counter() - begun
        if not file.is_file():
            end = " ".join(log.read_text(encoding="utf-8").split())[-200:]
            return _row(item, "failed", f"pytest ended with {code}: {end}", took)
        return told_by_pytest(item, ElementTree.parse(file).getroot(), code, took)


def told_by_pytest(item: Item, told: ElementTree.Element, code: int, took: float) -> Row:
    """What pytest's XML comes to: all tests must pass, and those that were skipped are named."""
    cases = list(told.iter("testcase"))
    bad = [c for c in cases if c.find("failure") is not None or c.find("error") is not None]
    skipped = [c for c in cases if c.find("skipped") is not None]
    counts = {"passed": len(cases) - len(bad) - len(skipped), "failed": len(bad)}
    counts["skipped"] = len(skipped)
    notes = [
        f"{word} {case.get('name')}"
        for word, some in (("failed", bad), ("skipped", skipped))
        for case in some
    ]
    return Row(
        name=item.name,
        status="failed" if bad or code else "measured",
        note="; ".join(notes)[:_SHOWN],
        budget=item.budget,
        took=took,
        figures=tuple(Figure(what=what, values=(count,)) for what, count in counts.items()),
    )


def _row(item: Item, status: str, note: str, took: float = 0.0) -> Row:
    fields = {"name": item.name, "status": status, "note": note}
    return Row.model_validate({**fields, "budget": item.budget, "took": took})


def _end(process: BaseProcess | subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started."""
    if process.pid is not None:
        with suppress(ProcessLookupError, PermissionError):  # it has no session of its own yet
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join() if isinstance(process, BaseProcess) else process.wait()
