"""The demonstration: its papers, and that both frameworks do what it says they do."""

import re
import sys

import pytest
from typer.testing import CliRunner

from biogpt_plugins import Pipeline, load
from biogpt_plugins.checkpoints import locate
from biogpt_plugins.cli import app
from biogpt_plugins.demo.demo import by_langchain, by_llama_index, papers
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import ModelNotFoundError

pytestmark = pytest.mark.usefixtures("host_loop")

COMPLETIONS = [
    "the relation between cisplatin and hearing loss exists; "
    "the relation between cisplatin and flying exists.",
    "the relation between bupropion and seizures exists.",
    "no relation was found.",
    "nothing that can be read",
    "the relation between haloperidol and catalepsy exists.",
]
SHARES = [(0.2, 0.7, 0.1), (1.0, 0.0, 0.0), (0.3, 0.3, 0.4)]


class Scripted:
    """One engine for the whole demonstration, which plays the same script to each framework."""

    def __init__(self):
        self.engine = ScriptedEngine(COMPLETIONS * 2, SHARES)

    def __call__(self, model, task, **options):
        assert (model, options) == ("demo", {"decoding": "grounded"} if task == "bc5cdr" else {})
        return Pipeline(task, self.engine)


def test_papers_are_of_the_usual_size_and_three_have_questions():
    found = papers()
    assert len({paper.id for paper, _ in found}) == 5
    assert all(90 <= len(paper.text.split()) <= 160 for paper, _ in found)
    assert [q.text for _, q in found if q] == [p.source for p, q in found if q]
    assert sum(q is not None for _, q in found) == 3


def test_both_frameworks_make_one_call_and_find_the_same():
    scripted = Scripted()
    texts = [paper for paper, _ in papers()]
    results = []
    for run in (by_langchain, by_llama_index):
        found = run(texts, scripted("demo", "bc5cdr", decoding="grounded"))
        results.append(found)
        assert [len(f) if isinstance(f, list) else "error" for f in found] == [2, 1, 0, "error", 1]
        (relation,) = found[4]
        for end in (relation.head, relation.tail):
            assert texts[4].source[end.start : end.end] == end.text
    assert [len(call) for call in scripted.engine.calls] == [5, 5]
    assert [str(r) for r in results[0][0]] == [str(r) for r in results[1][0]]


@pytest.mark.parametrize("colour", [False, True])
def test_demo_shows_relations_comparison_and_answers(colour):
    scripted = Scripted()
    env = {"FORCE_COLOR": "1" if colour else None, "COLUMNS": "80", "TERM": "xterm-256color"}
    done = CliRunner().invoke(app, ["demo"], obj=scripted, env=env)
    assert done.exit_code == 0, done.output
    assert ("\x1b[" in done.stdout) is colour
    shown = re.sub("\x1b\\[[0-9;]*m", "", done.stdout)
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "Cisplatin 0:9 -CID-> hearing loss 18:30" in shown
    assert ("[Cisplatin]-induced [hearing loss]" in shown) is not colour
    assert "1 left out: not in the text" in shown
    assert "no relation can be read from" in shown
    assert shown.count("yes  \n") + shown.count("yes\n") >= 5
    assert "100.0%" in shown
    assert "not for medicine" in shown
    assert "microsoft/BioGPT-Large-PubMedQA" in shown
    assert [len(call) for call in scripted.engine.calls] == [5, 5, 3]


@pytest.mark.parametrize(
    ("without", "calls", "said"),
    [
        (["langchain"], [5, 3], "With LlamaIndex:"),
        (["llama-index"], [5, 3], "With LangChain:"),
        (["langchain", "llama-index"], [5, 3], "With this package alone:"),
    ],
)
def test_demo_goes_without_what_is_not_installed(monkeypatch, without, calls, said):
    for extra in without:
        ours, theirs = {
            "langchain": ("langchain_biogpt", "langchain_core"),
            "llama-index": ("llama_index_biogpt", "llama_index.core"),
        }[extra]
        monkeypatch.delitem(sys.modules, ours, raising=False)
        monkeypatch.setitem(sys.modules, theirs, None)
    scripted = Scripted()
    done = CliRunner().invoke(app, ["demo"], obj=scripted)
    assert done.exit_code == 0, done.output
    assert said in done.stdout
    assert "Cisplatin 0:9 -CID-> hearing loss 18:30" in done.stdout
    assert "The same papers" not in done.stdout
    assert [len(call) for call in scripted.engine.calls] == calls
    notes = [line for line in done.stderr.splitlines() if line.startswith("note: the demo goes")]
    assert len(notes) == len(without)
    for extra, note in zip(without, notes, strict=True):
        assert f'"biogpt-plugins[{extra}]"' in note
        assert f'".[{extra}]"' in note


@pytest.fixture
def bundled():
    try:
        locate("demo")
    except ModelNotFoundError:
        pytest.skip("the bundled model is not there")


@pytest.mark.usefixtures("bundled")
def test_the_bundled_model_finds_the_same_by_either_framework():
    texts = [paper for paper, _ in papers()]
    pipeline = load("demo", "bc5cdr", decoding="grounded")
    one, other = by_langchain(texts, pipeline), by_llama_index(texts, pipeline)
    assert [list(map(str, found)) for found in one] == [list(map(str, found)) for found in other]
    assert any(one)
    assert all(relation.grounded for found in one for relation in found)


@pytest.mark.usefixtures("bundled")
def test_the_bundled_model_answers_with_probabilities():
    questions = [question for _, question in papers() if question]
    for prediction in load("demo", "pubmedqa").run(questions):
        assert sum(prediction.result.probabilities.values()) == pytest.approx(1)
