"""The engine on CTranslate2: fast on CPUs, in eight bits unless exact results are required."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from biogpt_plugins.engine import Decoding, Runtime
from biogpt_plugins.engines.jobs import (
    BeamSearch,
    Generation,
    Job,
    JobBatch,
    Measured,
    Scoring,
    not_finite,
)
from biogpt_plugins.engines.local import LocalEngine
from biogpt_plugins.engines.sampling import COLDEST, choose, measure, only_finite
from biogpt_plugins.engines.slots import LEAST_SHARED, common
from biogpt_plugins.engines.vocabulary import Vocabulary
from biogpt_plugins.values.errors import EngineError

if TYPE_CHECKING:
    from ctranslate2 import GenerationResult, GenerationStepResult, Generator, StorageView
    from transformers import BioGptTokenizer

_BATCH_SIZE = {"cuda": 64, "cpu": 16}
_MANY = 1 << 16
_ROOM = 1 << 14
# CTranslate2 copies all keys and values at every step, layer by layer. Up to about this many
# numbers per layer a CPU does so within its cache. With the base model, four rows of 400 tokens are
# the optimum: sixteen rows are slower than four times four.
_CACHED = 1 << 21
# A row whose prompt is longer than the shortest prompt feeds the rest of it token by token, one
# step each. A batch saves more steps than that if the difference is small.
_NEAR, _WIDEST = 16, 64
# Finished beams per beam of the search: transformers continues until no beam can improve,
# CTranslate2 until there are this many.
_PATIENCE = 5.0


class CTranslate2Engine(LocalEngine):
    """A LocalEngine that runs a BioGPT converted for CTranslate2.

    A batch runs to its end, and later prompts wait for it. A prompt leaves the batch at its next
    token if it is finished, if its caller has gone, or if its reader falls behind.

    Attributes:
        device: The device of the model, or of its first copy.
        dtype: The dtype of its computations.
    """

    runtime: ClassVar[Runtime] = "ctranslate2"
    can_draft: ClassVar[bool] = False

    def __init__(  # noqa: PLR0913 - options, all but two keyword-only
        self,
        generators: Sequence[Generator],
        tokenizer: BioGptTokenizer | Vocabulary,
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
        """Wrap a loaded model.

        Args:
            generators: The model, and its copies on other devices.
            tokenizer: Its tokenizer, or its vocabulary.
            names: CTranslate2's name of each token, by id.
            context_size: Number of positions.
            hidden_size: Size of the hidden states.
            device: The device of the first generator.
            dtype: The dtype of the computations.
            model_name: The name of the model.
            folder: The folder it was loaded from.
            batch_size: Most prompts of a batch; None for the default of the device.
        """
        self.device, self.dtype = device, dtype
        words = Vocabulary.of(tokenizer)
        eos, pad = words.names[words.sep], words.names[words.pad]
        room = _CACHED // hidden_size if device.type == "cpu" else _ROOM
        super().__init__(
            words,
            [CTranslate2Runner(each, names, eos=eos, pad=pad, room=room) for each in generators],
            model_name=model_name,
            context_size=context_size,
            rows=len(names),
            folder=folder,
        )
        self.limit_batches(batch_size or _BATCH_SIZE[device.type])


class CTranslate2Runner:
    """Runs whole batches on CTranslate2 for a Scheduler, and reports tokens one by one.

    Attributes:
        places: Most rows at once.
        rows: Always empty: no row is unfinished between two calls.
    """

    places = _MANY
    rows: Sequence[Generation] = ()

    def __init__(
        self, generator: Generator, names: Sequence[str], *, eos: int, pad: int, room: int
    ) -> None:
        """Wrap a model.

        Args:
            generator: The model.
            names: Its name of each token, by id.
            eos: Id of `</s>`.
            pad: Id of the padding token, which is never written.
            room: Most tokens, padding included, of a batch with several jobs.
        """
        self._generator = generator
        self._names = names
        self._eos, self._pad, self._room = eos, pad, room
        self._process = os.getpid()

    def batch(self) -> JobBatch:
        """An empty batch."""
        return JobBatch(self._fits)

    def _fits(self, job: Job, group: Sequence[Job]) -> bool:
        sizes = sorted([job.size, *(other.size for other in group)])
        if job.kind != group[0].kind or sizes[-1] * len(sizes) > self._room:
            return False
        if isinstance(job, BeamSearch):
            return sizes[0] == sizes[-1]
        first = group[0]
        if (
            not (isinstance(job, Generation) and isinstance(first, Generation))
            or _drawn(job)
            or _drawn(first)
        ):
            return False
        if self._sampling(job.decoding) != self._sampling(first.decoding):
            return False
        near = min(abs(job.size - other.size) for other in group)
        return near <= min(_NEAR, job.budget // 2) and sizes[-1] - sizes[0] <= _WIDEST

    def start(self, jobs: Sequence[Job]) -> bool:
        """Run jobs that fit together; rows too far ahead of their readers are interrupted."""
        if self._process != os.getpid():
            raise RuntimeError(
                "CTranslate2 cannot run in a process that was forked after the model was "
                "loaded: load the model in the forked process, or start the process with "
                "'spawn'"
            )
        for job in jobs:
            job.computed += 0 if isinstance(job, BeamSearch) else job.size
        rows = [job for job in jobs if isinstance(job, Generation)]
        if rows and _drawn(rows[0]):
            self._draw(rows[0])
        elif rows:
            self._write(rows)
        elif isinstance(jobs[0], Scoring):
            self._score(jobs[0])
        else:
            self._search([job for job in jobs if isinstance(job, BeamSearch)])
        return False

    def step(self) -> None:
        """Never called: there are no unfinished rows."""

    def drop(self, jobs: Sequence[Job]) -> None:
        """Do nothing: there are no unfinished jobs."""

    def _write(self, rows: Sequence[Generation]) -> None:
        """Write rows to their ends, with CTranslate2's own choice of tokens."""
        first, *others = (row.ids for row in rows)
        shared = min((common(first, ids) for ids in others), default=0)
        shared = min(shared, *(row.size - 1 for row in rows)) if shared >= LEAST_SHARED else 0

        self._generate(
            [row.ids[shared:] for row in rows],
            static=first[:shared],
            max_length=max(row.budget - len(row.written) for row in rows),
            return_scores=True,  # a score that is not finite tells of logits that are not
            callback=_taking(rows, self._eos),
            **self._sampling(rows[0].decoding),
        )

    def _draw(self, row: Generation) -> None:
        """Write a row with our own choice of tokens: seeded draws, a grammar, or alternatives told.

        CTranslate2 has no per-row seed and no grammars, and lists no other tokens. It continues as
        long as the token chosen here is its own choice, the most probable token; after another
        token it must start again. It does not return the logits of each row of a batch, so rows are
        written one by one.
        """
        while not _leaves(row):
            self._generate(
                [row.ids],
                max_length=row.budget - len(row.written),
                return_logits_vocab=True,
                callback=_drawing(row, self._eos, self._pad),
            )

    def _search(self, jobs: Sequence[BeamSearch]) -> None:
        """Write the best beams of prompts; an abandoned search still runs to its end."""
        decoding, budget = jobs[0].decoding, jobs[0].rows[0].budget
        if decoding.constrained:
            for job in jobs:
                job.fail(
                    EngineError(
                        "CTranslate2 cannot combine beam search with a grammar: use "
                        "num_beams=1, free decoding, or the engine 'transformers'"
                    )
                )
            return
        results = self._generate(
            [job.prompt for job in jobs],
            max_length=budget,
            beam_size=decoding.num_beams,
            patience=_PATIENCE,
            num_hypotheses=decoding.n,
            return_scores=True,
        )
        for job, result in zip(jobs, results, strict=True):
            if not all(map(isfinite, result.scores)):
                job.fail(not_finite())
                continue
            for row, ids in zip(job.rows, result.sequences_ids, strict=True):
                row.written = list(ids)
                row.end("length" if len(ids) >= budget else "stop")
            if not job.wanted():
                job.cancel()
            elif decoding.logprobs:
                self._measure(job, decoding)
            job.done = True

    def _measure(self, job: BeamSearch, decoding: Decoding) -> None:
        """Compute the log-probabilities of the written tokens."""
        logits = self._follow(job.prompt, [row.written for row in job.rows])
        if not all(own.isfinite().all() for own in logits):
            job.fail(not_finite())
            return
        for row, own in zip(job.rows, logits, strict=True):
            own[:, self._pad] = -torch.inf
            row.measured = measure(own[:-1], row.written, decoding.top_logprobs)

    def _score(self, job: Scoring) -> None:
        branches = list(dict.fromkeys(label[:-1] for label in job.labels))
        logits = dict(zip(branches, self._follow(job.prompt, branches), strict=True))
        job.take(
            token for label in job.labels for token in measure(logits[label[:-1]], label, job.top)
        )

    def _follow(
        self, prompt: Sequence[int], branches: Sequence[Sequence[int]]
    ) -> list[torch.Tensor]:
        """Read a prompt once, and each branch after it.

        Returns:
            For each branch, the logits after the prompt and after each token of the branch,
            [1 + branch tokens, vocabulary].
        """
        results = self._generate(
            [[prompt[-1], *branch] for branch in branches],
            static=prompt[:-1],
            max_length=1 + max(map(len, branches)),
            include_prompt_in_result=True,
            return_logits_vocab=True,
            suppress_sequences=None,
        )
        return [
            torch.stack([_tensor(logits) for logits in result.logits[0][: 1 + len(branch)]])
            for result, branch in zip(results, branches, strict=True)
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
        results: list[GenerationResult] = self._generator.generate_batch(
            [[names[token] for token in prompt] for prompt in prompts],
            static_prompt=[names[token] for token in static] or None,
            cache_static_prompt=False,
            **{**usual, **options},
        )
        return results

    def _sampling(self, decoding: Decoding) -> dict[str, float]:
        if not decoding.temperature:
            return {}
        return {
            "sampling_temperature": max(decoding.temperature, COLDEST),
            "sampling_topk": min(decoding.top_k, len(self._names)),
            "sampling_topp": max(decoding.top_p, COLDEST),
        }


# Callbacks must not reference the runner: the last callback is freed in one of CTranslate2's
# threads, and would free the generator there, which waits for its own threads to end.


def _taking(rows: Sequence[Generation], eos: int) -> Callable[[GenerationStepResult], bool]:
    """A callback that adds CTranslate2's tokens to rows."""

    def take(step: GenerationStepResult) -> bool:
        row = rows[step.batch_id]
        if not isfinite(step.log_prob):
            row.fail(not_finite())
            return True
        row.take(step.token_id, Measured(step.log_prob) if row.decoding.logprobs else None, eos)
        return _leaves(row)

    return take


def _drawing(row: Generation, eos: int, pad: int) -> Callable[[GenerationStepResult], bool]:
    """A callback that chooses a row's tokens, until one differs from CTranslate2's choice."""

    def draw(step: GenerationStepResult) -> bool:
        logits, sound = only_finite(_tensor(step.logits), [row])
        if not sound:
            return True
        logits[:, pad] = -torch.inf
        (token,) = choose(logits, [row])
        asked, top = row.decoding.logprobs, row.decoding.top_logprobs
        row.take(token, measure(logits, [token], top)[0] if asked else None, eos)
        return _leaves(row) or token != step.token_id

    return draw


def _drawn(row: Generation) -> bool:
    """Whether we choose the tokens of a row instead of CTranslate2, whose logits we need for it."""
    seeded = row.decoding.temperature and row.decoding.seed is not None
    return bool(seeded or row.decoding.top_logprobs) or row.derivation is not None


def _leaves(row: Generation) -> bool:
    """Whether a row must stop for now; it is cancelled if its caller has gone."""
    if not (row.done or row.wanted()):
        row.cancel()
    return row.done or row.waits


def _tensor(logits: StorageView) -> torch.Tensor:
    if logits.device != "cpu":
        from ctranslate2 import DataType, Device  # noqa: PLC0415 - an extra

        logits = logits.to(DataType.float32).to_device(Device.cpu)
    return torch.from_numpy(np.array(logits))  # a copy: CTranslate2 writes on
