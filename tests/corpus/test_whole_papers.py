"""Whole papers out of records of sections, in the places that Predictions count in."""

import json

import pytest
from doubles import Ruled
from filed import bioc_json, bioc_xml, citation, deleted, jats, pubmed, whole

from biogpt_plugins import Paper, Pipeline
from biogpt_plugins.cli.found import Faults, texts
from biogpt_plugins.corpus import Sections, Withdrawn, read_records, whole_papers
from biogpt_plugins.report import Source, source_of
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import FullText, Part
from biogpt_plugins.values.results import Answer, Prediction

FORMATS = {"jats": jats, "bioc-xml": bioc_xml, "bioc-json": bioc_json}
PAPERS = [
    ("1", "A first – one.", "It was seen.", ("Results", "Rash."), ("End / All", "None.")),
    ("2", "", "", ("Results", "Rash."), ("End", "Tremor.")),
    ("3", "A third 𝛼 < β.", "It was quiet."),
    ("4", "No abstract.", "", ("Results", "Rash.")),
]


def written(tmp_path, text):
    path = tmp_path / "papers"
    path.write_text(text, encoding="utf-8")
    return [str(path)]


def papers(paths, ids=None):
    return [one.value for one in whole_papers(read_records(paths, sections=Sections.all), ids)]


def document(tmp_path, *passages):
    """A paper in BioC JSON, of (offset, type, section, text)."""
    told = [
        {"offset": at, "infons": {"type": kind, "section_type": section}, "text": text}
        for at, kind, section, text in passages
    ]
    return written(tmp_path, json.dumps({"documents": [{"id": "1", "passages": told}]}))


def parts_of(paper):
    return [(name.lower(), start, paper.text[start:end]) for name, start, end in paper.parts]


@pytest.mark.parametrize("form", FORMATS)
def test_a_paper_is_its_sections_with_a_space_between(tmp_path, form):
    found = papers(written(tmp_path, FORMATS[form](*PAPERS)))
    assert [one.id for one in found] == ["PMC1", "PMC2", "PMC3", "PMC4"]
    assert [one.text for one in found] == [whole(*paper) for paper in PAPERS]
    assert [one.title for one in found] == [title for _, title, *_ in PAPERS]
    assert parts_of(found[0]) == [
        ("title", 0, "A first – one."),
        ("abstract", 15, "It was seen."),
        ("results", 28, "Rash."),
        ("end / all", 34, "None."),
    ]
    assert parts_of(found[1]) == [("results", 0, "Rash."), ("end", 6, "Tremor.")]
    assert parts_of(found[3]) == [("title", 0, "No abstract."), ("results", 13, "Rash.")]


@pytest.mark.parametrize("form", FORMATS)
def test_predictions_stand_where_they_count(tmp_path, form):
    said = "We saw that drug{n} caused illness{n}."
    paths = written(
        tmp_path,
        FORMATS[form](
            ("1", "A first.", said.format(n=1), ("Results", said.format(n=2))),
            ("2", "", "", ("Begin", said.format(n=3)), ("End", said.format(n=4))),
        ),
    )
    records = list(read_records(paths, sections=Sections.all))
    found = Pipeline("bc5cdr", Ruled()).run([record.value for record in records])
    placed = [record.placed(one) for record, one in zip(records, found, strict=True)]
    text = {one.id: one.text for one in papers(paths)}
    assert len(placed) == 4
    for prediction in placed:
        (relation,) = prediction.result
        for end in (relation.head, relation.tail):
            assert text[prediction.id][end.start : end.end] == end.text


def test_offsets_of_bioc_count_and_gaps_are_spaces(tmp_path):
    (paper,) = papers(
        document(
            tmp_path,
            (3, "title", "TITLE", "A title."),
            (12, "abstract", "ABSTRACT", "Seen."),
            (20, "table", "TABLE", "a b"),
            (30, "ref", "REF", "Left out."),
            (50, "paragraph", "RESULTS", "Rash."),
            (55, "paragraph", "", "Tremor."),
        )
    )
    assert paper.text == f"   A title. Seen.   a b{' ' * 27}Rash.Tremor."
    assert paper.title == "A title."
    assert parts_of(paper) == [
        ("title", 3, "A title."),
        ("abstract", 12, "Seen."),
        ("table", 20, "a b"),
        ("results", 50, "Rash."),
        ("paragraph", 55, "Tremor."),
    ]


