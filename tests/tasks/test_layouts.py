"""The few-shot layout, whole and in its parts."""

import pytest

from biogpt_plugins import TASKS, Question
from biogpt_plugins.tasks.layouts import framed


@pytest.mark.parametrize("task", [t for t in TASKS.values() if t.shots], ids=lambda task: task.name)
def test_demonstrations_and_a_framed_text_are_the_few_shot_prompt(task):
    value = {"question": "Is it {so}?", "context": "It is."} if task.input is Question else "It is."
    source = task.source(task.read_input(value)).source
    assert task.render(value).source == task.demonstrations + framed(source)
    assert task.demonstrations.count("Conclusion:") == len(task.shots)


def test_a_frame():
    assert framed(" A {b} c. ") == "Abstract: A {b} c. Conclusion:"
    assert TASKS["describe"].demonstrations == ""
