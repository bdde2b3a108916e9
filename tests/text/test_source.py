"""A source text remembers what was found in it; it is a string in all else."""

import pickle
from copy import deepcopy

import pytest

from biogpt_plugins import Pipeline
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.text.abbreviations import abbreviations_of, definitions
from biogpt_plugins.text.cues import scopes
from biogpt_plugins.text.grounding import Span, aligner_of, sentences
from biogpt_plugins.text.source import SourceText, once

TEXT = "Cyclosporine A (CsA) was given. CsA did not cause tremor."


def test_what_was_found_in_a_text_is_remembered_with_it():
    text = SourceText(TEXT)
    assert aligner_of(text) is aligner_of(text)
    assert abbreviations_of(text) is abbreviations_of(text)
    assert definitions(text) is definitions(text)
    for sentence in sentences(text):
        assert scopes(text, sentence) is scopes(text, sentence)
    assert aligner_of(SourceText(TEXT)) is not aligner_of(text)
    assert SourceText(text) is text


def test_plain_strings_give_the_same_and_remember_nothing():
    text = SourceText(TEXT)
    assert aligner_of(TEXT) is not aligner_of(TEXT)
    assert definitions(TEXT) == definitions(text)
    assert [scopes(TEXT, one) for one in sentences(TEXT)] == [
        scopes(text, one) for one in sentences(text)
    ]


def test_further_arguments_are_told_apart():
    asked = []

    @once
    def first(text, most):
        asked.append(most)
        return text[:most]

    text = SourceText(TEXT)
    assert [first(text, 3), first(text, 4), first(text, 3)] == ["Cyc", "Cycl", "Cyc"]
    assert asked == [3, 4]


@pytest.mark.parametrize("copied", [lambda one: pickle.loads(pickle.dumps(one)), deepcopy])
def test_it_is_a_string(copied):
    text = SourceText(TEXT)
    aligner_of(text)
    assert text == TEXT
    assert hash(text) == hash(TEXT)
    assert type(text[slice(*Span(0, 5))]) is str
    again = copied(text)
    assert again == text
    assert isinstance(again, SourceText)
    assert again.known == {}


def test_a_pipeline_finds_out_once_what_is_in_a_text(monkeypatch):
    made = []

    class Counted(SourceText):
        def __new__(cls, text):
            if not isinstance(text, SourceText):
                made.append(text)
            return SourceText(text)

    monkeypatch.setattr("biogpt_plugins.pipeline.pipeline.SourceText", Counted)
    monkeypatch.setattr("biogpt_plugins.tasks.task.SourceText", Counted)
    written = "the relation between csa and tremor exists."
    (found,) = Pipeline("bc5cdr", ScriptedEngine([written] * 3), samples=3).run([TEXT])
    assert found.result[0].negated
    assert made == [TEXT], "one for the text, whatever the number of samples"
