"""The command line, on scripted engines: what goes where, exit codes, one line an error."""

import gzip
import inspect
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import warnings

import pytest
from doubles import Ruled
from typer.main import get_command
from typer.testing import CliRunner

import biogpt_plugins
from biogpt_plugins import Pipeline, Prediction, Spec, __version__
from biogpt_plugins.checkpoints.card import ModelCard
from biogpt_plugins.checkpoints.registry import KNOWN
from biogpt_plugins.cli import app, console
from biogpt_plugins.corpus.run import results
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError, ModelNotFoundError

ASPIRIN = "the relation between aspirin and nausea exists."
UNGROUNDED = "the relation between aspirin and vertigo exists."
PAPERS = "".join(
    f'{{"id": 1, "title": "Aspirin", "abstract": "and nausea, {n} cases."}}\n' for n in range(3)
)
COMMANDS = ["dictionary build", *(n for n in get_command(app).commands if n != "dictionary")]


class Loader:
    """Stands in for `biogpt_plugins.load`, and remembers what it was asked for."""

    def __init__(self, *completions, probabilities=(), error=None, warning=None):
        self.engine = ScriptedEngine(completions, probabilities)
        self.error = error
        self.warning = warning
        self.asked = None

    def __call__(self, model, task, *, decoding=None, **options):
        self.asked = (model, task, {k: v for k, v in options.items() if v})
        if self.error:
            raise self.error
        if self.warning:
            warnings.warn(self.warning, stacklevel=2)
        return Pipeline(task or "bc5cdr", self.engine, decoding=decoding)


def run(*args, load=None, **options):
    return CliRunner().invoke(app, [str(arg) for arg in args], obj=load or Loader(), **options)


def predictions(text):
    return [Prediction.model_validate_json(line) for line in text.splitlines()]


@pytest.fixture
def papers(tmp_path):
    path = tmp_path / "papers.jsonl"
    path.write_text(PAPERS, encoding="utf-8")
    return path


def test_extract_writes_a_prediction_a_line_and_says_what_it_came_to(papers, tmp_path):
    out = tmp_path / "out.jsonl"
    load = Loader(ASPIRIN, "what is this", f"{UNGROUNDED[:-1]}; {ASPIRIN}")
    done = run("extract", papers, "-o", out, load=load)
    assert done.exit_code == 0
    assert done.stdout == ""
    assert load.asked == ("demo", None, {}), "the model's own task"
    found = predictions(out.read_text(encoding="utf-8"))
    assert [p.ok for p in found] == [True, False, True]
    assert [p.id for p in found] == ["1", "1", "1"]
    said = done.stderr.splitlines()
    assert said[0].startswith(f"warning: {papers}:2: ")
    assert said[1].startswith("3 records in ")
    assert said[2] == (
        "3 relations in 2 of the records; both names stand in the text in 66.7% of the relations "
        "(no measure of accuracy)"
    )
    assert said[3] == "1 failed; its line says why"
    assert said[4] == f"written to {out}"
    assert "\x1b" not in done.stderr


def test_extract_hands_the_engine_chunks_and_stops_at_the_limit(papers):
    load = Loader(*[ASPIRIN] * 5)
    papers.write_text("".join(PAPERS.replace("cases", f"cases of {n}") for n in range(2)))
    done = run("extract", papers, "--chunk", 2, "--limit", 5, load=load)
    assert [len(call) for call in load.engine.calls] == [2, 2, 1]
    assert len(predictions(done.stdout)) == 5


def test_extract_asks_of_each_text_once_and_copies_results(papers, tmp_path):
    load, out = Loader(*[ASPIRIN] * 3), tmp_path / "out"
    done = run("extract", papers, papers, "--chunk", 2, "-o", out, load=load)
    assert [len(call) for call in load.engine.calls] == [2, 1]
    found = predictions(out.read_text())
    assert found[3:] == found[:3]
    assert (
        done.stderr.splitlines()[-1] == f"written to {out}, 3 of them copied from identical texts"
    )


