"""A tiny random BioGPT, built in code: the real classes and file formats, no download."""

import json
import string
from collections import Counter
from itertools import pairwise
from pathlib import Path

TEXT = (
    "the relation between and exists interaction is of in to answer question given context "
    "aspirin gastric ulcer lithium tremor induced caused patients with renal failure warfarin "
    "yes no may be hallmarks inhibitor increases risk after treatment dose effect study ... , ."
)
WORDS = TEXT.split()
LEARNED = tuple(f"learned{i}" for i in range(1, 10))


def vocabulary(words: list[str]) -> tuple[dict[str, int], list[str]]:
    """Vocabulary and merges in which every one of `words` is a token, as is every character."""
    spelled = [[*word[:-1], word[-1] + "</w>"] for word in words]
    merges: list[str] = []
    while pairs := Counter(pair for word in spelled for pair in pairwise(word)):
        left, right = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(f"{left} {right}")
        for word in spelled:
            for at in range(len(word) - 1, 0, -1):
                if (word[at - 1], *word[at : at + 1]) == (left, right):
                    word[at - 1 : at + 1] = [left + right]
    alphabet = string.ascii_letters + string.digits + string.punctuation
    symbols = ["<s>", "<pad>", "</s>", "<unk>", *alphabet, *(c + "</w>" for c in alphabet)]
    symbols += [merge.replace(" ", "") for merge in merges]
    return {symbol: i for i, symbol in enumerate(dict.fromkeys(symbols))}, merges


def build(folder: Path, *, positions: int = 96, safe: bool = True, seed: int = 28) -> Path:
    """Write a tiny BioGPT with nine learned tokens to `folder`."""
    import torch
    from transformers import BioGptConfig, BioGptForCausalLM

    vocab, merges = vocabulary(WORDS)
    for name in LEARNED:
        vocab[name] = len(vocab)
    config = BioGptConfig(
        vocab_size=len(vocab),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=positions,
        initializer_range=0.2,
        layer_norm_eps=1e-5,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BioGptForCausalLM(config)
    with torch.no_grad():
        # A random model with tied embeddings repeats its last token for ever; with strong
        # positions it writes something like a text, and with this seed it ends some.
        model.biogpt.embed_positions.weight.mul_(20)
    folder.mkdir(parents=True, exist_ok=True)
    if safe:
        model.save_pretrained(folder)
    else:
        config.save_pretrained(folder)
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    (folder / "merges.txt").write_text("".join(f"{m}\n" for m in merges), encoding="utf-8")
    return folder
