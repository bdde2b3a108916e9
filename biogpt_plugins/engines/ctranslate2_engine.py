"""The engine on CTranslate2: quick on CPUs, in eight bits unless it is to be exact."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from transformers import BioGptTokenizer

from biogpt_plugins.engine import Decoding, Runtime
from biogpt_plugins.engines.local import LocalEngine
from biogpt_plugins.engines.sampling import choose, log_probabilities
from biogpt_plugins.engines.slots import LEAST_SHARED, common
from biogpt_plugins.engines.works import Beams, Group, Row, Scoring, Work
from biogpt_plugins.values.errors import EngineError

if TYPE_CHECKING:
    from ctranslate2 import GenerationResult, GenerationStepResult, Generator, StorageView

_BATCH_SIZE = {"cuda": 64, "cpu": 16}
_MANY = 1 << 16
_ROOM = 1 << 14
# At every step CTranslate2 copies all keys and values, layer by layer. A CPU does that in its cache
# as long as those of a layer are about so many numbers; in base shape four rows of 400 tokens gain
# all there is to gain, and sixteen are slower than four times four.
_CACHED = 1 << 21
# Rows whose prompts are longer than the shortest one feed the rest of them token by token. That
# takes a step each, and is less than the steps that a batch saves, as long as there are few.
_NEAR, _WIDEST = 16, 64
# So many finished beams for each that is searched with: transformers goes on until none can be
# better, CTranslate2 until there are enough.
_PATIENCE = 5.0


class CTranslate2Engine(LocalEngine):
    """A LocalEngine that runs a BioGPT that was converted for CTranslate2.

    A batch runs to its end: who comes meanwhile waits for that, but whoever in it is done, has
    stopped waiting or does not read on, leaves it at its next token.

    Attributes:
        device: Where the model is; its first copy, if there are several.
        dtype: What it computes in.
    """

    runtime: ClassVar[Runtime] = "ctranslate2"

    def __init__(  # noqa: PLR0913 - options, all but two keyword-only
        self,
        generators: Sequence[Generator],
        tokenizer: BioGptTokenizer,
        *,
        names: Sequence[str],
        context_size: int,
        hidden_size: int,
        device: torch.device,
        dtype: str,
        model_name: str,
        folder: Path | None = None,
        batch_size: int | None = None,
    ) -> None:
        """Wrap a model that is loaded.

        Args:
            generators: The model, and its copies on other devices.
            tokenizer: Its tokenizer.
            names: What CTranslate2 calls each token, by id.
            context_size: Its positions.
            hidden_size: Its width.
            device: Where the first generator is.
            dtype: What it computes in.
            model_name: What to call it.
            folder: Where it was loaded from.
            batch_size: Most prompts of a batch; None for what suits the device.
        """
        self.device, self.dtype = device, dtype
        eos, pad = int(tokenizer.sep_token_id), int(tokenizer.pad_token_id)
        room = _CACHED // hidden_size if device.type == "cpu" else _ROOM
        super().__init__(
            tokenizer,
            [CTranslate2Runner(one, names, eos=eos, pad=pad, room=room) for one in generators],
            model_name=model_name,
            context_size=context_size,
            rows=len(names),
            folder=folder,
        )
        self.limit_batches(batch_size or _BATCH_SIZE[device.type])


class CTranslate2Runner:
    """What a Scheduler has CTranslate2 do: whole batches, whose rows are told token by token.

    Attributes:
        places: Most rows in work at once.
        rows: None is in work between two calls.
    """

    places = _MANY
    rows: Sequence[Row] = ()

    def __init__(
        self, generator: Generator, names: Sequence[str], *, eos: int, pad: int, room: int
    ) -> None:
        """Make ready.

        Args:
            generator: The model.
            names: What it calls each token, by id.
            eos: Id of `</s>`.
            pad: Id of the padding token, which is never written.
            room: Most tokens of a batch, padding included, if they are of several works.
        """
        self._generator = generator
        self._names = names
        self._eos, self._pad, self._room = eos, pad, room
        self._process = os.getpid()

    def batch(self) -> Group:
        """An empty batch."""
        return Group(self._fits)

    def _fits(self, work: Work, group: Sequence[Work]) -> bool:
        sizes = sorted([work.size, *(other.size for other in group)])
        if work.kind != group[0].kind or sizes[-1] * len(sizes) > self._room:
            return False
        if isinstance(work, Beams):
            return sizes[0] == sizes[-1]
        first = group[0]
        if not (isinstance(work, Row) and isinstance(first, Row)) or _drawn(work) or _drawn(first):
            return False
        if self._sampling(work.decoding) != self._sampling(first.decoding):
            return False
        near = min(abs(work.size - other.size) for other in group)
        return near <= min(_NEAR, work.budget // 2) and sizes[-1] - sizes[0] <= _WIDEST

    def start(self, works: Sequence[Work]) -> None:
        """Do works that fit together; rows that are too far ahead of their readers break off."""
        if self._process != os.getpid():
            raise RuntimeError(
                "CTranslate2 cannot run in a process that was forked after the model was "
                "loaded: load the model in the forked process, or start the process with "
                "'spawn'"
            )
        rows = [work for work in works if isinstance(work, Row)]
        if rows and _drawn(rows[0]):
            self._draw(rows[0])
        elif rows:
            self._write(rows)
        elif isinstance(works[0], Scoring):
            self._score(works[0])
        else:
            self._search([work for work in works if isinstance(work, Beams)])

    def step(self) -> None:
        """Never called, as no row is ever in work."""

    def drop(self, works: Sequence[Work]) -> None:
        """Nothing is in work that could be dropped."""

    def _write(self, rows: Sequence[Row]) -> None:
        """Write rows to their ends, by CTranslate2's own choice of tokens."""
        first, *others = (row.ids for row in rows)
        shared = min((common(first, ids) for ids in others), default=0)
        shared = min(shared, *(row.size - 1 for row in rows)) if shared >= LEAST_SHARED else 0

        self._generate(
            [row.ids[shared:] for row in rows],
            static=first[:shared],
            max_length=max(row.budget - len(row.written) for row in rows),
            return_scores=any(row.decoding.logprobs for row in rows),
            callback=_taking(rows, self._eos),
            **self._sampling(rows[0].decoding),
        )

    def _draw(self, row: Row) -> None:
        """Write a row by our own choice of tokens: by draws from its source, within its grammar.

        CTranslate2 draws from a source of its own that cannot be set, and knows no grammars. It
        goes on by itself as long as its choice, the most probable token, is the one that was
        chosen here, and anew from any other. Of a batch it does not tell each row's logits.
        """
        while not _leaves(row):
            self._generate(
                [row.ids],
                max_length=row.budget - len(row.written),
                return_logits_vocab=True,
                callback=_drawing(row, self._eos, self._pad),
            )

    def _search(self, works: Sequence[Beams]) -> None:
        """Write the best beams of prompts; what nobody waits for any more goes on to its end."""
        decoding, budget = works[0].decoding, works[0].rows[0].budget
        if decoding.form == "grounded":
            for work in works:
                work.fail(
                    EngineError(
                        "CTranslate2 cannot combine beam search with a grammar: use "
                        "num_beams=1, free decoding, or the engine 'transformers'"
                    )
                )
            return
        found = self._generate(
            [work.prompt for work in works],
            max_length=budget,
            beam_size=decoding.num_beams,
            patience=_PATIENCE,
            num_hypotheses=decoding.n,
        )
        for work, result in zip(works, found, strict=True):
            for row, ids in zip(work.rows, result.sequences_ids, strict=True):
                row.written = list(ids)
                row.end("length" if len(ids) >= budget else "stop")
            if not work.wanted():
                work.cancel()
            elif decoding.logprobs:
                self._measure(work)
            work.done = True

    def _measure(self, work: Beams) -> None:
        """Tell the log-probabilities of what was written."""
        logits = self._follow(work.prompt, [row.written for row in work.rows])
        for row, own in zip(work.rows, logits, strict=True):
            own[:, self._pad] = -torch.inf
            row.logprobs = log_probabilities(own[:-1], row.written)

    def _score(self, work: Scoring) -> None:
        branches = list(dict.fromkeys(label[:-1] for label in work.labels))
        logits = dict(zip(branches, self._follow(work.prompt, branches), strict=True))
        for label in work.labels:
            logs = logits[label[:-1]].log_softmax(-1)
            work.logs.append(float(logs[range(len(label)), label].sum()))
        work.done = True

    def _follow(
        self, prompt: Sequence[int], branches: Sequence[Sequence[int]]
    ) -> list[torch.Tensor]:
        """Read a prompt once, and behind it each branch alone.

        Returns:
            For each branch the logits of what follows the prompt and each of the branch's tokens,
            [1 + branch tokens, vocabulary].
        """
        found = self._generate(
            [[prompt[-1], *branch] for branch in branches],
            static=prompt[:-1],
            max_length=1 + max(map(len, branches)),
            include_prompt_in_result=True,
            return_logits_vocab=True,
            suppress_sequences=None,
        )
        return [
            torch.stack([_tensor(logits) for logits in result.logits[0][: 1 + len(branch)]])
            for result, branch in zip(found, branches, strict=True)
        ]

    def _generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        static: Sequence[int] = (),
        **options: Any,  # noqa: ANN401 - CTranslate2's
    ) -> list[GenerationResult]:
        names = self._names
        usual = {"include_prompt_in_result": False, "suppress_sequences": [[names[self._pad]]]}
        found: list[GenerationResult] = self._generator.generate_batch(
            [[names[token] for token in prompt] for prompt in prompts],
            static_prompt=[names[token] for token in static] or None,
            cache_static_prompt=False,
            **{**usual, **options},
        )
        return found

    def _sampling(self, decoding: Decoding) -> dict[str, float]:
        if not decoding.temperature:
            return {}
        return {
            "sampling_temperature": decoding.temperature,
            "sampling_topk": min(decoding.top_k, len(self._names)),
            "sampling_topp": decoding.top_p,
        }


