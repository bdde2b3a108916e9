"""What the options that make more training data make, and smoothed ends, on texts and ids."""

import json
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest
import torch
from shared_data import shared

from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.tasks import get_task
from biogpt_plugins.training import finetune
from biogpt_plugins.training.batches import Batches, collate
from biogpt_plugins.training.encoding import encode_all
from biogpt_plugins.training.examples import read_examples
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.start import start_from
from biogpt_plugins.training.trainer import make_trainer
from biogpt_plugins.training.variants import vary
from biogpt_plugins.values.errors import BioGPTError

DRUGPROT = Path(__file__).parents[2] / "examples" / "12_your_own_task" / "drugprot.toml"
CYCLOSPORINE = {
    "task": "bc5cdr",
    "title": "Cyclosporine A and renal failure.",
    "abstract": "Cyclosporine A (CsA) was given to rats. CsA caused acute renal failure. "
    "CYCLOSPORINE A is old. Tremors were seen, and one tremor lasted. Lithium was not given.",
    "gold": [
        {"head": "cyclosporine a", "type": "CID", "tail": "acute renal failure"},
        {"head": "cyclosporine a", "type": "CID", "tail": "tremor"},
    ],
}
OTHERS = [
    {
        "task": "bc5cdr",
        "title": f"{chemical.capitalize()}-induced {disease}.",
        "abstract": f"Two patients developed {disease}. They took {chemical}. They recovered.",
        "gold": [{"head": chemical, "type": "CID", "tail": disease}],
    }
    for chemical, disease in (
        ("aspirin", "gastric ulcer"),
        ("valproic acid", "weight gain"),
        ("lithium", "goiter"),
    )
]
QUESTION = {"task": "pubmedqa", "question": "Does it work?", "context": "No.", "gold": "no"}


@pytest.fixture
def read(tmp_path):
    """Examples of rows."""

    def examples(*rows, tasks=("bc5cdr", "pubmedqa")):
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return read_examples(path, tasks)

    return examples


def varied(examples, **options):
    told: list[str] = []
    return vary(examples, Options.read(options), told.append), told


def test_nothing_is_made_unless_asked_for(read):
    examples = read(CYCLOSPORINE, *OTHERS)
    assert varied(examples) == (examples, [])


def test_orders_are_different_and_the_first_is_the_data_own(read):
    pairs = [("aspirin", "ulcer"), ("lithium", "tremor"), ("warfarin", "goiter")]
    gold = [{"head": head, "type": "CID", "tail": tail} for head, tail in pairs]
    examples = read({**CYCLOSPORINE, "gold": gold}, OTHERS[0])
    clauses = [f"the relation between {head} and {tail} exists" for head, tail in pairs]
    every = {"; ".join(order) + "." for order in permutations(clauses)}
    made, told = varied(examples, orders=4)
    *first, last = [example.target for example in made]
    assert first[0] == examples[0].target == "; ".join(clauses) + "."
    assert len(set(first)) == 4
    assert set(first) < every
    assert last == examples[1].target, "one relation has one order"
    assert told == ["3 copies with another order were made from 2 examples"]
    assert {example.target for example in varied(examples, orders=99)[0][:-1]} == every
    assert {example.input for example in made[:4]} == {examples[0].input}


def test_a_name_is_swapped_at_all_its_mentions_in_their_case(read, tmp_path):
    names = tmp_path / "names.csv"
    rows = ("name,id,type", '"acid; salt",1,Chemical', "valproic acid,2,Chemical")
    names.write_text("\n".join([*rows, "weight gain,3,Disease", "rash,4,Disease"]))
    examples = read(CYCLOSPORINE)
    (_, made), told = varied(examples, swaps=1, swap_names=str(names), seed=1)
    diseases = [relation.tail.name for relation in made.result]
    assert sorted(diseases) == ["rash", "weight gain"], "no two things get one name"
    acute, tremor = diseases
    assert made.input.title == "Valproic acid and renal failure."
    assert made.input.text == (
        f"Valproic acid (VA) was given to rats. VA caused {acute}. "
        f"VALPROIC ACID is old. {tremor.capitalize()} were seen, and one {tremor} lasted. "
        "Lithium was not given."
    )
    assert made.target == (
        f"the relation between valproic acid and {acute} exists; "
        f"the relation between valproic acid and {tremor} exists."
    )
    assert told == ["1 copy with other names was made from 1 example"]


