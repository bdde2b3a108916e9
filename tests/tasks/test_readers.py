from contextlib import suppress

import pytest
from shared_data import shared

from biogpt_plugins import TASKS
from biogpt_plugins.scoring import official_answer, official_pairs, official_triples
from biogpt_plugins.values.errors import BioGPTError, ParseError

LOOP = f"the relation between {'aspirin and ' * 400}x{' ' * 20_000} exists."
LEARNED = " ".join(f"learned{i}" for i in range(1, 10))


def pairs(completion: str, source: str | None = None, *, cut: bool = False) -> list[str]:
    found = TASKS["bc5cdr"].parse(completion, source, cut=cut)
    return [f"{r.head.text} > {r.tail.text}" for r in found]


def triples(task: str, completion: str, source: str | None = None, *, cut: bool = False):
    found = TASKS[task].parse(completion, source, cut=cut)
    return [f"{r.head.text} {r.type} {r.tail.text}" for r in found]


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("the relation between a and b exists.", ["a > b"]),
        ("the relation between a and b exists", ["a > b"]),
        ("the relation between a and b exists..", ["a > b"]),
        ("the relation between a and b exists .", ["a > b"]),
        ("the relation between a and b exist.", ["a > b"]),
        ("The  Relation between a\tand b  EXISTS.", ["a > b"]),
        ("   the relation between a and b exists;", ["a > b"]),
        (f"{LEARNED} the relation between a and b exists.", ["a > b"]),
        (f"echoed text {LEARNED} the relation between a and b exists.", ["a > b"]),
        ("some text. we can conclude that the relation between a and b exists.", ["a > b"]),
        ("in conclusion, the relation between a and b exists.", ["a > b"]),
        ("in conclusion , the relation between a and b exists.", ["a > b"]),
        ("the abstract states that the relation between a and b exists.", ["a > b"]),
        (
            "the relation between a and b exists; the relation between c and d exists.",
            ["a > b", "c > d"],
        ),
        (
            "the relation between a and b exists. the relation between c and d exists.",
            ["a > b", "c > d"],
        ),
        (
            "the relation between a and b exists the relation between c and d exists",
            ["a > b", "c > d"],
        ),
        (
            "the relation between a and b exists; we can conclude that the relation between c and "
            "d exists.",
            ["a > b", "c > d"],
        ),
        # Repeated, also in other case or spacing.
        (
            "the relation between a and b exists; the relation between A and B exists; "
            "the relation between a  and b exists.",
            ["a > b"],
        ),
        # Cut off, in every part of a clause.
        *[
            (f"the relation between a and b exists; {rest}", ["a > b"])
            for rest in ("t", "the", "the relation", "the relation between", "the relation betw")
        ],
        ("the relation between a and b exists; the relation between c", ["a > b"]),
        ("the relation between a and b exists; the relation between c and", ["a > b"]),
        ("the relation between a and b exists; the relation between c and d ex", ["a > b"]),
        # The last " and " divides when there is no source to ask.
        (
            "the relation between a and b and c exists.",
            ["a and b > c"],
        ),
        ("the relation between 5,6-dihydroxy-x and low (b) exists.", ["5,6-dihydroxy-x > low (b)"]),
        ("the relation between β-x and naïve ångst exists.", ["β-x > naïve ångst"]),
        # Negated clauses are no relations, and a completion of them only is no failure.
        ("the relation between a and b does not exist.", []),
        ("no relation between a and b exists.", []),
        (
            "the relation between a and b exists; the relation between c and d does not exist.",
            ["a > b"],
        ),
        ("no relation was found in this document.", []),
        ("there is no relation.", []),
        ("no chemical-disease relation exists.", []),
        ("there is no relation between aspirin and gastric ulcer.", []),
    ],
)
def test_relations_are_read(completion, expected):
    assert pairs(completion) == expected


@pytest.mark.parametrize(
    ("names", "source", "expected"),
    [
        (
            "x and sensory and motor loss",
            "X gave sensory and motor loss.",
            "x > sensory and motor loss",
        ),
        ("p and q and pain", "P and Q was given; pain.", "p and q > pain"),
        ("p and q and gain and loss", "P and Q; gain and loss", "p and q > gain and loss"),
        ("p and q and pain", "nothing of the kind", "p and q > pain"),
        ("p and q and pain", "pain only", "p and q > pain"),
        # No " and ": a comma divides if the paper knows both names.
        ("p, pain", "P caused pain.", "p > pain"),
        ("p , pain", "P caused pain.", "p > pain"),
    ],
)
def test_and_in_names_is_resolved_by_the_source(names, source, expected):
    assert pairs(f"the relation between {names} exists.", source) == [expected]


