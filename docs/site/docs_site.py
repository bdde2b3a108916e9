"""Builds the site of the docs, strictly and without a network: `make docs`.

    python docs/site/docs_site.py [FOLDER]

Pages keep the paths that they have in the repository, so a link between two pages is the same here
and on GitHub. A link to any other file of the repository leads to GitHub. A notebook is run, and
becomes a page of its name. The build fails where a page of docs/ is missing from the navigation, a
cell of a notebook fails, a link or an anchor leads nowhere, a docstring cannot be read, or a page
would load something from another host.
"""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("zensical.toml")
SHOWN = ("docs/images/*", "docs/site/*.js")

BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(
    r"""(?<=\]\()[^()\s]+(?=\))|(?<=src=")[^"]+|(?<=srcset=")[^"]+|(?<=href=")[^"]+"""
)
MADE = re.compile(r"<!-- made: (\w+) -->")
LOADED = re.compile(
    r"""<(?:script|img|source|iframe)\b[^>]*\ssrc(?:set)?=["']?([^"'\s>]+)"""
    r"""|<link\b[^>]*\shref=["']?([^"'\s>]+)"""
)


class SiteError(Exception):
    """What is wrong with the pages, a line for each fault."""


def settings() -> dict[str, Any]:
    """The settings of the site."""
    return dict(tomllib.loads(CONFIG.read_text("utf-8"))["project"])


def pages(nav: Any) -> Iterator[str]:  # noqa: ANN401 - lists, tables and names, as TOML has them
    """The pages that a navigation names, in its order."""
    if isinstance(nav, str):
        yield nav
        return
    for entry in nav.values() if isinstance(nav, dict) else nav:
        yield from pages(entry)


def notebook_of(page: str) -> Path:
    """Where the notebook of a page is, if it is made of one."""
    return (ROOT / page).with_suffix(".ipynb")


def check_navigation(named: list[str]) -> None:
    """Refuse a navigation that lacks a page of docs/, or names one twice or one that is not there.

    Raises:
        SiteError: It names the pages.
    """
    files = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/**/*.ipynb")]
    there = {file.relative_to(ROOT).with_suffix(".md").as_posix() for file in files}
    absent = [page for page in named if not ((ROOT / page).is_file() or page in there)]
    twice = sorted({page for page in named if named.count(page) > 1})
    faults = [f"add {page} to the nav of docs/site/{CONFIG.name}" for page in there - {*named}]
    faults += [f"the nav names {page}, which is not there" for page in absent]
    faults += [f"the nav names {page} twice" for page in twice]
    if faults:
        raise SiteError("\n".join(sorted(faults)))


def commands() -> str:
    """The reference of the command line, by typer's own writer."""
    writer = (sys.executable, "-m", "typer", "biogpt_plugins.cli", "utils", "docs")
    written = subprocess.run(
        [*writer, "--name", "biogpt"], check=True, capture_output=True, text=True, cwd=ROOT
    )
    return written.stdout.partition("\n")[2].replace("```console", "```text")


MAKERS = {"commands": commands}
_QUIET = ["--IPKernelApp.log_level=ERROR"]  # it warns that it speaks with us unencrypted


def rendered(notebook: Path, *, run: bool = True) -> str:
    """A notebook as Markdown, with its pictures in it, after a run from its first cell to its last.

    What it writes to standard error, such as progress, is left out.

    Args:
        notebook: The file.
        run: Whether to run it, in an empty folder. A cell that fails is an error.
    """
    from nbconvert import MarkdownExporter  # noqa: PLC0415 - what stands above does not need it
    from traitlets.config import Config  # noqa: PLC0415 - the same

    manners = {
        "ExecutePreprocessor": {"enabled": run, "startup_timeout": 300, "extra_arguments": _QUIET},
        "ExtractOutputPreprocessor": {"enabled": False},
    }
    exporter = MarkdownExporter(config=Config(manners))
    exporter.register_preprocessor(_without_errors_of_streams, enabled=True)
    with TemporaryDirectory() as folder, notebook.open(encoding="utf-8") as file:
        page, _ = exporter.from_file(file, resources={"metadata": {"path": folder}})
    title, _, rest = page.lstrip().partition("\n")
    note = f"This page is [a notebook]({notebook.name}), which ran when the site was built."
    return f"{title}\n\n{note}\n{rest}"


