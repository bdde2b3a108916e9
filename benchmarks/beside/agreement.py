"""Whether all write the same: speed must not be bought with another text.

In float32 all sides must write the same. Their kernels round in different ways, though, and where
two tokens have nearly the same logit, rounding may decide. A difference therefore counts unless it
follows a near tie: a token where the best two logits are less than 1e-4 apart, as transformers
computes them for the prompt alone. The report says how many near ties there were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile

import torch
from transformers import BioGptForCausalLM

from beside.comparison import Agreement
from beside.peers import generate
from beside.place import Place
from beside.sides import ENGINES, EXACT, OURS, Own, Writer, open_own
from beside.subjects import Subject
from beside.trial import Trial
from biogpt_plugins.bench.clock import Missing, present
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.engine import Decoding
from biogpt_plugins.pipeline import Pipeline

NEAR = 1e-4
"""Least difference of two logits that no rounding hides."""

_SHOWN = 40


class Reference:
    """transformers' own greedy ids, of one prompt at a time, in float32."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._network: BioGptForCausalLM = place.network(EXACT)

    def write(self, subject: Subject, new_tokens: int) -> tuple[list[int], int | None]:
        """The ids, without the final `</s>`, and how many come before the first near tie.

        The second is None if there is no near tie.
        """
        prompt = torch.tensor([subject.ids], device=self._network.device)
        with torch.inference_mode():
            found = self._network.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=new_tokens,
                do_sample=False,
                output_logits=True,
                return_dict_in_generate=True,
            )
        best = torch.cat(found.logits).float().topk(2).values
        near = (best[:, 0] - best[:, 1] < NEAR).nonzero().flatten().tolist()
        ids = found.sequences[0, prompt.shape[1] :].tolist()
        written = takewhile(lambda token: token != self._place.tokens.eos, ids)
        return list(written), next(iter(near), None)

    def sure_letters(self, subject: Subject, new_tokens: int) -> int | None:
        """How many letters of the text come before the first near tie; None if there is none."""
        ids, sure = self.write(subject, new_tokens)
        if sure is None:
            return None
        tokens = self._place.tokens
        return len(letters(tokens.text(ids[: tokens.end_of_words(ids[:sure])])))


def letters(text: str) -> str:
    """A text without its spaces, which depend on what follows."""
    return "".join(text.split())


def compare(
    what: str,
    written: Mapping[str, Sequence[Sequence[str]]],
    sure: Callable[[int], int | None] = lambda _: None,
) -> Agreement:
    """Compare what several wrote with what the first of them did.

    Args:
        what: What it is.
        written: What each wrote for each prompt, piece by piece.
        sure: How many pieces come before the first near tie of a prompt, of which it is told the
            number; None if there is none. It is asked only where there is a difference.
    """
    first, *others = written
    right = written[first]
    equal = ties = 0
    example = ""
    for number, one in enumerate(right):
        strange = [name for name in others if written[name][number] != one]
        if not strange:
            equal += 1
            continue
        count = sure(number)
        worse = [name for name in strange if written[name][number][:count] != one[:count]]
        if count is not None and not worse:
            ties += 1
        elif not example:
            name = (worse or strange)[0]
            example = f"prompt {number + 1}, {_difference(name, written[name][number], first, one)}"
    return Agreement(
        what=what,
        sides=tuple(written),
        of=len(right),
        equal=equal,
        different=len({tuple(one) for one in right}),
        ties=ties,
        example=example,
    )


def _difference(name: str, some: Sequence[str], other: str, others: Sequence[str]) -> str:
    pairs = enumerate(zip(some, others, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(some), len(others)))
    space = "" if isinstance(some, str) else " "
    here, there = (space.join(text[at : at + _SHOWN]) for text in (some, others))
    return f"from piece {at + 1} on: {name} writes {here!r}, {other} {there!r}"


