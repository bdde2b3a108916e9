"""Finds the files to convert in a checkpoint, a folder or an archive."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import shutil
import tarfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from biogpt_plugins.checkpoints import BUNDLED
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError, ModelError, ModelNotFoundError

_PREFERRED = ("checkpoint_avg.pt", "checkpoint.pt")
# As in microsoft/BioGPT, scripts/average_checkpoints.py: checkpoints of epochs, or of updates.
_NUMBERED = (re.compile(r"checkpoint(\d+)\.pt"), re.compile(r"checkpoint_\d+_(\d+)\.pt"))
_DICTIONARIES = ("dict.txt", "dict.x.txt")
_CODES = ("bpecodes",)
_BLOCK = 1 << 20
_ARCHIVE = re.compile(r"\.(tgz|tar(\.\w+)?)$")
# Weights hardly shrink when they are packed; small files may.
_MOST_TIMES, _ALWAYS = 20, 1 << 28
_MOST_READ = 1 << 24  # at once; only a forged header makes tarfile read more
_PACKED: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
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
    if _ARCHIVE.search(path.name) or _is_archive(path):
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
        f"{where!r} has fewer than {counted(average, 'numbered checkpoint')} to average (named "
        f"like checkpoint7.pt or checkpoint_1_2000.pt); it has {_several(sorted(names))}"
    )


def _is_archive(path: Path) -> bool:
    try:
        with _bounded(path) as stream, tarfile.open(fileobj=stream, mode="r:"):
            return True
    except (*_DAMAGED, OSError):
        return False


def _from_archive(path: Path, unpacked: Path, average: int | None) -> CheckpointFiles:
    try:
        with _bounded(path) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            # Only regular files are read, and their names are never used as paths.
            members = [member for member in archive if member.isreg()]
            folder = _model_folder(members, str(path))
            inside = {PurePosixPath(m.name).name: m for m in members if _parent(m) == folder}
            checkpoints = _pick(inside, str(path), average)
            unpacked.mkdir()
            files = {}
            wanted = [*checkpoints, *(n for n in (*_DICTIONARIES, *_CODES) if n in inside)]
            _check_room(sum(inside[name].size for name in wanted), unpacked.parent)
            for i, name in enumerate(wanted):
                data = archive.extractfile(inside[name])
                assert data is not None  # only links have none
                files[name] = unpacked / str(i)
                with data, files[name].open("wb") as file:
                    shutil.copyfileobj(data, file, _BLOCK)
            # Read to the end, where the checksum of the compressed data is.
            while stream.read(_BLOCK):
                pass
    except _DAMAGED as error:
        reason = str(error).split("\n")[0]
        raise ModelError(
            f"cannot read the archive {str(path)!r} to its end ({reason}): download it again"
        ) from error
    return _source((folder.name, _ARCHIVE.sub("", path.name)), checkpoints, files)


class _Bounded(io.RawIOBase):
    """A stream in which no place beyond a limit is read or sought."""

    def __init__(self, stream: Any, limit: int, too_large: ModelError) -> None:  # noqa: ANN401
        super().__init__()
        self._stream, self._limit, self._too_large = stream, limit, too_large

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._stream.tell())

    def seek(self, place: int, whence: int = 0) -> int:
        if place > self._limit:
            raise self._too_large
        return int(self._stream.seek(place, whence))

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MOST_READ or self.tell() + size > self._limit:
            raise self._too_large
        return bytes(self._stream.read(size))


@contextmanager
def _bounded(path: Path) -> Iterator[IO[bytes]]:
    """An archive without its compression, which may not grow without bounds."""
    size = path.stat().st_size
    limit = max(_MOST_TIMES * size, size + _ALWAYS)
    too_large = ModelError(
        f"the archive {str(path)!r} has {size:,} bytes, but unpacks to more than {limit:,}, as no "
        "checkpoint does: download it again"
    )
    with path.open("rb") as file:
        head = file.read(6)
        file.seek(0)
        opener = next((one for mark, one in _PACKED.items() if head.startswith(mark)), None)
        with opener(file) if opener else file as stream:
            yield _Bounded(stream, limit, too_large)  # type: ignore[misc]


def _check_room(size: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise ModelError(
            f"the checkpoint takes {size:,} bytes unpacked, but {folder} has only {free:,} free: "
            "make room, or unpack it elsewhere and name its folder"
        )


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
