"""Conversions for CTranslate2 that are kept, in the assets of the Hugging Face cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import cached_assets_path, constants

from biogpt_plugins.checkpoints.calibration import CALIBRATION_FILE
from biogpt_plugins.checkpoints.card import CARD_FILE

_FORM = "1"  # of what is written: count up where that changes
_MATTER = (".json", ".txt", ".safetensors", ".bin")
_BLOCK = 1 << 20


@contextmanager
def conversion(
    folder: Path, write: Callable[[Path], None], facts: tuple[str, ...]
) -> Iterator[Path]:
    """The conversion of a folder: the one that is kept, or a new one.

    The key is the digest of the model's files, so that a changed model is converted anew. Where
    nothing can be kept, the conversion is in a temporary folder.

    Args:
        folder: The model.
        write: Writes the conversion to an empty folder.
        facts: What else it depends on.
    """
    try:
        kept = _kept(folder, write, facts)
    except OSError:  # no home, a read-only one, or a full disk
        with TemporaryDirectory(prefix="biogpt-") as temporary:
            write(Path(temporary))
            yield Path(temporary)
        return
    yield kept


def _kept(folder: Path, write: Callable[[Path], None], facts: tuple[str, ...]) -> Path:
    assets = constants.HF_ASSETS_CACHE
    try:
        cache = cached_assets_path("biogpt-plugins", "ctranslate2", "models", assets_dir=assets)
    except ValueError as error:  # a file where a folder should be
        raise OSError(str(error)) from error
    place = cache / _digest(folder, facts)
    if not place.is_dir():
        with TemporaryDirectory(dir=cache, prefix=".writing-") as temporary:
            made = Path(temporary, "model")
            made.mkdir()
            write(made)
            try:
                made.rename(place)  # whole or not at all
            except OSError:
                if not place.is_dir():
                    raise
                # Another process was faster.
    return place


def _digest(folder: Path, facts: tuple[str, ...]) -> str:
    digest = sha256("\n".join([_FORM, *facts]).encode())
    for path in sorted(folder.iterdir()):
        if path.suffix in _MATTER and path.name not in (CARD_FILE, CALIBRATION_FILE):
            digest.update(f"\n{path.name} {path.stat().st_size}\n".encode())
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
    return digest.hexdigest()[:32]
