"""What can be read of a completion that is still being written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biogpt_plugins import TASKS, Relation
from biogpt_plugins.text.evidence import identity
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


@settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(PARTS, max_size=8),
    task=st.sampled_from(["bc5cdr", "ddi", "kd_dti"]),
    source=st.sampled_from([None, SOURCE]),
    size=st.integers(1, 40),
)
def test_what_pieces_settle_are_the_first_relations_of_the_whole(parts, task, source, size):
    text = "".join(parts)
    reader, found = TASKS[task].unsettled(), []
    for at in range(0, len(text), size):
        more = relations(task, reader.add(text[at : at + size]), source)
        known = set(map(identity, found))
        found += [one for one in more if identity(one) not in known]
    whole = relations(task, text, source)
    assert found == whole[: len(found)]


ENDLESS = {
    "the instance of number 24": ("bc5cdr", "the relation between a and b", " exists"),
    "full stops": ("bc5cdr", "the relation between a and b", " ."),
    "ended clauses": ("bc5cdr", "the relation between a and b", " exists."),
    "beginnings": ("bc5cdr", "", "the relation between "),
    "clauses": ("bc5cdr", "", "the relation between a and b exists; "),
    "spaces": ("bc5cdr", "the relation between a", "   "),
    "types": ("ddi", "the interaction between a and b", " is"),
    "types that end": ("ddi", "the interaction between a and b", " is effect."),
    "open types": ("kd_dti", "the interaction between a and b", " is x;"),
    "letters": ("bc5cdr", "the relation between a and b exists; ", "x"),
}


@pytest.mark.parametrize(("task", "begin", "piece"), ENDLESS.values(), ids=ENDLESS)
def test_the_work_of_a_stream_grows_with_its_length(task, begin, piece):
    """Counts the characters that are looked at, not the time."""

    def scanned(times):
        reader = TASKS[task].unsettled()
        for one in [begin, *[piece] * times]:
            reader.add(one)
        return reader.scanned

    few, many = scanned(300), scanned(600)
    assert many - few <= 300 * (2048 + 2 * len(piece))


@pytest.mark.parametrize("times", [200, 800])
def test_the_instance_of_number_24_is_not_looked_at_again(times):
    reader = TASKS["bc5cdr"].unsettled()
    pieces = ["the relation between a and b", *[" exists"] * times, "; "]
    parts = [part for part in map(reader.add, pieces) if part]
    assert reader.scanned <= 3 * 2048
    # A clause of more than 2,048 characters is read with the whole completion.
    assert parts == (["".join(pieces)[:-1]] if times == 200 else [])
