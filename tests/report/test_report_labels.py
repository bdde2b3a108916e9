"""Labels in the report: what the page is given, and that the plain page has none of it."""

import json
import re

import pytest
import reported

from biogpt_plugins.corpus import read_gold
from biogpt_plugins.report import Content, Source, render
from biogpt_plugins.tasks import get_task
from biogpt_plugins.training.examples import read_examples
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper, read

BC5CDR = get_task("bc5cdr")


def content(*, texts=True):
    return Content.of(reported.predictions(), reported.sources() if texts else None)


def labels_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])["label"]


def test_the_page_knows_the_task():
    label = labels_of(render(content(), label=get_task("ddi")))
    assert label.pop("key")
    assert label == {
        "task": "ddi",
        "head": "drug",
        "tail": "drug",
        "types": ["mechanism", "effect", "advise", "int"],
        "closed": True,
        "nothing": False,
    }


def test_browsers_keep_labels_by_what_the_report_holds():
    one, same = (labels_of(render(content(), label=BC5CDR, title=t))["key"] for t in "ab")
    other = labels_of(render(content(texts=False), label=BC5CDR))["key"]
    assert one == same != other
    assert labels_of(render(content(), label=get_task("ddi")))["key"] != one


def test_papers_that_were_read_for_the_task_and_have_their_text_are_labelled():
    papers = content().data(BC5CDR)["papers"]
    assert [paper["id"] for paper in papers if paper.get("label")] == list("123456")
    assert content().labelled(BC5CDR) == 6
    assert content().labelled(get_task("kd_dti")) == 0
    assert content(texts=False).labelled(BC5CDR) == 0
    assert Content.of(*reported.by_section(reported.FULL)).labelled(BC5CDR) == 0


def test_the_plain_page_is_as_it_was():
    page, labelled = render(content()), render(content(), label=BC5CDR)
    assert "label-bar" in labelled
    assert "localStorage" in labelled
    for word in ("label-bar", "localStorage", '"label":{'):
        assert word not in page


def test_a_task_without_relations_is_refused():
    with pytest.raises(InputError, match="pubmedqa has no relations to label: name a task"):
        render(content(), label=get_task("pubmedqa"))


@pytest.mark.parametrize("title", ["", "Lithium 😀.", "Lithium. "])
def test_what_the_page_saves_is_the_text_that_was_read(title):
    """Title and text come from the page's segments."""
    text = f"{title} Tremor 😀 came." if title else "Tremor 😀 came."
    (paper,) = Content.of(reported.scored(1), {"p0": Source(text, title)}).data(BC5CDR)["papers"]
    first, *rest = (segment for _, segment in paper["segments"])
    row = {"id": "p0", "title": first, "text": rest[0]} if title else {"id": "p0", "text": first}
    assert " ".join(read(Paper, row).source.split()) == " ".join(text.split())


def test_a_saved_row_is_gold_and_training_data(tmp_path):
    row = {
        "task": "bc5cdr",
        "id": "1",
        "title": "Lithium.",
        "text": "Tremor came.",
        "gold": [{"head": {"text": "Lithium", "id": "D008094"}, "type": "CID", "tail": "Tremor"}],
        "label": {"by": "biogpt report", "models": ["demo"], "accepted": 1},
    }
    file = tmp_path / "labels.jsonl"
    file.write_text(json.dumps(row), encoding="utf-8")
    (document,) = read_gold(file, "bc5cdr").documents
    assert document.gold == (("D008094", "tremor"),)
    assert document.input["label"]["models"] == ["demo"]
    (example,) = read_examples(file, ["bc5cdr"])
    assert example.input.source == "Lithium. Tremor came."
    assert example.target == "the relation between lithium and tremor exists."
