"""A task's fingerprint: the version of its prompts, by which caches know results."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from biogpt_plugins import TASKS, Paper, Text
from biogpt_plugins.engine import Decoding, Prompt
from biogpt_plugins.tasks import layouts
from biogpt_plugins.tasks.readers import Reading

TASK = TASKS["bc5cdr"]
KEPT = {
    "bc5cdr": "9f178468375c",
    "ddi": "3a408377fa92",
    "kd_dti": "1fd192a7bdc2",
    "pubmedqa": "87b6c7255af1",
    "pubmedqa_reasoning_free": "e8a04bddd0c4",
    "hoc": "7dedd607b4c1",
    "describe": "004abbe936b2",
    "generate": "4150ef5f1f11",
}


def test_each_task_has_its_own():
    found = [task.fingerprint for task in TASKS.values()]
    assert len(set(found)) == len(found)
    assert all(len(digits) == 12 and int(digits, 16) for digits in found)


def test_what_was_kept_is_found_again():
    """Caches of results go by these: a change here makes every cached result unknown."""
    assert {name: TASKS[name].fingerprint for name in KEPT} == KEPT


@pytest.mark.parametrize("seed", ["0", "1"])
def test_it_is_the_same_in_every_process(seed):
    code = "from biogpt_plugins import TASKS; print(*[t.fingerprint for t in TASKS.values()])"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [task.fingerprint for task in TASKS.values()]


@pytest.mark.parametrize(
    "change",
    [
        {"source": lambda paper: Prompt(text=paper.source)},
        {"source": lambda paper: replace(TASK.source(paper), head="Read: ")},
        {"source": lambda paper: replace(TASK.source(paper), tail=" ")},
        {"text_first": lambda paper: Prompt(text=paper.source)},
        {"target": lambda _: "other words."},
        {"read": lambda *_: Reading(result=[])},
        {"read": lambda *given: replace(TASK.read(*given), notes=("a remark",))},
        {"shots": TASK.shots[:1]},
        {"shots": TASK.shots[::-1]},
        {"shots": ((TASK.shots[0][0], TASK.shots[1][1]), TASK.shots[1])},
        {"lowercase": False},
        {"choices": ("yes",)},
        {"stem": "the answer is"},
        {"decoding": Decoding()},
    ],
    ids="-".join,
)
def test_what_changes_it(change):
    assert replace(TASK, **change).fingerprint != TASK.fingerprint


def test_a_layouts_words_do(monkeypatch):
    before = TASK.fingerprint
    monkeypatch.setattr(layouts, "CONCLUSION", "So:")
    assert TASK.fingerprint != before


def test_what_does_not():
    assert replace(TASK, summary="another").fingerprint == TASK.fingerprint


@pytest.mark.parametrize("kind", [Text, Paper])
def test_a_task_without_examples_has_one_too(kind):
    task = replace(TASK, input=kind, source=lambda text: Prompt(text=text.source), shots=())
    other = replace(task, source=lambda text: Prompt(text=f"{text.source}."))
    assert task.fingerprint != other.fingerprint


def test_an_input_of_ones_own():
    class Year(Text):
        year: int

    task = replace(TASK, input=Year, source=lambda text: Prompt(text=f"{text.year}: {text.text}"))
    shots = ((Year(text="Lithium caused tremor.", year=1970), TASK.shots[1][1]),)
    assert replace(task, shots=shots).fingerprint != replace(task, shots=()).fingerprint
