"""The figures of the ablations: F1 of counts, and differences on the same papers."""

import ablations
import ablations_table
import pytest

from biogpt_plugins.training.options import Options

GOOD, BAD = [[2, 0, 0]] * 6, [[0, 1, 1]] * 4


def test_f1_and_its_interval():
    f1, low, high = ablations_table.figure(GOOD + BAD)
    assert f1 == pytest.approx(100 * 24 / 32)
    assert 30 < low < f1 < high < 100
    assert ablations_table.figure(GOOD) == (100, 100, 100)


def test_a_difference_is_bold_if_it_is_no_chance():
    settings = {
        "base": {"free": GOOD + BAD, "grounded": GOOD + BAD},
        "same": {"free": GOOD + BAD, "grounded": BAD + GOOD, "silent": [3, 9]},
        "worse": {"free": BAD + BAD + BAD[:2], "grounded": GOOD + BAD, "answers": [1, 2]},
    }
    facts = {"machine": {"processor": "x"}, "versions": {"torch": "2"}, "date": "2026-01-01"}
    told = ablations_table.markdown(
        {**facts, "base": {"max_steps": 5, "learning_rate": 0.1}, "settings": settings}
    )
    base, same, worse = (line.split(" | ") for line in told.splitlines()[-3:])
    assert base[2] == same[2] == worse[4] == ""
    assert same[4].startswith("+0.0 (-")
    assert same[5] == "silent on 3 of 9 texts without a relation |"
    assert worse[2].startswith("**-75.0 (-")
    assert worse[5] == "1 of 2 questions right |"


@pytest.mark.parametrize("name", ablations.SETTINGS)
def test_settings_are_options_of_training(name):
    options = {**ablations.BASE, **ablations.SETTINGS[name]}
    options.pop("tasks", None)
    assert Options.read({key: value for key, value in options.items() if value is not None})
