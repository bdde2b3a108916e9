"""Tasks that a TOML file declares."""

import pickle
import re
import shutil
from pathlib import Path

import pytest

from biogpt_plugins import TASKS, Paper, Pipeline, load
from biogpt_plugins.checkpoints.card import ModelCard, read_card
from biogpt_plugins.cli import app
from biogpt_plugins.corpus.gold import read_gold
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.evaluation import evaluate
from biogpt_plugins.evaluation.single import score_one
from biogpt_plugins.tasks import get_task, load_task
from biogpt_plugins.tasks.toml_task import read_task, task_of
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from langchain_biogpt import BioGPTLLM

DRUGPROT = Path(__file__).parent.parent.parent / "examples" / "12_your_own_task" / "drugprot.toml"
TEXT = """
name = "mine"
summary = "what acts on what"
entities = ["chemical", "gene"]
clause = "{chemical} {type} {gene}"
types = ["inhibits", "activates"]

[[examples]]
text = "Aspirin inhibits COX-2."
relations = [{ head = "aspirin", type = "inhibits", tail = "cox-2" }]
"""


def declared(text=TEXT, **changes):
    for old, new in changes.items():
        text = text.replace(old, new)
    return task_of(text, where="mine.toml")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TEXT.replace('"mine"', f'"{tmp_path.name}"'), encoding="utf-8")
    return path


def test_what_a_file_declares():
    task = read_task(DRUGPROT)
    assert (task.name, task.kind, task.ends) == ("drugprot", "relations", ("chemical", "gene"))
    assert len(task.clause.types) == 13
    prompt = task.render({"title": "A title", "abstract": "TNF."}, TaskCard(layout="none"))
    assert prompt.source == "a title. tnf."
    assert [target for _, target in task.shots] == [
        "imatinib inhibits bcr-abl; imatinib lowers vegf.",
        "isoprenaline is an agonist of beta-2 adrenergic receptor.",
        "no relation.",
    ]
    assert task.parse("no relation.") == []
    assert pickle.loads(pickle.dumps(task)).fingerprint == task.fingerprint


def test_it_is_asked_for_by_its_file_and_then_by_its_name(file):
    task = get_task(str(file))
    assert get_task(file) is load_task(file) is task is get_task(task.name)
    written = "aspirin inhibits cox-2; aspirin activates x."
    (found,) = Pipeline(task.name, ScriptedEngine([written])).run(["Aspirin, COX-2, X."])
    assert [str(one) for one in found.result] == [
        "Aspirin -[inhibits]-> COX-2",
        "Aspirin -[activates]-> X",
    ]


def test_a_file_that_changed_is_read_again(file):
    before = load_task(file)
    file.write_text(file.read_text().replace("activates", "raises"), encoding="utf-8")
    assert load_task(file).clause.types == ("inhibits", "raises")
    assert load_task(file).fingerprint != before.fingerprint
    other = file.with_name("other.toml")
    other.write_text(file.read_text().replace("raises", "lowers"), encoding="utf-8")
    with pytest.raises(InputError, match="is taken by another task"):
        load_task(other)


def test_sources():
    template = declared(**{"types =": 'source = "{title} | {text}"\ntypes ='})
    assert template.source(Paper(title="A", text="B")).text == "A | B"
    assert (
        declared(**{"types =": 'source = "text"\ntypes ='}).source(Paper(text="B\nC")).text == "B C"
    )
    kept = declared(**{"types =": "lowercase = false\ntypes =", '"aspirin"': '"Aspirin"'})
    assert kept.shots[0][1] == "Aspirin inhibits cox-2."
    assert kept.render("TNF", TaskCard(layout="none")).source == "TNF"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("types =", "colour = 1\ntypes =", "there is no key 'colour'. The keys are name, summary"),
        ("text =", "txt =", "'examples.0.txt'. Did you mean 'text'? The keys are title, text"),
        ('summary = "what acts on what"', "", "the key 'summary' is missing: add it"),
        ('"what acts on what"', "7", "summary = 7: input should be a valid string"),
        ('name = "mine"', 'name = "my task"', "name: 'my task' must begin with a letter"),
        ("{gene}", "{protein}", "clause: {protein} is not a slot: use {head}, {tail}"),
        ("{type} ", "", "clause: clause '{head} {tail}' lacks {type}"),
        ("activates", "inhibits", "clause: a type occurs twice in `types`"),
        ("activates", "Inhibit", "clause: the types 'inhibits' and 'Inhibit' are too similar"),
        ("types =", 'source = "abstracts"\ntypes =', "source: 'abstracts' must be one of"),
        ("types =", 'source = "{titel} {text}"\ntypes =', "source: {titel} is not a slot"),
        ("types =", 'metric = "bleu"\ntypes =', "metric: 'bleu' must be 'relations'"),
        ('type = "inhibits"', 'type = "blocks"', "example 1: unknown relation type 'blocks'"),
        ('"cox-2" }', '"cox-2; x" }', "example 1: 'aspirin inhibits cox-2; x.' is read back as"),
        ('{ head = "aspirin", type = "inhibits", tail = "cox-2" }', "", "it has no relations"),
        ('text = "Aspirin inhibits COX-2."', "", "example 1: it has no text"),
        ('name = "mine"', "name = ", "is not a TOML file"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(old, new, fault):
    assert old in TEXT
    with pytest.raises(InputError) as error:
        declared(**{old: new})
    assert str(error.value).startswith("mine.toml")
    assert fault in str(error.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InputError, match=r"there is no task file '.*nope\.toml': check the path"):
        get_task(tmp_path / "nope.toml")


# --- gold and metric ---------------------------------------------------------------------------


def test_gold_is_read_and_scored_by_names_or_ids(file, tmp_path):
    task = load_task(file)
    gold = tmp_path / "gold.jsonl"
    gold.write_text(
        '{"id": "1", "text": "Aspirin, COX-2.", "gold": [{"head": "Aspirins", "type": "inhibits", '
        '"tail": {"text": "cox-2", "id": "G1"}}]}\n{"id": "2", "text": "X.", "gold": []}\n'
    )
    pipe = Pipeline(task, ScriptedEngine(["aspirin inhibits COX 2.", "x activates y."]))
    corpus = read_gold(gold, task.name)
    found = evaluate(corpus, pipe.run([one.input for one in corpus.documents]))
    assert (found.figure, found.strict) == ("f1", None)
    assert (found.default.score.tp, found.default.score.fp, found.default.score.fn) == (1, 1, 0)
    assert found.default.types["activates"].fp == 1
    assert found.default.rows[0].gold == ("Aspirins -[inhibits]-> cox-2",)
    told = {"head": "aspirin", "type": "inhibits", "tail": {"text": "ptgs2", "id": "G1"}}
    right = {"head": "aspirin", "type": "inhibits", "tail": {"text": "cox-2", "id": "G1"}}
    assert score_one(task, [right], [told]).score == 1
    other = {**told, "tail": {"text": "cox-2", "id": "G2"}}
    verdict = score_one(task, [right], [other])
    assert (verdict.score, verdict.missed) == (0, ("aspirin -[inhibits]-> cox-2",))
    with pytest.raises(InputError, match="has no official reader"):
        score_one(task, [right], "aspirin inhibits cox-2.", strict=True)


def test_gold_of_another_type_is_refused(file, tmp_path):
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"text": "X.", "gold": [{"head": "a", "type": "blocks", "tail": "b"}]}\n')
    with pytest.raises(
        InputError, match="no relation type 'blocks': use one of inhibits, activates"
    ):
        read_gold(gold, str(file))


