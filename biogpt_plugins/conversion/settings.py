"""Reads network, prompt and task from the `cfg` of a fairseq checkpoint.

The prompt follows `setup_prompt` in microsoft/BioGPT, src/language_modeling_prompt.py; the network
follows transformer_lm of fairseq 0.12.
"""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from biogpt_plugins.checkpoints.network import read_network
from biogpt_plugins.conversion.dictionary import name_of
from biogpt_plugins.engine import Layout, TaskCard
from biogpt_plugins.values.errors import ModelError

_ARCH = "transformer_lm"
_TASK = "language_modeling"
_PROMPT_TASK = "language_modeling_prompt"
_DECODING_LENGTH = 1024  # of microsoft/BioGPT, inference.py
_LARGE = 1600  # hidden size of BioGPT-Large
_MOST_POSITIONS = 1 << 20
_MOST_LEARNED = 1000
_SIZES = {
    "hidden_size": "decoder_embed_dim",
    "intermediate_size": "decoder_ffn_embed_dim",
    "num_hidden_layers": "decoder_layers",
    "num_attention_heads": "decoder_attention_heads",
}
_DROPOUTS = {
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    "activation_dropout": "activation_dropout",
    "layerdrop": "decoder_layerdrop",
}


@dataclass(frozen=True, kw_only=True)
class PromptSymbols:
    """The dictionary symbols of a prompt.

    Attributes:
        learned: Learned tokens, in order.
        manual: Words, in order, instead of learned tokens.
        separator: The symbol after the source, if the prompt goes before the source.
    """

    learned: tuple[str, ...] = ()
    manual: tuple[str, ...] = ()
    separator: str | None = None

    @property
    def added(self) -> tuple[str, ...]:
        """The symbols that are appended to the dictionary if missing, in that order."""
        return (*self.no_words, *self.manual)

    @property
    def no_words(self) -> tuple[str, ...]:
        """The symbols that are not words of a text."""
        separator = (self.separator,) if self.separator else ()
        return (*separator, *self.learned)

    @property
    def layout(self) -> Layout:
        """Where the prompt goes; "none" if it is empty, even with a separator."""
        if not (self.learned or self.manual):
            return "none"
        if self.separator:
            return "prefix"
        return "learned_prompt" if self.learned else "manual_prompt"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The parts of `cfg` that the conversion needs.

    Attributes:
        network: Fields of a BioGptConfig, except the sizes known from the embeddings.
        prompt: The symbols of the prompt.
        max_source_tokens: The source limit.
        pretrained: Whether the checkpoint was trained for no task.
        hints: Paths that may name the task.
    """

    network: Mapping[str, Any]
    prompt: PromptSymbols
    max_source_tokens: int | None
    pretrained: bool
    hints: tuple[str, ...]

    def card(self, task: str, *, positions: int, hints: tuple[str, ...] = ()) -> TaskCard:
        """The prompt layout that the checkpoint expects for a task."""
        prompt = self.prompt
        length = official_length(positions)
        # The official script stops at 1024 tokens regardless of the model, so a longer prompt
        # gets no answer there.
        longest = (self.max_source_tokens or 0) + len(prompt.added) + 2
        large = self.network["hidden_size"] == _LARGE or "large" in _words(*self.hints, *hints)
        free = task == "pubmedqa_reasoning_free"
        separator = {"separator": prompt.separator} if prompt.separator else {}
        return TaskCard(
            layout=prompt.layout,
            learned_tokens=prompt.learned,
            manual_prompt=tuple(map(name_of, prompt.manual)),
            max_source_tokens=self.max_source_tokens,
            max_length=length if longest < length else positions + 1,
            # The official rebuild_data.py lower-cases the data of the base model, but not of the
            # large one.
            lowercase=not large if free else None,
            **separator,
        )


def official_length(positions: int) -> int:
    """Most tokens of prompt and completion in the official inference.py, both `</s>` counted."""
    return min(_DECODING_LENGTH, positions - 1) + 2


def read_settings(state: Mapping[str, Any], where: str) -> Settings:
    """Read the `cfg` of a checkpoint; `where` names the checkpoint in errors.

    Raises:
        ModelError: `cfg` is missing, or describes another network or task.
    """
    cfg = _section(state.get("cfg"))
    model, task = _section(cfg.get("model")), _section(cfg.get("task"))
    if not model or not task:
        old = "only the `args` of an old fairseq" if state.get("args") else "nothing in its place"
        raise ModelError(
            f"{where} has no `cfg`, which describes the model ({old}): convert a checkpoint of "
            "microsoft/BioGPT, or one that fairseq 0.12 wrote"
        )
    arch, kind = str(model.get("_name")), str(task.get("_name"))
    if not arch.startswith(_ARCH):
        raise ModelError(
            f"{where} has the fairseq architecture {arch!r}: only {_ARCH} and its variants, "
            "such as transformer_lm_prompt_biogpt, are BioGPTs"
        )
    if kind != _TASK and not kind.startswith(_PROMPT_TASK):
        raise ModelError(
            f"{where} was trained with the fairseq task {kind!r}: a BioGPT is trained with "
            f"{_TASK} or {_PROMPT_TASK}"
        )
    checkpoint = _section(cfg.get("checkpoint"))
    hints = (task.get("data"), checkpoint.get("save_dir"))
    return Settings(
        network=_network(model, task, where),
        prompt=_prompt(task, where),
        max_source_tokens=_whole(task, "max_source_positions", where, most=_MOST_POSITIONS),
        pretrained=kind == _TASK,
        hints=tuple(str(hint) for hint in hints if hint),
    )


def _section(value: object) -> dict[str, Any]:
    if isinstance(value, Namespace):
        return vars(value)
    return dict(value) if isinstance(value, Mapping) else {}


def _network(model: Mapping[str, Any], task: Mapping[str, Any], where: str) -> dict[str, Any]:
    activation = model.get("activation_fn", "gelu")
    if activation != "gelu":
        raise ModelError(f"{where} uses the activation {activation!r}: a BioGPT uses 'gelu'")
    if model.get("add_bos_token") or task.get("add_bos_token"):
        raise ModelError(f"{where} begins its texts with <s>: a BioGPT begins them with </s>")
    if lacking := [key for key in _SIZES.values() if model.get(key) is None]:
        raise ModelError(f"the cfg of {where} lacks a size of the model: {', '.join(lacking)}")
    settings = {
        **{name: model[key] for name, key in _SIZES.items()},
        **{name: model.get(key) or 0.0 for name, key in _DROPOUTS.items()},
    }
    read_network(settings, f"the cfg of {where}", names=_SIZES | _DROPOUTS)
    return {
        **settings,
        "hidden_act": "gelu",
        # fairseq uses PyTorch's default; the default of BioGptConfig differs.
        "layer_norm_eps": 1e-5,
        "scale_embedding": not model.get("no_scale_embedding"),
        "tie_word_embeddings": bool(model.get("share_decoder_input_output_embed")),
    }


def _prompt(task: Mapping[str, Any], where: str) -> PromptSymbols:
    manual, learned = task.get("manual_prompt"), task.get("learned_prompt")
    for key in ("manual_prompt", "learned_prompt_pattern", "sep_token"):
        if not isinstance(task.get(key) or "", str):
            raise ModelError(f"the cfg of {where} has {key} {task[key]!r}: it must be a text")
    if manual and learned:
        raise ModelError(
            f"the cfg of {where} has both a manual and a learned prompt: only one is possible"
        )
    pattern = task.get("learned_prompt_pattern") or "learned"
    number = _whole(task, "learned_prompt", where, least=0, most=_MOST_LEARNED) or 0
    names = " ".join(f"{pattern}{i + 1}" for i in range(number))
    separator = str(task.get("sep_token") or "<seqsep>") if task.get("prefix") else None
    return PromptSymbols(
        learned=tuple(names.split()), manual=tuple((manual or "").split()), separator=separator
    )


def _whole(
    section: Mapping[str, Any], key: str, where: str, *, least: int = 1, most: int
) -> int | None:
    """A whole number within bounds; None if the setting is missing."""
    value = section.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ModelError(
            f"the cfg of {where} has {key} {str(value)[:40]!r}: it must be a whole number from "
            f"{least} to {most:,}"
        )
    return value


_DATASETS = {"bc5cdr": "bc5cdr", "ddi": "ddi", "dti": "kd_dti", "hoc": "hoc"}
_QUESTIONS = "pubmedqa"
_REASONING_REQUIRED = {"qcl", "reasoningrequired"}


def name_task(*hints: str) -> str | None:
    """The task that a folder or data path of microsoft/BioGPT names; the first hint wins."""
    for hint in hints:
        words = _words(hint)
        if named := [task for word, task in _DATASETS.items() if word in words]:
            return named[0]
        if _QUESTIONS in words:
            required = _words(*hints) & _REASONING_REQUIRED
            return _QUESTIONS if required else f"{_QUESTIONS}_reasoning_free"
    return None


def _words(*texts: str) -> set[str]:
    return {word for text in texts for word in re.split(r"[^a-z0-9]+", text.lower())}
