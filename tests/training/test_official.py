"""The official recipe: the recorded run of the official code, one of our own, and its parts."""

import json
import math
import random
import shutil
from pathlib import Path

import official_run
import pytest
import torch
from safetensors.torch import load_file
from shared_data import shared
from transformers import BioGptTokenizer

from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.tasks import get_task
from biogpt_plugins.training import finetune
from biogpt_plugins.training.batches import official_batches
from biogpt_plugins.training.encoding import encode, encode_all
from biogpt_plugins.training.examples import Example, read_examples
from biogpt_plugins.training.optimizer import FairseqAdam, inverse_sqrt
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.recipes import recipe_for
from biogpt_plugins.training.start import start_from
from biogpt_plugins.training.trainer import make_trainer
from biogpt_plugins.values.errors import BioGPTError
from biogpt_plugins.values.inputs import Paper, Question

NUMBERS = json.loads((Path(__file__).parent / "official_run.json").read_text())
NO_DROPOUT = {"dropout": 0, "attention_dropout": 0}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# Golden run A: 30 updates of the official code at work on a small model.


@pytest.fixture(scope="module")
def golden() -> Path:
    return shared("finetune/A")


@pytest.fixture(scope="module")
def recorded_run(golden, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("models") / "out"

    def keep_the_last_epoch(line: str) -> None:
        if "mean" in line:
            last = out / "checkpoints/epoch-00006.safetensors"
            shutil.copy(last, out / "update_30.safetensors")

    return finetune(
        "bc5cdr",
        train=golden / "data/train.json",
        model=golden / "pretrained_hf",
        out=out,
        tell=keep_the_last_epoch,
        recipe="official",
        learning_rate=3e-3,
        warmup=10,
        accumulate=4,
        max_steps=30,
        average_epochs=3,
        save_steps=10,
        **NO_DROPOUT,
    ).folder


@pytest.mark.parametrize("part", ["train", "valid"])
def test_recorded_run_ids(golden, part):
    tokens = Tokens(BioGptTokenizer.from_pretrained(golden / "pretrained_hf"))
    examples = read_examples(golden / f"data/{part}.json", ["bc5cdr"])
    card = TaskCard(layout="none", max_source_tokens=640)
    encoded = encode_all(examples, tokens, {"bc5cdr": card}, positions=1015, options=Options())
    learned = range(42384, 42393)
    for one, recorded in zip(encoded, lines(golden / f"data/{part}_ids.jsonl"), strict=True):
        assert [*one.prompt, *learned, *one.target] == recorded["ids"]
        assert one.size == recorded["size"]


def test_learned_rows_are_those_of_fairseq(golden, tmp_path):
    options = Options.read({}, recipe_for("official", ["bc5cdr"]))
    start = start_from(golden / "pretrained_hf", ["bc5cdr"], [], out=tmp_path, options=options)
    recorded = load_file(golden / "params/learned_rows_start.safetensors")["learned_rows"]
    assert torch.equal(start.model.get_input_embeddings().weight[-9:], recorded)


@pytest.mark.slow  # two minutes; test_own_run_* are its quick tests
def test_recorded_run_losses_learning_rates_and_gradients(golden, recorded_run):
    recorded = lines(golden / "updates.jsonl")
    updates = lines(recorded_run / "training.jsonl")
    for update, expected in zip(updates, recorded, strict=True):
        assert update["loss"] == pytest.approx(expected["loss_nats"], abs=1e-5)
        assert update["learning_rate"] == pytest.approx(expected["lr"], rel=1e-12)
        assert update["grad_norm"] == pytest.approx(expected["grad_norm"], abs=1e-4)
        assert update["tokens"] == expected["tokens"]


@pytest.mark.slow  # two minutes; test_own_run_* are its quick tests
def test_recorded_run_parameters(golden, recorded_run):
    recorded = golden / "params"
    assert_close(recorded_run / "model.safetensors", recorded / "average_last_3_epochs.safetensors")
    assert_close(recorded_run / "update_30.safetensors", recorded / "update_30.safetensors")


@pytest.mark.slow  # two minutes; test_own_run_* are its quick tests
def test_recorded_run_losses_of_the_average(golden, recorded_run):
    options = Options.read({"average_epochs": 0}, recipe_for("official", ["bc5cdr"]))
    options = options.resolved(examples=10, bfloat16=False)
    examples = read_examples(golden / "data/valid.json", ["bc5cdr"])
    start = start_from(recorded_run, ["bc5cdr"], [], out=recorded_run, options=options)
    encoded = encode_all(
        examples, Tokens(start.tokenizer), start.card.tasks, positions=1024, options=options
    )
    trainer = make_trainer(start, encoded, encoded, folder=recorded_run / "x", options=options)
    sums = trainer.document_losses(trainer.eval_dataset).tolist()
    recorded = lines(golden / "valid_losses_average.jsonl")
    for (total, target, tokens, target_tokens), expected in zip(sums, recorded, strict=True):
        assert (tokens, target_tokens) == (expected["tokens"], expected["target_tokens"])
        assert total / tokens == pytest.approx(expected["nll_sum"] / tokens, abs=1e-5)
        assert target / target_tokens == pytest.approx(
            expected["nll_target_sum"] / target_tokens, abs=1e-5
        )


def assert_close(weights: Path, recorded: Path) -> None:
    found, expected = load_file(weights), load_file(recorded)
    compared = 0
    for name, tensor in expected.items():
        if name.endswith((".row_norms", ".column_sums", "k_proj.bias")) or name == "rows":
            continue
        if name.endswith(".rows"):
            whole = found[name.removesuffix(".rows")]
            rows = expected["rows"].long() if "tokens" in name else torch.arange(len(tensor))
            ours = whole[rows]
        else:
            ours = found[name]
        assert (ours - tensor).abs().max() < 1e-4, name
        compared += 1
    assert compared > 20


# Three epochs on a tiny model, with figures of a plain loop: `tests/official_run.py`.


@pytest.fixture(scope="module")
def own_run(tiny_biogpt, tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("run")
    rows = "".join(json.dumps(row) + "\n" for row in official_run.documents())
    (home / "train.jsonl").write_text(rows)
    with pytest.warns(UserWarning, match=r"1 of 21 targets .* loses its end: .*line 6 \(70 "):
        return finetune(
            "bc5cdr",
            train=home / "train.jsonl",
            model=tiny_biogpt,
            out=home / "out",
            recipe="official",
            **{**official_run.OPTIONS, "average_epochs": 1},
        ).folder


def test_own_run_losses(own_run):
    losses = [update["loss"] for update in lines(own_run / "training.jsonl")]
    assert losses == pytest.approx(NUMBERS["losses"], abs=1e-5)


def test_own_run_parameters(own_run):
    found = load_file(own_run / "model.safetensors")
    for name, norm in NUMBERS["norms"].items():
        if not name.endswith("k_proj.bias"):  # its gradient is rounding noise
            assert float(found[name].norm()) == pytest.approx(norm, abs=1e-4), name


def test_own_run_the_settings_are_kept(own_run):
    settings = json.loads((own_run / "training.json").read_text())
    assert settings["recipe"] == "official"
    assert settings["options"]["optimizer"] == "fairseq"
    assert settings["options"]["accumulate"] == 3
    assert read_card(own_run).tasks["bc5cdr"].max_source_tokens == 30


@pytest.mark.parametrize("seed", range(20))
def test_batches_keep_fairseqs_rules(seed):
    rng = random.Random(seed)
    sizes = [rng.randint(3, 60) for _ in range(rng.randint(1, 300))]
    batches = official_batches(sizes, 300, seed=seed)
    assert sorted(row for batch in batches for row in batch) == list(range(len(sizes)))
    lengths = [sizes[row] for batch in batches for row in batch]
    assert lengths == sorted(lengths)
    for batch in batches:
        assert len(batch) < 8 or len(batch) % 8 == 0
        assert len(batch) * max(sizes[row] for row in batch) <= 300


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([10] * 8, [8]),
        ([10] * 10, [8, 2]),  # nine rows would be more than 8 and no multiple
        ([10] * 16, [16]),
        ([6] * 9 + [12] * 8, [8, 8, 1]),  # the ninth row begins the next batch
        ([4] * 15 + [100], [8, 7, 1]),  # the rows left over fill a batch of their own
    ],
)
def test_rows_that_wait(sizes, expected):
    assert [len(batch) for batch in official_batches(sizes, 160, seed=1)] == expected


