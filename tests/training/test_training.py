"""Fine-tuning: data files, batches, fresh and LoRA runs, resuming; all on tiny models."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import BioGptForCausalLM, BioGptTokenizer

import biogpt_plugins
from biogpt_plugins.checkpoints.card import ModelCard, read_card
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.training import finetune
from biogpt_plugins.training.batches import Batches, collate
from biogpt_plugins.training.encoding import encode, encode_all
from biogpt_plugins.training.examples import read_examples
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.start import start_from
from biogpt_plugins.training.trainer import make_trainer
from biogpt_plugins.values.errors import BioGPTError

TASKS = ("bc5cdr", "ddi", "pubmedqa")
TINY = {
    "layers": 2,
    "width": 32,
    "heads": 2,
    "positions": 96,
    "merges": 150,
    "tokens_per_batch": 256,
    "max_steps": 12,
    "learning_rate": 0.01,
    "save_dtype": "float32",
}
ROWS = [
    *(
        {
            "task": "bc5cdr",
            "id": str(number),
            "title": f"{chemical.capitalize()}-induced {disease}.",
            "abstract": f"Two patients developed {disease} while taking {chemical}.",
            "gold": [{"head": chemical, "type": "CID", "tail": disease}],
        }
        for number, (chemical, disease) in enumerate(
            (c, d)
            for c in ("aspirin", "lithium", "cisplatin")
            for d in ("tremor", "gastric ulcer", "renal failure", "hearing loss")
        )
    ),
    {
        "task": "ddi",
        "text": "Warfarin may interact with aspirin.",
        "gold": [{"head": "warfarin", "type": "int", "tail": "aspirin"}],
    },
    {"task": "pubmedqa", "question": "Does it work?", "context": "It did not.", "gold": "no"},
    {"task": "bc5cdr", "title": "No relation.", "abstract": "None.", "gold": []},
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.fixture(scope="module")
def fresh(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "fresh"
    before = os.umask(0o077)
    try:
        return finetune(TASKS, train=data, model="fresh", out=out, **TINY).folder
    finally:
        os.umask(before)


def test_importing_it_loads_no_torch():
    code = "import sys, biogpt_plugins.training; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_loss_falls(data, tmp_path):
    few = finetune("bc5cdr", train=data, valid=data, model="fresh", out=tmp_path / "a", **TINY)
    more = finetune(
        "bc5cdr",
        train=data,
        valid=data,
        model="fresh",
        out=tmp_path / "b",
        **{**TINY, "max_steps": 40, "source_loss": 0.2, "shift": 8, "end_weight": 0.5},
    )
    assert few.steps == 12
    assert few.examples == 12, "the paper without a relation has no target"
    assert few.valid_loss is not None
    assert more.valid_loss is not None
    assert more.valid_loss < few.valid_loss
    assert not (tmp_path / "a" / "checkpoints").exists()


def test_the_folder_knows_its_tasks_and_loads_by_its_name(fresh):
    card = read_card(fresh)
    assert list(card.tasks) == list(TASKS)
    assert card.tasks["ddi"].learned_tokens == tuple(f"learned{n}" for n in range(10, 19))
    assert card.tasks["ddi"].layout == "learned_prompt"
    for task in TASKS:
        [prediction] = biogpt_plugins.load(str(fresh), task=task).run(
            [ROWS[-2 if task == "pubmedqa" else 0]]
        )
        assert prediction.usage.prompt_tokens > 10
        assert prediction.error is None or prediction.error.type == "ParseError"
    generation = json.loads((fresh / "generation_config.json").read_text())
    assert (generation["forced_eos_token_id"], generation["max_length"]) == (2, 97)


def test_the_umask_says_who_may_read_the_folder(fresh):
    modes = {file.stat().st_mode & 0o777 for file in fresh.iterdir() if file.is_file()}
    assert modes == {0o600}


def test_learned_tokens_stand_behind_the_vocabulary(fresh):
    tokenizer = BioGptTokenizer.from_pretrained(fresh)
    size = len(json.loads((fresh / "vocab.json").read_text()))
    names = [f"learned{n + 1}" for n in range(27)]
    assert tokenizer.convert_tokens_to_ids(names) == list(range(size, size + 27))
    weights = load_file(fresh / "model.safetensors")
    assert weights["biogpt.embed_tokens.weight"].shape[0] == size + 27
    assert size + 26 not in Tokens(tokenizer).ids("learned27"), "text is never a learned token"


def test_lora_changes_layers_and_learned_tokens_alone(data, fresh, tmp_path):
    out = tmp_path / "lora"
    options = {"weights": "lora", "lora_rank": 4, "max_steps": 6, "learning_rate": 0.01}
    finetune("bc5cdr", train=data, model=fresh, out=out, save_dtype="float32", **options)
    before, after = (load_file(folder / "model.safetensors") for folder in (fresh, out))
    assert before.keys() == after.keys(), "low-rank updates are merged"
    words, learned = (slice(0, -27), slice(-27, -18))
    rows = "biogpt.embed_tokens.weight"
    assert (before[rows][words] == after[rows][words]).all()
    assert (before[rows][learned] != after[rows][learned]).any()
    name = "biogpt.layers.1.self_attn.q_proj.weight"
    assert (before[name] != after[name]).any()
    assert set(read_card(out).tasks) == set(TASKS), "tasks learned earlier are kept"
    assert biogpt_plugins.load(str(out), task="bc5cdr").run([ROWS[0]])[0].completion is not None


def test_a_new_task_gets_tokens_of_its_own(data, tmp_path, tiny_biogpt):
    out = tmp_path / "two"
    options = {"max_steps": 1, "prompt_tokens": 3, "max_source_tokens": 20, "dropout": 0.1}
    options["text_first"] = True
    finetune("bc5cdr", train=data, model=tiny_biogpt, out=tmp_path / "one", max_steps=1)
    finetune("ddi", train=data, model=tmp_path / "one", out=out, **options)
    card = read_card(out)
    assert list(card.tasks) == ["ddi", "bc5cdr"], "the new task is the one it is loaded for"
    assert biogpt_plugins.load(str(out)).task.name == "ddi"
    assert card.tasks["ddi"].learned_tokens == ("learned10", "learned11", "learned12")
    assert card.tasks["ddi"].max_source_tokens == 20
    assert card.tasks["ddi"].text_first
    assert not card.tasks["bc5cdr"].text_first
    assert card.tasks["bc5cdr"].max_source_tokens is None


LEARNED9 = tuple(f"learned{n}" for n in range(1, 10))
NEW, GAP = ("learned10", "learned11", "learned12"), ("learned1", "learned3", "learned4")


@pytest.mark.parametrize(
    ("known", "new"),
    [
        (TaskCard(layout="learned_prompt", learned_tokens=LEARNED9, lowercase=False), NEW),
        (TaskCard(layout="manual_prompt", manual_prompt=("of</w>", "the</w>")), LEARNED9[:3]),
        (TaskCard(layout="prefix", learned_tokens=LEARNED9, max_length=90), NEW),
        (TaskCard(layout="none", max_source_tokens=30), LEARNED9[:3]),
        (TaskCard(layout="learned_prompt", learned_tokens=("learned2</w>",)), GAP),
    ],
    ids=lambda value: getattr(value, "layout", None),
)
@pytest.mark.parametrize("limit", [None, 20])
def test_a_known_task_keeps_its_layout(tiny_biogpt, tmp_path, known, new, limit):
    folder = shutil.copytree(tiny_biogpt, tmp_path / "model")
    few_shot = TaskCard(layout="few_shot")
    ModelCard(tasks={"ddi": known, "bc5cdr": known, "hoc": few_shot}).save(folder)
    options = Options(prompt_tokens=3, max_source_tokens=limit)
    start = start_from(folder, ["bc5cdr", "hoc"], [], out=tmp_path, options=options)
    limited = {"max_source_tokens": limit or known.max_source_tokens}
    assert start.card.tasks == {
        "ddi": known,
        "bc5cdr": known.model_copy(update=limited),
        "hoc": TaskCard(layout="learned_prompt", learned_tokens=new, max_source_tokens=limit),
    }
    assert start.model.config.vocab_size == len(start.tokenizer)


def test_lora_trains_the_rows_of_prompt_tokens_that_no_text_gives(tiny_biogpt, tmp_path, data):
    folder = shutil.copytree(tiny_biogpt, tmp_path / "model")
    vocabulary = json.loads((folder / "vocab.json").read_text())
    # A separator, and a word of the prompt that the dictionary lacked.
    odd = {"learned8": "<seqsep>", "learned9": "oddity</w>"}
    vocabulary = {odd.get(name, name): i for name, i in vocabulary.items()}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    card = TaskCard(layout="prefix", manual_prompt=("the</w>", "oddity</w>", "of</w>"))
    ModelCard(tasks={"bc5cdr": card}).save(folder)
    out = tmp_path / "out"
    options = {"max_steps": 3, "weights": "lora", "lora_rank": 2, "save_dtype": "float32"}
    finetune("bc5cdr", train=data, model=folder, out=out, learning_rate=0.01, **options)
    before, after = (load_file(path / "model.safetensors") for path in (folder, out))
    rows = "biogpt.embed_tokens.weight"
    changed = (before[rows] != after[rows]).any(1).nonzero().flatten().tolist()
    assert changed == [vocabulary["<seqsep>"], vocabulary["oddity</w>"]]
    assert read_card(out).tasks == {"bc5cdr": card}


def test_lora_on_a_layout_without_prompt_tokens(tiny_biogpt, tmp_path, data):
    folder = shutil.copytree(tiny_biogpt, tmp_path / "model")
    ModelCard(tasks={"bc5cdr": TaskCard()}).save(folder)
    out = tmp_path / "out"
    finetune("bc5cdr", train=data, model=folder, out=out, max_steps=1, weights="lora")
    assert read_card(out).tasks == {"bc5cdr": TaskCard()}


@pytest.fixture
def tokens(fresh) -> Tokens:
    return Tokens(BioGptTokenizer.from_pretrained(fresh))


@pytest.mark.parametrize(
    ("options", "prompt", "stop", "label"),
    [
        ({}, 0, 1, 1),
        ({"loss": "all"}, 1, 1, 1),
        ({"source_loss": 0.25, "end_weight": 0.5}, 0.25, 0.5, 1),
        ({"label_weight": 4}, 0, 1, 4),
    ],
)
def test_which_tokens_bear_the_loss(  # noqa: PLR0917
    data, tokens, fresh, options, prompt, stop, label
):
    examples = read_examples(data, TASKS)
    settings = Options(tokens_per_batch=256, **options)
    encoded = encode_all(examples, tokens, read_card(fresh).tasks, positions=96, options=settings)
    batches = Batches(encoded, settings)
    assert len(batches) < len(examples)
    assert sorted(row for rows in batches.rows for row in rows) == list(range(len(examples)))
    for index, rows in enumerate(batches.rows):
        batch = collate([batches[index]], pad=tokens.pad, options=settings)
        assert batch["input_ids"].numel() <= 256 or len(rows) == 1
        for row, ids, target, source in zip(rows, *batch.values(), strict=True):
            each = encoded[row]
            start, end = len(each.prompt), len(each.ids)
            assert ids[:end].tolist() == each.ids
            assert ids[0] == tokens.eos
            assert (ids[end:] == tokens.pad).all()
            assert source.tolist() == [0] + [prompt] * (start - 1) + [0] * (len(ids) - start)
            choices = examples[row].task.choices
            words = {tokens.tokenizer.convert_tokens_to_ids(f"{one}</w>") for one in choices}
            expected = [label if one in words else 1 for one in each.target[:-2]] + [stop, 1]
            assert (label in expected) or not choices
            assert target.tolist() == [0] * start + expected + [0] * (len(ids) - end)
            assert tokens.text(ids[start:end].tolist()) == examples[row].target
            names = tokens.tokenizer.convert_ids_to_tokens(ids[start - 9 : start].tolist())
            assert all(name.startswith("learned") for name in names)


def test_a_long_source_is_cut_before_the_learned_tokens(data, tokens):
    [example, *_] = read_examples(data, ["bc5cdr"])
    long = example.input.model_copy(update={"text": "aspirin caused tremor. " * 200})
    names = tuple(f"learned{n}" for n in range(1, 10))
    card = TaskCard(layout="learned_prompt", learned_tokens=names, max_source_tokens=30)
    learned = tokens.tokenizer.convert_tokens_to_ids(list(names))
    for limit, positions in ((30, 96), (None, 96)):
        cut = card.model_copy(update={"max_source_tokens": limit})
        longer = type(example)(example.task, long, example.target)
        made = encode(longer, tokens, cut, positions=positions)
        assert made.source_cut
        assert made.prompt[-9:] == learned
        assert tokens.text(made.target) == example.target
        assert len(made.ids) - 1 <= positions
        if limit:
            assert len(made.prompt) == 1 + limit + 9


def test_examples_that_do_not_fit_are_named_before_the_first_update(tmp_path, tiny_biogpt):
    gold = [{"head": "aspirin", "type": "int", "tail": f"drug {n}"} for n in range(30)]
    long = {"task": "ddi", "text": "Aspirin with drugs.", "gold": gold}
    path = tmp_path / "long.jsonl"
    path.write_text(json.dumps(long) + "\n" + json.dumps(ROWS[-3]) + "\n")
    call = {"model": tiny_biogpt, "max_steps": 1}
    left_out = r"1 of 2 examples does not fit into 96 positions and is left out: \S+, line 1 "
    with pytest.warns(UserWarning, match=left_out + r"\(\d+ target tokens\)"):
        finetune("ddi", train=path, out=tmp_path / "a", **call)
    with pytest.warns(UserWarning, match="1 of 2 targets .* loses its end: .*line 1"):
        finetune(
            "ddi",
            train=path,
            out=tmp_path / "b",
            truncation="official",
            max_source_tokens=20,
            **call,
        )
    path.write_text(json.dumps(long) + "\n")
    with pytest.raises(BioGPTError, match=r"1 of 1 example does not fit .*line 1 .*Shorten"):
        finetune("ddi", train=path, out=tmp_path / "c", **call)
    path.write_text(json.dumps({**ROWS[-3], "text": "</>"}) + "\n" + json.dumps(long) + "\n")
    many = {"order": "official", "tokens_per_batch": 20, "truncation": "official"}
    many |= {"max_source_tokens": 20}
    with (
        warnings.catch_warnings(action="ignore"),
        pytest.raises(BioGPTError, match=r"long.jsonl, line 2: .* tokens_per_batch is 20"),
    ):
        finetune("ddi", train=path, out=tmp_path / "d", **many, **call)


@pytest.mark.parametrize("options", [{}, {"loss": "all"}, {"end_weight": 0.3}])
def test_accumulating_changes_neither_gradient_nor_loss(data, tmp_path, tiny_biogpt, options):
    """An update on the same examples, in one batch or in many."""
    found = []
    for size, accumulate in ((4096, 1), (300, 4), (64, 32)):
        settings = Options(
            tokens_per_batch=size,
            accumulate=accumulate,
            dropout=0,
            attention_dropout=0,
            **options,
        ).resolved(examples=12, bfloat16=False)
        examples = read_examples(data, ["bc5cdr"])
        start = start_from(tiny_biogpt, ["bc5cdr"], examples, out=tmp_path, options=settings)
        tokens = Tokens(start.tokenizer)
        cards = start.card.tasks
        encoded = encode_all(examples, tokens, cards, positions=96, options=settings)
        trainer = make_trainer(start, encoded, [], folder=tmp_path / "x", options=settings)
        batches = len(trainer.train_dataset)
        assert 1 <= batches <= accumulate
        loader = iter(trainer.get_train_dataloader())
        samples, _ = trainer.get_batch_samples(loader, batches, torch.device("cpu"))
        losses = [trainer.compute_loss(start.model, sample) for sample in samples]
        sum(losses).backward()
        gradients = {name: p.grad for name, p in start.model.named_parameters()}
        found.append((float(sum(losses).detach()), gradients))
    (loss, gradients), *others = found
    for other, same in others:
        assert other == pytest.approx(loss, abs=1e-6)
        assert all((same[name] - g).abs().max() < 1e-6 for name, g in gradients.items())


def test_valid_loss_is_the_mean_over_target_tokens(data, tmp_path, tiny_biogpt):
    made = finetune(
        "bc5cdr",
        train=data,
        valid=data,
        model=tiny_biogpt,
        out=tmp_path / "out",
        max_steps=1,
        save_dtype="float32",
    )
    model = BioGptForCausalLM.from_pretrained(made.folder).eval()
    tokens = Tokens(BioGptTokenizer.from_pretrained(made.folder))
    total, count = 0.0, 0
    for example in read_examples(data, ["bc5cdr"]):
        each = encode(example, tokens, read_card(made.folder).tasks["bc5cdr"], positions=96)
        with torch.no_grad():
            scores = model(torch.tensor([each.ids[:-1]])).logits[0].log_softmax(-1)
        found = scores.gather(1, torch.tensor(each.ids[1:])[:, None])[len(each.prompt) - 1 :]
        total, count = total - float(found.sum()), count + len(found)
    assert made.valid_loss == pytest.approx(total / count, abs=1e-5)


def test_dropout_and_epsilon_reach_the_model(tiny_biogpt, tmp_path):
    options = Options(dropout=0.3, attention_dropout=0.2)
    config = start_from(tiny_biogpt, ["ddi"], [], out=tmp_path, options=options).model.config
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (0.3, 0.2)
    assert config.layer_norm_eps == 1e-5


def test_training_stops_when_nothing_gets_better(data, tmp_path, tiny_biogpt):
    told: list[str] = []
    made = finetune(
        "bc5cdr",
        train=data,
        valid=data,
        model=tiny_biogpt,
        out=tmp_path / "out",
        epochs=50,
        learning_rate=1.0,  # so high that it only gets worse
        patience=2,
        save_dtype="float32",
        tell=told.append,
    )
    lines = (made.folder / "training.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    measured = {row["step"]: row["valid_loss"] for row in rows if "valid_loss" in row}
    best = min(measured, key=measured.__getitem__)
    assert list(measured).index(best) == len(measured) - 3
    assert made.steps == max(measured) < 50
    assert made.valid_loss == pytest.approx(measured[best], abs=1e-5)
    assert told[-1] == f"the saved weights are those after update {best} of {made.steps}, the best"


@pytest.mark.parametrize(
    ("examples", "options", "epochs"),
    [(50, {}, 100), (500, {}, 20), (12_000, {}, 3), (50, {"epochs": 2}, 2)],
)
def test_epochs_by_the_amount_of_data(examples, options, epochs):
    assert Options(**options).resolved(examples=examples, bfloat16=False).epochs == epochs


def test_settings_by_weights_and_device():
    lora = Options(weights="lora").resolved(examples=1, bfloat16=True)
    assert (lora.learning_rate, lora.dtype) == (3e-4, "bfloat16")
    full = Options().resolved(examples=1, bfloat16=False)
    assert (full.learning_rate, full.dtype) == (3e-5, "float32")


def test_hoc_takes_one_learned_token(tmp_path, tiny_biogpt):
    path = tmp_path / "hoc.tsv"
    path.write_text("Cells died.\tresisting cell death\nNothing.\tempty\n")
    for name, options in (("a", {"recipe": "official", "max_source_tokens": 40}), ("b", {})):
        out = tmp_path / name
        finetune("hoc", train=path, model=tiny_biogpt, out=out, max_steps=1, **options)
        assert read_card(out).tasks["hoc"].learned_tokens == ("learned1",)


def test_the_official_files_are_read(tmp_path):
    paper = {
        "title": "Aspirin and ulcers.",
        "abstract": "Acetylsalicylic acid caused gastric ulcers.",
        "relations": [{"chemical": "D1", "disease": "D2"}],
        "chemical2id": {"aspirin": "D1", "acetylsalicylic acid": "D1"},
        "disease2id": {"ulcers": "D2", "gastric ulcers": "D2"},
    }
    asked = {
        "QUESTION": "Why?",
        "CONTEXTS": ["So.", "And so."],
        "LONG_ANSWER": "Yes.",
        "final_decision": "yes",
    }
    pubtator = (
        "1|t|Aspirin and ulcers.\n1|a|Acetylsalicylic acid caused gastric ulcers.\n"
        "1\t0\t7\tAspirin\tChemical\tD1\n1\t20\t40\tAcetylsalicylic acid\tChemical\tD1\n"
        "1\t48\t62\tgastric ulcers\tDisease\tD2\n1\tCID\tD1\tD2\n"
    )
    expected = "the relation between acetylsalicylic acid and gastric ulcers exists."
    for name, text in (("a.json", json.dumps({"1": paper})), ("a.txt", pubtator)):
        (tmp_path / name).write_text(text)
        [example] = read_examples(tmp_path / name, ["bc5cdr"])
        assert (example.target, example.input.id) == (expected, "1")
    (tmp_path / "q.json").write_text(json.dumps({"7": asked}))
    [example] = read_examples(tmp_path / "q.json", ["pubmedqa_reasoning_free"])
    assert example.target == "the answer to the question given the context is yes."
    assert example.input.text == "So. And so."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": "bc5cdr,chess"}, "no task is called 'chess'"),
        ({"train": "nowhere.jsonl"}, r"data file 'nowhere.jsonl' does not exist: give JSONL"),
        ({"tasks": "hoc"}, "has no examples for hoc"),
        ({"layers": 0}, "layers: input should be greater than 0"),
        ({"lr": 1}, r"lr: extra inputs.*known options: .*learning_rate"),
        ({"model": "no/such/folder"}, "model folder 'no/such/folder' does not exist"),
        ({"model": "none.json"}, "config file 'none.json' does not exist"),
    ],
)
def test_what_is_wrong_is_said(data, tmp_path, changes, message):
    call = {"tasks": "bc5cdr", "train": data, "model": "fresh", "out": tmp_path / "out", **changes}
    with pytest.raises(BioGPTError, match=message):
        finetune(call.pop("tasks"), **call)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "cannot read .*bad.jsonl"),
        ('{"task": "bc5cdr", "title": "x"}', 'bad.jsonl, line 1: it has no "gold"'),
        ('{"task": "bc5cdr", "title": "x", "gold": [{"head": "a"}]}', "bad.jsonl, line 1"),
        ('{"task": "pubmedqa", "question": "x?", "context": "y", "gold": "perhaps"}', "line 1"),
        ('{"task": "pubmedqa", "context": "y", "gold": "yes"}', "question"),
        ("", "has no example"),
    ],
)
def test_bad_data_is_named_with_its_line(tmp_path, text, message):
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(BioGPTError, match=message):
        finetune("bc5cdr,pubmedqa", train=path, model="fresh", out=tmp_path / "out")