def test_a_long_paper_is_read_whole_whatever_it_is_written_to(tmp_path):
    text = " ".join(f"In it drug{n} caused illness{n}. Nothing else was seen." for n in range(60))
    path = tmp_path / "paper.txt"
    path.write_text(text)

    def load(_, task, **__):
        return Pipeline(task or "bc5cdr", Ruled(165))

    (line,) = predictions(run("extract", path, load=load).stdout)
    assert run("extract", path, "--run", tmp_path / "run", load=load).exit_code == 0
    (kept,) = results(tmp_path / "run")
    assert len(line.result) == 60
    assert line == kept
    assert line.truncated_tokens == 0


def test_what_a_command_asks_can_be_sent_to_another_process():
    options = {"task": "bc5cdr", "min_score": 0.5, "allow_pickle": True, "device": None}
    asked = console.Asked.of(biogpt_plugins.load, scored=True, **options)
    pipeline = pickle.loads(pickle.dumps(asked))()
    assert pipeline.spec.but(decoding=None) == Spec(task="bc5cdr", min_score=0.5, allow_pickle=True)
    assert pipeline.decoding.logprobs


def test_extract_passes_options_on(papers):
    options = [
        "--device",
        "cpu",
        "--dtype",
        "float32",
        "--allow-pickle",
        "--model",
        "m",
        "-t",
        "ddi",
        "--decoding",
        "grounded",
    ]
    load = Loader(*["the interaction between a and b is int."] * 3)
    assert run("extract", papers, *options, load=load).exit_code == 0
    given = {"device": "cpu", "dtype": "float32", "allow_pickle": True}
    assert load.asked == ("m", "ddi", given)
    assert [decoding.form for decoding in load.engine.decodings] == ["grounded"]


@pytest.mark.parametrize("zipped", [False, True])
def test_extract_reads_the_standard_input(zipped):
    data = b"7|t|Aspirin\n7|a|and nausea.\n"
    done = run("extract", "-", load=Loader(ASPIRIN), input=gzip.compress(data) if zipped else data)
    (found,) = predictions(done.stdout)
    (relation,) = found.result
    assert (found.id, relation.head.start, relation.tail.start) == ("7", 0, 12)


def test_a_broken_record_is_a_line_and_costs_nothing_else(tmp_path):
    path = tmp_path / "papers"
    path.write_text('{"id": 1, "text": "a"}\n{"id": 2,\n{"id": 3}\n{"id": 4, "text": "b"}\n')
    load = Loader(ASPIRIN, ASPIRIN)
    done = run("extract", path, load=load)
    assert done.exit_code == 1, "a part of the file could not be read"
    found = predictions(done.stdout)
    assert [p.ok for p in found] == [True, False, False, True]
    assert found[1].error.message.startswith(f"{path}:2: not JSON")
    assert f"warning: {path}:3: cannot read {{'id': 3}} as a Paper: none of its" in done.stderr


def test_all_failed_is_exit_code_1(papers):
    errors = [EngineError("boom")] * 3
    done = run("extract", papers, load=Loader(*errors))
    assert done.exit_code == 1
    assert len(predictions(done.stdout)) == 3


def test_many_failures_are_counted_not_listed(tmp_path):
    path = tmp_path / "papers"
    path.write_text("{\n" * 100)
    done = run("extract", path)
    assert done.stderr.count("warning:") == 5
    assert "100 failed" in done.stderr


def test_answers_and_hallmarks_are_counted(tmp_path):
    path = tmp_path / "questions"
    lines = (f'{{"pmid": 1, "QUESTION": "q?", "CONTEXTS": ["a", "b{n}"]}}\n' for n in range(3))
    path.write_text("".join(lines))
    load = Loader(probabilities=[(0.1, 0.6, 0.3), (0.5, 0.3, 0.2), (0.2, 0.6, 0.2)])
    done = run("extract", path, "--task", "pubmedqa", load=load)
    assert [p.result.label for p in predictions(done.stdout)] == ["no", "yes", "no"]
    assert "no 2, yes 1" in done.stderr
    load = Loader("the type of this document is empty.")
    done = run("extract", "-", "--task", "hoc", load=load, input="A sentence.")
    assert "none 1" in done.stderr


