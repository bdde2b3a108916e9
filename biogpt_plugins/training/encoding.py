"""Examples as token ids, cut to what fits; all of them are checked before the first step."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from biogpt_plugins.corpus.gold.solved import at
from biogpt_plugins.engine import Prompt, TaskCard
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.training.examples import Example
from biogpt_plugins.training.options import Options, Truncation
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import ContextOverflowError, InputError

_MOST_SAID = 3


@dataclass(frozen=True)
class Encoded:
    """One example as token ids.

    Attributes:
        prompt: `</s>`, the source and the prompt tokens.
        target: The target with its final `</s>`.
        prompt_tokens: How many of `prompt` are prompt tokens.
        source_cut: Whether the source lost its end.
        target_cut: Whether the target lost its end.
        turns: Where the target goes on with another clause or ends: the place in it, and the token
            that would do the other.
        label: Where the target has the label of a task that chooses one: its tokens' places.
    """

    prompt: list[int]
    target: list[int]
    prompt_tokens: int
    source_cut: bool = False
    target_cut: bool = False
    turns: Mapping[int, int] = field(default_factory=dict)
    label: range = range(0)

    @property
    def ids(self) -> list[int]:
        """Everything: the model reads all but the last, and predicts all but the first."""
        return [*self.prompt, *self.target]

    @property
    def size(self) -> int:
        """What fairseq counts: the tokens of source and target, without the prompt tokens."""
        return len(self.prompt) - 1 - self.prompt_tokens + len(self.target)


def encode(
    example: Example,
    tokens: Tokens,
    card: TaskCard,
    *,
    positions: int,
    truncation: Truncation = "prompt",
) -> Encoded:
    """Turn an example into ids.

    Args:
        example: What to encode.
        tokens: The model's tokenizer.
        card: The task's layout.
        positions: The model's positions.
        truncation: "prompt" cuts the source until the target fits, and keeps a question; the
            target is never cut. "official" cuts the source to its own limit, whatever stands at
            its end, and the target to the positions that this limit leaves.

    Raises:
        ContextOverflowError: The target leaves no room for the source.
        InputError: The source is empty, or the official truncation lacks a limit.
    """
    prompt = example.task.render(example.input, card)
    target = [*tokens.ids(example.target), tokens.eos]
    count = len(prompt.prefix_tokens) + len(prompt.suffix_tokens)
    if truncation == "prompt":
        made = tokens.encode(prompt, window=positions, room=len(target) - 1)
    else:
        limit = positions - _source_limit(prompt, positions, count) - count
        made = tokens.encode(
            replace(prompt, head="", text=prompt.source, tail=""), window=positions, room=0
        )
        if len(target) > limit:
            target = [*target[: limit - 2], tokens.ellipsis, tokens.eos]
            return Encoded(
                made.ids, target, count, source_cut=bool(made.truncated), target_cut=True
            )
    return Encoded(
        made.ids,
        target,
        count,
        source_cut=bool(made.truncated),
        turns=_turns(example, target, tokens),
        label=_label(example, target, tokens),
    )


def _turns(example: Example, target: Sequence[int], tokens: Tokens) -> dict[int, int]:
    """The separators of a target and its full stop, each with the other as what might be.

    None if the target has no clauses, or if a name in it contains the separator.
    """
    clause = example.task.clause
    if not (clause and isinstance(example.result, list) and example.result):
        return {}
    separator, stop = tokens.ids(clause.separator)[0], len(target) - 2
    places = [at for at, token in enumerate(target) if token == separator]
    if len(places) != len(example.result) - 1:
        return {}
    return {**dict.fromkeys(places, target[stop]), stop: separator}


def _label(example: Example, target: Sequence[int], tokens: Tokens) -> range:
    """The places between the stem and the full stop, for tasks that choose one of some labels."""
    if not example.task.choices:
        return range(0)
    return range(len(tokens.ids(example.task.stem)), len(target) - 2)


def _source_limit(prompt: Prompt, positions: int, count: int) -> int:
    limit = prompt.max_source_tokens
    most = positions - count - 2
    if limit is None or not 1 < limit <= most:
        raise InputError(
            f"truncation 'official' needs max_source_tokens between 2 and {most}, not {limit}: "
            "set it, or use truncation 'prompt'"
        )
    return limit


def encode_all(
    examples: Sequence[Example],
    tokens: Tokens,
    cards: Mapping[str, TaskCard],
    *,
    positions: int,
    options: Options,
) -> list[Encoded]:
    """Encode all examples; warn of targets that are cut, and of examples that do not fit.

    Args:
        examples: What to encode.
        tokens: The model's tokenizer.
        cards: Task to layout.
        positions: The model's positions.
        options: Their `truncation`, and `tokens_per_batch`, which an example may not exceed in an
            official batch.

    Raises:
        InputError: An example cannot be used, or none fits; the message has its file and place.
    """
    encoded: list[Encoded] = []
    cut: list[str] = []
    lost: list[str] = []
    for example in examples:
        with at(example.where or repr(example.target)):
            try:
                card = cards[example.task.name]
                found = encode(
                    example, tokens, card, positions=positions, truncation=options.truncation
                )
            except ContextOverflowError:
                lost.append(_said(example, tokens))
                continue
            most = options.tokens_per_batch
            if options.order == "official" and found.size > most:
                raise InputError(
                    f"it has {found.size} tokens, and tokens_per_batch is {most}: raise it"
                )
        encoded.append(found)
        if found.target_cut:
            cut.append(_said(example, tokens))
    if lost:
        do, are = ("does", "is") if len(lost) == 1 else ("do", "are")
        every = counted(len(examples), "example")
        message = f"{len(lost):,} of {every} {do} not fit into {positions} positions"
        if not encoded:
            raise InputError(f"{message}: {_some(lost)}. Shorten the targets")
        warnings.warn(f"{message} and {are} left out: {_some(lost)}", stacklevel=2)
    if cut:
        lose = "is too long and loses its" if len(cut) == 1 else "are too long and lose their"
        message = f"{len(cut):,} of {counted(len(examples), 'target')} {lose} end"
        warnings.warn(f"{message}: {_some(cut)}", stacklevel=2)
    return encoded


def _said(example: Example, tokens: Tokens) -> str:
    return f"{example.where} ({len(tokens.ids(example.target)) + 1:,} target tokens)"


def _some(places: Sequence[str]) -> str:
    rest = len(places) - _MOST_SAID
    return "; ".join(places[:_MOST_SAID]) + (f"; and {rest} more" if rest > 0 else "")
