"""The sample papers: the same in each format, with true offsets, and of several kinds."""

import csv
import gzip

import pytest
from shared_data import shared

from biogpt_plugins.corpus import (
    SampleFormat,
    read_gold,
    read_records,
    sample_papers,
    sample_text,
)
from biogpt_plugins.tasks import get_task
from biogpt_plugins.text.abbreviations import definitions
from biogpt_plugins.values.inputs import without_entities


@pytest.fixture
def file(tmp_path):
    def file(form):
        path = tmp_path / f"papers.{form.value}"
        path.write_text(sample_text(form), encoding="utf-8")
        return str(path)

    return file


@pytest.mark.parametrize("form", SampleFormat)
def test_each_format_is_read_back_to_the_same_papers(file, form):
    read = [get_task("bc5cdr").read_input(one.value) for one in read_records([file(form)])]
    without = form is SampleFormat.nbib
    papers = map(without_entities, sample_papers()) if without else sample_papers()
    assert read == list(papers)
    assert all(bool(paper.entities) != without for paper in read)
    assert not any(paper.notes for paper in read)


def test_pubtator_and_json_lines_have_the_same_relations(file):
    golds = [
        {one.id: one.gold for one in read_gold(file(form), "bc5cdr").documents}
        for form in (SampleFormat.pubtator, SampleFormat.jsonl)
    ]
    assert golds[0] == golds[1]
    numbers = [len(gold) for gold in golds[0].values()]
    assert len(numbers) == 12
    assert numbers.count(0) >= 3
    assert sum(number > 1 for number in numbers) >= 4
    shared_by_papers = [pair for gold in golds[0].values() for pair in gold]
    assert len(set(shared_by_papers)) < len(shared_by_papers)


def test_every_relation_joins_a_chemical_and_a_disease_that_its_paper_mentions(file):
    gold = {one.id: one.gold for one in read_gold(file(SampleFormat.jsonl), "bc5cdr").documents}
    for paper in sample_papers():
        kinds = {entity.id: entity.type for entity in paper.entities}
        for chemical, disease in gold[paper.id]:
            assert (kinds[chemical], kinds[disease]) == ("Chemical", "Disease")


def test_abbreviations_are_defined_and_a_title_asks():
    papers = sample_papers()
    assert any(paper.title.endswith("?") for paper in papers)
    texts = [paper.source for paper in papers]
    defined = {text[slice(*one.short)] for text in texts for one in definitions(text)}
    assert defined == {"DOX", "CsA", "AKI", "MPTP", "VPA", "MTX", "RA", "DVT"}


def test_the_longest_name_of_each_entity_has_its_id_in_mesh():
    with gzip.open(shared("mesh/mesh_names.csv.gz"), "rt", encoding="utf-8", newline="") as table:
        ids = {row["name"]: (row["id"], row["type"]) for row in csv.DictReader(table)}
    for paper in sample_papers():
        by_id = {}
        for one in sorted(paper.entities, key=lambda entity: len(entity.text)):
            by_id[one.id, one.type.lower()] = one.text.lower()
        assert {name: ids[name] for name in by_id.values()} == {v: k for k, v in by_id.items()}
