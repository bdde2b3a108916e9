"""names.dict: what is written is read again, and what is no such file is refused by name."""

import json
import pickle
import re
import zipfile

import pytest

from biogpt_plugins import EntityDictionary, Spec
from biogpt_plugins.entities import Concept
from biogpt_plugins.entities.names_file import write_names
from biogpt_plugins.text.grounding import fold
from biogpt_plugins.values.errors import InputError

CONCEPTS = [
    Concept("MESH:D008094", "Chemical", "Lithium", ("D01.268", "D01.552")),
    Concept("MESH:D012640", "Disease", "Seizures"),
    Concept("X:1"),
]
NAMES = [("Lithium", 0), ("Seizures", 1), ("Convulsion", 1), ("β-naïve 'x'", 2)]


@pytest.fixture
def path(tmp_path):
    place = tmp_path / "names.dict"
    with place.open("wb") as stream:
        write_names(stream, CONCEPTS, [(fold(name), name, n) for name, n in NAMES])
    return place


def test_it_is_read_as_it_was_written(path):
    known = EntityDictionary.read(path)
    assert [*known.concepts.values()] == CONCEPTS
    assert [row.name for row in known.rows()] == [name for name, _ in NAMES]
    assert known.find("convulsions", "disease").id == "MESH:D012640"
    assert known.find("beta naive x").id == "X:1"
    assert known.find("convulsiion").how == "fuzzy"


def test_pickle_and_json_hold_the_concepts(path):
    known = EntityDictionary.read(path)
    assert pickle.loads(pickle.dumps(known)).concepts == known.concepts
    spec = Spec(dictionary=path)
    again = Spec.model_validate_json(spec.model_dump_json())
    assert again.dictionary == spec.dictionary == known
    own = EntityDictionary([*known.rows()], concepts=CONCEPTS)
    assert own == known
    assert EntityDictionary.of(json.loads(json.dumps(own.as_json()))) == known
    assert EntityDictionary([*known.rows()]) != known, "preferred names are part of it"


def repacked(path, **members):
    """The file with some members changed; None leaves one out."""
    with zipfile.ZipFile(path) as file:
        texts = {name: file.read(name).decode() for name in file.namelist()}
    texts |= {name.replace("_", "."): text for name, text in members.items()}
    with zipfile.ZipFile(path, "w") as file:
        for name, text in texts.items():
            if text is not None:
                file.writestr(name, text)


def about(**changes):
    return json.dumps({"format": "biogpt names", "version": 1, **changes})


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"about_json": None}, "is a zip archive, but no dictionary: give a file that"),
        ({"about_json": about(format="x")}, "is a zip archive, but no dictionary"),
        ({"about_json": about(version=2)}, "has version 2 of its format, and this"),
        ({"about_json": "["}, "is damaged"),
        ({"names_tsv": None}, "is damaged"),
        ({"names_tsv": "lithium\tLithium\t9\n"}, "is damaged"),
        ({"names_tsv": "lithium\n"}, "is damaged"),
        ({"concepts_tsv": "a\tb\n"}, "is damaged"),
        ({"names_tsv": "lithium-x\tLithium\t0\n"}, "compares names in another way: build it again"),
    ],
)
def test_another_archive_is_refused(path, members, says):
    repacked(path, **members)
    with pytest.raises(InputError, match=re.escape(says)) as raised:
        EntityDictionary.read(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("where", [0.3, 0.6, 0.9])
def test_a_damaged_or_cut_file_is_refused(path, where):
    data = bytearray(path.read_bytes())
    at = int(len(data) * where)
    path.write_bytes(data[:at])
    with pytest.raises(InputError, match=r"names\.dict is damaged .* build it again with `biogpt"):
        EntityDictionary.read(path)


def test_a_checksum_finds_a_changed_byte(path):
    with zipfile.ZipFile(path) as file:
        begin = file.getinfo("names.tsv").header_offset + 60
    data = bytearray(path.read_bytes())
    data[begin] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"names\.dict is damaged"):
        EntityDictionary.read(path)


def test_an_empty_dictionary(tmp_path):
    place = tmp_path / "names.dict"
    with place.open("wb") as stream:
        write_names(stream, [], [])
    assert len(EntityDictionary.read(place)) == 0