def test_a_clause_without_its_verb_counts_if_the_paper_knows_both_names():
    assert pairs("the relation between p and pain.", "P caused pain.") == ["p > pain"]
    with pytest.raises(ParseError):
        pairs("the relation between p and pain.", "P caused no harm.")
    with pytest.raises(ParseError):
        pairs("the relation between p and pain", "P caused pain, pain in the back.", cut=True)


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "   \n",
        ".",
        "the patients were well.",
        "the relation between a",
        "the relation between a and",
        "the relation between a , b exists.",
        "the relation between and b exists.",
        "the relation between",
        f"{LEARNED}",
        "\x00\ud800",
        "the interaction between a and b is effect.",
        # Prose about something else is no statement that nothing was found.
        "the results showed no significant interactions in the treated group.",
        "no association was observed of age with the outcome of rats.",
        "no relation of dose and effect; the rats died.",
        # Speculation joins no name.
        "the relation between aspirin and gastric ulcer may exist.",
        "the relation between . and . exists.",
    ],
)
def test_the_unreadable_is_an_error_that_holds_the_completion(completion):
    with pytest.raises(ParseError) as caught:
        pairs(completion)
    assert caught.value.completion == completion


@pytest.mark.parametrize(
    ("task", "completion", "expected"),
    [
        ("ddi", "the interaction between a and b is effect.", ["a effect b"]),
        ("ddi", "The interaction between a and b is Effect", ["a effect b"]),
        ("ddi", "the interaction between a and b is advise..", ["a advise b"]),
        (
            "ddi",
            "the interaction between a and b is int; the interaction between a and c is mecha",
            ["a int b"],
        ),
        ("ddi", "the interaction between a and b is not mechanism.", []),
        ("ddi", "no interaction was found.", []),
        ("ddi", "there is no interaction between a and b.", []),
        ("ddi", "the interaction between a and b is advised.", ["a advise b"]),
        ("ddi", "the interaction between a and b is effects.", ["a effect b"]),
        (
            "kd_dti",
            "the interaction between 5-ht;2a and e. coli is inhibitor.",
            ["5-ht;2a inhibitor e. coli"],
        ),
        (
            "kd_dti",
            "the interaction between a and receptor is 5.1 is inhibitor.",
            ["a inhibitor receptor is 5.1"],
        ),
        (
            "ddi",
            "the interaction between a and b is effect. the interaction between c and d is int.",
            ["a effect b", "c int d"],
        ),
        (
            "kd_dti",
            "the interaction between a and e. coli gyrase is inhibitor.",
            ["a inhibitor e. coli gyrase"],
        ),
        (
            "kd_dti",
            "the interaction between a and b is allosteric modulator.",
            ["a allosteric modulator b"],
        ),
        # Between the same two, another type is another relation.
        (
            "kd_dti",
            "the interaction between a and b is agonist; "
            "the interaction between a and b is ligand.",
            ["a agonist b", "a ligand b"],
        ),
        # The last " is " divides.
        ("kd_dti", "the interaction between a and what is it is ligand.", ["a ligand what is it"]),
    ],
)
def test_typed_interactions_are_read(task, completion, expected):
    assert triples(task, completion) == expected


def test_a_type_cut_off_at_the_limit_is_passed_over():
    text = "the interaction between a and b is agonist; the interaction between c and d is inhib"
    assert triples("kd_dti", text, cut=True) == ["a agonist b"]
    assert TASKS["kd_dti"].read(text, None, True).notes == (
        "a clause could not be read: 'c and d is inhib'",
    )


@pytest.mark.parametrize(
    ("completion", "label"),
    [
        ("the answer to the question given the context is yes.", "yes"),
        ("The answer to the question given the context is No", "no"),
        ("the answer to the question given the context is   maybe  .", "maybe"),
        ("the answer to the question given the context isyes.", "yes"),
        ("the answer to the question given the context is yes..", "yes"),
        ("the answer to the question given the context is yes, because of the data.", "yes"),
        (f"{LEARNED} the answer to the question given the context is no.", "no"),
        (
            "question: is it? context: we have that it is. we can conclude that the answer to the "
            "question given the context is yes.",
            "yes",
        ),
        ("the answer is yes.", "yes"),
        # What is echoed before the statement does not count.
        (
            f"question: q? context: c. answer: no, it was not. {LEARNED} the answer to the "
            "question given the context is yes.",
            "yes",
        ),
        (
            "context: c. answer: Yes, it is. we can conclude that the answer to the question given "
            "the context is no.",
            "no",
        ),
        ("answer: maybe", "maybe"),
        ("yes", "yes"),
        (f"{LEARNED} no.", "no"),
        (
            "the answer to the question given the context is yes. the answer to the question given "
            "the context is yes.",
            "yes",
        ),
    ],
)
def test_answers_are_read(completion, label):
    assert TASKS["pubmedqa"].parse(completion).label == label


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "the answer to the question given the context is.",
        "the answer to the question given the context is yesterday.",
        "the answer to the question given the context is",
        "not known, no doubt",
        "the answer is yes. the answer is no.",
        "no significant difference was found between groups",
        "no one knows",
        "yes and no",
        "the answer to the question given the context is yes / no / maybe.",
        "the answer to the question given the context is yes|no",
    ],
)
def test_unreadable_answers_are_errors(completion):
    with pytest.raises(ParseError):
        TASKS["pubmedqa"].parse(completion)


