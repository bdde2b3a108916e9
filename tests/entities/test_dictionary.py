"""Ids out of a dictionary: exact, by the long form, by a name that is like it; never a guess."""

import json
import random
import re

import pytest
from shared_data import shared

from biogpt_plugins import Entity, EntityDictionary, Paper, Pipeline
from biogpt_plugins.hosts.fields import LLMFields
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError

ROWS = [
    ("Cyclosporine", "D016572", "chemical"),
    ("cyclosporine A", "D016572", "chemical"),
    ("Tremor", "D014202", "disease"),
    ("Tremors", "D014202", "disease"),
    ("ACE", "D007703", "chemical"),
    ("hemorrhagic cystitis", "D006470", "disease"),
    ("interferon alpha-2b", "C100416", "chemical"),
    ("cold", "D003139", "disease"),
    ("cold", "D003080", "disease"),
    ("cold", "D003080", "chemical"),
    ("iron", "D007501"),
]
CLAUSE = "the relation between {} and {} exists."


@pytest.fixture
def known():
    return EntityDictionary(ROWS)


@pytest.mark.parametrize(
    ("name", "type_", "id_", "how"),
    [
        ("cyclosporine", "chemical", "D016572", "exact"),
        ("CYCLOSPORINE-A", "chemical", "D016572", "exact"),
        ("tremor", "Disease", "D014202", "exact"),
        ("tremor", "chemical", None, None),
        ("iron", "chemical", "D007501", "exact"),
        ("iron", "disease", "D007501", "exact"),
        ("cold", "disease", "D003139", "ambiguous"),
        ("cold", "chemical", "D003080", "exact"),
        ("haemorrhagic cystitis", "disease", "D006470", "fuzzy"),
        ("haemorrhagic cystitis", "chemical", None, None),
        ("hemorrhagic colitis", "disease", None, None),
        ("interferon alpha-2a", "chemical", None, None),
        ("interferon alfa-2b", "chemical", None, None),
        ("tremour", "disease", None, None),
        ("ACE1", "chemical", None, None),
        ("", "chemical", None, None),
        ("\N{DNA DOUBLE HELIX}", "", None, None),
        ("iron", "", "D007501", "exact"),
    ],
)
def test_what_is_found(known, name, type_, id_, how):
    match = known.find(name, type_)
    assert (match and match.id, match and match.how) == (id_, how)


def test_an_entity_tells_how_its_id_was_found(known):
    entity = Entity(text="CsA", type="chemical", long_form="cyclosporine A", short_form="CsA")
    found, match = known.identify(entity)
    assert (found.id, found.id_match) == ("D016572", "abbreviation")
    assert match.name == "cyclosporine A"
    assert known.identify(found) == (found, None), "what it has it keeps"
    assert known.identify(Entity(text="gold", type="chemical")) == (
        Entity(text="gold", type="chemical"),
        None,
    )


def test_what_the_paper_abbreviates_comes_before_what_others_do(known):
    entity = Entity(text="ACE", type="chemical", long_form="cyclosporine A", short_form="ACE")
    assert known.identify(entity)[0].id == "D016572"


def test_the_first_rows_id_is_taken_in_the_order_of_the_rows():
    for rows in (ROWS, ROWS[::-1]):
        first = next(row[1] for row in rows if row[0] == "cold" and row[2] == "disease")
        assert EntityDictionary(rows).find("cold", "disease").id == first


def test_types_may_be_called_as_in_tasks_or_vocabularies():
    rows = [("aspirin", "C", "Chemical"), ("COX-2", "G", "Gene"), ("tremor", "H", "Phenotype")]
    known = EntityDictionary(rows)
    assert known.find("aspirin", "drug").id == "C"
    assert known.find("cox2", "target") is None, "another name"
    assert known.find("cox 2", "target").id == "G"
    assert known.find("tremor", "disease").id == "H"
    assert known.find("aspirin", "target") is None


def test_equal_names_only():
    assert EntityDictionary(ROWS, cutoff=100).find("haemorrhagic cystitis", "disease") is None
    with pytest.raises(InputError, match="cutoff must be above 0 and at most 100, not 0"):
        EntityDictionary(ROWS, cutoff=0)


def test_a_pipeline_gives_ids_and_says_which_are_guesses(known):
    completion = CLAUSE.format("csa", "haemorrhagic cystitis")
    pipeline = Pipeline("bc5cdr", ScriptedEngine([completion]), dictionary=known)
    text = "Cyclosporine A (CsA) caused haemorrhagic cystitis."
    (prediction,) = pipeline.run([Paper(text=text)])
    (relation,) = prediction.result
    assert (relation.head.id, relation.head.id_match) == ("D016572", "abbreviation")
    assert (relation.tail.id, relation.tail.id_match) == ("D006470", "fuzzy")
    (warning,) = prediction.warnings
    assert warning.startswith("'haemorrhagic cystitis' got the id D006470 of a similar name")
    assert pipeline.for_task("ddi").dictionary is known