# Callbacks hold no runner: the last of them to go, in a thread of CTranslate2's, would take the
# generator with it, which waits for its threads to end.


def _taking(rows: Sequence[Row], eos: int) -> Callable[[GenerationStepResult], bool]:
    """Has rows take the tokens that CTranslate2 chooses."""

    def take(step: GenerationStepResult) -> bool:
        row = rows[step.batch_id]
        row.take(step.token_id, step.log_prob if row.decoding.logprobs else None, eos)
        return _leaves(row)

    return take


def _drawing(row: Row, eos: int, pad: int) -> Callable[[GenerationStepResult], bool]:
    """Has a row choose its tokens, as long as they are those that CTranslate2 chooses."""

    def draw(step: GenerationStepResult) -> bool:
        logits = _tensor(step.logits)
        logits[:, pad] = -torch.inf
        (token,) = choose(logits, [row])
        logprobs = log_probabilities(logits, [token]) if row.decoding.logprobs else [None]
        row.take(token, logprobs[0], eos)
        return _leaves(row) or token != step.token_id

    return draw


def _drawn(row: Row) -> bool:
    """Whether a row's tokens are not CTranslate2's own choice."""
    seeded = row.decoding.temperature and row.decoding.seed is not None
    return bool(seeded) or row.derivation is not None


def _leaves(row: Row) -> bool:
    """Whether a row is not to be written on for now; it is cancelled if nobody waits for it."""
    if not (row.done or row.wanted()):
        row.cancel()
    return row.done or row.waits


def _tensor(logits: StorageView) -> torch.Tensor:
    if logits.device != "cpu":
        from ctranslate2 import DataType, Device  # noqa: PLC0415 - an extra

        logits = logits.to(DataType.float32).to_device(Device.cpu)
    return torch.from_numpy(np.array(logits))  # a copy: CTranslate2 writes on
