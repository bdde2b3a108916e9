"""Archives that name files elsewhere: nothing is written outside, no link is followed."""

import gzip
import io
import re
import tarfile
import zipfile
from types import SimpleNamespace

import pytest
from converted import tree
from fairseq_format import Model, write

from biogpt_plugins.conversion import convert, inspect_model
from biogpt_plugins.values.errors import ModelError

MODEL = Model(layers=1)


def _archive(path, *members):
    """An archive of (name, contents or None, type, target of a link)."""
    with tarfile.open(path, "w:gz") as tar:
        for name, data, kind, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, target, len(data or b"")
            tar.addfile(member, io.BytesIO(data or b""))
    return path


NAMES = ["../", "{home}/elsewhere/", "checkpoints/../../", "./", ""]


@pytest.mark.parametrize("prefix", NAMES)
def test_names_in_an_archive_are_no_paths(tmp_path, prefix):
    source = write(tmp_path / "source", MODEL).parent
    prefix = prefix.format(home=tmp_path)
    files = [(f"{prefix}{f.name}", f.read_bytes(), tarfile.REGTYPE, "") for f in source.iterdir()]
    evil = (f"{prefix}evil.txt", b"evil", tarfile.REGTYPE, "")
    home = tmp_path / "a" / "b"
    home.mkdir(parents=True)
    archive = _archive(home / "model.tgz", *files, evil)
    before = tree(tmp_path)
    folder = convert(archive, home / "out").folder
    after = tree(tmp_path)
    assert "evil.txt" not in {file.name for file in folder.iterdir()}
    assert {path: after[path] for path in after if folder not in path.parents} == {
        **before,
        folder: None,
    }


@pytest.mark.parametrize("linked", ["checkpoint_avg.pt", "dict.txt", "bpecodes"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_in_an_archive_are_not_followed(tmp_path, linked, kind):
    source = write(tmp_path / "source", MODEL).parent
    members = [
        (f"m/{file.name}", None, kind, str(file))
        if file.name == linked
        else (f"m/{file.name}", file.read_bytes(), tarfile.REGTYPE, "")
        for file in source.iterdir()
    ]
    archive = _archive(tmp_path / "model.tgz", *members)
    before = tree(tmp_path)
    with pytest.raises(ModelError) as caught:
        convert(archive, tmp_path / "out")
    says = r"\*\.pt" if linked.endswith(".pt") else f"{linked}.*--"
    assert re.fullmatch(f".*{says}.*", str(caught.value))
    assert tree(tmp_path) == before


def test_a_link_to_a_folder_is_not_written_through(tmp_path):
    source, outside = write(tmp_path / "source", MODEL).parent, tmp_path / "outside"
    outside.mkdir()
    files = [(f"m/{f.name}", f.read_bytes(), tarfile.REGTYPE, "") for f in source.iterdir()]
    link = ("m", None, tarfile.SYMTYPE, str(outside))
    convert(_archive(tmp_path / "model.tgz", link, *files), tmp_path / "out")
    assert list(outside.iterdir()) == []


# --- what unpacks to much more than it is ---------------------------------------------------


@pytest.mark.parametrize("use", [convert, inspect_model])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("name", ["model.tgz", "model.pt"])
def test_an_archive_that_unpacks_to_gigabytes_is_refused_at_once(tmp_path, kind, use, name):
    header = tarfile.TarInfo("m/checkpoint.pt")
    header.type, header.size = kind, 3 << 30
    archive = tmp_path / name
    archive.write_bytes(gzip.compress(header.tobuf()))  # reading on would show that it ends here
    options = [tmp_path / "out"] if use is convert else []
    with pytest.raises(ModelError, match=r"unpacks to more than .*, as no checkpoint does"):
        use(archive, *options)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_zeros_behind_an_archive_are_not_read_to_their_end(tmp_path):
    source = write(tmp_path / "source", MODEL).parent
    files = [(f"m/{f.name}", f.read_bytes(), tarfile.REGTYPE, "") for f in source.iterdir()]
    archive = _archive(tmp_path / "model.tgz", *files)
    tail = gzip.compress(bytes(1 << 27), compresslevel=1)
    archive.write_bytes(archive.read_bytes() + tail * 3)
    with pytest.raises(ModelError, match=r"unpacks to more than"):
        convert(archive, tmp_path / "out")


def test_an_archive_that_does_not_fit_on_the_disk_is_refused(tmp_path, monkeypatch):
    source = write(tmp_path / "source", MODEL).parent
    files = [(f"m/{f.name}", f.read_bytes(), tarfile.REGTYPE, "") for f in source.iterdir()]
    archive = _archive(tmp_path / "model.tgz", *files)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(ModelError, match=r"has only 1,000 free: make room, or unpack it"):
        convert(archive, tmp_path / "out")


@pytest.mark.parametrize("use", [convert, inspect_model])
def test_a_checkpoint_with_a_compressed_entry_is_refused(tmp_path, use):
    checkpoint = write(tmp_path / "source", MODEL)
    packed = tmp_path / "source/packed.pt"
    with zipfile.ZipFile(checkpoint) as old, zipfile.ZipFile(packed, "w", 8) as new:
        for one in old.infolist():
            new.writestr(one.filename, old.read(one))
    packed.replace(checkpoint)
    options = [tmp_path / "out"] if use is convert else []
    with pytest.raises(ModelError, match=r"has a compressed entry .*, which PyTorch does not"):
        use(checkpoint, *options)