def test_adam_has_its_epsilon_beside_the_uncorrected_root():
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = FairseqAdam([weight], lr=0.1, betas=(0.9, 0.98), eps=1e-3, weight_decay=0.01)
    expected, m, v = torch.tensor([1.0, -2.0]), torch.zeros(2), torch.zeros(2)
    for step in range(1, 6):
        gradient = torch.tensor([1e-3 * step, -1e-4])
        weight.grad = gradient.clone()
        optimizer.step()
        m, v = 0.9 * m + 0.1 * gradient, 0.98 * v + 0.02 * gradient**2
        size = 0.1 * math.sqrt(1 - 0.98**step) / (1 - 0.9**step)
        expected = expected * (1 - 0.01 * 0.1) - size * m / (v.sqrt() + 1e-3)
    assert torch.allclose(weight.detach(), expected, atol=1e-6)


def test_the_schedule():
    rates = [inverse_sqrt(updates, peak=1e-3, warmup=10) for updates in (0, 5, 10, 40)]
    assert rates == pytest.approx([1e-7, 1e-7 + 0.5 * (1e-3 - 1e-7), 1e-3, 5e-4])
    assert inverse_sqrt(0, peak=1e-3, warmup=0) == 1e-3


TABLE = [
    # task, positions: lr, warm-up, source limit, batch, accumulate, epochs, average
    ("bc5cdr", 1024, (1e-5, 100, 640, 1024, 32, 100, 5)),
    ("ddi", 1024, (1e-4, 500, 640, 1024, 32, 100, 5)),
    ("kd_dti", 1024, (1e-5, 1000, 640, 1024, 32, 30, 5)),
    ("hoc", 1024, (1e-5, 1000, 900, 1024, 32, None, 0)),
    ("pubmedqa_reasoning_free", 1024, (1e-5, 100, 900, 1024, 32, 100, 0)),
    ("pubmedqa_reasoning_free", 2048, (1e-5, 100, 1900, 2048, 16, 100, 5)),
    ("ddi", 2048, (1e-4, 500, 640, 2048, 16, 100, 5)),
]


