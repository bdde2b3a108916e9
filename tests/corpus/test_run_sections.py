"""Runs over full texts by section: places in the whole paper, copies, going on within a paper."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from doubles import Ruled
from filed import bioc_json, bioc_xml, jats, whole

from biogpt_plugins import Pipeline
from biogpt_plugins.corpus import Sections
from biogpt_plugins.corpus.run import outcomes, results, run
from biogpt_plugins.corpus.run.reading import Reading
from biogpt_plugins.values.errors import InputError

DRIVER = Path(__file__).parents[1] / "run_driver.py"
FORMATS = {"jats": jats, "bioc-xml": bioc_xml, "bioc-json": bioc_json}
SAME = "We looked at it. There was no evidence that drug7 caused illness7. It may be so."
OTHER = "In all, drug{n} caused illness{n}."
PAPERS = [
    (
        *("1", "A first – one.", "We saw that drug1 caused illness1."),
        ("Results", SAME),
        ("Methods", OTHER.format(n=2)),
        ("Discussion", SAME),
    ),
    ("2", "", "", ("Results", SAME), ("End", OTHER.format(n=3))),
    ("3", "A third 𝛼 < β.", "It was quiet.", ("Begin", OTHER.format(n=3)), ("Last & least", SAME)),
]


def write(path, papers=PAPERS, form=jats):
    path.write_text(form(*papers), encoding="utf-8")
    return path


def sections_of(papers):
    """What is to be read, (id, section, where it begins, text), and in this order."""
    found = []
    for id_, title, abstract, *parts in papers:
        start = 0
        for name, text in [("abstract", f"{title} {abstract}".strip()), *parts]:
            if text:
                found.append((f"PMC{id_}", name, start, text))
                start += len(text) + 1
    return found


def pipeline(engine=None, task="bc5cdr"):
    return Pipeline(task, engine or Ruled())


def asked(pipeline):
    return [prompt.text for prompt in pipeline.engine.history]


def by_section(pipeline, files, folder, **options):
    return run(pipeline, files, folder, sections=Sections.all, **options)


def check_places(found, papers=PAPERS):
    """Whatever has a place is there in the whole paper; how many relations have both ends there."""
    texts = {f"PMC{paper[0]}": whole(*paper) for paper in papers}
    relations = [(texts[one.id], it) for one in found for it in one.result if it.grounded]
    for text, relation in relations:
        sentences = relation.evidence
        assert sentences
        cues = (cue for sentence in sentences for cue in sentence.cues)
        for one in (relation.head, relation.tail, *sentences, *cues):
            assert text[one.start : one.end] == one.text
    return len(relations)


# --- places and copies ----------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("chunk", [1, 2, 64])
@pytest.mark.parametrize("order", [1, -1], ids=["at the beginning later", "at the beginning first"])
def test_identical_sections_are_asked_once_and_stand_where_they_are(tmp_path, form, chunk, order):
    papers = PAPERS[::order]
    path = write(tmp_path / "papers", papers, FORMATS[form])
    asking = pipeline()
    assert by_section(asking, [path], tmp_path / "run", chunk_size=chunk) == (9, 0, 4)
    wanted = sections_of(papers)
    texts = [text for *_, text in wanted]
    assert asked(asking) == list(dict.fromkeys(texts))
    found = list(outcomes(tmp_path / "run"))
    predictions = [one.prediction for one in found]
    assert [(one.prediction.id, one.prediction.section.lower(), one.start) for one in found] == [
        (id_, section.lower(), start) for id_, section, start, _ in wanted
    ]
    copied = [one.same_as is not None for one in found]
    assert copied == [text in texts[:at] for at, text in enumerate(texts)]
    assert check_places(predictions) == 8
    assert sum(relation.negated for one in predictions for relation in one.result) == 4


def test_a_copy_of_a_copy_is_as_one_of_the_first(tmp_path):
    asking = pipeline()
    path = str(write(tmp_path / "papers"))
    items = [*Reading(asking.task, [path], sections=Sections.all).items()]
    text = items[1].digest
    first, *others = [item for item in items if item.digest == text]
    found = [first.outcome(asking.run([first.read])[0])]
    for item in others:
        found.append(item.as_was(found[-1]))
    assert found[1:] == [item.as_was(found[0]) for item in others]
    assert [one.same_as for one in found[1:]] == [first.record.where] * 3
    assert [one.start for one in found] == [
        start for *_, start, text in sections_of(PAPERS) if text == SAME
    ]
    assert check_places(one.prediction for one in found) == 4


@pytest.mark.parametrize("kept", [True, False], ids=["with its index", "without"])
def test_a_run_that_ends_behind_any_section_goes_on_there(tmp_path, kept):
    path = write(tmp_path / "papers")
    by_section(pipeline(), [path], tmp_path / "unbroken")
    texts = []
    for limit in range(1, 10):
        again = pipeline()
        counts = by_section(again, [path], tmp_path / "run", limit=limit)
        texts += asked(again)
        assert counts.records == limit
        if not kept:
            (tmp_path / "run/index.sqlite").unlink()
    assert list(outcomes(tmp_path / "run")) == list(outcomes(tmp_path / "unbroken"))
    assert len(texts) == len({*texts}) == 5


def test_long_sections_are_read_in_windows_and_stand_where_they_are(tmp_path):
    cases = " ".join(f"In it drug{n} caused illness{n}. All else was well." for n in range(60))
    papers = [
        ("1", "A title.", "An abstract.", ("Methods", "None."), ("Cases", cases), ("End", cases)),
        ("2", "", "", ("Cases", cases)),
    ]
    path = write(tmp_path / "papers", papers)
    counts = by_section(pipeline(Ruled(165)), [path], tmp_path / "run", chunk_size=4)
    assert counts == (5, 0, 2)
    found = list(results(tmp_path / "run"))
    assert [len(one.result) for one in found[2:]] == [60, 60, 60]
    assert check_places(found, papers) == 180
    assert ["windows" in " ".join(one.warnings) for one in found] == [False, False, *[True] * 3]


def test_a_copy_in_a_part_without_a_name_has_none(tmp_path):
    parts = [(0, "title", "T."), (0, "", SAME)]
    passages = [{"offset": at, "infons": {"type": kind}, "text": text} for at, kind, text in parts]
    other = tmp_path / "other"
    other.write_text(json.dumps({"id": "4", "passages": passages}))
    by_section(pipeline(), [write(tmp_path / "papers"), other], tmp_path / "run")
    copy = list(outcomes(tmp_path / "run"))[-1]
    assert copy.same_as
    assert (copy.prediction.id, copy.prediction.section, copy.start) == ("4", None, 0)


# --- going on -------------------------------------------------------------------------------


class Ending(Ruled):
    """Is interrupted at its third call."""

    def complete(self, prompts, decoding):
        if len(self.calls) == 2:
            raise KeyboardInterrupt
        return super().complete(prompts, decoding)


MANY = [
    (
        *(str(n), f"Paper {n}.", f"We saw that drug{n} caused illness{n}."),
        *((f"Part {k}", OTHER.format(n=100 * n + k)) for k in range(7)),
    )
    for n in range(1, 16)
]


def test_an_interruption_within_a_paper_loses_and_repeats_no_section(tmp_path):
    path = write(tmp_path / "papers", MANY)
    broken, again = pipeline(Ending()), pipeline()
    with pytest.raises(KeyboardInterrupt):
        by_section(broken, [path], tmp_path / "run", chunk_size=5)
    assert [one.id for one in results(tmp_path / "run")] == ["PMC1"] * 8 + ["PMC2"] * 2
    assert by_section(again, [path], tmp_path / "run", chunk_size=5) == (120, 0, 0)
    assert len(asked(broken) + asked(again)) == len({*asked(broken), *asked(again)}) == 120
    by_section(pipeline(), [path], tmp_path / "unbroken")
    assert list(outcomes(tmp_path / "run")) == list(outcomes(tmp_path / "unbroken"))


def test_a_run_killed_within_a_paper_ends_as_one_that_was_not(tmp_path):
    path = write(tmp_path / "papers", MANY)

    def driver(**environment):
        return subprocess.Popen(
            [sys.executable, str(DRIVER), "run", str(path), str(tmp_path / "run")],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "SECTIONS": "all", **environment},
        )

    def ended(process):
        process.communicate(timeout=300)
        return process.returncode

    killed = driver(SECONDS="0.02")
    for _ in range(33):
        killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    assert ended(killed) == -signal.SIGKILL
    done = len(list(results(tmp_path / "run")))
    assert 28 < done < 120
    assert ended(driver()) == 0
    by_section(pipeline(), [path], tmp_path / "unbroken")
    assert list(outcomes(tmp_path / "run")) == list(outcomes(tmp_path / "unbroken"))
    assert check_places(results(tmp_path / "run"), MANY) == 120


def test_a_run_of_before_there_were_sections_goes_on(tmp_path):
    path = write(tmp_path / "papers", MANY)
    run(pipeline(), [path], tmp_path / "run", limit=2)
    told = json.loads((tmp_path / "run/run.json").read_text())
    assert not {"sections", "latest"} & told["settings"].keys()
    shard = tmp_path / "run/shards/000000.jsonl"
    lines = [json.loads(line) for line in shard.read_text().splitlines()]
    assert [line.pop("start") for line in lines] == [0, 0]
    shard.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name in ("index.sqlite", "checksums.jsonl"):
        (tmp_path / "run" / name).unlink()
    more = write(tmp_path / "more", MANY)
    with pytest.warns(UserWarning, match=r"shards/000000.jsonl of .*/run: not in checksums.jsonl"):
        assert run(pipeline(), [path, more], tmp_path / "run").copied == 15
    assert all(one.section is None for one in results(tmp_path / "run"))


WAYS = [{}, {"sections": Sections.all}, {"latest": True}]


@pytest.mark.parametrize(
    ("begun", "now", "named"),
    [
        (WAYS[0], WAYS[1], r"sections None, now 'all'"),
        (WAYS[1], WAYS[0], r"sections 'all', now None"),
        (WAYS[0], WAYS[2], r"latest None, now True"),
        (WAYS[2], WAYS[0], r"latest True, now None"),
        (WAYS[1], {**WAYS[1], **WAYS[2]}, r"latest None, now True"),
    ],
)
def test_another_way_of_reading_is_refused_and_named(tmp_path, begun, now, named):
    path = write(tmp_path / "papers")
    run(pipeline(), [path], tmp_path / "run", limit=2, **begun)
    kept = (tmp_path / "run/run.json").read_bytes()
    with pytest.raises(InputError, match=named):
        run(pipeline(), [path], tmp_path / "run", **now)
    assert (tmp_path / "run/run.json").read_bytes() == kept
    assert run(pipeline(), [path], tmp_path / "run", **begun).records > 2


# --- what cannot be asked -------------------------------------------------------------------


def test_each_section_is_asked_each_question(tmp_path):
    path = write(tmp_path / "papers", [*PAPERS[:1], ("2", "", "", ("Blank", "\xa0"))])
    asking = pipeline(task="pubmedqa")
    questions = ["Is it bad?", "Is it new?"]
    counts = by_section(asking, [path], tmp_path / "run", questions=questions, chunk_size=3)
    assert counts == (10, 2, 2)
    assert len(asking.engine.history) == 6
    found = list(outcomes(tmp_path / "run"))
    told = [(one.prediction.id, one.prediction.section, one.question) for one in found]
    assert told == [
        *(
            ("PMC1", section, question)
            for section in [one[1] for one in sections_of(PAPERS[:1])]
            for question in questions
        ),
        *(("PMC2", "Blank", question) for question in questions),
    ]
    assert [one.prediction.result and one.prediction.result.label for one in found] == [
        *(["yes"] * 8),
        *([None] * 2),
    ]
    again = pipeline(task="pubmedqa")
    with pytest.raises(InputError, match="holds another run"):
        by_section(again, [path], tmp_path / "run", questions=questions[:1])
    assert by_section(again, [path], tmp_path / "run", questions=questions) == counts
    assert again.engine.calls == []


def test_a_section_that_has_no_text_is_a_failure_with_its_name(tmp_path):
    path = write(tmp_path / "papers", [("1", "T.", "A.", ("Blank", "\xa0"), ("End", SAME))])
    assert by_section(pipeline(), [path], tmp_path / "run") == (3, 1, 0)
    _, blank, end = outcomes(tmp_path / "run")
    assert (blank.prediction.id, blank.prediction.section) == ("PMC1", "Blank")
    assert "is empty" in blank.prediction.error.message
    assert end.start == len("T. A. \xa0 ")


def test_a_broken_article_is_a_failure_and_strict_stops_there(tmp_path):
    path = write(tmp_path / "papers", [PAPERS[0], ("9", "T.", "A."), PAPERS[2]])
    path.write_text(path.read_text().replace("<p>A.", "<q>A."))
    with pytest.raises(InputError, match="papers:3: not XML"):
        by_section(pipeline(), [path], tmp_path / "run", strict=True)
    assert [one.section for one in results(tmp_path / "run")] == [
        one[1] for one in sections_of(PAPERS[:1])
    ]
    assert by_section(pipeline(), [path], tmp_path / "run") == (8, 1, 2)
    predictions = list(results(tmp_path / "run"))
    assert [one.ok for one in predictions] == [*[True] * 4, False, *[True] * 3]
    assert predictions[4].section is None


@pytest.mark.parametrize("offset", ["-400", "Infinity", '"-1"', '"many"', "1e999", "null", "true"])
def test_an_offset_that_is_none_spoils_no_run(tmp_path, offset):
    path = write(tmp_path / "papers", PAPERS[:1], bioc_json)
    text = path.read_text()
    at = text.index("In all")
    begin = text.rindex('"offset": ', 0, at) + len('"offset": ')
    path.write_text(text[:begin] + offset + text[text.index(",", begin) :])
    by_section(pipeline(), [path], tmp_path / "run")
    found = list(results(tmp_path / "run"))
    if offset in ("Infinity", '"many"', "1e999"):
        (failed,) = found
        assert "each passage needs an offset" in failed.error.message
    else:
        (relation,) = found[2].result
        assert relation.head.start == len("In all, ") + (offset == "true")
