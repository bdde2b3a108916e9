"""Which results are accepted: filters, agreement, calibration, abstention."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from threading import Lock
from typing import Any, cast

from biogpt_plugins.checkpoints.calibration import Calibration
from biogpt_plugins.engine import Choice, Completion, Decoding, Prompt, Token
from biogpt_plugins.pipeline.agreement import left_out, read_several, several
from biogpt_plugins.pipeline.spec import Settings
from biogpt_plugins.tasks.ranking import Ranking
from biogpt_plugins.tasks.readers import Reading
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.text.evidence import with_evidence
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import encodable
from biogpt_plugins.values.results import Answer, Label, Relation

_MANY_PRIORS = 4096

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Trust:
    """Which results are accepted.

    Attributes:
        settings: The thresholds and the number of completions.
        calibration: The correction of probabilities for each task.
    """

    settings: Settings
    calibration: Calibration

    def check(self, task: Task[Any], *, chooses: bool) -> None:
        """Check that the settings apply to the task.

        Raises:
            InputError: A setting does not apply.
        """
        for name in ("min_score", "samples"):
            if getattr(self.settings, name) is not None and task.kind != "relations":
                raise InputError(f"{name} applies only to relations: leave it out for {task.name}")
        if self.settings.recall is not None and task.name not in self.calibration.ranked:
            raise InputError(
                "recall needs method='rank' and a calibration of its probabilities: fit one with "
                "`biogpt calibrate --method rank`"
            )
        if self.settings.abstain_below is not None and not chooses:
            raise InputError(
                "abstain_below needs the probabilities of labels: leave it out for "
                f"{task.name}, or use method='choose'"
                if task.choices
                else f"abstain_below applies only to answers: leave it out for {task.name}"
            )

    def decoding(self, usual: Decoding) -> Decoding:
        """The decoding with the samples and log-probabilities that the settings need."""
        if self.settings.samples is not None:
            usual = several(usual, self.settings.samples)
        needed = self.settings.min_score is not None or self.settings.samples is not None
        return usual.but(logprobs=needed or None)

    # --- relations ----------------------------------------------------------------------------

    def read(self, task: Task[Any], completion: Completion, source: str) -> Reading[Any]:
        """Parse the completion of one input, with warnings about what is left out.

        Raises:
            ParseError: The completion cannot be read.
        """
        cut = completion.finish_reason != "stop"
        if self.settings.samples is not None and completion.others:
            every = (completion, *completion.others)
            reading = read_several(task, every, source, self.settings.min_agreement)
        else:
            written, tokens = encodable(completion.text), completion.tokens
            reading = task.interpret(written, source, cut=cut, tokens=tokens)
            if cut and task.kind != "text":  # free text may end anywhere
                note = "the completion was cut off at the length limit"
                reading = Reading(reading.result, (*reading.notes, note))
        return self._filtered(task, reading) if task.kind == "relations" else reading

    def rank(
        self, task: Task[Any], ranking: Ranking, scored: Sequence[Sequence[Token]], source: str
    ) -> Reading[list[Relation]]:
        """The relations of all pairs that are probable enough, with their evidence."""
        reading = self._filtered(task, Reading(ranking.relations(scored)))
        kept, notes = reading.result, reading.notes
        if self.settings.recall is not None:
            kept = _expected(kept, self.settings.recall)
            if dropped := len(reading.result) - len(kept):
                notes += (
                    left_out(dropped, f"not needed for a recall of {self.settings.recall:g}"),
                )
        return Reading(with_evidence(kept, source), notes)

    def _filtered(
        self, task: Task[Any], reading: Reading[list[Relation]]
    ) -> Reading[list[Relation]]:
        ranked = self.settings.method == "rank"
        calibrations = self.calibration.ranked if ranked else self.calibration.relations
        calibration = calibrations.get(task.name)
        relations, notes, least = reading.result, reading.notes, self.settings.min_score
        if calibration:
            relations = [
                one.model_copy(update={"score": calibration.correct(one.confidence.clause)})
                if one.confidence
                else one
                for one in relations
            ]
        if least is not None:
            # A relation without a score may be above the threshold.
            if bare := sum(one.score is None for one in relations):
                notes += (_unscored(task, bare, least),)
            kept = [one for one in relations if one.score is None or one.score >= least]
            if dropped := len(relations) - len(kept):
                notes += (left_out(dropped, f"with a score below {least:g}"),)
            relations = kept
        return Reading(relations, notes)

    # --- answers ------------------------------------------------------------------------------

    def needs_prior(self, task: Task[Any]) -> bool:
        """Whether answers are corrected by the model's answers without a text."""
        found = self.calibration.answers.get(task.name)
        return found is not None and found.contextual

    def answer(
        self, task: Task[Any], choice: Choice, prior: Mapping[str, float] | None = None
    ) -> Answer:
        """The answer with the highest probability."""
        own = choice.probabilities
        calibration = self.calibration.answers.get(task.name)
        shares = calibration.correct(own, prior) if calibration else own
        label = max(shares, key=shares.__getitem__)
        uncalibrated = own if calibration else None
        if self.settings.abstain_below is not None and shares[label] < self.settings.abstain_below:
            reason = (
                f"the most probable answer, {label}, has a probability of {shares[label]:.3f}, "
                f"below {self.settings.abstain_below:g}"
            )
            return Answer(probabilities=shares, uncalibrated=uncalibrated, abstained=reason)
        sure = cast("Label", label)
        return Answer(label=sure, probabilities=shares, uncalibrated=uncalibrated)


def _expected(relations: Sequence[Relation], share: float) -> list[Relation]:
    """The most probable relations that together hold a share of those expected."""
    ranked = sorted(relations, key=lambda one: -(one.score or 0))
    sums = [0.0, *accumulate(one.score or 0 for one in ranked)]
    return [one for one, before in zip(ranked, sums, strict=False) if before < share * sums[-1]]


def _unscored(task: Task[Any], count: int, least: float) -> str:
    """The warning about relations that `min_score` cannot filter."""
    found = counted(count, "relation has no score and was", "relations have no score and were")
    why = (
        "the engine returned no log-probabilities for them"
        if task.clause
        else f"task {task.name} declares no clause, which scores need"
    )
    return f"{found} kept despite min_score {least:g}: {why}"


class Priors:
    """A thread-safe cache of the model's answers without a text, by prompt and labels."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Prompt, Labels], Choice] = OrderedDict()
        self._lock = Lock()

    def known(self, prompts: Iterable[Prompt], labels: Labels) -> dict[Prompt, Choice]:
        """The cached answers among these prompts."""
        with self._lock:
            known = {prompt: self._known.get((prompt, labels)) for prompt in prompts}
        return {prompt: choice for prompt, choice in known.items() if choice}

    def remember(self, found: Mapping[Prompt, Choice], labels: Labels) -> None:
        """Cache answers, except failed ones, which are asked for again next time."""
        with self._lock:
            self._known.update({(p, labels): one for p, one in found.items() if not one.error})
            while len(self._known) > _MANY_PRIORS:
                self._known.popitem(last=False)
