"""Results as metadata: the keys, for whichever host."""

import pytest

from biogpt_plugins import Pipeline
from biogpt_plugins.hosts.metadata import (
    folded,
    is_name_key,
    is_relation_fact,
    relation_facts,
    relations_by_task,
)
from biogpt_plugins.tasks import TASKS
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError

TEXT = "Lithium, aspirin, GSK3B: tremor."
WRITTEN = {
    "bc5cdr": "the relation between lithium and tremor exists.",
    "ddi": "the interaction between lithium and aspirin is effect.",
    "kd_dti": "the interaction between lithium and gsk3b is inhibitor.",
}


def facts(task, known, *, flat=False, written=None):
    pipeline = Pipeline(task, ScriptedEngine([written or WRITTEN[task]]))
    (prediction,) = pipeline.run([TEXT])
    return relation_facts(prediction, TEXT, known, flat=flat)


def test_every_relation_task_is_there():
    for task in TASKS.of_kind("relations"):
        told = facts(task, {}, written=TASKS[task].shots[0][1])
        assert told[f"biogpt_relations_{task}"] != "[]"
    for key in ("biogpt_chemicals", "biogpt_diseases", "biogpt_drugs", "biogpt_targets"):
        assert is_name_key(key)
    assert not is_name_key("biogpt_genes")
    assert not is_name_key("biogpt_relations_bc5cdr")


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("task", WRITTEN)
def test_a_task_owns_what_it_tells(task, flat):
    told = facts(task, {}, flat=flat) | facts(task, {}, written="rubbish", flat=flat)
    assert all(is_relation_fact(key, task) for key in told)
    own = {key for key in told if "_relations_" in key}
    assert not any(is_relation_fact(key, other) for other in {*WRITTEN} - {task} for key in own)
    assert not is_relation_fact(f"biogpt_relations_{task}_reviewed", task)


@pytest.mark.parametrize(
    ("flat", "told"),
    [
        (
            False,
            {
                "biogpt_chemicals": ["GSK3B", "lithium"],
                "biogpt_chemicals_folded": ["gsk3b", "lithium"],
            },
        ),
        (
            "text",
            {
                "biogpt_chemicals": "|GSK3B|lithium|",
                "biogpt_chemicals_folded": "|gsk3b|lithium|",
            },
        ),
        (
            True,
            {
                "biogpt_chemical:GSK3B": 1,
                "biogpt_chemical:lithium": 1,
                "biogpt_chemical_folded:gsk3b": 1,
                "biogpt_chemical_folded:lithium": 1,
            },
        ),
    ],
)
def test_names_have_a_folded_form_to_filter_by(flat, told):
    written = (
        "the relation between gsk3b and tremor exists; "
        "the relation between lithium and tremor exists."
    )
    found = facts("bc5cdr", {}, flat=flat, written=written)
    assert {key: one for key, one in found.items() if "chemical" in key} == told
    assert all(is_relation_fact(key, "bc5cdr") for key in told)
    assert not any(is_relation_fact(key, "kd_dti") for key in told)
    for asked in ("Lithium", "LITHIUM", " lithium\n"):
        assert folded(asked) == "lithium"


def test_tasks_are_read_back_apart():
    known = {}
    for task in reversed(WRITTEN):
        known |= facts(task, known)
    told = relations_by_task(known, None, whose="it", unseen="unseen")
    assert {task: relation.type for task, (relation,) in told.items()} == {
        "bc5cdr": "CID",
        "ddi": "effect",
        "kd_dti": "inhibitor",
    }
    assert relations_by_task(known, "DDI", whose="it", unseen="unseen") == {"ddi": told["ddi"]}
    assert known["biogpt_drugs"] == ["lithium", "aspirin"]


def test_what_was_not_asked():
    with pytest.raises(InputError, match="it has no relations: unseen"):
        relations_by_task({}, None, whose="it", unseen="unseen")
    with pytest.raises(InputError, match="it has no ddi relations: unseen"):
        relations_by_task(facts("bc5cdr", {}), "ddi", whose="it", unseen="unseen")


@pytest.mark.parametrize("odd", ["", "[{", "{}", 7, ["x"]], ids=repr)
def test_what_somebody_else_wrote_there_costs_nothing(odd):
    told = facts("ddi", {"biogpt_relations_kd_dti": odd})
    assert told["biogpt_drugs"] == ["lithium", "aspirin"]
