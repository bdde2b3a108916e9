"""The command line of `benchmarks/speed.py`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import biogpt_plugins
from beside.peers import PEERS
from beside.report import markdown, plot
from beside.run import CASES, Model, run
from beside.shapes import SHAPES
from beside.sides import ENGINES
from beside.trial import Settings
from biogpt_plugins.bench.clock import command_line
from biogpt_plugins.bench.sides import Load
from biogpt_plugins.engines.devices import pick_device
from biogpt_plugins.values.errors import BioGPTError, InputError, MissingExtraError


def main(argv: Sequence[str] | None = None, *, load: Load = biogpt_plugins.load) -> int:
    """Measure, and print the report in Markdown.

    Args:
        argv: The arguments; those of the process by default.
        load: Loads this package's pipelines.

    Returns:
        0; 1 if sides wrote different texts; 2 if something could not be measured.
    """
    given = _parser().parse_args(argv)
    try:
        return _measure(given, sys.argv[1:] if argv is None else argv, load)
    except (BioGPTError, OSError) as error:
        _tell(f"error: {error}")
        return 2


def _measure(given: argparse.Namespace, words: Sequence[str], load: Load) -> int:
    model = Model(
        name=given.model,
        shape=given.shape,
        dictionary=given.dict,
        bpecodes=given.bpecodes,
        allow_pickle=given.allow_pickle,
    )
    # On a CPU decoding says little: weights are read as fast as they come.
    decodes = given.shape and pick_device(given.device).type == "cuda"
    cases = given.only or [case for case in CASES if case != "decode" or decodes]
    if "decode" in cases and not given.shape:
        raise InputError("decode needs a model that never ends a text: give a --shape")
    settings = Settings(
        sizes=given.sizes,
        new_tokens=given.new_tokens,
        rounds=given.rounds,
        callers=given.callers,
        checked=given.checked,
        batch_sizes=given.batch_sizes,
        peers=() if given.alone else tuple(given.peer or PEERS),
        engines=tuple(given.engine or ENGINES),
    )
    report = run(
        model,
        cases,
        settings,
        load,
        command=command_line("python", "benchmarks/speed.py", words=words),
        data=given.data,
        device=given.device,
        tell=_tell,
    )
    text = markdown(report)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        _file(given.out, "json").write_text(
            report.model_dump_json(indent=2) + "\n", encoding="utf-8"
        )
        _file(given.out, "md").write_text(text, encoding="utf-8")
        try:
            plot(report, _file(given.out, "png"))
        except MissingExtraError as error:
            _tell(f"note: {error}")
    sys.stdout.write(text)
    for fault in report.faults:
        _tell(f"error: {fault}")
    return 1 if report.faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks/speed.py",
        description="Measure this package beside what one would use instead. All sides get the "
        "same prompts and write greedily. In float32 they must write the same, or the command ends "
        "with 1. What is not installed is named and left out.",
    )
    add = parser.add_argument
    add("--model", "-m", default="demo", help='"demo", a model folder, or an id on the hub')
    add("--shape", choices=SHAPES, help="random weights in this shape instead")
    add("--dict", type=Path, help="dict.txt, another vocabulary for the shape")
    add("--bpecodes", type=Path, help="the vocabulary's byte-pair codes")
    add("--data", action="append", default=[], help="a file of papers; repeatable")
    add("--only", action="append", choices=CASES, help="measure only this; repeatable")
    add("--peer", action="append", choices=PEERS, help="compare only with this; repeatable")
    add("--engine", action="append", choices=ENGINES, help="only this one of ours; repeatable")
    add("--alone", action="store_true", help="compare with no peer")
    add("--sizes", type=_numbers, default="1,8,32,64", help="papers in one call; a table for each")
    add("--callers", type=_number, default=32, help="how many callers ask at the same time")
    add("--new-tokens", type=_number, default=64, help="most tokens to write for each paper")
    add("--rounds", type=_number, default=3, help="how often each side takes its turn")
    add("--checked", type=_number, default=8, help="for how many papers token ids are compared")
    add("--batch-sizes", type=_numbers, default="8,32", help="tried for HuggingFacePipeline")
    add("--out", "-o", type=Path, help="write OUT.json, OUT.md and OUT.png")
    add("--device", help="cuda, cuda:1, mps or cpu; the best by default")
    add("--allow-pickle", action="store_true", help="load *.bin weights too")
    return parser


def _number(text: str) -> int:
    if not text.strip().isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} must be a number above 0")
    return int(text)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(_number, text.split(",")))


def _file(out: Path, ending: str) -> Path:
    return out.with_name(f"{out.name}.{ending}")


def _tell(message: str) -> None:
    sys.stderr.write(f"{message}\n")
