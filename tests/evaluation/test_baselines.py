"""Baselines by hand: which pairs, names and labels they predict, and what they lack."""

from dataclasses import replace

import pytest
from shared_data import shared

from biogpt_plugins import Entity
from biogpt_plugins.corpus import read_gold
from biogpt_plugins.entities import EntityDictionary
from biogpt_plugins.evaluation import evaluate, report
from biogpt_plugins.evaluation.baselines import measure_baselines
from biogpt_plugins.scoring import Document, GoldSet
from biogpt_plugins.values.errors import InputError

TEXT = "Lithium caused tremors. Aspirin did not. Nausea was rare."
ALL, SENTENCE = "all annotated pairs", "annotated pairs in a sentence"


def mention(text, type_, id_=None, source=TEXT):
    start = source.index(text)
    return Entity(text=text, type=type_, id=id_, start=start, end=start + len(text))


LITHIUM, ASPIRIN = mention("Lithium", "Chemical", "C1"), mention("Aspirin", "Chemical", "C2")
TREMOR, NAUSEA = mention("tremors", "Disease", "D1"), mention("Nausea", "Disease", "D2")


def paper(pairs, *entities, id_="1", text=TEXT):
    return Document(id_, pairs, {"text": text}, entities=entities or None)


def bc5cdr(*documents, names=None):
    return GoldSet("bc5cdr", documents, names or {"chemical2id": {}, "disease2id": {}})


def found(gold, **given):
    return {one.name: one for one in measure_baselines(gold, **given).measured}


def counts(baseline):
    score = baseline.figures.score
    return score.tp, score.fp, score.fn


GOLD = bc5cdr(paper([("C1", "D1"), ("C2", "D2")], LITHIUM, ASPIRIN, TREMOR, NAUSEA))


def test_nothing_all_pairs_and_pairs_in_a_sentence():
    measured = found(GOLD)
    assert counts(measured["nothing"]) == (0, 0, 2)
    assert counts(measured[ALL]) == (2, 2, 0)
    assert counts(measured[SENTENCE]) == (1, 0, 1)


def test_only_what_the_clause_wants_and_has_an_identifier():
    gene, bare = mention("caused", "Gene", "G1"), mention("rare", "Disease")
    measured = found(bc5cdr(paper([("C1", "D1")], LITHIUM, TREMOR, gene, bare)))
    assert counts(measured[ALL]) == (1, 0, 0)


@pytest.mark.parametrize("ids", ["D1|D2", "D1;D2", "D1, D2", "D1+D2", "D1||D2|"])
def test_mentions_of_an_id_are_one_and_several_ids_are_several(ids):
    again, both = mention("Aspirin", "Chemical", "C1"), mention("tremors", "Disease", ids)
    measured = found(bc5cdr(paper([("C1", "D1"), ("C1", "D2")], LITHIUM, again, both)))
    assert counts(measured[ALL]) == (2, 0, 0)


def test_intervals_are_those_of_every_row():
    figures = found(GOLD)[ALL].figures
    assert (figures.interval.low, figures.interval.high) == (figures.value, figures.value)
    assert figures.interval.resamples == 1000


def test_names_of_a_dictionary_and_of_training_data():
    rows = [("lithium", "MESH:C1", "chemical"), ("tremor", "D1", "disease"), ("as", "C2")]
    train = bc5cdr(
        paper([], id_="9"),
        names={"chemical2id": {"aspirin": "C2", "li": "C1"}, "disease2id": {"did not": "D9"}},
    )
    measured = found(GOLD, dictionary=EntityDictionary(rows), train=train)
    assert counts(measured["dictionary names in a sentence"]) == (1, 0, 1)
    assert counts(measured["train names in a sentence"]) == (0, 1, 2)
    assert measured["train names in a sentence"].how == "pairs of 3 names"


def test_annotations_of_training_data_are_names():
    train = bc5cdr(paper([], LITHIUM, TREMOR, id_="9"))
    assert counts(found(GOLD, train=train)["train names in a sentence"]) == (1, 0, 1)


def test_what_is_lacking_is_said():
    notes = measure_baselines(bc5cdr(paper([("C1", "D1")]))).notes
    assert "annotated pairs are left out: the data annotate no entities" in notes[0]
    assert notes[1:] == [
        "baseline dictionary names is left out: give --dictionary FILE",
        "baseline train names is left out: give --train FILE",
    ]
    ignored = measure_baselines(GOLD, annotations=False)
    assert "annotations are ignored" in ignored.notes[0]
    assert [one.name for one in ignored.measured] == ["nothing"]