def test_names_come_from_the_training_data_and_are_in_the_new_text(read):
    examples = read(CYCLOSPORINE, *OTHERS)
    made, _ = varied(examples, swaps=3)
    assert len(made) == 4 * len(examples)
    for at, original in enumerate(examples):
        same, *copies = made[4 * at : 4 * at + 4]
        assert same == original
        for copy in copies:
            assert [r.head.type for r in copy.result] == [r.head.type for r in original.result]
            for old, new in zip(original.result, copy.result, strict=True):
                assert new.head.name != old.head.name
                assert new.head.name in {"aspirin", "valproic acid", "lithium", "cyclosporine a"}
                for end in (new.head, new.tail):
                    assert end.name in copy.input.source.lower()
                    assert end.name in copy.target
    lithium = {r.head.name for copy in made[:4] for r in copy.result}
    assert "lithium" not in lithium, "the text has it already, as another thing"


def test_all_names_of_an_id_are_swapped(tmp_path, read):
    path = tmp_path / "train.PubTator"
    path.write_text(
        "1|t|Sandimmune and tremor.\n1|a|Cyclosporine causes tremor.\n"
        "1\t0\t10\tSandimmune\tChemical\tD016572\n1\t15\t21\ttremor\tDisease\tD014202\n"
        "1\t23\t35\tCyclosporine\tChemical\tD016572\n1\tCID\tD016572\tD014202\n"
    )
    examples = [*read_examples(path, ["bc5cdr"]), *read(*OTHERS)]
    _, made, *_ = varied(examples, swaps=1)[0]
    [relation] = made.result
    text = f"{relation.head.name} and {relation.tail.name}. {relation.head.name} causes"
    assert made.input.source.lower() == f"{text} {relation.tail.name}."


