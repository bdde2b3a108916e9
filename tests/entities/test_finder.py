"""Names of a dictionary in texts: where they are, which ids they have, and what is no name."""

import gzip
import pickle
import random
import threading
from itertools import pairwise

import pytest
from shared_data import shared

from biogpt_plugins import Entity, EntityDictionary, Paper
from biogpt_plugins.entities.stop_names import StopNames, fits
from biogpt_plugins.entities.tables import read_rows
from biogpt_plugins.text.grounding import fold, loose_spans
from biogpt_plugins.values.entities import EntitySource
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Text

ROWS = [
    ("Lithium", "D008094", "Chemical"),
    ("Lithium Carbonate", "D016651", "Chemical"),
    ("valproic acid", "D014635", "Chemical"),
    ("Seizures", "D012640", "Disease"),
    ("heart failure", "D006333", "Disease"),
    ("congestive heart failure", "D006333", "Disease"),
    ("renal failure", "D051437", "Disease"),
    ("Epilepsy", "D004827", "Disease"),
    ("Hypertension", "D006973", "Disease"),
    ("hypertensive crisis", "D006974", "Disease"),
    ("cerebral hemorrhage", "D002543", "Disease"),
    ("beta-endorphin", "D001615", "Chemical"),
    ("angiotensin converting enzyme", "D007703", "Chemical"),
    ("angiotensin", "D000809", "Chemical"),
    ("ACE", "D007703", "Chemical"),
    ("lead", "D007854", "Chemical"),
    ("cold", "D003139", "Disease"),
    ("cold", "D003080", "Disease"),
    ("drug", "D004364", "Chemical"),
    ("NaCl", "D012965", "Chemical"),
    ("2(3H)-furanone", "C1", "Chemical"),
    ("tin", "D014001", "Chemical"),
    ("caffeine", "D002110", "Chemical"),
    ("caffeine", "X1", "Drug"),
    ("placebo", "D010919", "Chemical"),
    ("syndrome", "D013577", "Disease"),
    ("protein kinase", "D011494", "Chemical"),
    ("protein kinase", "G1", "Gene"),
    ("TREST", "G2", "Gene"),
    ("Protein", "G3", "Gene"),
]


@pytest.fixture(scope="module")
def known():
    return EntityDictionary(ROWS)


def found(known, text):
    entities = known(Text(text=text))
    for entity in entities:
        assert text[entity.start : entity.end] == entity.text
    return [(entity.text, entity.id) for entity in entities]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("LITHIUM and lithium.", [("LITHIUM", "D008094"), ("lithium", "D008094")]),
        ("(lithium-carbonate)", [("lithium-carbonate", "D016651")]),
        ("lithium  \n carbonate", [("lithium  \n carbonate", "D016651")]),
        ("lithium/carbonate", [("lithium", "D008094")]),
        ("lithium (carbonate)", [("lithium", "D008094")]),
        ("lithium. Carbonate", [("lithium", "D008094")]),
        ("lithiumcarbonate xlithium", []),
        ("a seizure, Seizures' end", [("seizure", "D012640"), ("Seizures", "D012640")]),
        ("congestive heart failure", [("congestive heart failure", "D006333")]),
        ("congestive renal failure", [("renal failure", "D051437")]),
        (
            "heart failure renal failure",
            [("heart failure", "D006333"), ("renal failure", "D051437")],
        ),
        ("β-endorphin", [("β-endorphin", "D001615")]),
        ("µ and beta endorphin", [("beta endorphin", "D001615")]),
        ("&beta;-endorphins", [("&beta;-endorphins", "D001615")]),
        ("cerebral haemorrhage", [("cerebral haemorrhage", "D002543")]),
        ("hypertensive rats", [("hypertensive", "D006973")]),
        ("a hypertensive crisis", [("hypertensive crisis", "D006974")]),
        ("epileptic patients", [("epileptic", "D004827")]),
        ("Lead to death, which leads", []),
        ("the drug and a placebo in the syndrome", []),
        ("angiotensin converting enzyme", [("angiotensin", "D000809")]),
        ("we treste TREST, trest, Trest", [("TREST", "G2"), ("Trest", "G2")]),
        ("a protein", []),
        ("tin, Tin, TIN", [("TIN", "D014001")]),
        ("NACL, NaCl", [("NACL", "D012965"), ("NaCl", "D012965")]),
        ("2(3H)-furanone", [("2(3H)-furanone", "C1")]),
        ("", []),
        ("  ", []),
        ("??? \N{DNA DOUBLE HELIX} \u0301", []),
    ],
)
def test_names(known, text, names):
    assert found(known, text) == names


def test_abbreviations_that_the_text_defines(known):
    text = "Valproic acid (VPA) and congestive heart failure [CHF]. VPA, not vpa, in CHF and XVPA."
    entities = known(Text(text=text))
    assert [(e.text, e.id, e.id_match) for e in entities] == [
        ("Valproic acid", "D014635", "exact"),
        ("VPA", "D014635", "abbreviation"),
        ("congestive heart failure", "D006333", "exact"),
        ("CHF", "D006333", "abbreviation"),
        ("VPA", "D014635", "abbreviation"),
        ("CHF", "D006333", "abbreviation"),
    ]
    assert {(e.long_form, e.short_form) for e in entities} == {
        ("Valproic acid", "VPA"),
        ("congestive heart failure", "CHF"),
    }
    assert found(known, "HF (heart failure) and HF") == [
        ("HF", "D006333"),
        ("heart failure", "D006333"),
        ("HF", "D006333"),
    ]


