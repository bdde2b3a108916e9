import json

import pytest
from shared_data import shared

from biogpt_plugins import TASKS, Answer, Entity, Hallmarks, Paper, Question, Relation, Text
from biogpt_plugins.engine import PRETRAINED, Decoding, TaskCard
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.hoc import LABELS
from biogpt_plugins.values.errors import InputError

CARD = TaskCard(
    layout="learned_prompt", learned_tokens=("learned1", "learned2"), max_source_tokens=640
)


@pytest.mark.parametrize(
    ("task", "value", "source"),
    [
        # BIOGPT.md section 3, case by case.
        ("bc5cdr", {"title": "A Study", "abstract": "Of B."}, "a study. of b."),
        ("bc5cdr", {"title": "A Study.", "abstract": "Of B."}, "a study. of b."),
        ("bc5cdr", {"title": "Why?", "abstract": "So."}, "why? so."),
        ("bc5cdr", {"title": "Only", "abstract": ""}, "only"),
        ("bc5cdr", "Plain Text", "plain text"),
        ("kd_dti", {"title": "A (b)", "abstract": "C"}, "a (b) c"),
        ("ddi", " Line One\nLine Two ", "line one line two"),
        (
            "pubmedqa",
            {"QUESTION": "Is  It?", "CONTEXTS": ["One  A.", "Two\nB."]},
            "question: Is It? context: One A. Two B. ",
        ),
        (
            "pubmedqa_reasoning_free",
            {"question": "Is it?", "context": "C.", "long_answer": "It is"},
            "question: Is it? context: C. answer: It is.",
        ),
        (
            "pubmedqa_reasoning_free",
            {"question": "Is it?", "context": "C.", "LONG_ANSWER": "It is."},
            "question: Is it? context: C. answer: It is.",
        ),
        ("hoc", "Cells died", "Cells died."),
        ("hoc", "Cells died. ", "Cells died."),
        ("describe", " CRISPR ", "CRISPR is"),
        ("generate", "The p53 ", "The p53 "),
    ],
)
def test_official_sources(task, value, source):
    prompt = TASKS[task].render(value, CARD)
    assert prompt.source == source
    assert prompt.suffix_tokens == ("learned1", "learned2")
    assert prompt.max_source_tokens == 640


def test_question_and_long_answer_are_kept_out_of_what_may_be_cut():
    value = {"question": "Is it?", "context": "Long.", "long_answer": "It is."}
    prompt = TASKS["pubmedqa_reasoning_free"].render(value, CARD)
    assert (prompt.head, prompt.text) == ("question: Is it? context: ", "Long. ")
    assert prompt.tail == "answer: It is."


def test_a_card_decides_about_case():
    value = {"question": "Is IT?", "context": "C.", "long_answer": "YES."}
    lower = TaskCard(lowercase=True)
    prompt = TASKS["pubmedqa_reasoning_free"].render(value, lower)
    assert prompt.source == "question: is it? context: c. answer: yes."
    assert TASKS["bc5cdr"].render("ABC", TaskCard(lowercase=False)).source == "ABC"


def relation(task: str, head: str, type_: str, tail: str) -> Relation:
    first, second = TASKS[task].ends
    return Relation(
        head=Entity(text=head, type=first), type=type_, tail=Entity(text=tail, type=second)
    )