def test_other_tasks_do_not_mind(known):
    pipeline = Pipeline(
        "hoc",
        ScriptedEngine(["the type of this document is x."]),
        method="complete",
        dictionary=known,
    )
    assert len(pipeline.run(["cold"])) == 1


def test_its_fingerprint_changes_with_what_it_holds(known):
    assert known.fingerprint == EntityDictionary(ROWS).fingerprint
    assert known.fingerprint != EntityDictionary(ROWS[1:]).fingerprint
    assert known.fingerprint != EntityDictionary(ROWS, cutoff=95).fingerprint


def test_caches_of_results_are_told_of_it(known):
    pipeline = Pipeline("bc5cdr", ScriptedEngine(), dictionary=known)
    told = LLMFields.from_pipeline(pipeline.for_task("ddi"), task="ddi").model_dump()
    assert told["dictionary"] == known.as_json()


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "mesh.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "name,id,type\nlithium,D008094,chemical\n",
        "\ufeffname,id,type\r\nlithium,D008094,chemical\r\n\r\n",
        "ID,Name,note\nD008094,lithium,x\n",
        "name\tid\nlithium\tD008094\n",
        "name;id\n lithium ; D008094 \n",
        'name,id,type\n"lithium","D008094","chemical"\n"a, b",D1,disease\n',
    ],
)
def test_files(tmp_path, text):
    assert EntityDictionary.read(write(tmp_path, text)).find("Lithium", "chemical").id == "D008094"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "",
            "must name the columns name, id and, optionally, type; it lacks name and id",
        ),
        ("lithium,D008094,chemical\n", "it lacks name and id"),
        ("name,type\n", "it lacks id"),
        ("name,id\na,D1\nb\n", "mesh.csv:3: the row has 1 field, but the header has 2"),
        ("name,id\na,D1\nb, c,D2\n", "mesh.csv:3: the row has 3 fields, but the header has 2"),
        ("name,id\na,D1\n,D2\n", "mesh.csv:3: a row must have a name and an id, not ['', 'D2']"),
        ("name,id\na, \n", "mesh.csv:2: a row must have a name and an id"),
        ('name,id\n"a"b,D1\n', "mesh.csv:2: invalid CSV"),
        ('name,id\n"a,D1\n', "invalid CSV"),
    ],
)
def test_what_is_no_dictionary(tmp_path, text, says):
    with pytest.raises(InputError, match=re.escape(says)):
        EntityDictionary.read(write(tmp_path, text))


def test_another_encoding(tmp_path):
    with pytest.raises(InputError, match="is not UTF-8 text"):
        EntityDictionary.read(write(tmp_path, "name,id\nnaïve,D1\n", "latin-1"))


def test_a_large_one(tmp_path):
    rng = random.Random(1)
    words = ["".join(rng.choices("aeilmnorst", k=rng.randint(6, 12))) for _ in range(5000)]
    rows = [(" ".join(rng.choices(words, k=rng.randint(1, 4))), f"D{n:06}") for n in range(60_000)]
    text = "name,id,type\n" + "".join(f"{name},{id_},chemical\n" for name, id_ in rows)
    known = EntityDictionary.read(write(tmp_path, text))
    assert len(known) == len(rows)
    assert all(known.find(name, "chemical") for name, _ in rows[:2000])
    assert not any(known.find(f"{name} b", "chemical") for name, _ in rows[:500])


def test_gold_mentions():
    """Names of one split sought in the same, and in the other's: ids that are right, and wrong."""
    table = json.loads(shared("bc5cdr/valid.entities.json").read_text(encoding="utf-8"))
    kinds = ("chemical", "disease")
    rows = [(n, i, kind) for kind in kinds for n, i in table[f"{kind}2id"].items()]
    known = EntityDictionary(rows)
    for split, share in (("Development", 0.98), ("Training", 0.6)):
        text = shared(f"bc5cdr/CDR_{split}Set.PubTator.txt").read_text(encoding="utf-8")
        lines = [line.split("\t") for line in text.splitlines()]
        mentions = [line[3:6] for line in lines if len(line) >= 6 and line[5] != "-1"]
        matches = [(known.find(name, kind), ids.split("|")) for name, kind, ids in mentions]
        exact = [match.id in ids for match, ids in matches if match and match.how == "exact"]
        fuzzy = [match.id in ids for match, ids in matches if match and match.how == "fuzzy"]
        assert sum(exact) > 0.98 * len(exact)
        assert sum(exact) + sum(fuzzy) > share * len(mentions)
        assert sum(fuzzy) >= 0.9 * len(fuzzy)