@pytest.mark.parametrize(
    ("task", "record", "says"),
    [
        ("pubmedqa", {"title": "T", "abstract": "A."}, "biogpt ask QUESTION --corpus {path} --run"),
        ("pubmedqa_reasoning_free", {"text": "A."}, "task pubmedqa_reasoning_free answers quest"),
        ("bc5cdr", {"Question": "q?", "contexts": ["a"]}, "answer them with --task pubmedqa"),
        ("hoc", {"question": "q?", "context": "a"}, "task hoc reads papers, and {path} holds"),
    ],
)
def test_a_task_that_does_not_fit_the_records_names_what_does(tmp_path, task, record, says):
    path = tmp_path / "records.jsonl"
    path.write_text(f"{json.dumps(record)}\n" * 30)
    done = run("extract", path, "--task", task)
    assert done.exit_code == 2
    assert says.format(path=path) in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("record", [{"question": "q?", "context": "a", "text": "A."}, {"x": "a"}])
def test_records_that_may_be_either_are_left_to_the_task(tmp_path, record):
    path = tmp_path / "records.jsonl"
    path.write_text(json.dumps(record) + "\n")
    assert "holds" not in run("extract", path, "--task", "bc5cdr", load=Loader(ASPIRIN)).stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["ask", "q?", "-c", "{file}"], "{file} is a file, not a passage: write @{file}"),
        (["ask", "{file}", "-c", "x"], "{file} is a file, not a question: write @{file}"),
        (
            ["ask", "q?", "-c", "x", "--long-answer", "{file}"],
            "{file} is a file, not a long answer",
        ),
        (["describe", "{file}"], "{file} is a file, not a term: write @{file} to read it"),
        (["generate", "{file}"], "{file} is a file, not a text: write @{file} to read it"),
        (["ask", "q?", "-c", "abstarct.txt"], "there is no file 'abstarct.txt', and the passage"),
        (["ask", "q?", "-c", "my paper.xml.gz"], "there is no file 'my paper.xml.gz'"),
        (["generate", "in/prompt.md"], "there is no file 'in/prompt.md', and the text looks like"),
        (["ask", "q?", "-c", "@abstarct.txt"], "abstarct.txt: No such file or directory"),
        (["ask", "q?", "-c", "@"], "@ names no file: write @FILE, or @- for the standard input"),
        (["ask", "q?", "-c", "{folder}"], "{folder} is a folder, not a passage"),
        (["ask", "q?", "-c", "@{file}"], "{file} holds several papers: ask each of them with"),
        (["ask", "@{empty}", "-c", "x"], "there is no question in {empty}: write one a line"),
        (
            ["ask", "Does", "it", "help?", "-c", "x"],
            'the question must be in quotes: "Does it help?"',
        ),
        (["ask", "Does it", "help?", "-c", "x"], 'must be in quotes: "Does it help?"'),
        (["describe", "lithium", "carbonate"], 'the term must be in quotes: "lithium carbonate"'),
        (["generate", "Lithium", "is"], 'the text must be in quotes: "Lithium is"'),
    ],
)
def test_names_of_files_and_words_without_quotes_are_no_texts(tmp_path, papers, args, says):
    (tmp_path / "empty").write_text("\n")
    places = {"file": papers, "folder": f"{tmp_path}/", "empty": tmp_path / "empty"}
    done = run(*(arg.format(**places) for arg in args))
    assert done.exit_code == 2
    assert says.format(**places) in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    ["α" * 5000, "Ca 2.5 mmol/l", "see e.g. Fig. 1.", "COX-1/COX-2", "5.json tests were run"],
)
def test_texts_are_no_names_of_files(text):
    load = Loader(probabilities=[(0.7, 0.2, 0.1)])
    assert run("ask", "q?", "-c", text, load=load).exit_code == 0
    assert load.engine.history[0].text == text


def test_a_passage_is_read_from_a_file_of_any_format(tmp_path):
    for name, text in {
        "a.json": '{"title": "Lithium.", "abstract": "It helps."}',
        "a.nbib": "PMID- 1\nTI  - Lithium.\nAB  - It helps.\n",
        "a.jsonl": '{"question": "x?", "CONTEXTS": ["Lithium.", "It helps."]}',
        "a.txt": "Lithium. It helps.",
    }.items():
        (tmp_path / name).write_text(text)
        load = Loader(probabilities=[(0.7, 0.2, 0.1)])
        assert run("ask", "q?", "-c", f"@{tmp_path / name}", load=load).exit_code == 0
        assert load.engine.history[0].text == "Lithium. It helps."