def check_texts(
    trial: Trial,
    what: str,
    sides: Sequence[Writer | Missing],
    hands: Sequence[Sequence[Subject]],
    written: Mapping[str, Sequence[Sequence[str]]],
) -> None:
    """Compare what sides wrote in float32 while they were measured.

    Args:
        trial: Takes down whether they agree.
        what: What they did.
        sides: The sides.
        hands: What they were asked in each round.
        written: What each wrote in each round, by its name.
    """
    exact = [side for side in present(sides) if side.exact]
    if not any(side.ours for side in exact):
        return
    new_tokens = trial.settings.new_tokens
    if all(side.ours for side in exact):  # then the first round is written by another
        other = generate(trial.place, EXACT)
        exact.append(other)
        hands = hands[:1]
        texts_of_other = other.write(hands[0], new_tokens)
        written = {**written, other.name: [texts_of_other]}
    exact.sort(key=lambda side: side.ours)
    subjects = [subject for hand in hands for subject in hand]
    texts = {
        side.name: [letters(text) for turn in written[side.name][: len(hands)] for text in turn]
        for side in exact
    }
    reference = Reference(trial.place)

    def sure(number: int) -> int | None:
        return reference.sure_letters(subjects[number], new_tokens)

    trial.agreements.append(compare(what, texts, sure))


def check_ids(trial: Trial) -> None:
    """Compare the prompts' ids, and the greedy ids that engines of ours write in float32."""
    tokenizer = trial.place.tokenizer
    for kind in trial.settings.engines:
        with _exact(trial, kind) as side:
            if isinstance(side, Missing):
                continue
            trial.tell(f"greedy ids of {side.name}")
            subjects = trial.draw(trial.settings.checked, side)
            prompts = {
                "BioGptTokenizer": [[*map(str, tokenizer(s.text)["input_ids"])] for s in subjects],
                side.name: [[*map(str, subject.ids)] for subject in subjects],
            }
            trial.agreements.append(compare("ids of prompts", prompts))
            check_written(trial, side, subjects)


@contextmanager
def _exact(trial: Trial, kind: str) -> Iterator[Own | Missing]:
    """An engine in float32, which frees the GPU's memory in the end."""
    if trial.place.device.type != "cuda" or kind != ENGINES[0]:
        yield open_own(trial.place, "bc5cdr", trial.load, engine=kind, dtype=EXACT)
        return
    engine, _ = trial.place.engine(EXACT)
    pipeline = Pipeline("bc5cdr", engine, cards=read_card(trial.place.folder).tasks)
    yield Own(f"{OURS}, {EXACT}", pipeline, {"dtype": EXACT})
    engine.close()
    del engine, pipeline
    torch.cuda.empty_cache()


def check_written(trial: Trial, side: Own, subjects: Sequence[Subject]) -> None:
    """Compare the greedy ids of an engine in float32 with those of transformers' `generate`."""
    new_tokens, place = trial.settings.new_tokens, trial.place
    asked = [subject.prompt for subject in subjects]
    decoding = Decoding(max_new_tokens=new_tokens, logprobs=True)
    completions = side.pipeline.engine.complete(asked, decoding)
    reference = Reference(place)
    right = [reference.write(subject, new_tokens) for subject in subjects]
    ours = [[token.text for token in completion.tokens] for completion in completions]
    theirs = [_spelt(place, ids) for ids, _ in right]

    def sure(number: int) -> int | None:
        ids, count = right[number]
        return None if count is None else len(_spelt(place, ids[:count]))

    counts = [len(ids) for ids, _ in right]
    what = f"greedy ids, {min(counts)} to {max(counts)} tokens each"
    written = compare(what, {"transformers generate": theirs, side.name: ours}, sure)
    trial.agreements.append(written)


def _spelt(place: Place, ids: Sequence[int]) -> list[str]:
    return [piece.removesuffix("</w>") for piece in place.tokens.pieces(ids)]
