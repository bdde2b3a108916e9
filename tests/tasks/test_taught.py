"""Tasks with a checkpoint's own words for a text without relations."""

import pickle
from dataclasses import replace

import pytest

from biogpt_plugins import TASKS, Entity, Paper
from biogpt_plugins.engine import FEW_SHOT, TaskCard
from biogpt_plugins.tasks.entities import Candidates
from biogpt_plugins.values.errors import InputError, ParseError

CARD = TaskCard(nothing="nothing is told")
TEXT = "Lithium caused tremor."
PAPER = Paper(
    text=TEXT,
    entities=[
        Entity(text="Lithium", type="Chemical", start=0, end=7),
        Entity(text="tremor", type="Disease", start=15, end=21),
    ],
)


@pytest.mark.parametrize("name", ["bc5cdr", "ddi", "kd_dti"])
def test_everything_follows_from_the_words(name):
    task = TASKS[name].taught(CARD)
    assert task.target([]) == "nothing is told."
    assert task.parse("Nothing is told.") == []
    assert task.interpret("nothing is told.", TEXT).notes == ()
    assert task.render(PAPER, CARD).grammar.instead == "nothing is told"
    assert task.settled("nothing is told.") == ""
    pieces = task.unsettled()
    assert [pieces.add(piece) for piece in ("nothing", " is", " told", ".")] == [""] * 4
    example = TASKS[name].shots[0][1]
    assert task.parse(example) == TASKS[name].parse(example)
    with pytest.raises(ParseError, match="no relation can be read"):
        TASKS[name].parse("nothing is told.")


def test_among_entities_too():
    task = TASKS["bc5cdr"].taught(CARD)
    among = Candidates.of(task, PAPER).task(task)
    assert among.grammar.instead == "nothing is told"
    assert among.read("nothing is told.", TEXT, False).result == []
    assert among.read("nothing is told.", TEXT, False).notes == ()


def test_equal_cards_give_equal_tasks_and_caches_know_the_words():
    task = TASKS["bc5cdr"]
    taught = task.taught(CARD)
    assert taught == task.taught(CARD.model_copy(update={"layout": "prefix"}))
    assert taught.taught(CARD) is taught
    assert task.taught(FEW_SHOT) is task
    marks = {t.fingerprint for t in (task, taught, task.taught(TaskCard(nothing="no such thing")))}
    assert len(marks) == 3
    again = pickle.loads(pickle.dumps(taught))
    assert again.fingerprint == taught.fingerprint
    assert again.target([]) == "nothing is told."
    assert again.taught(TaskCard(nothing="none at all")).target([]) == "none at all."


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("none; none", "must not contain ';' or '.'"),
        ("none.", "must not contain ';' or '.'"),
        (" ", "are empty"),
        ("the relation between a and b exists", "are read as the relation a"),
    ],
)
def test_words_that_could_not_be_read_are_refused(words, message):
    with pytest.raises(InputError, match=message):
        TASKS["bc5cdr"].taught(TaskCard(nothing=words))


@pytest.mark.parametrize(
    "task", [TASKS["hoc"], replace(TASKS["ddi"], read=TASKS["bc5cdr"].read)], ids=["hoc", "reader"]
)
def test_a_task_without_a_clause_of_its_own_cannot_say_it(task):
    with pytest.raises(InputError, match="only tasks whose targets and reader come from a clause"):
        task.taught(CARD)


def test_a_card_without_words_is_stored_and_shown_as_before():
    assert "nothing" not in FEW_SHOT.model_dump_json() + repr(FEW_SHOT)
    assert TaskCard.model_validate_json(CARD.model_dump_json()) == CARD
    assert "nothing='nothing is told'" in repr(CARD)
