"""A run: the model, its sides and cases, and the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

from biogpt_plugins.bench.cases import CASES, Bench
from biogpt_plugins.bench.clock import describe_versions, present
from biogpt_plugins.bench.figures import Report
from biogpt_plugins.bench.papers import NumberedPapers, read_papers
from biogpt_plugins.bench.sides import Load, device_of
from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.checkpoints.folders import converted
from biogpt_plugins.engines.machine import describe_machine
from biogpt_plugins.tasks import get_task

_UNTAUGHT = ("bc5cdr", "pubmedqa")
_PACKAGES = ("biogpt-plugins", "torch", "transformers", "tokenizers", "ctranslate2")


def run(  # noqa: PLR0913 - keyword-only
    model: str,
    *,
    load: Load,
    command: str,
    cases: Sequence[str] = tuple(CASES),
    tasks: Sequence[str] = (),
    engines: Sequence[str] = (),
    devices: Sequence[str] = (),
    dtypes: Sequence[str] = (),
    batch_size: int | None = None,
    allow_pickle: bool = False,
    data: Sequence[str] = (),
    sizes: Sequence[int] = (1, 8, 32),
    rounds: int = 3,
    new_tokens: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Report:
    """Measure a model, on each combination of engine, device and dtype.

    Args:
        model: The model, as `load` takes it.
        load: Loads pipelines.
        command: The command, for the report.
        cases: Names of CASES.
        tasks: Names of tasks; the model's own if there are none.
        engines: Engines; all that can load the model if there are none.
        devices: Devices; the best one if there are none.
        dtypes: Dtypes; the engine's own choice if there are none.
        batch_size: As in `load`.
        allow_pickle: As in `load`.
        data: Files of papers; the demo's papers if there are none.
        sizes: How many inputs are in one call.
        rounds: How often each side takes its turn.
        new_tokens: Most tokens to write for each input; None for the task's own limit.
        tell: Gets messages about the progress.

    Raises:
        BioGPTError: Something could not be read, loaded or run.
    """
    folder = locate(model, allow_pickle=allow_pickle)
    known = ("ctranslate2",) if converted(folder) else ("transformers", "ctranslate2")
    setups = product(engines or known, devices or (None,), dtypes or (None,), (batch_size,))
    bench = Bench(
        model=model,
        tasks={
            name: get_task(name) for name in tasks or read_card(folder, model).tasks or _UNTAUGHT
        },
        setups=[_options(setup, allow_pickle=allow_pickle) for setup in setups],
        papers=NumberedPapers(read_papers(data)),
        sizes=sizes,
        rounds=rounds,
        new_tokens=new_tokens,
        load=load,
        tell=tell,
    )
    tables = tuple(table for case in cases for table in CASES[case](bench))
    return Report(
        command=command,
        date=date.today().isoformat(),
        model=f"model {Path(model).name if Path(model).is_dir() else model}",
        machine=_machine(bench),
        versions=describe_versions(_PACKAGES),
        settings={
            "papers": ", ".join(Path(name).name for name in data) or "the demo's",
            "rounds": str(rounds),
            "tokens to write": str(new_tokens or "the task's own limit"),
        },
        tables=tables,
    )


def _options(setup: Sequence[object], *, allow_pickle: bool) -> dict[str, Any]:
    """The options of `load` that are given."""
    named = zip(("engine", "device", "dtype", "batch_size"), setup, strict=True)
    return {
        **{name: value for name, value in named if value is not None},
        **({"allow_pickle": True} if allow_pickle else {}),
    }


def _machine(bench: Bench) -> dict[str, str]:
    """The machine, with each device that was measured."""
    sides = bench.sides(bench.first_task)
    devices = {device_of(side.pipeline) for side in present(sides)}
    facts = [describe_machine(device or "cpu") for device in sorted(devices)]
    return {
        name: ", ".join(dict.fromkeys(part[name] for part in facts if name in part))
        for part in facts
        for name in part
    }
