"""Predictions are read back from what commands wrote."""

import pytest

from biogpt_plugins.corpus import read_predictions, read_records
from biogpt_plugins.values.results import Prediction


@pytest.mark.parametrize("given", ["found.jsonl", ["found.jsonl"]])
def test_one_file_may_be_given_as_it_is(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = Prediction(id="1", task="bc5cdr", model="demo", result=[])
    (tmp_path / "found.jsonl").write_text(written.model_dump_json() + "\n", encoding="utf-8")
    assert list(read_predictions(given)) == [written]
    assert len(list(read_records(given))) == 1