def test_a_warning_that_comes_from_many_places_is_told_once(papers):
    def load(*_, **__):
        warnings.warn("the same", stacklevel=1)
        warnings.warn("the same", stacklevel=1)
        warnings.warn("another", stacklevel=1)
        return Pipeline("bc5cdr", ScriptedEngine([ASPIRIN] * 3))

    done = run("extract", papers, load=load)
    told = [line for line in done.stderr.splitlines() if line.startswith("warning:")]
    assert told == ["warning: the same", "warning: another"]


def test_shell_completion_is_on():
    env = {
        "_BIOGPT_COMPLETE": "complete_bash",
        "COMP_WORDS": "biogpt extr",
        "COMP_CWORD": "1",
    }
    done = CliRunner().invoke(app, [], env=env, prog_name="biogpt")
    assert done.stdout.split() == ["extract"]
    assert "--install-completion" in run("--help").stdout


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["extract", "{papers}", "--task", "bc5cd"], "is called 'bc5cd'. Did you mean 'bc5cdr'?"),
        (["extract", "{papers}", "--task", "PubMedAQ"], "Did you mean 'pubmedqa'?"),
        (["score", "hocc", "--gold", "x", "--completions", "y"], "Did you mean 'hoc'?"),
        (["extract", "{papers}", "--engine", "transfomers"], "Did you mean 'transformers'?"),
        (["extract", "{papers}", "--decodng", "free"], "--decoding"),
        (["extract", "{papers}", "--decoding", "groundd"], "'groundd' is not one of 'free', 'gr"),
        (["extrct", "{papers}"], "Did you mean 'extract'"),
        (["finetune", "ddi", "--train", "x", "-o", "y", "-s", "epoch=1"], "Did you mean 'epochs'?"),
        (["finetune", "ddi", "--train", "x", "-o", "y", "--recipe", "oficial"], "'official'"),
    ],
)
def test_a_name_that_is_nearly_right_suggests_the_right_one(papers, args, says):
    done = run(*(arg.format(papers=papers) for arg in args))
    assert done.exit_code == 2
    assert says in done.stderr


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["{papers}", "nowhere.txt"], "nowhere.txt: No such file or directory"),
        (["{papers}", "--task", "x"], "no task is called 'x'"),
        (["{papers}", "-o", "{papers}", "--force"], "is one of the inputs"),
        (["{papers}", "-o", "nowhere/out"], "folder nowhere does not exist"),
    ],
)
def test_extract_refuses_before_a_model_is_loaded(papers, args, why):
    load = Loader(error=AssertionError("loaded"))
    done = run("extract", *[arg.format(papers=papers) for arg in args], load=load)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert why in line
    assert papers.read_text(encoding="utf-8") == PAPERS


def test_extract_does_not_replace_results_without_being_told_to(papers, tmp_path):
    out = tmp_path / "out"
    assert run("extract", papers, "-o", out, load=Loader(*[ASPIRIN] * 3)).exit_code == 0
    before = out.read_text()
    again = run("extract", papers, "-o", out, load=Loader(*[UNGROUNDED] * 3))
    assert (again.exit_code, out.read_text()) == (2, before)
    missing = Loader(error=ModelNotFoundError("no"))
    failed = run("extract", papers, "-o", out, "--force", load=missing)
    assert (failed.exit_code, out.read_text()) == (2, before)
    forced = run("extract", papers, "-o", out, "--force", load=Loader(*[UNGROUNDED] * 3))
    assert forced.exit_code == 0
    assert out.read_text() != before


def test_no_records_is_an_error(tmp_path):
    path = tmp_path / "papers"
    path.write_text("\n")
    done = run("extract", path, "--format", "jsonl")
    assert done.exit_code == 2
    assert f"error: no records in {path}" in done.stderr


class _Interrupted(ScriptedEngine):
    def complete(self, prompts, decoding):
        if len(self.calls) == 2:
            raise KeyboardInterrupt
        return super().complete(prompts, decoding)


def test_an_interruption_keeps_what_is_done(papers, tmp_path):
    load, out = Loader(), tmp_path / "out"
    load.engine = _Interrupted([ASPIRIN] * 3)
    done = run("extract", papers, "-o", out, "--chunk", 1, load=load)
    assert done.exit_code == 130
    assert len(predictions(out.read_text())) == 2
    assert "2 records in " in done.stderr