@pytest.mark.parametrize("offset", [0, 5, 1 << 40])
def test_a_section_whose_offset_makes_no_sense_is_left_out(tmp_path, offset):
    (paper,) = papers(
        document(
            tmp_path,
            (0, "title", "TITLE", "A title."),
            (offset, "paragraph", "METHODS", "None."),
            (9, "paragraph", "RESULTS", "Rash."),
        )
    )
    assert paper.text == "A title. Rash."
    assert [name for name, *_ in parts_of(paper)] == ["title", "results"]


def test_sections_that_are_not_in_order_are_put_in_order(tmp_path):
    (paper,) = papers(
        document(
            tmp_path,
            (0, "title", "TITLE", "A title."),
            (15, "paragraph", "RESULTS", "Rash."),
            (9, "paragraph", "METHODS", "None."),
        )
    )
    assert paper.text == "A title. None. Rash."
    assert [name for name, *_ in parts_of(paper)] == ["title", "methods", "results"]


def test_of_other_ids_title_and_abstract_are_enough(tmp_path):
    first, second, third, _ = papers(written(tmp_path, jats(*PAPERS)), {"PMC3"})
    assert first == Paper(id="PMC1", title="A first – one.", text="It was seen.")
    assert second.text == "Rash. Tremor."  # there is neither
    assert third == FullText(
        id="PMC3",
        text="A third 𝛼 < β. It was quiet.",
        parts=(Part("title", 0, 14), Part("abstract", 15, 28)),
    )


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('[{"id": "1", "text": "A."}, {"id": "1", "text": "B."}]', ["A.", "B."]),
        ('{"id": "1", "text": "A."}\n{"id": "1", "text": "B."}', ["A.", "B."]),
        ("1|t|A.\n1|a|B.\n\n1|t|C.\n1|a|D.\n", ["A. B.", "C. D."]),
    ],
)
def test_papers_without_sections_stay_as_they_are(tmp_path, text, values):
    found = papers(written(tmp_path, text))
    assert [source_of(one) for one in found] == [
        ("1", Source(text, text.split(" ")[0] if " " in text else "")) for text in values
    ]
    assert not any(isinstance(one, FullText) for one in found)


def test_articles_of_one_id_are_papers_of_their_own(tmp_path):
    text = jats(PAPERS[0], PAPERS[0]).replace("\n", "")
    assert [one.text for one in papers(written(tmp_path, text))] == [whole(*PAPERS[0])] * 2


def test_what_is_broken_costs_itself_only(tmp_path):
    text = jats(PAPERS[0], PAPERS[2], PAPERS[3]).replace("<p>It was quiet.", "<q>It was quiet.")
    first, broken, last = papers(written(tmp_path, text))
    assert (first.id, last.id) == ("PMC1", "PMC4")
    assert isinstance(broken, InputError)


# --- what commands read ---------------------------------------------------------------------


def predicted(id_, section=None):
    return Prediction(id=id_, section=section, task="pubmedqa", result=Answer(label="yes"))


def sources(paths, predictions):
    faults = Faults()
    return texts(paths, predictions, source_of, faults), faults.number


def test_papers_are_whole_as_far_as_they_were_read_by_section(tmp_path):
    paths = written(tmp_path, jats(*PAPERS))
    mixed = [predicted("PMC1"), predicted("PMC1", "Results"), predicted("PMC4"), predicted("9")]
    found, faults = sources(paths, mixed)
    assert found.keys() == {"PMC1", "PMC4"}
    assert found["PMC1"].text == whole(*PAPERS[0])
    assert found["PMC4"] == Source("No abstract.", "No abstract.")
    assert faults == 0
    found, _ = sources(paths, [predicted("PMC1"), predicted("PMC4")])
    assert found["PMC1"] == Source("A first – one. It was seen.", "A first – one.")


def test_what_pubmed_deleted_is_no_fault_beside_full_texts(tmp_path):
    path = pubmed(tmp_path / "pubmed.xml", citation(5), deleted(5))
    paths = [*written(tmp_path, jats(*PAPERS)), str(path)]
    assert any(isinstance(one, Withdrawn) for one in papers(paths))
    found, faults = sources(paths, [predicted("PMC2", "End"), predicted("5")])
    assert (found["PMC2"].text, found["5"].text) == ("Rash. Tremor.", "drug5 caused illness5.")
    assert faults == 0


def test_a_full_text_without_a_word_is_a_fault(tmp_path):
    paths = written(tmp_path, jats(("1", "", "", ("Blank", "\xa0")), PAPERS[1]))
    found, faults = sources(paths, [predicted("PMC1", "Blank"), predicted("PMC2", "End")])
    assert (found.keys(), faults) == ({"PMC2"}, 1)
