"""Checkpoints of microsoft/BioGPT in the format of fairseq 0.12.2, built in code.

Keys, names and shapes are those that `fairseq-train` writes; the weights are random.
`fairseq_reference` computes with what is built here.
"""

import tarfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import tiny
import torch
from sacremoses import MosesTokenizer

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
EOS, PAD, UNK = 2, 1, 3
WORDS = [*tiny.WORDS, "we", "can", "conclude", "that", "learned", "covid-19", "β-blocker"]


@dataclass(frozen=True, kw_only=True)
class Model:
    """What to build; by default RE-BC5CDR with nine learned tokens.

    Attributes:
        learned: `--learned-prompt`.
        manual: `--manual-prompt`, instead.
        pattern: `--learned-prompt-pattern`.
        prefix: `--prefix`.
        pretrained: Whether it was trained for `language_modeling`, which knows no prompt.
        source_limit: `--max-source-positions`.
        data: Where its training data was.
        save_dir: Where fairseq wrote it.
        positions: `--max-target-positions`.
        quiet: Whether activations are so small that the epsilon of the layer norms shows.
        never_ends: Whether `</s>` is a token that it never chooses.
        likes_padding: Whether `<pad>` is one that it would choose.
        changes: Entries of cfg that differ: {"model.activation_fn": "relu"}.
        extra: Symbols that stand last in the dictionary.
        vocabulary: Folder with a dict.txt and bpecodes to use; None for small ones.
    """

    learned: int | None = 9
    manual: str | None = None
    pattern: str = "learned"
    prefix: bool = False
    pretrained: bool = False
    source_limit: int = 40
    data: str = "../../data/BC5CDR/relis-bin"
    save_dir: str = "../../checkpoints/RE-BC5CDR-BioGPT"
    arch: str = "transformer_lm_prompt_biogpt"
    positions: int = 96
    layers: int = 2
    width: int = 32
    heads: int = 4
    ffn: int = 64
    dtype: torch.dtype = torch.float32
    seed: int = 28
    quiet: bool = False
    never_ends: bool = False
    likes_padding: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    vocabulary: Path | None = None

    @cached_property
    def lines(self) -> tuple[list[str], list[str]]:
        """The lines of dict.txt and of bpecodes."""
        if self.vocabulary:
            texts = [
                (self.vocabulary / name).read_text("utf-8") for name in ("dict.txt", "bpecodes")
            ]
            return tuple(text.removesuffix("\n").split("\n") for text in texts)
        vocabulary, merges = tiny.vocabulary(WORDS)
        pieces = sorted(set(vocabulary) - set(SPECIAL), key=lambda piece: piece[::-1])
        symbols = [p.removesuffix("</w>") if p.endswith("</w>") else f"{p}@@" for p in pieces]
        symbols += [f"madeupword{i:04}" for i in range(-(len(symbols) + len(SPECIAL)) % 8)]
        symbols += self.extra
        counts = [0 if symbol.startswith("madeupword") else 999 for symbol in symbols]
        return (
            [f"{symbol} {count}" for symbol, count in zip(symbols, counts, strict=True)],
            [f"{merge} {9999 - i}" for i, merge in enumerate(merges)],
        )

    @cached_property
    def symbols(self) -> list[str]:
        """The symbols by id, those that the prompt adds behind the dictionary's last included."""
        added = ["<seqsep>"] if self.prefix and not self.pretrained else []
        own = [line.rsplit(" ", 1)[0] for line in self.lines[0]]
        return list(dict.fromkeys([*SPECIAL, *own, *added, *self._prompt]))

    @property
    def _prompt(self) -> list[str]:
        if self.pretrained:
            return []
        return (self.manual or "").split() or [
            f"{self.pattern}{i + 1}" for i in range(self.learned or 0)
        ]

    @property
    def dictionary_size(self) -> int:
        """Rows before those that the prompt added."""
        return len(SPECIAL) + len(self.lines[0])

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {symbol: i for i, symbol in enumerate(self.symbols)}

    def id(self, symbol: str) -> int:
        """Id of a symbol; that of `<unk>` if the dictionary lacks it."""
        return self._ids.get(symbol, UNK)

    @cached_property
    def _ranks(self) -> dict[tuple[str, ...], int]:
        return {tuple(line.split(" ")[:2]): i for i, line in enumerate(self.lines[1])}

    def source(self, text: str) -> list[int]:
        """Ids of a text by the official way: Moses, byte pairs, the dictionary."""
        words = MosesTokenizer(lang="en").tokenize(text, aggressive_dash_splits=True, escape=True)
        return [self.id(symbol) for word in words for symbol in self._split(word)]

    def _split(self, word: str) -> list[str]:
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        while pairs := [pair for pair in pairwise(pieces) if pair in self._ranks]:
            best = min(pairs, key=self._ranks.__getitem__)
            at = list(pairwise(pieces)).index(best)
            pieces[at : at + 2] = ["".join(best)]
        return [*(f"{piece}@@" for piece in pieces[:-1]), pieces[-1].removesuffix("</w>")]

    def prompt(self, text: str) -> list[int]:
        """Ids that the official code puts before this model, the leading `</s>` included."""
        source, prompt = self.source(text), [self.id(symbol) for symbol in self._prompt]
        if not self.pretrained and len(source) > self.source_limit:
            source = [*source[: self.source_limit - 1], self.id("...")]
        if prompt and self.prefix:
            return [EOS, *prompt, *source, self.id("<seqsep>")]
        return [EOS, *source, *prompt]

    def state(self) -> dict[str, Any]:
        """What `torch.load` gives."""
        tensors = self._tensors()
        moments = {"exp_avg": torch.zeros(8), "exp_avg_sq": torch.zeros(8), "step": 500}
        return {
            "args": None,
            "cfg": self._cfg(),
            "model": tensors,
            "criterion": None,
            "optimizer_history": [
                {
                    "criterion_name": "CrossEntropyCriterion",
                    "optimizer_name": "FairseqAdam",
                    "lr_scheduler_state": {"best": 2.5},
                    "num_updates": 500,
                }
            ],
            "task_state": {},
            "extra_state": {
                "metrics": OrderedDict(),
                "previous_training_time": 86.5,
                "train_iterator": {
                    "version": 2,
                    "epoch": 6,
                    "iterations_in_epoch": 0,
                    "shuffle": True,
                },
                "val_loss": 2.5,
                "best": 2.5,
            },
            "last_optimizer_state": {
                "state": {0: moments},
                "param_groups": [{"lr": 1e-05, "betas": (0.9, 0.98), "eps": 1e-08, "params": [0]}],
            },
        }

    def _tensors(self) -> "OrderedDict[str, torch.Tensor]":
        random = torch.Generator().manual_seed(self.seed)

        def draw(*shape: int, scale: float, around: float = 0.0) -> torch.Tensor:
            return torch.randn(*shape, generator=random) * scale + around

        d, tensors = self.width, OrderedDict()

        def put(name: str, rows: int, columns: int | None = None) -> None:
            if columns is None:
                tensors[f"{name}.weight"] = draw(rows, scale=0.1, around=1.0)
            else:
                tensors[f"{name}.weight"] = draw(rows, columns, scale=0.3)
            tensors[f"{name}.bias"] = draw(rows, scale=0.1)

        # A random model with tied embeddings repeats its last token for ever; strong layers and
        # positions make it write something like a text, and a strong row of `</s>` end some.
        embeddings, positions = (1e-3, 1e-3) if self.quiet else (0.1, 1.0)
        tensors["decoder.version"] = torch.tensor([3.0])
        table = tensors["decoder.embed_tokens.weight"] = draw(
            len(self.symbols), d, scale=embeddings
        )
        tensors["decoder.embed_positions.weight"] = draw(self.positions + 2, d, scale=positions)
        for n in range(self.layers):
            layer = f"decoder.layers.{n}"
            for projection in ("k_proj", "v_proj", "q_proj", "out_proj"):
                put(f"{layer}.self_attn.{projection}", d, d)
            put(f"{layer}.self_attn_layer_norm", d)
            put(f"{layer}.fc1", self.ffn, d)
            put(f"{layer}.fc2", d, self.ffn)
            put(f"{layer}.final_layer_norm", d)
        put("decoder.layer_norm", d)
        # The final layer norm's bias is in all that a row is multiplied with.
        bias = tensors["decoder.layer_norm.bias"] = draw(d, scale=0.5)
        table[EOS] = -bias if self.never_ends else 2 * table[EOS]
        table[PAD] = bias if self.likes_padding else 0
        tensors["decoder.embed_positions.weight"][PAD] = 0
        for name, tensor in tensors.items():
            tensors[name] = tensor.to(self.dtype)
        tensors["decoder.output_projection.weight"] = tensors["decoder.embed_tokens.weight"]
        return tensors

    def _cfg(self) -> dict[str, Any]:
        shared = {
            "add_bos_token": False,
            "max_target_positions": self.positions,
            "tokens_per_sample": self.positions,
            "tpu": False,
        }
        task = {
            **shared,
            "_name": "language_modeling",
            "data": self.data,
            "future_target": False,
            "output_dictionary_size": -1,
            "past_target": False,
            "sample_break_mode": "none",
            "seed": 1,
            "self_target": False,
            "shorten_method": "none",
        }
        if not self.pretrained:
            task |= {
                "_name": "language_modeling_prompt",
                "source_lang": None,
                "target_lang": None,
                "max_source_positions": self.source_limit,
                "manual_prompt": self.manual,
                "learned_prompt": None if self.manual else self.learned,
                "learned_prompt_pattern": self.pattern,
                "prefix": self.prefix,
                "sep_token": "<seqsep>",
            }
        model = {
            **shared,
            "_name": "transformer_lm_gpt2_small" if self.pretrained else self.arch,
            "decoder_embed_dim": self.width,
            "decoder_input_dim": self.width,
            "decoder_output_dim": self.width,
            "decoder_ffn_embed_dim": self.ffn,
            "decoder_layers": self.layers,
            "decoder_attention_heads": self.heads,
            **_MODEL,
        }
        common = {"_name": None, "fp16": self.dtype == torch.float16, "seed": 1, "user_dir": None}
        checkpoint = {"_name": None, "keep_last_epochs": 5, "save_dir": self.save_dir}
        cfg = {"_name": None, "common": common, "checkpoint": checkpoint}
        cfg |= {"model": model, "task": task, "bpe": None, "tokenizer": None}
        for path, value in self.changes.items():
            section, name = path.split(".")
            cfg[section][name] = value
        return cfg