@pytest.mark.parametrize(("task", "positions", "expected"), TABLE)
def test_recipes(task, positions, expected):
    options = Options.read({}, recipe_for("official", [task], positions=positions))
    assert (
        options.learning_rate,
        options.warmup,
        options.max_source_tokens,
        options.tokens_per_batch,
        options.accumulate,
        options.epochs,
        options.average_epochs,
    ) == expected
    assert (options.max_steps == 20_000) == (task == "hoc")
    assert (options.loss, options.max_grad_norm, options.dropout) == ("all", 0, 0.1)


def test_a_recipe_gives_way():
    given = {"epochs": "2", "learning_rate": 1}
    options = Options.read(given, recipe_for("official", ["hoc"]))
    assert (options.epochs, options.max_steps, options.learning_rate) == (2, None, 1)
    assert options.warmup == 1000


@pytest.mark.parametrize(
    ("tasks", "recipe", "message"),
    [
        (["bc5cdr", "ddi"], "official", "one task at a time, not bc5cdr, ddi"),
        (["pubmedqa"], "official", "no official recipe for pubmedqa: there is one for bc5cdr, ddi"),
        (["ddi"], "best", "recipe must be 'default' or 'official', not 'best'"),
    ],
)
def test_there_is_no_such_recipe(tasks, recipe, message):
    with pytest.raises(BioGPTError, match=message):
        recipe_for(recipe, tasks)


@pytest.fixture
def tokens(tiny_biogpt) -> Tokens:
    return Tokens(BioGptTokenizer.from_pretrained(tiny_biogpt))


LEARNED9 = tuple(f"learned{n}" for n in range(1, 10))
CARD = TaskCard(layout="learned_prompt", learned_tokens=LEARNED9, max_source_tokens=30)


def test_both_ends_are_cut_as_officially(tokens):
    paper = Paper(text="aspirin with lithium " * 20)
    example = Example(get_task("ddi"), paper, "no effect ; " * 40)
    found = encode(example, tokens, CARD, positions=96, truncation="official")
    assert (len(found.prompt), len(found.target), found.size) == (1 + 30 + 9, 57, 87)
    assert found.prompt[30] == tokens.ellipsis
    assert found.target[-2:] == [tokens.ellipsis, tokens.eos]
    assert (found.source_cut, found.target_cut) == (True, True)
    assert len(found.ids) == 97, "the last one needs no position"


def test_an_answer_at_the_end_of_the_source_is_cut_officially_alone(tokens):
    question = Question(question="is it so?", context="may be " * 30, long_answer="yes it is.")
    example = Example(get_task("pubmedqa_reasoning_free"), question, "yes.")
    official = encode(example, tokens, CARD, positions=96, truncation="official")
    ours = encode(example, tokens, CARD, positions=96)
    answer = tokens.ids("answer: yes it is.")
    assert official.prompt[30] == tokens.ellipsis
    assert ours.prompt[31 - len(answer) : 31] == answer


@pytest.mark.parametrize("limit", [None, 86])
def test_official_cuts_need_a_limit(tokens, limit):
    example = Example(get_task("ddi"), Paper(text="aspirin"), "no effect.")
    card = CARD.model_copy(update={"max_source_tokens": limit})
    with pytest.raises(BioGPTError, match=f"max_source_tokens between 2 and 85, not {limit}"):
        encode(example, tokens, card, positions=96, truncation="official")
