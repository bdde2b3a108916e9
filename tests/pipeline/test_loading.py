"""`load`: a model's own task, tasks it was not trained for, and parts of the function itself."""

import pickle
import shutil
import subprocess
import sys

import bundled
import pytest

from biogpt_plugins import TASKS, Decoding, load
from biogpt_plugins.checkpoints.card import ModelCard
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.hosts.fields import LLMFields
from biogpt_plugins.values.errors import InputError

CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))


@pytest.fixture(scope="module")
def folder(tiny_biogpt, tmp_path_factory):
    """A copy of the tiny model that tests may put a card into."""
    return shutil.copytree(tiny_biogpt, tmp_path_factory.mktemp("models") / "tiny")


def taught(folder, *tasks):
    ModelCard(tasks=dict.fromkeys(tasks, CARD)).save(folder)
    return str(folder)


def test_a_models_own_task_is_the_first_that_it_was_taught(folder):
    assert load("demo").task.name == "bc5cdr"
    pipe = load(taught(folder, "hoc", "ddi"))
    assert (pipe.task.name, pipe.card) == ("hoc", CARD)


def test_a_model_that_was_taught_none_has_no_own_task(folder):
    with pytest.raises(InputError, match=r"was trained for no task: name the task .* bc5cdr, ddi"):
        load(taught(folder))


def test_that_it_was_not_trained_for_a_task_is_told_once(folder):
    model = taught(folder, "hoc")
    with pytest.warns(UserWarning, match="trained for hoc, not kd_dti"):
        load(model, "kd_dti")
    load(model, "kd_dti")  # a warning is an error here


BC5CDR_MODEL = "For bc5cdr train a model with `biogpt reproduce bc5cdr`"


@pytest.mark.parametrize(
    ("tasks", "asked", "says"),
    [
        (
            ("ddi", "hoc"),
            "bc5cdr",
            f"trained for ddi, hoc, not bc5cdr: its results.*{BC5CDR_MODEL}",
        ),
        (
            ("ddi",),
            "describe",
            "not describe: its results.* microsoft/biogpt or microsoft/BioGP",
        ),
        (
            (),
            "bc5cdr",
            "was not trained for bc5cdr: its prompts contain solved examples instead. "
            + BC5CDR_MODEL,
        ),
        (
            (),
            "pubmedqa",
            "solved examples instead. No published .* use microsoft/BioGPT-Large-PubM",
        ),
    ],
)
def test_a_task_that_a_model_was_not_taught_gives_a_warning(folder, tasks, asked, says):
    with pytest.warns(UserWarning, match=says):
        assert load(taught(folder, *tasks), asked).card.layout == "few_shot"


@pytest.mark.parametrize(
    ("tasks", "asked"), [(("ddi",), "ddi"), ((), "describe"), ((), TASKS["generate"])]
)
def test_what_a_model_can_do_gives_none(folder, tasks, asked):
    assert load(taught(folder, *tasks), asked).task in TASKS.values()


def test_the_warning_names_the_line_that_loads(folder):
    with pytest.warns(UserWarning, match="solved examples") as told:
        load(taught(folder), "bc5cdr")
    assert [one.filename for one in told] == [__file__]


def test_the_warning_names_the_line_that_uses_a_component(folder):
    with pytest.warns(UserWarning, match="solved examples") as told:
        LLMFields(model=str(taught(folder))).bind_task("bc5cdr")
    assert [one.filename for one in told] == [__file__]


def test_it_is_pickled_by_its_name():
    assert pickle.loads(pickle.dumps(load)) is load


def test_a_name_that_is_none_is_told_before_torch_is_imported(tmp_path):
    code = (
        "import sys\n"
        "from biogpt_plugins import BioGPTError, load\n"
        f"for asked in (('demo', 'bc5'), ({str(tmp_path / 'none')!r}, 'bc5cdr')):\n"
        "    try:\n"
        "        load(*asked)\n"
        "    except BioGPTError as error:\n"
        "        print(error)\n"
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "no task is called 'bc5'" in found.stdout
    assert f"model folder {str(tmp_path / 'none')!r} does not exist" in found.stdout


def test_13_a_local_model_scores_in_the_same_pass():
    paper = bundled.case()
    found, *_ = load("demo", "bc5cdr").run([paper])[0].relations
    assert 0 < found.confidence.clause <= 1
    assert found.score is not None
    *_, last = load("demo", "bc5cdr").stream(paper)
    assert last.prediction.relations[0].score == pytest.approx(found.score, abs=1e-4)
    beams = load("demo", "bc5cdr", decoding=Decoding(num_beams=2, max_new_tokens=40))
    assert {one.score for one in beams.run([paper])[0].relations} == {None}
