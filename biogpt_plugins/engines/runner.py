"""Runs a transformers model: rows start at any time, advance together, and end one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import torch
from transformers import BioGptForCausalLM

from biogpt_plugins.engines.beams import search
from biogpt_plugins.engines.graphs import Steps
from biogpt_plugins.engines.passes import Span, read
from biogpt_plugins.engines.sampling import choose, log_probabilities
from biogpt_plugins.engines.slots import LEAST_SHARED, Slots, common
from biogpt_plugins.engines.works import Beams, Row, Scoring, Work, fit

W = TypeVar("W", Row, Scoring)
_AHEAD = 48


class Reading:
    """Jobs that are read in one pass, with little padding.

    Only tokens left to read count: not the beginning that the slots hold already, nor a beginning
    shared with another job of the batch, which is then read first.

    Attributes:
        works: The jobs.
    """

    def __init__(self, slots: Slots, room: int) -> None:
        """Start empty.

        Args:
            slots: The keys and values held.
            room: Most tokens, padding included, of a pass with several jobs.
        """
        self.works: list[Work] = []
        self._slots = slots
        self._room = room
        self._first: list[Work] = []
        self._left: dict[bool, list[int]] = {False: [], True: []}

    def add(self, work: Work) -> bool:
        """Add a job if it can be read with the others; return whether it was added."""
        if self.works and work.kind != self.works[0].kind:
            return False
        held = shared = 0
        if not isinstance(work, Beams):  # beam search does not use the slots
            held = self._slots.held(work.ids)[1]
            shared = max((common(work.ids, other.ids) for other in self._first), default=0)
        later = shared >= held + LEAST_SHARED
        sizes = [*self._left[later], max(1, work.size - (shared if later else held))]
        if not fit(sizes, self._room):
            return False
        self._left[later] = sizes
        self.works.append(work)
        if not later:
            self._first.append(work)
        return True


class TransformersRunner:
    """Runs jobs on a model for a Scheduler, in one thread at a time.

    Attributes:
        places: Most unfinished rows at once, by the known memory.
    """

    def __init__(self, model: BioGptForCausalLM, slots: Slots, *, places: int, room: int) -> None:
        """Wrap a model.

        Args:
            model: The model.
            slots: Its cache of keys and values.
            places: Most unfinished rows at once.
            room: Most tokens, padding included, of a pass with several rows.
        """
        self.places = places
        self._room = room
        self._model = model
        self._slots = slots
        self._step = Steps(model, slots)
        self._rows: list[Row | None] = []
        self._eos, self._pad = int(model.config.eos_token_id), int(model.config.pad_token_id)

    @property
    def rows(self) -> list[Row]:
        """The unfinished rows."""
        return [row for row in self._rows if row]

    @property
    def _longest(self) -> int:
        return max((row.size for row in self.rows), default=0)

    def batch(self) -> Reading:
        """An empty batch."""
        return Reading(self._slots, self._room)

    def drop(self, works: Sequence[Work]) -> None:
        """Remove these jobs; they keep the tokens they have written."""
        self._rows = [None if row in works else row for row in self._rows]
        self._trim()

    @torch.inference_mode()
    def start(self, works: Sequence[Work]) -> None:
        """Start jobs that fit together: rows write one token, other jobs are finished at once."""
        if isinstance(works[0], Beams):
            search(self._model, [work for work in works if isinstance(work, Beams)])
        elif isinstance(works[0], Scoring):
            self._score([work for work in works if isinstance(work, Scoring)])
        else:
            self._begin([work for work in works if isinstance(work, Row)])

    @torch.inference_mode()
    def step(self) -> None:
        """Write one token of every unfinished row, except rows that wait for a reader."""
        self._close_up()
        self._slots.fit(len(self._rows), self._longest)
        tokens = [row.written[-1] if row else self._pad for row in self._rows]
        lengths = [row.size - 1 if row else None for row in self._rows]
        logits = self._step(tokens, lengths)
        going = {place: row for place, row in enumerate(self._rows) if row and not row.waits}
        self._take(list(going.values()), logits[list(going)])
        self._rows = [None if row and row.done else row for row in self._rows]
        self._trim()

    def _begin(self, rows: list[Row]) -> None:
        for group, places, logits in self._read(rows):
            self._take(group, logits[:, -1])
            for row, place in zip(group, places, strict=True):
                if not row.done:
                    self._rows += [None] * (place + 1 - len(self._rows))
                    self._rows[place] = row

    def _score(self, works: list[Scoring]) -> None:
        labels = works[0].labels
        branches = [label[:-1] for label in labels]
        for group, _, logits in self._read(works, branches):
            logs = logits.float().log_softmax(-1)
            scores, start = [], 1
            for label, branch in zip(labels, branches, strict=True):
                # Index 0 follows the prompt, the others follow the tokens of the branches.
                places = [0, *range(start, start + len(branch))]
                scores.append(logs[:, places, label].sum(-1))
                start += len(branch)
            for work, row in zip(group, torch.stack(scores, dim=1).tolist(), strict=True):
                work.logs, work.done = row, True

    def _read(
        self, works: Sequence[W], branches: Sequence[Sequence[int]] = ()
    ) -> Iterator[tuple[list[W], list[int], torch.Tensor]]:
        """Read the tokens of jobs; of jobs with the same beginning, one is read first.

        Yields:
            Jobs that were read together, their places, and the logits of `read`.
        """
        left = list(works)
        while left:
            free = [place for place, row in enumerate(self._rows) if not row]
            free += range(len(self._rows), len(self._rows) + len(left))
            group: list[W] = []
            later: list[W] = []
            for work in left:
                held = self._slots.held(work.ids)[1] + LEAST_SHARED
                alike = any(common(work.ids, other.ids) >= held for other in group)
                (later if alike else group).append(work)
            places = free[: len(group)]
            # Include room for the next tokens: growing the cache copies all of it.
            behind = max(sum(map(len, branches)), _AHEAD)
            longest = max(self._longest, *(work.size + behind for work in group))
            self._slots.fit(1 + max(places), longest)
            spans = [self._span(*pair) for pair in zip(group, places, strict=True)]
            logits = read(self._model, self._slots, spans, branches)
            for work, place in zip(group, places, strict=True):
                self._slots.hold(place, work.ids)
            yield group, places, logits
            left = later

    def _span(self, work: W, place: int) -> Span:
        source, count = self._slots.held(work.ids)
        count = min(count, work.size - 1)  # at least one token must be read
        self._slots.copy(source, place, count)
        self._slots.hold(place, work.ids[:count])
        return Span(place, count, work.ids[count:])

    def _take(self, rows: list[Row], logits: torch.Tensor) -> None:
        logits = logits.float().clone()
        logits[:, self._pad] = -torch.inf  # never written, as in fairseq
        tokens = choose(logits, rows)
        asked = any(row.decoding.logprobs for row in rows)
        logs = log_probabilities(logits, tokens) if asked else [None] * len(rows)
        for row, token, log in zip(rows, tokens, logs, strict=True):
            row.take(token, log if row.decoding.logprobs else None, self._eos)

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
