"""Runs a transformers model: rows start at any time, advance together, and end one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import torch

from biogpt_plugins.engines.drafts import worth
from biogpt_plugins.engines.graphs import DecodingStep
from biogpt_plugins.engines.jobs import BeamSearch, Branches, Generation, Job, Scoring, divided, fit
from biogpt_plugins.engines.network import BioGPT
from biogpt_plugins.engines.packed import read_packed
from biogpt_plugins.engines.passes import Logits, Span, read
from biogpt_plugins.engines.sampling import choose, measure, only_finite
from biogpt_plugins.engines.slots import LEAST_SHARED, Slots, common

if TYPE_CHECKING:
    from transformers import BioGptForCausalLM

W = TypeVar("W", Generation, Scoring)
_AHEAD = 48
_MOST_SCORED = 1024  # places of a pass whose tokens are scored; their logits take 180 MB


class ReadBatch:
    """Jobs that are read in one pass, with little padding.

    Only tokens left to read count: not the beginning that the slots hold already, nor a beginning
    shared with another job of the batch, which is then read first.

    Attributes:
        jobs: The jobs.
    """

    def __init__(self, slots: Slots, room: int) -> None:
        """Start empty.

        Args:
            slots: The keys and values held.
            room: Most tokens, padding included, of a pass with several jobs.
        """
        self.jobs: list[Job] = []
        self._slots = slots
        self._room = room
        self._first: list[Job] = []
        self._left: dict[bool, list[int]] = {False: [], True: []}

    def add(self, job: Job) -> bool:
        """Add a job if it can be read with the others; return whether it was added."""
        if self.jobs and job.kind != self.jobs[0].kind:
            return False
        if self.jobs and isinstance(job, Scoring):
            scored = (1 + len(job.branches)) * (1 + len(self.jobs))
            if scored > _MOST_SCORED:
                return False
        held = shared = 0
        if not isinstance(job, BeamSearch):  # beam search does not use the slots
            held = self._slots.held(job.ids)[1]
            shared = max((common(job.ids, other.ids) for other in self._first), default=0)
        later = shared >= held + LEAST_SHARED
        sizes = [*self._left[later], max(1, job.size - (shared if later else held))]
        padded = not self._slots.packed or isinstance(job, BeamSearch)
        if not fit(sizes, self._room, padded=padded):
            return False
        self._left[later] = sizes
        self.jobs.append(job)
        if not later:
            self._first.append(job)
        return True


class TransformersRunner:
    """Runs jobs on a model for a Scheduler, in one thread at a time.

    Attributes:
        places: Most unfinished rows at once, by the known memory.
    """

    def __init__(  # noqa: PLR0913 - keyword-only
        self,
        model: BioGptForCausalLM | BioGPT,
        slots: Slots,
        *,
        places: int,
        room: int,
        spare: int = 0,
        graphs: bool = True,
    ) -> None:
        """Wrap a model.

        Args:
            model: The model.
            slots: Its cache of keys and values.
            places: Most unfinished rows at once.
            room: Most tokens, padding included, of a pass with several rows.
            spare: How many tokens take as long to compute as a pass does without any.
            graphs: Whether decoding steps are captured on CUDA.
        """
        self.places = places
        self._room, self._spare = room, spare
        self._model = model
        self._slots = slots
        self._read_spans = partial(read_packed if slots.packed else read, model, slots)
        self._step = self._read_spans if slots.packed else DecodingStep(model, slots, graphs=graphs)
        self._rows: list[Generation | None] = []
        self._eos, self._pad = int(model.config.eos_token_id), int(model.config.pad_token_id)

    @property
    def rows(self) -> list[Generation]:
        """The unfinished rows."""
        return [row for row in self._rows if row]

    @property
    def _longest(self) -> int:
        return max((row.size for row in self.rows), default=0)

    def batch(self) -> ReadBatch:
        """An empty batch."""
        return ReadBatch(self._slots, self._room)

    def drop(self, jobs: Sequence[Job]) -> None:
        """Remove these jobs; they keep the tokens they have written."""
        self._rows = [None if row in jobs else row for row in self._rows]
        self._trim()

    @torch.inference_mode()
    def start(self, jobs: Sequence[Job]) -> bool:
        """Start jobs that fit together: rows write one token, other jobs are finished at once.

        Returns:
            Whether unfinished rows wrote in the same pass, if there were any: where rows are not
            padded, those that only write cost a pass over prompts next to nothing.
        """
        if isinstance(jobs[0], BeamSearch):
            self._search([job for job in jobs if isinstance(job, BeamSearch)])
        elif isinstance(jobs[0], Scoring):
            self._score([job for job in jobs if isinstance(job, Scoring)])
        else:
            self._begin([job for job in jobs if isinstance(job, Generation)])
            return self._slots.packed
        return False

    @torch.inference_mode()
    def step(self) -> None:
        """Write one or more tokens of every unfinished row that does not wait for a reader."""
        if not self._slots.packed:  # there a gap takes as long as a row
            self._close_up()
        going = self._going()
        self._draft(list(going.values()))
        spans = [
            _next(place, going[place]) if place in going else Span(place, 0, ())
            for place in range(len(self._rows))
        ]
        # A row that waits reads nothing, and keeps what it has.
        self._slots.fit(len(spans), max(self._longest, *(span.end for span in spans)))
        logits = self._step(spans)
        self._write(list(going.values()), logits.all, [logits.first[place] for place in going])
        self._clear(going.values(), going)
        self._rows = [None if row and row.done else row for row in self._rows]
        self._trim()

    def _going(self) -> dict[int, Generation]:
        """The rows that do not wait for a reader, by their places."""
        return {place: row for place, row in enumerate(self._rows) if row and not row.waits}

    def _search(self, jobs: list[BeamSearch]) -> None:
        from biogpt_plugins.engines.beams import search  # noqa: PLC0415 - transformers takes seconds

        search(self._model.whole if isinstance(self._model, BioGPT) else self._model, jobs)

    def _begin(self, rows: list[Generation]) -> None:
        going = self._going() if self._slots.packed else {}
        self._draft([*going.values()])
        beside = [_next(*pair) for pair in going.items()]
        for started, at, logits in self._read(rows, beside=beside):
            group, places = [*started, *going.values()], [*at, *going]
            self._write(group, logits.all, logits.first)
            self._clear(group, places)
            going = {}
            self._rows += [None] * (1 + max(places) - len(self._rows))
            for row, place in zip(group, places, strict=True):
                self._rows[place] = None if row.done else row
            self._trim()

    def _score(self, jobs: list[Scoring]) -> None:
        labels, branches = jobs[0].labels, jobs[0].branches
        # Index 0 follows the prompt, the others follow the nodes.
        follows = [1 + node for path in branches.paths for node in path]
        tokens = [token for label in labels for token in label]
        for group, places, logits in self._read(jobs, branches):
            for job, first in zip(group, logits.first, strict=True):
                own = logits.all[first : first + 1 + len(branches)].float()
                job.take(measure(own, tokens, job.top, rows=follows))
            self._clear(group, places)

    def _read(
        self, jobs: Sequence[W], branches: Branches | None = None, beside: Sequence[Span] = ()
    ) -> Iterator[tuple[list[W], list[int], Logits]]:
        """Read the tokens of jobs; of jobs with the same beginning, one is read first.

        Jobs of different lengths are read in several passes if padding them would take longer.
        The spans beside them are read in the first pass, and their logits are its last.

        Yields:
            Jobs that were read together, their places, and their logits.
        """
        left = list(jobs)
        while left:
            free = [place for place, row in enumerate(self._rows) if not row]
            free += range(len(self._rows), len(self._rows) + len(left))
            group: list[W] = []
            later: list[W] = []
            for job in left:
                held = self._slots.held(job.ids)[1] + LEAST_SHARED
                alike = any(common(job.ids, other.ids) >= held for other in group)
                (later if alike else group).append(job)
            places = free[: len(group)]
            self._draft(group)
            # Include room for the next tokens: growing the cache copies what is in it.
            behind = max(len(branches or ()), _AHEAD)
            longest = max(
                self._longest,
                *(job.size + behind for job in group),
                *(span.end for span in beside),
            )
            self._slots.fit(1 + max(places), longest)
            spans = [self._span(*pair) for pair in zip(group, places, strict=True)]
            for part in self._parts(spans):
                jobs, at = [group[n] for n in part], [places[n] for n in part]
                own: list[Span] = [spans[n] for n in part]
                logits = self._read_spans([*own, *beside], branches)
                for job, place in zip(jobs, at, strict=True):
                    self._slots.hold(place, job.ids)
                yield jobs, at, logits
                beside = ()
            left = later

    def _parts(self, spans: Sequence[Span]) -> list[list[int]]:
        """The indices of the spans of each pass: all in one, where none is padded."""
        if self._slots.packed:
            return [[*range(len(spans))]]
        return divided([len(span.ids) for span in spans], self._spare)

    def _span(self, job: W, place: int) -> Span:
        source, count = self._slots.held(job.ids)
        count = min(count, job.size - 1)  # at least one token must be read
        self._slots.copy(source, place, count)
        self._slots.hold(place, job.ids[:count])
        job.computed += job.size - count
        return Span(place, count, job.ids[count:] + job.draft, keep=1 + len(job.draft))

    def _draft(self, jobs: Sequence[Job]) -> None:
        """Guess what rows go on with, as far as it is worth reading in the next pass."""
        rows = [job for job in jobs if isinstance(job, Generation)]
        if not rows:
            return
        count = len({*self.rows, *rows})
        # A token of a draft saves its share of a pass and twice its own time, if it is right.
        least = count / (self._spare + 2 * count)
        drafts = [
            row.drafter.draft(row.written, row.derivation, row.room - 1, least)
            if row.drafter
            else []
            for row in rows
        ]
        most = min(worth(drafts, least), _MOST_SCORED // len(rows))
        for row, draft in zip(rows, drafts, strict=True):
            row.draft = [guess.token for guess in draft[:most]]
            row.drafted += len(row.draft)

    def _write(
        self, rows: Sequence[Generation], logits: torch.Tensor, first: Sequence[int]
    ) -> None:
        """Let rows write what they would of their drafts anyway, and one token more.

        Args:
            rows: The rows.
            logits: Logits after the last tokens of each, [tokens, vocabulary].
            first: The index of each row's first among them.
        """
        begins = [len(row.written) for row in rows]
        going, depth = [*zip(rows, first, strict=True)], 0
        while going:
            found = logits[[begin + depth for _, begin in going]]
            self._take([row for row, _ in going], found, same_pass=depth > 0)
            going = [(row, begin) for row, begin in going if row.agrees(depth)]
            depth += 1
        for row, begin in zip(rows, begins, strict=True):
            if row.drafter and row.draft:
                row.drafter.judge(common(row.written[begin:], row.draft))
                row.draft = []

    def _take(self, rows: list[Generation], logits: torch.Tensor, *, same_pass: bool) -> None:
        logits, rows = only_finite(logits.float(), rows)
        if not rows:
            return
        logits[:, self._pad] = -torch.inf  # never written, as in fairseq
        tokens = choose(logits, rows)
        asked = any(row.decoding.logprobs for row in rows)
        top = max(row.decoding.top_logprobs for row in rows)
        measured = measure(logits, tokens, top) if asked else [None] * len(rows)
        for row, token, one in zip(rows, tokens, measured, strict=True):
            own = one and one._replace(top=one.top[: row.decoding.top_logprobs])
            own = own if row.decoding.logprobs else None
            row.take(token, own, self._eos, same_pass=same_pass)

    def _clear(self, jobs: Iterable[Job], places: Iterable[int]) -> None:
        """Clear the places of failed jobs."""
        for job, place in zip(jobs, places, strict=True):
            if job.error:
                self._slots.clear(place)

    def _close_up(self) -> None:
        """Move rows into the gaps of ended rows, once there are many gaps."""
        gaps = [place for place, row in enumerate(self._rows) if not row]
        if 4 * len(gaps) <= len(self._rows):
            return
        for gap in gaps:
            last = len(self._rows) - 1
            if gap >= last:
                break
            row = self._rows[last]
            if row:
                self._slots.copy(last, gap, row.size - 1)
                self._rows[gap], self._rows[last] = row, None
            self._trim()
        self._trim()

    def _trim(self) -> None:
        while self._rows and not self._rows[-1]:
            self._rows.pop()


def _next(place: int, row: Generation) -> Span:
    """What a row reads next: its last token, and its draft."""
    return Span(place, row.size - 1, [row.written[-1], *row.draft], keep=1 + len(row.draft))
