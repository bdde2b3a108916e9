"""Numbers of things in words."""

import pytest

from biogpt_plugins.values.counted import counted


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 records"), (1, "1 record"), (2, "2 records"), (1234, "1,234 records")],
)
def test_a_noun_agrees_with_its_number(number, words):
    assert counted(number, "record") == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 entities are"), (1, "1 entity is"), (1234, "1,234 entities are")],
)
def test_a_plural_may_be_irregular_and_a_verb_follows_it(number, words):
    assert counted(number, "entity is", "entities are") == words