def test_a_type_without_names_is_refused(read, tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("name,id,type\naspirin,1,chemical\n")
    with pytest.raises(BioGPTError, match="swap_names has no name of type 'disease'"):
        varied(read(CYCLOSPORINE), swaps=1, swap_names=str(names))


def test_negatives_name_heads_or_tails_but_never_both(read):
    rows = [{**row, "task": "drugprot"} for row in (CYCLOSPORINE, *OTHERS)]
    rows[1:] = [{**row, "title": ""} for row in rows[1:]]
    for row in rows:
        row["gold"] = [{**relation, "type": "INHIBITOR"} for relation in row["gold"]]
    examples = read(*rows, tasks=[get_task(DRUGPROT).name])
    made, told = varied(examples, negatives=2)
    new = [example for example in made if example.result == []]
    assert told == ["8 texts without a relation were made from 4 examples"]
    assert {example.target for example in new} == {"no relation."}
    assert {example.input.source for example in new[:2]} == {
        "Tremors were seen, and one tremor lasted. Lithium was not given.",
        "Cyclosporine A and renal failure. Cyclosporine A (CsA) was given to rats. "
        "CYCLOSPORINE A is old. Lithium was not given.",
    }
    assert {example.input.source for example in new[2:4]} == {
        "Two patients developed gastric ulcer. They recovered.",
        "They took aspirin. They recovered.",
    }
    some, told = varied(examples * 50, negatives=0.25)
    assert 25 < len(some) - 200 < 75
    assert told == [f"{len(some) - 200} texts without a relation were made from 200 examples"]
    assert all(
        after is before for after, before in zip(varied(new, negatives=2)[0], new, strict=True)
    )


@pytest.mark.parametrize(
    ("options", "rows", "message"),
    [
        ({"negatives": 1}, [CYCLOSPORINE], "negatives .* bc5cdr has none: .*nothing = "),
        ({"negatives": 1}, [QUESTION], "negatives needs a task that writes relations"),
        ({"end_smoothing": 0.1}, [QUESTION], "end_smoothing needs a task that writes relations"),
        ({"mix": {"bc5cdr": 1}}, [CYCLOSPORINE], "mix needs two tasks or more"),
        ({"mix": {"bc5cdr": 1}}, [CYCLOSPORINE, QUESTION], "bc5cdr, pubmedqa: it lacks pubmedqa"),
        ({"mix": "bc5cdr:1,pubmedqa:1,x:2"}, [CYCLOSPORINE, QUESTION], "it has x"),
    ],
)
def test_options_that_cannot_work_are_refused(read, options, rows, message):
    with pytest.raises(BioGPTError, match=message):
        varied(read(*rows), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mix": "bc5cdr"}, "mix: must be like bc5cdr:2,pubmedqa:1, not 'bc5cdr'"),
        ({"mix": "bc5cdr:0"}, "mix: input should be greater than 0"),
        ({"mix": {"a": 1}, "mix_temperature": 2}, "mix and mix_temperature .*: choose one"),
        ({"loss": "all", "source_loss": 0.1}, "loss 'all' .*: leave source_loss out"),
        ({"swap_names": "x.csv"}, "swap_names needs swaps"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(BioGPTError, match=f"invalid training options: {message}"):
        Options.read(options)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"mix": {"bc5cdr": 2, "pubmedqa": 1}}, {"bc5cdr": 8, "pubmedqa": 4}),
        ({"mix": "bc5cdr:1, pubmedqa:3"}, {"bc5cdr": 3, "pubmedqa": 9}),
        ({"mix_temperature": 2}, {"bc5cdr": 7, "pubmedqa": 5}),
        ({"mix_temperature": 1000}, {"bc5cdr": 6, "pubmedqa": 6}),
    ],
)
def test_tasks_are_mixed_by_their_shares(read, options, wanted):
    questions = [{**QUESTION, "question": f"Does {n} work?"} for n in range(4)]
    papers = [{**OTHERS[0], "title": f"Paper {n}."} for n in range(8)]
    examples = read(*papers, *questions)
    made, told = varied(examples, **options)
    assert Counter(example.task.name for example in made) == wanted
    times = Counter(example.input for example in made)
    for task, size in (("bc5cdr", 8), ("pubmedqa", 4)):
        each = {times[example.input] for example in examples if example.task.name == task}
        assert each <= {wanted[task] // size, wanted[task] // size + 1}
    places = [examples.index(example) for example in made]
    assert places == sorted(places)
    shares = f"bc5cdr {wanted['bc5cdr']} instead of 8, pubmedqa {wanted['pubmedqa']} instead of 4"
    assert told == [f"the examples of each task: {shares}"]


def test_a_seed_gives_the_same_and_another_seed_something_else(read):
    examples = read(CYCLOSPORINE, *OTHERS, *[QUESTION] * 3)
    options = {"swaps": 2, "orders": 2, "mix": {"bc5cdr": 1, "pubmedqa": 1}}
    first, _ = varied(examples, **options)
    assert varied(examples, **options)[0] == first
    assert varied(examples, **options, seed=1)[0] != first
    alone, _ = varied(examples[:1], orders=2)
    assert varied(examples, orders=2)[0][:2] == alone, "what follows changes nothing"


def smoothed(read, tiny_biogpt, tmp_path, **options):
    settings = Options(dropout=0, attention_dropout=0, tokens_per_batch=4096, **options)
    examples = read(CYCLOSPORINE, *OTHERS)
    start = start_from(tiny_biogpt, ["bc5cdr"], examples, out=tmp_path, options=settings)
    tokens = Tokens(start.tokenizer)
    encoded = encode_all(examples, tokens, start.card.tasks, positions=96, options=settings)
    settings = settings.resolved(examples=1, bfloat16=False)
    trainer = make_trainer(start, encoded, [], folder=tmp_path / "x", options=settings)
    return trainer, encoded, tokens


def test_ends_are_smoothed_after_each_clause_and_nowhere_else(read, tiny_biogpt, tmp_path):
    share = 0.2
    trainer, encoded, tokens = smoothed(read, tiny_biogpt, tmp_path, end_smoothing=share)
    [separator], [stop] = tokens.ids(";"), tokens.ids(".")
    [at] = [place for place, token in enumerate(encoded[0].target) if token == separator]
    last = len(encoded[0].target) - 2
    assert encoded[0].turns == {at: stop, last: separator}
    assert [[*each.turns.values()] for each in encoded[1:]] == [[separator]] * 3
    model = trainer.model.eval()
    batch = collate([encoded[:1]], pad=tokens.pad, options=Options(end_smoothing=share))
    ids, wanted = batch["input_ids"], batch["target"] != 0
    plain = trainer.losses(model, ids, wanted)
    found = trainer.losses(model, ids, wanted, other=batch["other"])
    start = len(encoded[0].prompt)
    assert (found != plain).nonzero().tolist() == [[0, start + at], [0, start + last]]
    scores = model(ids[:, :-1]).logits[0].log_softmax(-1)
    for place, token, other in ((at, separator, stop), (last, stop, separator)):
        row = scores[start + place - 1]
        expected = -(1 - share) * row[token] - share * row[other]
        torch.testing.assert_close(found[0, start + place], expected, atol=1e-5, rtol=0)


def test_smoothing_is_in_the_loss_of_training_alone(read, tiny_biogpt, tmp_path):
    losses = []
    for share in (0.0, 0.3):
        trainer, encoded, _ = smoothed(read, tiny_biogpt, tmp_path, end_smoothing=share)
        loader = iter(trainer.get_train_dataloader())
        [sample], _ = trainer.get_batch_samples(loader, 1, torch.device("cpu"))
        loss = float(trainer.compute_loss(trainer.model, sample).detach())
        measured = trainer.measure(Batches(encoded, Options(tokens_per_batch=4096)))
        losses.append((loss, measured["eval_loss"]))
    (loss, measured), (other, same) = losses
    assert loss == pytest.approx(measured, abs=1e-5)
    assert other != pytest.approx(loss, abs=1e-3)
    assert same == pytest.approx(measured, abs=1e-6)


def test_a_name_with_the_separator_leaves_the_target_as_it_is(read, tiny_biogpt, tmp_path):
    gold = [{"head": "aspirin; asa", "type": "CID", "tail": "tremor"}]
    settings = Options(end_smoothing=0.1)
    [example] = read({**OTHERS[0], "gold": gold})
    start = start_from(tiny_biogpt, ["bc5cdr"], [example], out=tmp_path, options=settings)
    cards = start.card.tasks
    [each] = encode_all([example], Tokens(start.tokenizer), cards, positions=96, options=settings)
    assert each.turns == {}


def test_a_run_trains_on_them_tells_keeps_and_resumes_only_the_same(tiny_biogpt, tmp_path):
    data, names = tmp_path / "train.jsonl", tmp_path / "names.csv"
    data.write_text("".join(json.dumps(row) + "\n" for row in (CYCLOSPORINE, *OTHERS)))
    names.write_text("name,id,type\nibuprofen,1,chemical\nrash,2,disease\nasthma,3,disease\n")
    told: list[str] = []
    call = {"train": data, "model": tiny_biogpt, "max_steps": 2, "tokens_per_batch": 200}
    options = {"swaps": "1", "swap_names": str(names), "orders": "2", "end_smoothing": "0.1"}
    made = finetune("bc5cdr", **call, **options, out=tmp_path / "a", tell=told.append)
    assert made.examples == 10
    assert "4 copies with other names were made from 4 examples" in told
    assert "2 copies with another order were made from 8 examples" in told
    kept = json.loads((tmp_path / "a" / "training.json").read_text())
    assert (kept["options"]["swaps"], kept["options"]["orders"]) == (1, 2)
    assert [name for name, _ in kept["train"]] == ["train.jsonl", "names.csv"]
    assert read_card(tmp_path / "a").tasks.keys() == {"bc5cdr"}
    again = finetune("bc5cdr", **call, **options, out=tmp_path / "b")
    weights = [(each.folder / "model.safetensors").read_bytes() for each in (made, again)]
    assert weights[0] == weights[1]
    (tmp_path / "a" / "config.json").unlink()
    (tmp_path / "a" / "checkpoints" / "checkpoint-1").mkdir(parents=True)
    changed = {**options, "swaps": "2"}
    with pytest.raises(BioGPTError, match=r"cannot resume .*: swaps was 1 and is 2"):
        finetune("bc5cdr", **call, **changed, out=tmp_path / "a", resume=True)
    names.write_text(names.read_text() + "naproxen,4,chemical\n")
    with pytest.raises(BioGPTError, match=r"cannot resume .*: train was .* and names.csv"):
        finetune("bc5cdr", **call, **options, out=tmp_path / "a", resume=True)
    with pytest.raises(BioGPTError, match=r"the file of swap_names, 'none.csv', does not exist"):
        finetune("bc5cdr", **call, swaps=1, swap_names="none.csv", out=tmp_path / "c")


def test_names_of_real_papers_stay_in_their_texts():
    path = shared("bc5cdr/train.json")
    examples = read_examples(path, ["bc5cdr"])[:60]
    made, _ = varied(examples, swaps=1)

    def missing(some):
        return sum(
            "".join(end.name.lower().split()) not in "".join(e.input.source.lower().split())
            for e in some
            for relation in e.result
            for end in (relation.head, relation.tail)
        )

    assert len(made) == 120
    assert missing(made[1::2]) <= missing(examples) + 2