@pytest.mark.parametrize(
    ("completion", "labels"),
    [
        ("the type of this document is inducing angiogenesis.", ("inducing angiogenesis",)),
        (
            "The type of this document is  Resisting cell death | inducing angiogenesis .",
            ("resisting cell death", "inducing angiogenesis"),
        ),
        ("the type of this document is empty.", ()),
        ("learned1 the type of this document is empty", ()),
        (
            f"the type of this document is empty. {LEARNED} the type of this document is inducing "
            "angiogenesis.",
            ("inducing angiogenesis",),
        ),
        (
            "the type of this document is nonsense|cellular energetics|cellular energetics.",
            ("cellular energetics",),
        ),
    ],
)
def test_hallmarks_are_read(completion, labels):
    assert TASKS["hoc"].parse(completion).labels == labels


@pytest.mark.parametrize("completion", ["", "the type of this document is", "a b", "nonsense|x"])
def test_unreadable_hallmarks_are_errors(completion):
    with pytest.raises(ParseError):
        TASKS["hoc"].parse(completion)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    "text",
    ["\x00", "\ud800", "🧬" * 50, ";" * 99, " and " * 40, "the relation between " * 30, LOOP],
)
def test_no_completion_raises_anything_but_parse_errors(task, text):
    with suppress(ParseError):
        TASKS[task].parse(text, text)


# --- recorded completions of the official scorers ---------------------------------------------


def lines(path: str, count: int) -> list[str]:
    return shared(path).read_text(encoding="utf-8").split("\n")[:count]


def test_recorded_completions_that_the_official_code_reads_are_read_the_same_by_default():
    for line in lines("scorer/bc5cdr/drop30.detok", 500):
        found = official_pairs(line)
        assert not found or [
            (r.head.text, r.tail.text) for r in TASKS["bc5cdr"].parse(line)
        ] == list(dict.fromkeys(found))
    for line in lines("scorer/ddi/drop30.detok", 191):
        triples = official_triples(line)
        if ("failed",) * 3 not in triples:
            assert [(r.head.text, r.tail.text, r.type) for r in TASKS["ddi"].parse(line)] == list(
                dict.fromkeys(triples)
            )

    for line in lines("scorer/pubmedqa/corrupt.detok", 500):
        answer = official_answer(line)
        if answer in {"yes", "no", "maybe"}:
            assert TASKS["pubmedqa"].parse(line).label == answer


def test_default_reader_gains_over_the_official_one_on_corrupt_completions():
    completions = lines("scorer/bc5cdr/corrupt.detok", 500)
    readable = 0
    for line in completions:
        try:
            TASKS["bc5cdr"].parse(line)
            readable += 1
        except BioGPTError:
            continue
    assert readable > 500 - 109


@pytest.mark.parametrize(
    ("task", "completion", "source", "left"),
    [
        pytest.param(
            "bc5cdr", "the relation between aspirin and aspirin exists.", None, 0, id="19"
        ),
        ("bc5cdr", "the relation between aspirin and Aspirins exists.", "Aspirin. Aspirin.", 0),
        (
            "bc5cdr",
            "the relation between csa and cyclosporine a exists.",
            "Cyclosporine A (CsA).",
            0,
        ),
        (
            "ddi",
            "the interaction between a-b and ab is int; the interaction between ab and c is int.",
            "AB with C.",
            1,
        ),
        ("bc5cdr", "the relation between aspirin and aspirin asthma exists.", None, 1),
    ],
)
def test_a_relation_of_a_thing_with_itself_is_left_out_with_a_note(task, completion, source, left):
    reading = TASKS[task].interpret(completion, source)
    assert len(reading.result) == left
    notes = [note for note in reading.notes if note.startswith("left out the relation of '")]
    assert len(notes) == (completion.count("between") - left)
    assert len(reading.places) in (0, left)