# --- with a model ------------------------------------------------------------------------------


@pytest.fixture
def taught(tiny_biogpt, file, tmp_path):
    """A model whose card names the task, and which brings its file along."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_biogpt, folder)
    name = tmp_path.name
    ModelCard(tasks={name: TaskCard(layout="none")}).save(folder)
    (folder / "tasks").mkdir()
    shutil.copy(file, folder / "tasks" / f"{name}.toml")
    return folder


def test_a_model_brings_its_task_along(taught, tmp_path):
    name = tmp_path.name
    assert name not in TASKS
    pipe = load(str(taught), decoding="grounded", device="cpu")
    assert pipe.task.name == name
    (found,) = pipe.run(["Lithium caused tremor and ulcer."])
    assert found.result
    assert found.result[0].grounded
    TASKS.forget(name)
    assert load(str(taught), name, device="cpu").task.name == name


def test_commands_and_components_find_it_by_name(taught, tmp_path, capsys):
    name = tmp_path.name
    assert BioGPTLLM(model=str(taught), task=name).task == name
    TASKS.forget(name)
    papers = tmp_path / "papers.jsonl"
    gold = '[{"head": "lithium", "type": "inhibits", "tail": "tremor"}]'
    papers.write_text(f'{{"id": "1", "text": "Lithium, tremor.", "gold": {gold}}}\n')
    options = ["--model", str(taught), "--decoding", "grounded", "--device", "cpu"]
    for command in (
        ["extract", str(papers), "--task", name],
        ["eval", name, "--data", str(papers)],
    ):
        TASKS.forget(name)
        with pytest.raises(SystemExit) as ended:
            app([*command, *options], prog_name="biogpt")
        assert not ended.value.code, capsys.readouterr().err
    assert "ends found in the text" in capsys.readouterr().out


def test_a_model_whose_task_is_unknown_says_so(taught, tmp_path):
    shutil.rmtree(taught / "tasks")
    with pytest.raises(InputError, match=r"was trained for the task .* not known here.*\.toml"):
        load(str(taught), device="cpu")
    assert list(read_card(taught).tasks) == [tmp_path.name]


def test_another_version_of_its_task_is_told(taught, file):
    file.write_text(file.read_text().replace("activates", "raises"), encoding="utf-8")
    with pytest.warns(UserWarning, match="was trained for another version"):
        load(str(taught), file, device="cpu")


@pytest.mark.parametrize(
    ("predicates", "found"),
    [
        ("", ["biolink:related_to"] * 2),
        ('predicates = "biolink:affects"', ["biolink:affects"] * 2),
        (
            'predicates = { inhibits = "biolink:affects" }',
            ["biolink:affects", "biolink:related_to"],
        ),
    ],
)
def test_predicates(predicates, found):
    clause = declared(TEXT.replace("\n[[", f"\n{predicates}\n[[")).clause
    assert [clause.predicate(type_) for type_ in clause.types] == found


@pytest.mark.parametrize(
    ("predicates", "says"),
    [
        ('{ blocks = "biolink:affects" }', "`predicates` has 'blocks', which is not a type"),
        ('"affects"', "'affects' is not written like a predicate of the Biolink model"),
    ],
)
def test_predicates_that_cannot_be_meant(predicates, says):
    with pytest.raises(InputError, match=re.escape(says)):
        declared(TEXT.replace("\n[[", f"\npredicates = {predicates}\n[["))
