"""What papers cost beside the model, in figures that no machine changes: calls, and bytes."""

import sys
import threading
from collections import Counter

import beside_model
import pytest

from biogpt_plugins import Entity, Paper
from biogpt_plugins.corpus.run import run
from biogpt_plugins.engines.moses import Splitter
from biogpt_plugins.text.grounding import Aligner

TITLE = "Lithium carbonate, tremor and renal failure in patients with bipolar disorder"
ABSTRACT = (
    "We report seven patients who developed a tremor (RT) while they took lithium carbonate. "
    "Renal failure was not caused by valproic acid in any of them, but lithium carbonate may "
    "have led to renal failure in two. The dose of valproic acid was 500 mg/day in most patients, "
    "and the serum levels of lithium carbonate were between 0.6 and 1.2 mmol/l. "
    "Tremor disappeared within three weeks after lithium carbonate had been withdrawn. "
    "No patient had a tremor before treatment, and all of them were followed for two years. "
    "Valproic acid was associated with nausea in three patients, of whom one also complained of "
    "headache. In conclusion, patients who take lithium carbonate should be observed for tremor "
    "and for renal failure, especially when valproic acid is given at the same time."
)
PAIRS = (
    ("lithium carbonate", "tremor"),
    ("lithium carbonate", "renal failure"),
    ("valproic acid", "nausea"),
)
TARGET = "; ".join(f"the relation between {a} and {b} exists" for a, b in PAIRS) + "."
COUNT = 24


def _entities(source):
    for number, names in enumerate(zip(*PAIRS, strict=True)):
        for name in dict.fromkeys(names):
            start = source.lower().index(name)
            text = source[start : start + len(name)]
            yield Entity(
                text=text, type=("Chemical", "Disease")[number], start=start, end=start + len(text)
            )


@pytest.fixture(scope="module")
def papers():
    bare = Paper(title=TITLE, text=ABSTRACT)
    paper = bare.model_copy(update={"entities": tuple(_entities(bare.source))})
    papers = beside_model.numbered([paper])
    return [next(papers) for _ in range(2 * COUNT)]


@pytest.fixture(params=beside_model.FORMS)
def pipeline(request, papers):
    """What writes the target about each paper, and has read some papers before."""
    found, recording, fit = beside_model.recorded(papers[:1], [TARGET], request.param)
    assert len(fit) == 1
    assert all(one.ok for one in found.run(papers[COUNT:]))
    assert recording.missed == 0
    return found


class Calls:
    """Counts the calls of functions written in Python, in this thread and those it starts."""

    def __init__(self):
        self.all, self.of, self.texts = 0, Counter(), Counter()

    def __enter__(self):
        sys.setprofile(self._called)
        threading.setprofile(self._called)
        return self

    def __exit__(self, *_):
        threading.setprofile(None)
        sys.setprofile(None)

    def _called(self, frame, event, _):
        if event != "call":
            return
        self.all += 1
        self.of[frame.f_code] += 1
        if frame.f_code in (Splitter.keys.__code__, Aligner.__init__.__code__):
            self.texts[frame.f_code, frame.f_locals["text"]] += 1


# With Python 3.11 there are 1,854, 3,093 and 2,317.
MOST_CALLS = {"free": 2400, "grounded": 4000, "entities": 3000}
MOST_BYTES = 4200  # there are 3,641


def test_calls_of_a_paper_are_bounded(pipeline, papers):
    asked = papers[1:COUNT]
    with Calls() as calls:
        found = list(pipeline.imap(asked, chunk_size=8))
    assert [len(one.relations) for one in found] == [len(PAIRS)] * len(asked)
    assert calls.all / len(asked) < MOST_CALLS[pipeline.decoding.form]


def test_a_text_is_aligned_once_and_split_once_for_its_ids_and_once_for_its_names(pipeline, papers):
    asked = papers[1:COUNT]  # the fixture has tokenised the first
    with Calls() as calls:
        list(pipeline.imap(asked, chunk_size=8))
    found = Counter()
    for (code, text), count in calls.texts.items():
        if ABSTRACT.lower() in text.lower():
            found[code] += count
    assert found[Aligner.__init__.__code__] == len(asked)
    splits = 1 if pipeline.decoding.form == "free" else 2
    assert found[Splitter.keys.__code__] == splits * len(asked)


def test_bytes_of_a_paper_are_bounded(pipeline, papers, tmp_path):
    source = beside_model.written(tmp_path / "papers.jsonl", papers[:COUNT])
    run(pipeline, [source], tmp_path / "run")
    (shard,) = (tmp_path / "run").glob("shards/*")
    assert shard.stat().st_size / COUNT < MOST_BYTES


def test_a_paper_costs_the_same_in_a_long_run(papers):
    given = [*papers[:1]] * 64
    short, long = (beside_model.long_run(given, [TARGET], n, "cheap") for n in (192, 960))
    for name in ("Python calls of a paper", "disk, bytes a paper"):
        assert long[name] == pytest.approx(short[name], rel=0.05)
