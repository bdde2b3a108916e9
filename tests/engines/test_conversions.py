"""Conversions for CTranslate2 that are kept."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from biogpt_plugins.engine import Decoding
from biogpt_plugins.engines import load_engine
from biogpt_plugins.engines.conversions import conversion


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_ASSETS_CACHE", str(tmp_path / "assets"))
    return tmp_path / "assets/biogpt-plugins/ctranslate2/models"


@pytest.fixture
def folder(tiny_biogpt, tmp_path):
    return shutil.copytree(tiny_biogpt, tmp_path / "model")


def write(folder):
    (folder / "model.bin").write_bytes(b"converted")


def test_a_model_is_converted_once(folder, cache):
    def ask():
        engine = load_engine(folder, engine="ctranslate2", dtype="float32", device="cpu")
        (one,) = engine.complete(["aspirin dose"], Decoding(max_new_tokens=8))
        engine.close()
        return one.text

    first, (kept,) = ask(), cache.iterdir()
    made = (kept / "model.bin").stat().st_mtime_ns
    assert ask() == first
    assert [(path, (path / "model.bin").stat().st_mtime_ns) for path in cache.iterdir()] == [
        (kept, made)
    ]


def test_what_a_conversion_depends_on_is_its_key(folder, cache):
    def places():
        with conversion(folder, write, ("4.8", "int8")) as one:
            assert (one / "model.bin").read_bytes() == b"converted"
        return {path.name for path in cache.iterdir()}

    before = places()
    assert len(before) == 1
    (folder / "README.md").write_text("words")
    (folder / "biogpt_task.json").write_text("{}")
    assert places() == before
    with conversion(folder, write, ("4.8", "float32")):
        assert len({path.name for path in cache.iterdir()}) == 2
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    assert len(places()) == 3
    (folder / "pytorch_model.bin").write_bytes(weights)
    assert len(places()) == 4


def test_a_conversion_that_fails_leaves_nothing(folder, cache):
    def fails(place):
        write(place)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), conversion(folder, fails, ()):
        pass
    assert not [*cache.iterdir()]


def test_of_two_who_convert_at_once_one_is_kept(folder, cache):
    both = threading.Barrier(2)

    def slowly(place):
        both.wait(60)
        write(place)

    def ask(_):
        with conversion(folder, slowly, ()) as one:
            return one, (one / "model.bin").read_bytes()

    with ThreadPoolExecutor(2) as pool:
        found = set(pool.map(ask, range(2)))
    assert found == {(path, b"converted") for path in cache.iterdir()}
    assert len(found) == 1


def test_where_nothing_can_be_kept_a_conversion_is_temporary(folder, tmp_path, monkeypatch):
    (tmp_path / "assets").write_text("a file, where the cache should be")
    monkeypatch.setattr("huggingface_hub.constants.HF_ASSETS_CACHE", str(tmp_path / "assets"))
    with conversion(folder, write, ()) as one:
        assert (one / "model.bin").read_bytes() == b"converted"
    assert not one.exists()