# What fairseq writes for the architecture transformer_lm_prompt_biogpt, sizes aside.
_MODEL = {
    **dict.fromkeys(
        (
            "adaptive_input",
            "character_embeddings",
            "checkpoint_activations",
            "layernorm_embedding",
            "no_decoder_final_norm",
            "no_scale_embedding",
            "no_token_positional_embeddings",
            "offload_activations",
            "scale_attn",
            "scale_fc",
            "scale_heads",
            "scale_resids",
            "tie_adaptive_proj",
            "tie_adaptive_weights",
        ),
        False,
    ),
    **dict.fromkeys(
        (
            "adaptive_input_cutoff",
            "adaptive_softmax_cutoff",
            "decoder_layers_to_keep",
            "decoder_xformers_att_config",
        )
    ),
    "activation_dropout": 0.0,
    "activation_fn": "gelu",
    "adaptive_input_factor": 4.0,
    "adaptive_softmax_dropout": 0.0,
    "adaptive_softmax_factor": 4.0,
    "attention_dropout": 0.1,
    "base_layers": 0,
    "base_shuffle": 0,
    "base_sublayers": 1,
    "char_embedder_highway_layers": 2,
    "character_embedding_dim": 4,
    "character_filters": "[(1, 64), (2, 128), (3, 192), (4, 256), (5, 256), (6, 256), (7, 256)]",
    "decoder_layerdrop": 0.0,
    "decoder_learned_pos": True,
    "decoder_normalize_before": True,
    "dropout": 0.1,
    "min_params_to_wrap": 100000000,
    "quant_noise_pq": 0.0,
    "quant_noise_pq_block_size": 8,
    "quant_noise_scalar": 0.0,
    "relu_dropout": 0.0,
    "share_decoder_input_output_embed": True,
}


def write(
    folder: Path,
    model: Model,
    state: Mapping[str, Any] | None = None,
    *,
    name: str = "checkpoint_avg.pt",
    without: Sequence[str] = (),
) -> Path:
    """Write a checkpoint, its dictionary and its byte-pair codes; gives the checkpoint's path.

    Args:
        folder: Where to; made if need be.
        model: What to write.
        state: Instead of the model's own.
        name: The checkpoint's name.
        without: Files to leave out: "dict.txt", "bpecodes".
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file, lines in zip(("dict.txt", "bpecodes"), model.lines, strict=True):
        if file not in without:
            (folder / file).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    torch.save(model.state() if state is None else state, folder / name)
    return folder / name


def pack(folder: Path, archive: Path) -> Path:
    """Pack a folder as the published ones are: `checkpoints/NAME/...` in a .tgz."""
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, arcname=f"checkpoints/{folder.name}")
    return archive
