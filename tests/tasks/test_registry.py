"""Which tasks there are: built in, from entry points, registered."""

from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

import biogpt_plugins
from biogpt_plugins import TASKS, Pipeline, Prediction, register_task
from biogpt_plugins.tasks import get_task, tasks
from biogpt_plugins.tasks.bc5cdr import BC5CDR
from biogpt_plugins.tasks.registry import GROUP, Tasks
from biogpt_plugins.testing import ScriptedEngine, registered
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.results import Answer, Hallmarks, kind_of

MINE = replace(BC5CDR, name="My-Task", summary="which chemical does what to which disease")
OTHER = replace(MINE, target=lambda _: "other words.")


def point(name, value):
    return EntryPoint(name=name, value=value, group=GROUP)


def test_the_built_in_tasks_come_first_and_in_order():
    assert list(TASKS)[:3] == ["bc5cdr", "ddi", "kd_dti"]
    assert tasks() is TASKS is biogpt_plugins.TASKS
    assert len(TASKS) == len(list(TASKS))
    assert TASKS["BC5-CDR".replace("-", "")] is BC5CDR
    assert "KD-DTI" in TASKS
    assert "chess" not in TASKS
    assert repr(TASKS).startswith("Tasks(bc5cdr, ddi")
    assert TASKS.get("chess") is None


def test_a_registered_task_is_found_by_name_at_once():
    with registered(MINE):
        assert get_task("my_task") is get_task("MY-TASK") is MINE
        assert list(TASKS)[-1] == "My-Task"
        assert "My-Task" in TASKS.of_kind("relations")
        assert Pipeline("my-task", ScriptedEngine([])).task is MINE
    assert "My-Task" not in TASKS
    said = r"no task is called 'my-task'\. The tasks are bc5cdr, ddi"
    with pytest.raises(InputError, match=said):
        get_task("my-task")


def test_the_same_task_may_be_registered_again():
    with registered(MINE):
        assert register_task(MINE) is MINE
        register_task(replace(MINE, summary="in other words"))
    register_task(BC5CDR)  # it is there already
    assert get_task("bc5cdr") is BC5CDR


@pytest.mark.parametrize("name", ["my_task", "MY-TASK"])
def test_another_task_under_a_taken_name_is_refused_by_name(name):
    with registered(MINE):
        with pytest.raises(InputError, match=f"the name '{name}' is taken.*My-Task.*replace=True"):
            register_task(replace(OTHER, name=name))
        assert get_task("my_task") is MINE
        register_task(replace(OTHER, name=name), replace=True)
        assert get_task("my_task").name == name


def test_a_built_in_task_keeps_its_name():
    for again in ({}, {"replace": True}):
        with pytest.raises(InputError, match=r"'BC5CDR' is taken by another task.*choose another"):
            register_task(replace(OTHER, name="BC5CDR"), **again)


MODULE = """
from dataclasses import replace
from biogpt_plugins.tasks.bc5cdr import BC5CDR

TASK = replace(BC5CDR, name="theirs")
NUMBER = 1
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    name = f"brings_tasks_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_entry_points_bring_tasks(module):
    found = Tasks([BC5CDR], [point("theirs", f"{module}:TASK")])
    assert list(found) == ["bc5cdr", "theirs"]
    assert found["Theirs"].name == "theirs"
    assert found["theirs"] is found.find("THEIRS"), "it is loaded once"
    with pytest.raises(InputError, match="'theirs' is taken"):
        found.register(replace(OTHER, name="theirs"), replace=True)
    found.register(replace(BC5CDR, name="theirs"))


def test_nothing_is_loaded_before_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "loads_when_asked.py").write_text("1 / 0")
    found = Tasks([BC5CDR], [point("broken", "loads_when_asked:TASK")])
    assert found["bc5cdr"] is BC5CDR
    with pytest.raises(InputError, match=r"broken = loads_when_asked:TASK.*ZeroDivisionError"):
        found.find("broken")


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("broken", "no_such_module:TASK", "cannot be loaded: ModuleNotFoundError"),
        ("broken", "{module}:NOTHING", "cannot be loaded: AttributeError"),
        ("broken", "{module}:NUMBER", "is of type int: it must be a Task"),
        ("broken", "{module}:TASK", "is task 'theirs': name the entry point after the task"),
    ],
)
def test_a_broken_entry_point_costs_only_itself_and_is_told_when_asked_for(
    module, name, value, fault
):
    broken = point(name, value.format(module=module))
    found = Tasks([BC5CDR], [broken, point("theirs", f"{module}:TASK")])
    assert list(found) == ["bc5cdr", "theirs"]
    with pytest.raises(InputError, match=fault):
        found.find(name)
    assert name not in found


def test_an_entry_point_does_not_take_a_built_in_name(module):
    found = Tasks([BC5CDR], [point("BC5CDR", f"{module}:TASK")])
    assert found["bc5cdr"] is BC5CDR
    assert list(found) == ["bc5cdr"]


@pytest.mark.parametrize(
    ("result", "kind"),
    [([], "relations"), (Answer(label="yes"), "answer"), (Hallmarks(), "labels"), ("x", "text")],
)
def test_each_result_has_a_kind(result, kind):
    assert kind_of(result) == kind
    assert Prediction(task="any", result=result).kind == kind


def test_every_task_reads_results_of_its_kind():
    for task in TASKS.values():
        for _, target in task.shots:
            assert kind_of(task.parse(target)) == task.kind