def test_documents_without_annotations_are_counted():
    notes = measure_baselines(bc5cdr(*GOLD.documents, paper([("C1", "D1")], id_="2"))).notes
    assert "1 of 2 documents has no annotated entities" in notes[0]


def test_documents_of_the_training_data_are_counted():
    notes = measure_baselines(GOLD, train=GOLD).notes
    assert notes[0].startswith("1 document with an id of the training file is scored")


def test_annotations_that_do_not_fit_are_refused_by_name():
    wrong = {"text": "Lithium", "type": "Chemical", "start": 3, "end": 10}
    with pytest.raises(InputError, match="Lithium"):
        measure_baselines(bc5cdr(replace(GOLD.documents[0], entities=[wrong])))


def test_a_pair_of_one_kind_is_given_once_with_the_most_frequent_type():
    text = "Warfarin with aspirin and heparin."
    drugs = [mention(name, "drug", source=text) for name in ("aspirin", "Warfarin", "heparin")]
    gold = [("warfarin", "aspirin", "effect"), ("aspirin", "heparin", "effect")]
    corpus = GoldSet("ddi", (paper([*gold, ("x", "y", "int")], *drugs, text=text),))
    measured = found(corpus)[ALL]
    assert measured.figures.score.num_pred == 3
    assert measured.figures.score.onto_p == pytest.approx(2 / 3)
    assert "type effect, the most frequent of the gold itself, for want of --train" in measured.how
    train = GoldSet("ddi", (paper([("a", "b", "int")], id_="9"),))
    assert found(corpus, train=train)[ALL].figures.score.onto_p == 0


def test_the_most_frequent_label_of_the_training_data_or_of_the_gold():
    def answers(*labels):
        texts = {"question": "Does it?", "context": "It does."}
        return GoldSet(
            "pubmedqa",
            tuple(Document(str(n), label, texts) for n, label in enumerate(labels)),
        )

    gold = answers("no", "yes", "no", "maybe")
    measured = measure_baselines(gold)
    (most,) = measured.measured
    assert (most.name, most.figures.value) == ("most frequent label", 0.5)
    assert most.how == "no, the most frequent of the gold itself, for want of --train (2 of 4)"
    assert measured.notes == ["baseline nothing is left out: an answer always has a label"]
    (trained,) = measure_baselines(gold, train=answers("maybe")).measured
    assert trained.how == "maybe, the most frequent of the training data (1 of 1)"
    assert trained.figures.value == 0.25


def test_no_hallmark_may_be_the_most_frequent_label():
    label = "inducing angiogenesis"
    sentences = [Document(str(n), each, {"text": "x"}) for n, each in enumerate(((), (), (label,)))]
    measured = found(GoldSet("hoc", tuple(sentences)))
    assert measured["most frequent label"].how.startswith("empty, ")
    assert counts(measured["most frequent label"]) == counts(measured["nothing"]) == (2, 1, 1)


def test_they_stand_beside_an_evaluation():
    baselines = tuple(measure_baselines(GOLD).measured)
    names = {"chemical2id": {"lithium": "C1"}, "disease2id": {"tremor": "D1"}}
    told = evaluate(replace(GOLD, names=names), ["the relation between lithium and tremor exists."])
    told = told.model_copy(update={"baselines": baselines})
    assert type(told).model_validate_json(told.model_dump_json()) == told
    table = report.against_baselines({"free": told})
    assert [row[0] for row in table] == ["", "free", "nothing", ALL, SENTENCE]
    assert table[1][2:] == ("100.00", "50.00")
    assert table[3][2:] == ("50.00", "100.00")
    text = report.markdown(told, title="x")
    assert "## Beside baselines" in text
    assert "| all annotated pairs | 66.67 (66.67 to 66.67) | 50.00 | 100.00 |" in text


def test_figures_of_the_development_set():
    path = shared("bc5cdr/CDR_DevelopmentSet.PubTator.txt")
    gold = read_gold(path, "bc5cdr")
    measured = found(replace(gold, documents=gold.documents[-100:]))
    assert measured[ALL].figures.value == pytest.approx(0.325, abs=5e-4)
    assert measured[ALL].figures.score.recall == 1
