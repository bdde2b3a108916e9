"""The data that the paper's figures rest on: their files in microsoft/BioGPT."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath

from biogpt_plugins.checkpoints.registry import KNOWN, KnownModel, find_known
from biogpt_plugins.corpus.writers import whole
from biogpt_plugins.reproduction.download import digest_of, download
from biogpt_plugins.values.errors import FetchError, InputError

REPOSITORY = "https://raw.githubusercontent.com/microsoft/BioGPT"
"""Where the files are; a commit and a path follow."""

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Published:
    """The published data of a task, and what the paper did with them.

    Attributes:
        task: The task, as this package names it.
        folder: Where the repository keeps the files.
        commit: The last commit of the repository that changed them.
        train: The file to train on.
        test: The file to evaluate on.
        beside: A file that belongs to the test file.
        digests: SHA-256 of files that are known.
        known: How they are known, for messages.
        model: The model to start from; one that knows the task is evaluated without training.
    """

    task: str
    folder: str
    commit: str = "bfed3d3fee22e018dbce957cee1efb7b96d45363"
    train: str = "train.json"
    test: str = "test.json"
    beside: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    known: str = "as published"
    model: str = "microsoft/biogpt"

    @property
    def url(self) -> str:
        """The address of the official repository at the commit."""
        return f"{REPOSITORY}/{self.commit}"

    def files(self, *, training: bool) -> tuple[str, ...]:
        """The names of the files that are needed."""
        names = (self.train if training else "", self.test, self.beside)
        return tuple(filter(None, names))

    def figure(self, model: str) -> KnownModel:
        """The published model to compare with: by the name, BioGPT or BioGPT-Large."""
        known = find_known(model)
        if known and known.figure and self.task in known.tasks:
            return known
        trained = [m for m in KNOWN.values() if m.home == "tarball" and self.task in m.tasks]
        return trained[-1 if "large" in model.lower() else 0]


_BC5CDR = {
    "train.json": "f0bf995e30faed6f4016e9868345bb9759b29c57622871c383dc9755edc9fa1c",
    "test.entities.json": "e0bc73cca7c45687251ac56310b420c33a49f72da120e85fd1720eb2e9c31c43",
}
CORPORA: Mapping[str, Published] = {
    "bc5cdr": Published(
        task="bc5cdr",
        folder="data/BC5CDR/raw",
        beside="test.entities.json",
        digests=_BC5CDR,
    ),
    "ddi": Published(task="ddi", folder="data/DDI/raw"),
    "kd_dti": Published(
        task="kd_dti",
        folder="data/KD-DTI/raw",
        commit="00d0421fbae0379a741df2e00c97b56b1b0b1eaf",
    ),
    "hoc": Published(task="hoc", folder="data/HoC/raw", train="train.tsv", test="test.tsv"),
    "pubmedqa": Published(
        task="pubmedqa_reasoning_free",
        folder="data/PubMedQA/raw",
        train="train.tsv",
        test="test.tsv",
        model="microsoft/BioGPT-Large-PubMedQA",
    ),
}


def obtain(
    published: Published, names: tuple[str, ...], into: Path, source: Path | str, tell: Tell
) -> dict[str, str]:
    """Copy files from a folder, or download those that are not there yet.

    Args:
        published: Whose files.
        names: Their names.
        into: The folder to put them into.
        source: A folder with the files: a copy of the repository, or any folder in it down to the
            files' own; or an address that `published.folder` can follow.
        tell: Gets messages about what is done.

    Returns:
        The SHA-256 of each file.

    Raises:
        InputError: A file is not in the folder, or is another one than the known one.
        FetchError: A file cannot be downloaded.
    """
    into.mkdir(parents=True, exist_ok=True)
    folder = _folder(published, names, source) if isinstance(source, Path) else None
    for name in names:
        place = into / name
        if folder:
            _check(published, folder / name)
            with whole(str(place)) as stream:
                stream.write((folder / name).read_bytes())
        elif not place.exists():
            _download(f"{source}/{published.folder}/{name}", place, published, tell)
    return {name: _check(published, into / name) for name in names}


def _download(url: str, place: Path, published: Published, tell: Tell) -> None:
    try:
        download(url, place, digest=published.digests.get(place.name), tell=tell)
    except FetchError as error:
        raise FetchError(
            f"{error}. Files at hand can be given with --data FOLDER, another address with --url"
        ) from error


def _check(published: Published, file: Path) -> str:
    found = digest_of(file)
    if (known := published.digests.get(file.name, found)) != found:
        raise InputError(
            f"{file} is another file: its SHA-256 is {found}, not {known}, {published.known}. "
            "Give the right one with --data, or remove this one to download it"
        )
    return found


def _folder(published: Published, names: tuple[str, ...], data: Path) -> Path:
    """The folder with the files: `data` itself, or one below it as in the repository."""
    parts = PurePosixPath(published.folder).parts
    folders = [data.joinpath(*parts[start:]) for start in range(len(parts) + 1)]
    lacks = {folder: [n for n in names if not (folder / n).is_file()] for folder in folders}
    best = min(folders, key=lambda folder: len(lacks[folder]))
    if lacks[best]:
        raise InputError(
            f"{data} has no {' and no '.join(lacks[best])}: name a folder with "
            f"{', '.join(names)}, as in {published.folder} of microsoft/BioGPT"
        )
    return best


def first(source: Path, place: Path, count: int) -> Path:
    """Write the first documents of an official file, JSON by id or TSV, to another file.

    Raises:
        InputError: It is JSON of another form.
    """
    text = source.read_text(encoding="utf-8-sig")
    if source.suffix == ".json":
        if not isinstance(entries := json.loads(text), dict):
            raise InputError(f"{source} must be a JSON object by id, as published")
        few = json.dumps(dict(islice(entries.items(), count)), indent=2)
    else:
        few = "".join(f"{line}\n" for line in islice(filter(str.strip, text.split("\n")), count))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(few, encoding="utf-8")
    return place
