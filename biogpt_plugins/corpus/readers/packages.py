"""Packages: tar and zip, member by member; what is in them and holds no paper is told."""

from __future__ import annotations

import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple

from biogpt_plugins.corpus.readers.streams import seekable
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError

_TAR_BLOCK = 512
_ENCRYPTED = 0x1
_LITTER = ("__MACOSX",)
_HIDDEN = {".DS_Store", "Thumbs.db", "desktop.ini"}
FULL_TEXTS = (".nxml",)
_PAPERS = (".nxml", ".xml")


class Member(NamedTuple):
    """A file in a package.

    Attributes:
        name: Its path there.
        stream: Its bytes, or why they cannot be had.
    """

    name: str
    stream: IO[bytes] | InputError


class Passed:
    """What of a package is passed over, to be told in one line."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()

    def add(self, kind: str) -> None:
        """Count a file."""
        self._kinds[kind] += 1

    def told(self) -> str:
        """How many files of which kinds; "" if none."""
        if not self._kinds:
            return ""
        kinds = ", ".join(f"{kind} ({n:,})" for kind, n in self._kinds.most_common())
        return f"{counted(sum(self._kinds.values()), 'file')} in it passed over: {kinds}"


class Names:
    """Which folders of a package hold papers as XML, as far as its names are known."""

    def __init__(self, names: Iterator[str]) -> None:
        self._unread: Iterator[str] | None = names
        self._folders: dict[str, set[str]] = {}

    def note(self, name: str) -> None:
        """Add a name."""
        path = PurePosixPath(name)
        self._folders.setdefault(str(path.parent), set()).add(path.suffix.lower())

    def _beside(self, name: str, endings: tuple[str, ...]) -> bool:
        path = PurePosixPath(name)
        if path.suffix.lower() in endings:
            return False
        if self._unread is not None:  # looked at only where there is more than XML
            for other in self._unread:
                self.note(other)
            self._unread = None
        return bool(self._folders.get(str(path.parent), set()).intersection(endings))

    def is_supplement(self, name: str) -> bool:
        """Whether a file lies beside a full text of PMC: pictures, tables, a licence."""
        return self._beside(name, FULL_TEXTS)

    def is_copy(self, name: str) -> bool:
        """Whether a document, a PDF say, lies beside XML of the same paper."""
        return self._beside(name, _PAPERS)


def is_tar(head: bytes) -> bool:
    """Whether a file that begins so is a tar."""
    if len(head) < _TAR_BLOCK or not head.strip(b"\0"):
        return False
    try:
        tarfile.TarInfo.frombuf(head[:_TAR_BLOCK], "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


def is_zip(head: bytes) -> bool:
    """Whether a file that begins so is a zip."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def of_tar(stream: IO[bytes]) -> Iterator[Member]:
    """The files of a tar; each is to be read before the next is asked for."""
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for info in tar:
            if info.isfile() and info.size and is_wanted(info.name):
                file = tar.extractfile(info)
                if file is not None:
                    yield Member(info.name, file)
            tar.members = []  # type: ignore[attr-defined]  # it would remember all of them


def names_of_tar(stream: IO[bytes]) -> Iterator[str]:
    """The names in a tar."""
    for member in of_tar(stream):
        yield member.name


@contextmanager
def opened_zip(stream: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """A zip; one that cannot be read twice is copied to disk first."""
    file = stream if stream.seekable() else seekable(stream)
    try:
        with zipfile.ZipFile(file) as package:
            yield package
    finally:
        if file is not stream:
            file.close()


def of_zip(package: zipfile.ZipFile) -> Iterator[Member]:
    """The files of a zip."""
    for info in package.infolist():
        if info.is_dir() or not info.file_size or not is_wanted(info.filename):
            continue
        if info.flag_bits & _ENCRYPTED:
            yield Member(info.filename, InputError("it is encrypted: unpack it"))
            continue
        try:
            file: Any = package.open(info)
        except (NotImplementedError, zipfile.BadZipFile, OSError) as error:
            yield Member(info.filename, InputError(f"cannot unpack it: {error}"))
            continue
        with file:
            yield Member(info.filename, file)


def is_wanted(name: str) -> bool:
    """Whether a file is wanted: macOS and others leave files of their own in packages."""
    path = PurePosixPath(name)
    return not (path.parts[:1] == _LITTER or path.name.startswith("._") or path.name in _HIDDEN)