def test_an_abbreviation_of_a_longer_name_is_none_of_its_end(known):
    assert found(known, "acute renal failure (ARF) and ARF") == [("renal failure", "D051437")]


def test_an_abbreviation_that_the_text_defines_otherwise(known):
    assert found(known, "ACE was low.") == [("ACE", "D007703")]
    assert found(known, "Addenbrooke's cognitive examination (ACE). ACE was low.") == []


def test_a_name_with_several_ids_or_types(known):
    (cold,) = known(Text(text="the common COLD"))
    assert (cold.id, cold.id_match) == ("D003139", "ambiguous")
    both = known(Text(text="caffeine"))
    assert [(e.type, e.id, e.id_match) for e in both] == [
        ("Chemical", "D002110", "exact"),
        ("Drug", "X1", "exact"),
    ]
    assert [e.type for e in known(Text(text="protein kinase"))] == ["Chemical", "Gene"]


def test_offsets_count_in_title_and_abstract(known):
    paper = Paper(title="Lithium.", text="It caused seizures.")
    assert [(e.start, e.end, e.text) for e in known(paper)] == [
        (0, 7, "Lithium"),
        (19, 27, "seizures"),
    ]
    assert isinstance(known, EntitySource)
    assert all(isinstance(entity, Entity) for entity in known(paper))


def test_any_text_can_be_searched(known):
    rng = random.Random(1)
    pieces = [
        *"()[]/-'.,;& \n\t\u00a0\u2028s",
        "lithium",
        "β",
        "ﬁ",
        "™",
        "carbonate",
        "ACE",
        "(CHF)",
    ]
    for _ in range(300):
        text = "".join(rng.choices(pieces, k=rng.randint(0, 40)))
        places = [(e.start, e.end) for e in known(Text(text=text))]
        assert places == sorted(places)
        assert all(one[1] <= two[0] for one, two in pairwise(places))
        found(known, text)


def test_the_leftmost_and_longest_names_are_found_whatever_stands_between(known):
    """Beside the rule, written out: of the names that begin at the first word the longest."""
    rng = random.Random(2)
    is_stopped = StopNames()
    names = {name: of for name, of in known.by_name().items() if not is_stopped(name, of)}
    longest = max(name.count(" ") for name in names) + 1
    words_of_names = (word for row in ROWS for word in row[0].split() if word != "hypertensive")
    pieces = [*"-,/ \n", *([" "] * 9), *words_of_names]
    for _ in range(500):
        text = "".join(rng.choices(pieces, k=rng.randint(0, 30)))
        words = loose_spans(text)
        expected, at = [], 0
        while at < len(words):
            for past in range(min(len(words), at + longest), at, -1):
                name = " ".join(fold(text[slice(*word)]) for word in words[at:past])
                start, end = words[at][0], words[past - 1][1]
                if name in names and fits(text[start:end], names[name]):
                    expected.append((start, end))
                    at = past - 1
                    break
            at += 1
        assert [(one.start, one.end) for one in known.finder.find(text)] == expected


def test_entities_are_as_if_they_were_validated(known):
    text = "Valproic acid (VPA), VPA, the common COLD, caffeine and lithium carbonate."
    for entity in known(Text(text=text)):
        again = Entity(**dict(entity))
        assert entity == again == pickle.loads(pickle.dumps(entity))
        assert hash(entity) == hash(again)
        assert entity.model_dump_json() == again.model_dump_json()
        assert entity.moved(3) == again.moved(3)


@pytest.mark.parametrize("row", [("lithium", 8094), ("lithium", None, "Chemical"), ("lithium",)])
def test_rows_that_are_none_are_refused(row):
    with pytest.raises(InputError, match="row is a name, an id and perhaps a type, not"):
        EntityDictionary([("caffeine", "D002110"), row])


def test_threads_share_one(known):
    texts = [f"word{n} lithium caused seizures in case {n}." for n in range(300)]
    expected = [found(known, text) for text in texts]
    fresh = EntityDictionary(ROWS)
    got: dict[int, list] = {}

    def work(part):
        for n in range(part, len(texts), 4):
            got[n] = found(fresh, texts[n])

    workers = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [got[n] for n in range(len(texts))] == expected


def test_what_is_remembered_of_words_is_bounded(monkeypatch):
    monkeypatch.setattr("biogpt_plugins.entities.finder._MOST_KEPT", 10)
    fresh = EntityDictionary(ROWS)
    text = " ".join(f"w{n} lithium" for n in range(50))
    assert found(fresh, text) == [("lithium", "D008094")] * 50
    assert len(fresh.finder._words_of) <= 10
    assert len(fresh.finder._chunks) <= 10


@pytest.mark.slow
def test_mentions_of_a_real_corpus():
    """Precision and recall of mentions on the development set, whose gold the stop names ignore."""
    with gzip.open(shared("mesh/mesh_names.csv.gz"), "rt", encoding="utf-8") as lines:
        known = EntityDictionary(read_rows(lines, "mesh"))
    text = shared("bc5cdr/CDR_DevelopmentSet.PubTator.txt").read_text(encoding="utf-8")
    right = given = gold = 0
    for block in text.strip().split("\n\n")[:100]:
        title, abstract, *rows = block.splitlines()
        paper = Paper(title=title.split("|", 2)[2], text=abstract.split("|", 2)[2])
        mentions = [row.split("\t") for row in rows]
        annotated = {(int(m[1]), int(m[2]), m[4].lower()) for m in mentions if len(m) >= 6}
        named = {(e.start, e.end, e.type) for e in known(paper)}
        right, given, gold = (
            right + len(annotated & named),
            given + len(named),
            gold + len(annotated),
        )
    assert right / given > 0.85
    assert right / gold > 0.7