def test_ask(tmp_path):
    passage = tmp_path / "passage.txt"
    passage.write_text("It does, β.", encoding="utf-8")
    text = "It does, β."
    for context, options in ((f"@{passage}", {}), ("@-", {"input": text}), (text, {})):
        load = Loader(probabilities=[(0.7, 0.25, 0.05)])
        done = run("ask", "Does it?", "-c", context, load=load, **options)
        assert load.asked == ("demo", "pubmedqa", {})
        assert load.engine.history[0].text == "It does, β."
        assert [line.split()[0] for line in done.stdout.splitlines()] == ["yes", "no", "maybe"]
        assert [line.split()[-1] for line in done.stdout.splitlines()] == ["70.0%", "25.0%", "5.0%"]
        assert max(map(len, done.stdout.splitlines())) <= 80


def test_ask_for_programs():
    load = Loader(probabilities=[(0.7, 0.25, 0.05)])
    done = run("ask", "Does it?", "-c", "It does.", "--json", load=load)
    assert json.loads(done.stdout)["result"]["probabilities"]["yes"] == 0.7


@pytest.mark.parametrize(
    ("taught", "long_answer", "asked"),
    [
        ((), "", "pubmedqa"),
        ((), "Yes.", "pubmedqa_reasoning_free"),
        (("ddi",), "Yes.", "pubmedqa_reasoning_free"),
        (("pubmedqa",), "Yes.", "pubmedqa"),
        (("ddi", "pubmedqa_reasoning_free"), "", "pubmedqa_reasoning_free"),
        (("pubmedqa_reasoning_free", "pubmedqa"), "", "pubmedqa"),
        (("pubmedqa", "pubmedqa_reasoning_free"), "Yes.", "pubmedqa_reasoning_free"),
    ],
)
def test_ask_in_the_setting_that_the_model_was_taught(
    tiny_biogpt, tmp_path, taught, long_answer, asked
):
    folder = shutil.copytree(tiny_biogpt, tmp_path / "model")
    ModelCard(tasks=dict.fromkeys(taught, TaskCard())).save(folder)
    load = Loader(probabilities=[(0.7, 0.25, 0.05)])
    done = run(
        "ask", "Does it?", "-c", "Yes.", "--long-answer", long_answer, "-m", folder, load=load
    )
    assert (done.exit_code, load.asked[1]) == (0, asked)
    left_out = bool(long_answer) and asked == "pubmedqa"
    assert ("was not trained on long answers" in done.stderr) == left_out


def test_ask_a_known_model_that_is_not_here():
    load = Loader(probabilities=[(0.7, 0.25, 0.05)])
    model = "microsoft/BioGPT-Large-PubMedQA"
    assert run("ask", "Does it?", "-c", "Yes.", "-m", model, load=load).exit_code == 0
    assert load.asked == (model, "pubmedqa_reasoning_free", {})


def test_describe():
    load = Loader("a virus. It is new. And it", "a virus.")
    assert run("describe", "COVID-19", load=load).stdout == "COVID-19 is a virus. It is new.\n"
    assert load.asked == ("microsoft/biogpt", "describe", {})
    assert json.loads(run("describe", "x", "--json", load=load).stdout)["result"] == "a virus."


def test_generate_streams_and_passes_its_decoding_on():
    load = Loader("a new [red]virus", "more")
    options = ("--max-new-tokens", 7, "--temperature", 0.5, "--seed", 3)
    done = run("generate", "COVID-19 is ", *options, load=load)
    assert done.stdout == "COVID-19 is a new [red]virus\n"
    (decoding,) = load.engine.decodings
    assert (decoding.max_new_tokens, decoding.temperature, decoding.seed) == (7, 0.5, 3)
    assert json.loads(run("generate", "x", "--json", load=load).stdout)["completion"] == "more"


@pytest.mark.parametrize("command", [["ask", "q", "-c", "c"], ["describe", "t"], ["generate", "p"]])
def test_a_failed_prediction_is_an_error(command):
    done = run(*command)  # the script is empty
    assert done.exit_code == 2
    assert done.stderr.startswith("error: the script has no")
    as_json = run(*command, "--json")
    assert as_json.exit_code == 2
    assert json.loads(as_json.stdout)["error"]["type"] == "EngineError"


