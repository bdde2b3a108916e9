"""Progress bars are drawn where they are seen, if one is asked for, and change no result."""

import pytest
from doubles import Ruled

from biogpt_plugins import Pipeline, Predictions

TEXTS = [*(f"drug{n} caused illness{n}." for n in range(20)), ""]


@pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
def terminal(request, monkeypatch):
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1" if request.param else "")
    return request.param


def test_a_bar_counts_the_inputs_and_changes_no_prediction(terminal, capsys):
    pipeline, plain = Pipeline("bc5cdr", Ruled()), Pipeline("bc5cdr", Ruled())
    found = pipeline.run(TEXTS, progress=True)
    assert type(found) is Predictions
    assert found == plain.run(TEXTS)
    assert found[-1].error.message.startswith("input 21 of 21: ")
    assert len(pipeline.engine.calls[0]) == 8
    told = capsys.readouterr()
    assert ("21/21" in told.err) == terminal
    assert bool(told.err) == terminal
    assert told.out == ""


@pytest.mark.usefixtures("terminal")
def test_without_being_asked_none_is_drawn(capsys):
    Pipeline("bc5cdr", Ruled()).run(TEXTS)
    assert capsys.readouterr().err == ""


def test_no_inputs_are_no_reason_to_fail():
    assert Pipeline("bc5cdr", Ruled()).run([], progress=True) == []