def _without_errors_of_streams(notebook: Any, resources: Any) -> tuple[Any, Any]:  # noqa: ANN401
    for cell in notebook.cells:
        told = cell.get("outputs", [])
        cell["outputs"] = [one for one in told if one.get("name") != "stderr"]
    return notebook, resources


class Site:
    """The pages as the builder wants them."""

    def __init__(self, folder: Path) -> None:
        project = settings()
        self.folder = folder
        self.named = list(pages(project["nav"]))
        self.source = f"{project['extra']['social'][0]['link']}/blob/main"

    def write(self) -> None:
        """Write all pages and what they show."""
        check_navigation(self.named)
        shutil.rmtree(self.folder, ignore_errors=True)
        for page in self.named:
            if (notebook := notebook_of(page)).is_file():
                text = rendered(notebook)
            else:
                text = (ROOT / page).read_text("utf-8")
            self._write(page, self.page(page, text).encode())
        for file in (file for pattern in SHOWN for file in ROOT.glob(pattern)):
            self._write(file.relative_to(ROOT).as_posix(), file.read_bytes())
        shutil.copy(CONFIG, self.folder)

    def _write(self, path: str, content: bytes) -> None:
        file = self.folder / "pages" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def page(self, name: str, text: str) -> str:
        """A page with its links as the site needs them, and with what is made for it."""
        parts, at = [], 0
        for block in BLOCK.finditer(text):
            parts += [self._linked(text[at : block.start()], name), block[0]]
            at = block.end()
        linked = "".join([*parts, self._linked(text[at:], name)])
        return MADE.sub(lambda found: MAKERS[found[1]](), linked)

    def _linked(self, text: str, page: str) -> str:
        return LINK.sub(lambda found: self.target(found[0], page), text)

    def target(self, link: str, page: str) -> str:
        """Where a link of a page leads on the site."""
        path, mark, anchor = link.partition("#")
        file = ((ROOT / page).parent / unquote(path)).resolve()
        if not path or re.match(r"[a-z]+:", path) or not file.exists():
            return link  # the builder says so if it leads nowhere
        inside = file.relative_to(ROOT).as_posix()
        if f"{inside}/README.md" in self.named:
            return f"{path}/README.md"
        if file.suffix == ".ipynb" and file != notebook_of(page):
            return f"{path.removesuffix('.ipynb')}.md{mark}{anchor}"
        if inside in self.named or inside.startswith("docs/images/"):
            return link
        return f"{self.source}/{inside}{mark}{anchor}"


class Warned(logging.Handler):
    """Keeps what the readers of docstrings warn of, which the builder does not count."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def loaded_from_elsewhere(html: Path) -> list[str]:
    """What pages would load from other hosts, and files that they would load in vain."""
    faults = []
    for page in html.rglob("*.html"):
        for target in map("".join, LOADED.findall(page.read_text("utf-8"))):
            if re.match(r"(https?:)?//", target):
                faults.append(f"{page.name} loads {target}")
                continue
            base = html if target.startswith("/") else page.parent
            if "data:" not in target and not (base / target.lstrip("/")).exists():
                faults.append(f"{page.name} loads {target}, which is not there")
    return faults


def build(folder: Path) -> Path:
    """Build the site.

    Returns:
        The folder of its HTML.

    Raises:
        SiteError: Something is wrong with the pages.
        RuntimeError: The same, and the builder has said what.
    """
    from zensical import build as zensical  # noqa: PLC0415 - what stands above does not need it

    Site(folder).write()
    logging.getLogger().addHandler(warned := Warned())
    zensical(str(folder / CONFIG.name), {"clean": True, "strict": True})
    if faults := warned.messages + loaded_from_elsewhere(folder / "html"):
        raise SiteError("\n".join(faults))
    return folder / "html"


if __name__ == "__main__":
    try:
        html = build(Path(sys.argv[1] if sys.argv[1:] else ROOT / "build/site").resolve())
    except (SiteError, RuntimeError) as error:
        sys.exit(str(error))
    sys.stdout.write(f"{html}/index.html\n")
