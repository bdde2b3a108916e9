"""Texts on the command line: as they stand, or from a file as @FILE."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from biogpt_plugins.cli import console
from biogpt_plugins.corpus import check_readable, read_records
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper, Question, Text, read

_FILE = re.compile(
    r"\S\.(?:txt|text|md|xml|nxml|html?|jsonl?|ndjson|csv|tsv|pdf|docx?|rtf|nbib|ris|bib|enw|"
    r"pubtator|toml|parquet|feather|xlsx?|gz|bz2|xz|zst|zip|tar|tgz)$",
    re.IGNORECASE,
)
_LONGEST_NAME = 255


def text_of(given: str, what: str) -> str:
    """A text as it stands, or the text of a file.

    Args:
        given: The text, @FILE, or @- for the standard input.
        what: What the text is, for errors: "question".

    Raises:
        InputError: The name of a file was given in place of a text, or the file is not UTF-8.
        OSError: The file cannot be read.
    """
    if not given.startswith("@"):
        check_no_file(given, what)
        return given
    name = _named(given)
    data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    return console.decode(data, name)


def passage_of(given: str) -> str:
    """A passage as it stands, or the text of the paper in a file of any format.

    Raises:
        InputError: As in `text_of`; or the file does not hold exactly one paper.
        OSError: The file cannot be read.
    """
    if not given.startswith("@"):
        check_no_file(given, "passage")
        return given
    name = _named(given)
    check_readable([name])
    records = list(islice(read_records([name], strict=True), 2))
    called = "standard input" if name == "-" else name
    if not records:
        raise InputError(f"{called} is empty: name a file with a passage")
    if len(records) > 1:
        raise InputError(f"{called} holds several papers: ask each of them with --corpus {name}")
    value = records[0].value
    kind: type[Text] = Paper
    if isinstance(value, dict) and {"context", "contexts"} & {str(key).lower() for key in value}:
        kind, value = Question, {"question": "?", **value}
    return read(kind, value).source


def one_text(words: Sequence[str], what: str) -> str:
    """The text of an argument that takes one, which was given in quotes.

    Raises:
        InputError: It was given in several words; or as in `text_of`.
    """
    if len(words) > 1:
        raise InputError(f'the {what} must be in quotes: "{" ".join(words)}"')
    return text_of(words[0], what)


def check_no_file(given: str, what: str, remedy: str = "") -> None:
    """Check that a text is not the name of a file.

    Args:
        given: The text.
        what: What the text is, for errors.
        remedy: What else the user may have meant.

    Raises:
        InputError: A file has this name, or the text ends as names of files do.
    """
    if os.path.isfile(given):
        raise InputError(f"{given} is a file, not a {what}: write @{given} to read it{remedy}")
    if os.path.isdir(given) and os.sep in given:
        raise InputError(f"{given} is a folder, not a {what}: write @FILE to read a file in it")
    if len(given) <= _LONGEST_NAME and "\n" not in given and _FILE.search(given):
        raise InputError(
            f"there is no file {given!r}, and the {what} looks like the name of one: check the "
            "name, and write @FILE to read a file"
        )


def _named(given: str) -> str:
    if given == "@":
        raise InputError("@ names no file: write @FILE, or @- for the standard input")
    return given[1:]
