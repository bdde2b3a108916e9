"""Finds the files to convert in a checkpoint, a folder or an archive."""

from __future__ import annotations

import gzip
import lzma
import re
import shutil
import tarfile
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from biogpt_plugins.checkpoints import BUNDLED
from biogpt_plugins.values.errors import InputError, ModelError, ModelNotFoundError

_PREFERRED = ("checkpoint_avg.pt", "checkpoint.pt")
# As in microsoft/BioGPT, scripts/average_checkpoints.py: checkpoints of epochs, or of updates.
_NUMBERED = (re.compile(r"checkpoint(\d+)\.pt"), re.compile(r"checkpoint_\d+_(\d+)\.pt"))
_DICTIONARIES = ("dict.txt", "dict.x.txt")
_CODES = ("bpecodes",)
_BLOCK = 1 << 20
_ARCHIVE = re.compile(r"\.(tgz|tar(\.\w+)?)$")
_DAMAGED = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError)


@dataclass(frozen=True)
class CheckpointFiles:
    """The files of a checkpoint.

    Attributes:
        names: Names of the folder and of the archive or file, without extension; may name the task.
        checkpoints: Name -> file; several are averaged, newest first.
        dictionary: dict.txt; None if it is not beside the checkpoint.
        bpecodes: The byte-pair codes; None if they are not beside the checkpoint.
    """

    names: tuple[str, str]
    checkpoints: Mapping[str, Path]
    dictionary: Path | None
    bpecodes: Path | None


def is_fairseq(src: str | Path) -> bool:
    """Whether a file or folder may have fairseq checkpoints and is not a converted model."""
    path = Path(src).expanduser()
    if str(src) in BUNDLED or (path / "config.json").is_file():
        return False
    return path.is_file() or (path.is_dir() and any(path.glob("*.pt")))


def open_source(src: str | Path, *, unpacked: Path, average: int | None = None) -> CheckpointFiles:
    """Find the files of a checkpoint; the needed files of an archive are unpacked.

    Args:
        src: A checkpoint file, a folder with one, or a tar archive of that folder.
        unpacked: The folder to unpack an archive into; it must not exist yet.
        average: Number of checkpoints to average: the newest numbered ones.

    Raises:
        InputError: `average` does not apply to `src`.
        ModelNotFoundError: `src` does not exist, or has no checkpoint.
        ModelError: `src` has several checkpoints to choose from, or the archive is damaged.
    """
    path = Path(src).expanduser()
    if average is not None and average < 1:
        raise InputError(f"average must be at least 1, not {average}")
    if path.is_dir():
        files = {file.name: file for file in path.iterdir() if file.is_file()}
        return _source((path.resolve().name, ""), _pick(files, str(src), average), files)
    if not path.is_file():
        raise ModelNotFoundError(
            f"checkpoint {str(src)!r} does not exist: name a checkpoint file, a folder or a .tgz"
        )
    if _ARCHIVE.search(path.name) or tarfile.is_tarfile(path):
        return _from_archive(path, unpacked, average)
    if average is not None:
        raise InputError(
            f"{str(src)!r} is a single checkpoint: to average several, name the folder that "
            "contains them"
        )
    folder = path.resolve().parent
    beside = {name: folder / name for name in (*_DICTIONARIES, *_CODES)}
    files = {name: file for name, file in beside.items() if file.is_file()}
    return _source((folder.name, path.stem), [path.name], {**files, path.name: path})


def _source(
    names: tuple[str, str], checkpoints: Iterable[str], files: Mapping[str, Path]
) -> CheckpointFiles:
    dictionary, bpecodes = (
        next((files[file] for file in wanted if file in files), None)
        for wanted in (_DICTIONARIES, _CODES)
    )
    return CheckpointFiles(names, {file: files[file] for file in checkpoints}, dictionary, bpecodes)


def _pick(names: Collection[str], where: str, average: int | None) -> list[str]:
    checkpoints = sorted(n for n in names if n.endswith(".pt") and not n.startswith("."))
    if not checkpoints and "config.json" in names:
        raise ModelError(f"{where!r} is already a transformers model: use it as it is")
    if not checkpoints:
        raise ModelNotFoundError(
            f"{where!r} contains no checkpoint (*.pt): name one, or its folder"
        )
    if average is not None:
        return _newest(checkpoints, where, average)
    preferred = [name for name in _PREFERRED if name in checkpoints]
    if not preferred and len(checkpoints) > 1:
        raise ModelError(
            f"{where!r} contains {len(checkpoints)} checkpoints ({_several(checkpoints)}): name "
            "the one to convert, or average the newest ones (average=5 or --average 5, as the "
            "official scripts do)"
        )
    return [(preferred or checkpoints)[0]]


def _newest(names: Iterable[str], where: str, average: int) -> list[str]:
    for pattern in _NUMBERED:
        matches = filter(None, map(pattern.fullmatch, names))
        numbered = sorted(matches, key=lambda match: -int(match[1]))
        if len(numbered) >= average:
            return [match[0] for match in numbered[:average]]
    raise ModelError(
        f"{where!r} has fewer than {average} numbered checkpoints to average (named like "
        f"checkpoint7.pt or checkpoint_1_2000.pt); it has {_several(sorted(names))}"
    )


def _from_archive(path: Path, unpacked: Path, average: int | None) -> CheckpointFiles:
    try:
        with tarfile.open(path) as archive:
            # Only regular files are read, and their names are never used as paths.
            members = [member for member in archive if member.isreg()]
            folder = _model_folder(members, str(path))
            inside = {PurePosixPath(m.name).name: m for m in members if _parent(m) == folder}
            checkpoints = _pick(inside, str(path), average)
            unpacked.mkdir()
            files = {}
            wanted = [*checkpoints, *(n for n in (*_DICTIONARIES, *_CODES) if n in inside)]
            for i, name in enumerate(wanted):
                data = archive.extractfile(inside[name])
                assert data is not None  # only links have none
                files[name] = unpacked / str(i)
                with data, files[name].open("wb") as file:
                    shutil.copyfileobj(data, file, _BLOCK)
            # Read to the end, where the checksum of the compressed data is.
            while archive.fileobj and archive.fileobj.read(_BLOCK):
                pass
    except _DAMAGED as error:
        reason = str(error).split("\n")[0]
        raise ModelError(
            f"cannot read the archive {str(path)!r} to its end ({reason}): download it again"
        ) from error
    return _source((folder.name, _ARCHIVE.sub("", path.name)), checkpoints, files)


def _parent(member: tarfile.TarInfo) -> PurePosixPath:
    return PurePosixPath(member.name).parent


def _model_folder(members: Iterable[tarfile.TarInfo], where: str) -> PurePosixPath:
    names = (PurePosixPath(member.name) for member in members)
    folders = sorted({n.parent for n in names if n.suffix == ".pt" and not n.name.startswith(".")})
    if not folders:
        raise ModelNotFoundError(f"{where!r} contains no checkpoint (*.pt)")
    if len(folders) > 1:
        raise ModelError(
            f"{where!r} contains several models ({_several([str(f) for f in folders])}): "
            "unpack it, and name the folder of one model"
        )
    return folders[0]


def _several(names: list[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