@pytest.mark.parametrize(
    ("task", "result", "text"),
    [
        (
            "bc5cdr",
            [relation("bc5cdr", "a", "CID", "b c"), relation("bc5cdr", "d", "CID", "e")],
            "the relation between a and b c exists; the relation between d and e exists.",
        ),
        (
            "ddi",
            [relation("ddi", "a", kind, kind) for kind in ("mechanism", "effect", "advise", "int")],
            "; ".join(
                f"the interaction between a and {kind} is {kind}"
                for kind in ("mechanism", "effect", "advise", "int")
            )
            + ".",
        ),
        (
            "kd_dti",
            [relation("kd_dti", "a-1", "allosteric modulator", "b (2)")],
            "the interaction between a-1 and b (2) is allosteric modulator.",
        ),
        *[
            ("pubmedqa", Answer(label=x), f"the answer to the question given the context is {x}.")
            for x in ("yes", "no", "maybe")
        ],
        ("hoc", Hallmarks(), "the type of this document is empty."),
        ("hoc", Hallmarks(labels=LABELS), f"the type of this document is {'|'.join(LABELS)}."),
    ],
)
def test_targets_round_trip(task, result, text):
    assert TASKS[task].target(result) == text
    assert TASKS[task].parse(text) == result


@pytest.mark.parametrize(
    ("task", "values", "tail"),
    [
        ("pubmedqa", {}, " Question: Is It? "),
        ("pubmedqa_reasoning_free", {}, " Question: Is It? "),
        ("pubmedqa_reasoning_free", {"long_answer": "So.\n"}, " Question: Is It? Answer: So. "),
    ],
)
def test_a_text_may_stand_before_its_question(task, values, tail):
    given = {"question": "Is\tIt?", "context": ["One A.", "Two B."], **values}
    card = CARD.model_copy(update={"text_first": True})
    prompt = TASKS[task].render(given, card)
    assert (prompt.head, prompt.text, prompt.tail) == ("", "One A. Two B.", tail)
    assert prompt.suffix_tokens == card.learned_tokens
    pretrained = TASKS[task].render(given, PRETRAINED)
    assert pretrained.text == "One A. Two B."
    assert pretrained.tail == f"{tail.rstrip()} Conclusion:"
    for shot, target in TASKS[task].shots:
        assert f"Abstract: {shot.text} Question: {shot.question}" in pretrained.head
        assert f"Conclusion: {target} Abstract:" in pretrained.head


@pytest.mark.parametrize("name", ["bc5cdr", "ddi", "kd_dti", "hoc", "describe", "generate"])
def test_texts_of_which_nothing_is_asked_are_first_anyway(name):
    assert TASKS[name].render("A text.", PRETRAINED) == TASKS[name].render("A text.")


@pytest.mark.parametrize("name", [n for n, t in TASKS.items() if t.shots])
def test_few_shot_prompts_show_solved_examples_that_parse(name):
    task = TASKS[name]
    value = {"question": "Q?", "context": "The Text."} if task.input is Question else "The Text."
    prompt = task.render(value)
    assert prompt.text.strip() == "The Text."
    assert prompt.tail.endswith("Conclusion:")
    assert prompt.head.count("Abstract:") == len(task.shots) + 1
    assert not prompt.suffix_tokens
    for shot, target in task.shots:
        assert task.source(shot).source.strip() in prompt.head
        assert target in prompt.head
        assert task.target(task.parse(target, shot.source)) == target
    assert "Abstract:" in task.decoding_for(TaskCard(layout="few_shot")).stop


@pytest.mark.parametrize("name", ["describe", "generate"])
def test_pretrained_tasks_need_no_examples(name):
    assert TASKS[name].render("p53").head == ""
    assert TASKS[name].decoding_for(TaskCard(layout="few_shot")) == TASKS[name].decoding


def test_official_decoding_is_greedy_up_to_1023_tokens_behind_the_start():
    decoding = TASKS["bc5cdr"].decoding_for(CARD)
    assert decoding == Decoding(max_length=1025)
    assert TASKS["bc5cdr"].decoding_for(TaskCard(max_length=2048)).max_length == 2048


@pytest.mark.parametrize("name", ["BC5CDR", "kd-dti", "PubMedQA-Reasoning-Free"])
def test_task_names_are_found_without_regard_to_spelling(name):
    assert get_task(name).name == name.lower().replace("-", "_")


def test_an_unknown_task_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"'ner'.*bc5cdr, ddi, kd_dti"):
        get_task("ner")


