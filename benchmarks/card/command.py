"""The command line of `benchmarks/gpu.py`."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import mkdtemp

import torch

from biogpt_plugins.bench.clock import command_line, describe_versions
from biogpt_plugins.engines.machine import describe_machine
from biogpt_plugins.values.counted import counted
from card.plan import CARD, REHEARSAL, Scale, plan
from card.rows import CardReport
from card.run import Run

RESULTS = Path(__file__).parents[1] / "results"
_PACKAGES = (
    "biogpt-plugins",
    "torch",
    "triton",
    "transformers",
    "tokenizers",
    "langchain-core",
    "langchain-huggingface",
    "vllm",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and write the report after each row.

    Args:
        argv: The arguments; those of the process by default.

    Returns:
        0; 1 if a row failed or had no time; 2 if nothing could be measured.
    """
    given = _parser().parse_args(argv)
    os.environ["HF_HUB_OFFLINE"] = "1"  # for all processes: nothing is to be downloaded
    if not given.rehearse and not torch.cuda.is_available():
        return _refuse("there is no NVIDIA GPU here; --rehearse runs all parts on a CPU")
    if (
        given.rehearse
        and given.out
        and RESULTS in (given.out.resolve(), *given.out.resolve().parents)
    ):
        return _refuse(f"a rehearsal is no result: it is not written to {RESULTS}")
    scale = REHEARSAL if given.rehearse else CARD
    scale = replace(scale, seconds=given.seconds or scale.seconds)
    stages = plan(scale, given.only)
    if not stages:
        return _refuse(f"no row has a name like {given.only!r}")
    stem = _stem(given.out, rehearsal=given.rehearse)
    stem.parent.mkdir(parents=True, exist_ok=True)
    report = _report(scale, sys.argv[1:] if argv is None else argv, rehearsal=given.rehearse)
    report = Run(report, scale, stem, _tell).all(stages)
    for fault in report.faults:
        _tell(f"error: {fault}")
    _tell(
        f"{counted(len(report.rows), 'row')} in {report.took:.0f} s, written to {stem}.json and "
        f"{stem}.md"
    )
    return 1 if report.faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks/gpu.py",
        description="Measure this package and its peers on one NVIDIA GPU, on models of BioGPT's "
        "and BioGPT-Large's sizes with random weights. The report is written after each row. What "
        "is not installed is named; a row that fails or takes too long is named with its error, "
        "and the others go on. The command ends with 1 then.",
    )
    add = parser.add_argument
    add("--rehearse", action="store_true", help="run all parts on the CPU, with a tiny model")
    add("--only", default="*", metavar="PATTERN", help="rows with such names, as base/decode/*")
    add("--seconds", type=float, help="how long all of it may take")
    add("--out", type=Path, metavar="FOLDER", help="where the report is written")
    return parser


def _stem(out: Path | None, *, rehearsal: bool) -> Path:
    if rehearsal:
        return (out or Path(mkdtemp(prefix="biogpt-rehearsal-"))) / "rehearsal"
    return (out or RESULTS) / "gpu"


def _report(scale: Scale, words: Sequence[str], *, rehearsal: bool) -> CardReport:
    device = "cpu" if rehearsal else f"cuda:{torch.cuda.current_device()}"
    asked = ("papers", "callers", "streams", "new_tokens", "rounds", "seconds")
    return CardReport(
        command=command_line("python", "benchmarks/gpu.py", words=words),
        date=date.today().isoformat(),
        rehearsal=rehearsal,
        device=device,
        machine={**describe_machine(device), "cores": str(os.cpu_count()), **_driver(device)},
        versions={**describe_versions(_PACKAGES), "CUDA of torch": str(torch.version.cuda)},
        settings={
            "models": f"{', '.join(scale.shapes)}, random weights, the bundled model's vocabulary",
            **{name.replace("_", " "): str(getattr(scale, name)) for name in asked},
        },
    )


def _driver(device: str) -> dict[str, str]:
    """The driver's version and the clocks and power that it allows, as nvidia-smi tells them."""
    if not device.startswith("cuda") or not shutil.which("nvidia-smi"):
        return {}
    asked = "driver_version,clocks.max.sm,clocks.max.memory,power.limit"
    done = subprocess.run(
        ["nvidia-smi", f"--query-gpu={asked}", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
    )
    return {"driver, clocks and power": done.stdout.partition("\n")[0]} if done.stdout else {}


def _refuse(why: str) -> int:
    _tell(f"error: {why}")
    return 2


def _tell(message: str) -> None:
    sys.stderr.write(f"{message}\n")