def test_a_warning_is_one_line(papers):
    load = Loader(*[ASPIRIN] * 3, warning="model was trained for ddi,\n not bc5cdr")
    done = run("extract", papers, load=load)
    assert done.exit_code == 0
    assert done.stderr.splitlines()[0] == "warning: model was trained for ddi, not bc5cdr"


def test_lists():
    assert "which chemical induces which disease" in run("tasks").stdout
    readers = {row["name"]: row["reads"] for row in json.loads(run("tasks", "--json").stdout)}
    assert readers["hoc"] == "text"


def test_models():
    lines = run("models").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "RE-BC5CDR-BioGPT bc5cdr F1 44.98" in [" ".join(line.split()) for line in lines]
    shown = {name: line for name in KNOWN for line in lines if name in line.split()}
    assert shown.keys() == KNOWN.keys()
    figures = [model for model in KNOWN.values() if model.figure]
    columns = {shown[one.name].index(f"{one.metric} {one.figure}") for one in figures}
    assert len(columns) == 1, "they stand below each other"
    rows = {row["name"]: row for row in json.loads(run("models", "--json").stdout)}
    assert list(rows) == list(KNOWN)
    assert rows["microsoft/BioGPT-Large-PubMedQA"]["tasks"] == ["pubmedqa_reasoning_free"]
    fields = {"metric": "mean F1", "figure": 40.76, "precision": 41.70, "recall": 44.75}
    get = "no longer downloadable; if you have it: biogpt convert RE-DDI-BioGPT.tgz FOLDER"
    fields |= {"get": get, "licence": "MIT"}
    assert fields.items() <= rows["RE-DDI-BioGPT"].items()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--train", "nowhere"], "data file 'nowhere' does not exist"),
        (["--train", "x", "--set", "layers"], "--set must be NAME=VALUE"),
        (["--train", "x", "--set", "layer=4"], "invalid training options: layer:"),
    ],
)
def test_finetune_refuses(tmp_path, more, why):
    done = run("finetune", "bc5cdr", "--out", tmp_path / "out", *more)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert why in line


def test_a_model_that_is_none_is_one_line(papers, tmp_path):
    for model, why in (
        (tmp_path / "no", "does not exist: name a folder"),
        (tmp_path, "no config.json"),
    ):
        done = run("extract", papers, "-m", model, load=biogpt_plugins.load)
        assert done.exit_code == 2
        (line,) = done.stderr.splitlines()
        assert why in line


# From here on in processes of their own: what Python itself does at start and end.


def process(*args, **options):
    command = [sys.executable, "-m", "biogpt_plugins", *map(str, args)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, **options
    )


def test_help_and_version_load_no_torch():
    code = (
        "import sys; from biogpt_plugins.cli import app; app(sys.argv[1:], standalone_mode=False); "
        "sys.exit(bool({'torch', 'transformers', 'langchain_core'} & set(sys.modules)))"
    )
    for args in (["--help"], ["--version"], ["tasks"], ["models"], ["extract", "--help"]):
        command = [sys.executable, "-c", code, *args]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
    assert process("--version").stdout == f"biogpt-plugins {__version__}\n"


def test_help_loads_no_command():
    code = (
        "import sys; from biogpt_plugins.cli import app; app(sys.argv[1:], standalone_mode=False); "
        "print(*(name for name in sys.modules if name.startswith('biogpt_plugins.')));"
        "print('pydantic' in sys.modules)"
    )
    command = [sys.executable, "-c", code, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    loaded, pydantic = done.stdout.splitlines()[-2:]
    own = ("", ".consoles", ".later", ".plain_help", ".streams")
    assert {*loaded.split()} == {
        *(f"biogpt_plugins.cli{name}" for name in own),
        *(f"biogpt_plugins.values{name}" for name in ("", ".errors", ".on_first_use")),
    }
    assert pydantic == "False"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(command):
    group = get_command(app)
    if command == "dictionary build":
        group, command = group.commands["dictionary"], "build"
    listed, own = group.commands[command], group.get_command(None, command)
    assert own.name == command
    assert inspect.cleandoc(own.help).split("\n\n")[0].replace("\n", " ") == listed.help


@pytest.mark.parametrize(
    "args",
    [
        ["extract", "nowhere.txt"],
        ["ask", "q"],
    ],
)
def test_errors_leave_no_traceback(args):
    done = process(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(("error: ", "Usage: "))


def test_a_terminal_without_greek_ends_no_run():
    env = {**os.environ, "LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = process("extract", "α-nowhere.txt", env=env)
    assert done.returncode == 2
    assert done.stderr == "error: ?-nowhere.txt: No such file or directory\n"


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="no such pipes here")
def test_a_closed_pipe_is_no_matter():
    command = f"{sys.executable} -m biogpt_plugins tasks --json | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["ask", "why?"],
            "error: no passage and no papers: give --context or --corpus; see `biogpt ask --help`",
        ),
        (["nope"], "error: No such command 'nope': see `biogpt --help`"),
        (["--nope"], "error: No such option: --nope: see `biogpt --help`"),
        (["extract"], "error: Missing argument 'FILE': see `biogpt extract --help`"),
    ],
)
def test_misuse_is_one_line_too(arguments, message):
    found = CliRunner().invoke(app, arguments, prog_name="biogpt")
    assert found.exit_code == 2
    assert found.stderr.splitlines() == [message]


