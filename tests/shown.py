"""The blocks of code that pages show, and how they are run: in order, in one folder.

A fenced block of `python` or `sh` is run. What it writes must contain the block of `text` after it,
if there is one; there, `...` stands for anything. A comment above a block says otherwise:

    <!-- file: NAME -->         the block is written to this file
    <!-- not run: REASON -->    it is shown only

Of the shell there are comments, `|` and `;`, the command `biogpt`, and `python` for a program of
the repository, which has the folder's parent.
"""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from biogpt_plugins.cli import app

FENCE = re.compile(
    r"^(?:<!-- (?P<mark>file|not run): (?P<said>.+?) -->\n+)?"
    r"^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
RUN = ("python", "sh")
CODE = (*RUN, "bash", "console")
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    code: str
    file: str | None
    reason: str | None
    line: int

    @property
    def is_code(self) -> bool:
        """Whether it is a program, a command, or a transcript of one."""
        return self.language in CODE

    @property
    def runs(self) -> bool:
        """Whether it is run, or written for what is."""
        return self.reason is None and (self.language in RUN or self.file is not None)


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text("utf-8")
    return [
        Block(
            found["language"],
            found["code"],
            found["said"] if found["mark"] == "file" else None,
            found["said"] if found["mark"] == "not run" else None,
            text.count("\n", 0, found.start("code")),
        )
        for found in FENCE.finditer(text)
    ]


def runs(page: Path) -> bool:
    """Whether any of a page's blocks is run."""
    return any(block.runs for block in blocks(page))


def run(page: Path, given: Mapping[str, Any]) -> str:
    """Run a page in the working directory, with names that it does not define.

    Returns:
        What its blocks wrote.
    """
    names: dict[str, Any] = {"__name__": "__main__", **given}
    written, last = [], None
    for block in blocks(page):
        if block.file is not None:
            Path(block.file).write_text(block.code, encoding="utf-8")
        elif block.runs:
            last = _python(block, page, names) if block.language == "python" else shell(block.code)
            written.append(last)
        elif block.language == "text" and block.reason is None and last is not None:
            assert _pattern(block.code).search(_plain(last)), f"{page.name}: {block.code}\n{last}"
    return "".join(written)


def _python(block: Block, page: Path, names: dict[str, Any]) -> str:
    code = compile("\n" * block.line + block.code, str(page), "exec")
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(out):
        exec(code, names)
    return out.getvalue()


def shell(code: str) -> str:
    """Run commands; what they wrote."""
    return "".join(map(_piped, _commands(code)))


def _commands(code: str) -> Iterator[list[list[str]]]:
    """Its commands, each as the arguments of the programs that it pipes together."""
    for line in code.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|;")
        lexer.whitespace_split = True
        for ends, command in groupby(lexer, ";".__eq__):
            if not ends:
                parts = groupby(command, "|".__eq__)
                yield [list(part) for pipe, part in parts if not pipe]


def _piped(programs: list[list[str]]) -> str:
    given, told = None, ""
    for program, *arguments in programs:
        if program == "python":
            there = str(ROOT / arguments[0].removeprefix("../"))
            subprocess.run([sys.executable, there, *arguments[1:]], check=True)
            continue
        assert program == "biogpt", f"{program} is not run by the tests: mark its block"
        done = CliRunner().invoke(app, arguments, input=given)
        assert done.exit_code == 0, f"{arguments}: {done.output}{done.exception or ''}"
        given, told = done.stdout, done.output
    return told


def _plain(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


def _pattern(shown: str) -> re.Pattern[str]:
    parts = _plain(shown).strip().split("...")
    return re.compile(".*?".join(map(re.escape, parts)), re.DOTALL)
