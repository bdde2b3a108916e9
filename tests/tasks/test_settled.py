"""What can be read of a completion that is still being written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biogpt_plugins import TASKS, Relation
from biogpt_plugins.values.errors import ParseError

AB = "the relation between a and b exists;"
IS = "the interaction between a and b is inhibitor;"


@pytest.mark.parametrize(
    ("completion", "part"),
    [
        # A pair is known when its clause has ended, not when its verb is out.
        ("the relation between a and b exist", ""),
        ("the relation between a and b exists", ""),
        (AB, AB),
        (f"{AB} the relation between c and d ex", f"{AB} "),
        ("the relation between a and b exists.", "the relation between a and b exists."),
        ("the relation between a and b exists the relation between", ""),
        (
            "the relation between a and b exists the relation between ",
            "the relation between a and b exists ",
        ),
        ("no relation between a and b exists; the", "no relation between a and b exists;"),
        # Signs in names end nothing.
        ("the relation between e. coli; x, and b", ""),
        ("the relation between a and pre existing", ""),
        # A type may go on until its ";", or until a full stop that a space follows.
        ("the interaction between a and b is int", ""),
        (IS, IS),
        (f"{IS} the inter", IS),
        ("the interaction between a and b is inhibitor.", ""),
        (
            "the interaction between a and b is inhibitor. the",
            "the interaction between a and b is inhibitor.",
        ),
        ("the interaction between a and receptor is 5.1 ", ""),
        ("the interaction between 5-ht;2a and b ", ""),
        # Before the first clause a concluding phrase may still come, and take all back.
        ("", ""),
        ("we found no ", ""),
        (f"it says that {AB} the", ""),
        (f"it says. we can conclude that {AB} the", f"it says. we can conclude that {AB}"),
        (f"{AB} we can conclude that", AB),
        (f"learned1 learned2  {AB} the", f"learned1 learned2  {AB}"),
    ],
)
def test_clauses_that_have_ended(completion, part):
    task = TASKS["kd_dti" if "interaction" in completion else "bc5cdr"]
    assert task.settled(completion) == part


PARTS = st.sampled_from(
    [
        *("the relation between ", "the interaction between ", "no relation between "),
        # A ";" without a space behind it is in names only, as Moses spacing has it.
        *("the interaction between 5-ht;2a and ", "a", "b and c", "e. coli", " and ", ", and "),
        *(" exists", " exist", "ing", " is ", " effect", " int", "eraction", " inhibitor"),
        *(" does not", " may", "; ", ". ", ".", ",", "   ", "\n"),
        *("in conclusion, ", " we can conclude that "),
        *(f" {AB}", f" {IS} ", " the relation between e. coli and b and c exists; "),
        " the interaction between b and c and e. coli is effect. ",
    ]
)
SOURCE = "A with B and C in E. coli (inhibitor)."


def relations(task: str, completion: str, source: str | None) -> list[Relation]:
    try:
        return TASKS[task].interpret(completion, source).result
    except ParseError:
        return []


@settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(PARTS, max_size=8),
    task=st.sampled_from(["bc5cdr", "ddi", "kd_dti"]),
    source=st.sampled_from([None, SOURCE]),
)
def test_nothing_that_follows_changes_what_was_read(parts, task, source):
    text = "".join(parts)
    whole = relations(task, text, source)
    for end in range(len(text)):
        part = TASKS[task].settled(text[:end])
        assert text.startswith(part)
        found = relations(task, part, source)
        assert found == whole[: len(found)]