PUBMED = """<?xml version="1.0"?>
<PubmedArticleSet>
<PubmedArticle><MedlineCitation><PMID Version="1">7</PMID><Article><ArticleTitle>Aspirin.
</ArticleTitle><Abstract><AbstractText>And nausea.</AbstractText></Abstract></Article>
</MedlineCitation></PubmedArticle>
<PubmedArticle><PMID>8</PubmedArticle>
<DeleteCitation><PMID Version="1">7</PMID></DeleteCitation>
</PubmedArticleSet>
"""


def test_extract_tells_deleted_citations_from_failures(tmp_path):
    path = tmp_path / "pubmed.xml"
    path.write_text(PUBMED)
    done = run("extract", path, load=Loader(ASPIRIN))
    found = predictions(done.stdout)
    assert [(p.id, p.ok) for p in found] == [("7", True), (None, False), ("7", False)]
    assert f"warning: {path}:6: not XML" in done.stderr
    assert "1 deleted from PubMed or revised in a later record\n1 failed" in done.stderr
    done = run("extract", path, "--latest")
    assert [p.ok for p in predictions(done.stdout)] == [False, False, False]


def test_strict_extraction_stops_at_the_first_broken_record_and_keeps_what_is_done(tmp_path):
    path = tmp_path / "pubmed.xml"
    path.write_text(PUBMED)
    done = run("extract", path, "--strict", load=Loader(ASPIRIN))
    assert done.exit_code == 2
    assert [p.id for p in predictions(done.stdout)] == ["7"]
    assert "1 record in" in done.stderr
    assert f"error: {path}:6: not XML" in done.stderr


def test_extract_reads_full_texts_by_section(tmp_path):
    path = tmp_path / "paper.nxml"
    path.write_text(
        "<article><front><article-meta><article-id pub-id-type='pmc'>5</article-id><title-group>"
        "<article-title>Aspirin and nausea.</article-title></title-group></article-meta></front>"
        "<body><sec><title>Results</title><p>Aspirin, then nausea.</p></sec></body></article>"
    )
    done = run("extract", path, "--sections", "all", load=Loader(ASPIRIN, ASPIRIN))
    first, second = predictions(done.stdout)
    assert [(p.id, p.section) for p in (first, second)] == [
        ("PMC5", "abstract"),
        ("PMC5", "Results"),
    ]
    assert second.result[0].head.start == len("Aspirin and nausea. ")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_shows_types_as_people_write_them(command):
    shown = CliRunner().invoke(app, [*command.split(), "--help"], prog_name="biogpt")
    assert shown.exit_code == 0, shown.output
    assert "<" not in re.sub("<=", "", shown.output)


@pytest.mark.parametrize(
    "question", ["What dose of lithium is safe?", "List the drugs that cause tremor"]
)
def test_a_question_that_asks_for_more_than_yes_no_or_maybe_is_refused(question, papers, tmp_path):
    load = Loader()
    of_a_passage = run("ask", question, "-c", "It is.", load=load)
    of_papers = run(
        "ask", "Is it?", question, "--corpus", papers, "--run", tmp_path / "r", load=load
    )
    for done in (of_a_passage, of_papers):
        assert (done.exit_code, done.stdout, load.asked) == (2, "", None)
        assert done.stderr.startswith("error: the question asks for more than yes, no or maybe (")
    assert not (tmp_path / "r").exists()
