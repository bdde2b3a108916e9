"""A small run of the official recipe in a plain loop of PyTorch, to judge `finetune` by.

It knows the rules only: loss over all tokens, divided once by an update's tokens; fairseq's Adam
and schedule; texts cut at both limits. The batches are numbers of documents, written down here.
`python tests/official_run.py` prints the figures that stand in `training/official_run.json`.
"""

import json
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import tiny
import torch
from transformers import BioGptForCausalLM, BioGptTokenizer

PEAK, WARMUP, BETAS, EPS, DECAY = 3e-3, 4, (0.9, 0.98), 1e-8, 0.01
POSITIONS, SOURCE_LIMIT = 96, 30
OPTIONS = {
    "learning_rate": PEAK,
    "warmup": WARMUP,
    "accumulate": 3,
    "tokens_per_batch": 320,
    "max_source_tokens": SOURCE_LIMIT,
    "epochs": 3,
    "average_epochs": 2,
    "dropout": 0,
    "attention_dropout": 0,
}
NAMES = ("aspirin", "warfarin", "lithium")
DISEASES = ("tremor", "gastric ulcer", "renal failure")
# Documents by number: each epoch's batches in their order, as fairseq's rules give them. Three
# make an update, and the fourth the epoch's last, smaller one.
_SHORT, _MIDDLE = (10, 20, 6, 16, 12, 2, 15, 18), (0, 8, 4, 1, 11, 14, 3)
_LONG, _LONGEST = (17, 13, 9, 7, 19), (5,)
EPOCHS = (
    (_LONG, _LONGEST, _MIDDLE, _SHORT),
    (_LONGEST, _MIDDLE, _SHORT, _LONG),
    (_SHORT, _MIDDLE, _LONGEST, _LONG),
)


def documents() -> list[dict[str, object]]:
    """Solved papers; of some the source is too long, of one the target."""
    rows = []
    for number in range(21):
        count = 8 if number == 5 else 1 + number % 2
        pairs = [(NAMES[(number + i) % 3], DISEASES[(number + i // 3) % 3]) for i in range(count)]
        told = " ".join(f"{name} induced {disease} ." for name, disease in pairs)
        more = " in patients with risk" * (number % 5 + 3 * (number % 7 == 0))
        gold = [{"head": name, "type": "CID", "tail": disease} for name, disease in pairs]
        rows.append({"id": str(number), "title": "effect.", "abstract": told + more, "gold": gold})
    return rows


def encoded(tokenizer: BioGptTokenizer) -> list[list[int]]:
    """The documents as ids, by transformers' own tokenizer."""
    eos, dots = tokenizer.sep_token_id, tokenizer.convert_tokens_to_ids("...</w>")
    learned = tokenizer.convert_tokens_to_ids(list(tiny.LEARNED))
    rows = []
    for row in documents():
        clauses = (f"the relation between {r['head']} and {r['tail']} exists" for r in row["gold"])
        source = tokenizer(f"effect. {row['abstract']}", add_special_tokens=False).input_ids
        target = tokenizer("; ".join(clauses) + ".", add_special_tokens=False).input_ids
        target.append(eos)
        if len(source) > SOURCE_LIMIT:
            source = [*source[: SOURCE_LIMIT - 1], dots]
        limit = POSITIONS - SOURCE_LIMIT - len(learned)
        if len(target) > limit:
            target = [*target[: limit - 2], dots, eos]
        rows.append([eos, *source, *learned, *target])
    return rows


def train(model: BioGptForCausalLM, updates: Sequence[Sequence[list[int]]]) -> Iterator[float]:
    """Train on updates of some rows of ids each; yields each update's loss in nats."""
    weights = list(model.parameters())
    first, second = ([torch.zeros_like(w) for w in weights] for _ in range(2))
    for done, rows in enumerate(updates):
        model.zero_grad()
        total, tokens = 0.0, sum(len(row) - 1 for row in rows)
        for row in rows:  # one at a time: nothing is padded
            ids = torch.tensor([row])
            log_probabilities = model(ids[:, :-1]).logits[0].log_softmax(-1)
            loss = -log_probabilities.gather(1, ids[0, 1:, None]).sum()
            (loss / tokens).backward()
            total += float(loss)
        rising = 1e-7 + done * (PEAK - 1e-7) / WARMUP
        rate = rising if done < WARMUP else PEAK * math.sqrt(WARMUP / done)
        size = rate * math.sqrt(1 - BETAS[1] ** (done + 1)) / (1 - BETAS[0] ** (done + 1))
        with torch.no_grad():
            for w, m, v in zip(weights, first, second, strict=True):
                m.mul_(BETAS[0]).add_(w.grad, alpha=1 - BETAS[0])
                v.mul_(BETAS[1]).addcmul_(w.grad, w.grad, value=1 - BETAS[1])
                w.mul_(1 - DECAY * rate).sub_(size * m / (v.sqrt() + EPS))
        yield total / tokens


def main() -> None:
    """Print the figures of the run."""
    with tempfile.TemporaryDirectory() as home:
        folder = tiny.build(Path(home))
        model = BioGptForCausalLM.from_pretrained(folder).eval()  # eval: no dropout
        rows = encoded(BioGptTokenizer.from_pretrained(folder))
        updates = [
            [rows[n] for batch in epoch[at : at + 3] for n in batch]
            for epoch in EPOCHS
            for at in range(0, len(epoch), 3)
        ]
        losses = list(train(model, updates))
        norms = {name: float(w.norm()) for name, w in model.named_parameters()}
    json.dump({"losses": losses, "norms": norms}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