@pytest.mark.parametrize(
    ("task", "value", "match"),
    [
        ("bc5cdr", "", "empty"),
        ("bc5cdr", {"title": " ", "abstract": "\n"}, "empty"),
        ("bc5cdr", 3, "give a string or a mapping with id, abstract, title"),
        ("bc5cdr", {"title": 3}, "title: input should be a valid string"),
        ("pubmedqa", "just a question?", "give a mapping"),
        ("pubmedqa", {"question": "q"}, "context: field required"),
        ("pubmedqa", {"question": " ", "context": "c"}, "the question of .* is empty"),
        ("hoc", {"words": "x"}, "none of its fields, 'words', has the text: name .* it text"),
        ("pubmedqa", {"question": "q", "contexts": ["a", 3]}, "context: input should be"),
        ("pubmedqa", {"question": None, "context": "c"}, "question: field required"),
        ("hoc", Question(question="q", text=" "), "empty"),
        ("generate", None, "cannot read None as a Text"),
        ("generate", "half \ud83e", "half of a surrogate pair"),
    ],
)
def test_bad_inputs_name_the_fault_and_the_remedy(task, value, match):
    with pytest.raises(InputError, match=match):
        TASKS[task].render(value)


def test_inputs_of_every_form():
    paper = Paper(title="T.", abstract="A.", id=7)
    assert paper.source == "T. A."
    assert TASKS["bc5cdr"].read_input(paper) is paper
    assert TASKS["bc5cdr"].read_input({"pmid": 7, "Title": "T.", "text": "A."}) == paper
    assert TASKS["hoc"].read_input({"sentence": "x", "id": "s1"}) == Text(id="s1", text="x")
    assert Paper(title="T.").source == "T."
    assert TASKS["hoc"].render(paper, CARD).source == "T. A."
    nulls = {"pmid": 7, "id": None, "title": None, "abstract": "A."}
    assert TASKS["bc5cdr"].read_input(nulls) == Paper(id="7", text="A.")
    assert TASKS["bc5cdr"].read_input({"id": "a", "pmid": 7, "abstract": "A."}).id == "a"
    question = TASKS["pubmedqa"].read_input({"QUESTION": "q", "CONTEXTS": ["a", "b"], "YEAR": "1"})
    assert (question.question, question.source) == ("q", "a b")


# --- real gold ----------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["train", "valid"])
def test_real_gold_targets_round_trip(split):
    documents = json.loads(shared(f"bc5cdr/{split}.json").read_text(encoding="utf-8"))
    task, count = TASKS["bc5cdr"], 0
    for document in documents.values():
        names: dict[str, str] = {}
        for table in (document["chemical2id"], document["disease2id"]):
            for name, id_ in table.items():
                if len(name) > len(names.get(id_, "")):
                    names[id_] = name
        gold = [
            relation("bc5cdr", names[r["chemical"]], "CID", names[r["disease"]])
            for r in document["relations"]
            if r["chemical"] in names and r["disease"] in names
        ]
        if not gold:
            continue
        distinct = list({(r.head.name, r.tail.name): r for r in gold}.values())
        source = task.read_input(document).source
        found = task.parse(task.target(gold), source)
        assert [(r.head.name, r.tail.name) for r in found] == [
            (r.head.name, r.tail.name) for r in distinct
        ]
        count += len(found)
    assert count > 1000


def test_real_questions_render_in_the_official_layout():
    records = json.loads(shared("pubmedqa/pqal_train.json").read_text(encoding="utf-8"))
    for record in records.values():
        source = TASKS["pubmedqa"].render(record, CARD).source
        assert source.startswith(f"question: {' '.join(record['QUESTION'].split())} context: ")
        assert source.endswith(f"{' '.join(record['CONTEXTS'][-1].split())} ")
        answer = Answer(label=record["final_decision"])
        assert TASKS["pubmedqa"].parse(TASKS["pubmedqa"].target(answer)) == answer
