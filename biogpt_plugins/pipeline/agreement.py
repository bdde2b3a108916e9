"""Relations on which several completions of one prompt agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from biogpt_plugins.engine import Completion, Decoding
from biogpt_plugins.tasks.readers import Reading
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import ParseError
from biogpt_plugins.values.inputs import encodable
from biogpt_plugins.values.results import Entity, Relation


def several(decoding: Decoding, samples: int) -> Decoding:
    """A decoding that returns several completions: samples, or the best beams.

    A greedy decoding is changed to sample at temperature 1 with seed 0, which is reproducible.
    """
    if decoding.num_beams == 1 and not decoding.temperature:
        seed = decoding.seed or 0
        return decoding.but(temperature=1.0, seed=seed, n=samples)
    beams = max(decoding.num_beams, samples) if decoding.num_beams > 1 else 1
    return decoding.but(num_beams=beams, n=samples)


def read_several(
    task: Task[list[Relation]], completions: Sequence[Completion], source: str, least: float
) -> Reading[list[Relation]]:
    """Relations that occur in enough of the completions, the most frequent first.

    Two relations are the same if their types and the texts of their ends are equal, ignoring case
    and spaces. The result contains the one with the highest score.

    Args:
        task: A relation task.
        completions: The completions of one prompt.
        source: The text.
        least: Minimum share of the readable completions that must contain a relation.

    Raises:
        ParseError: No completion can be read.
    """
    read: list[Reading[list[Relation]]] = []
    errors: list[ParseError] = []
    for each in completions:
        cut, text = each.finish_reason != "stop", encodable(each.text)
        try:
            read.append(task.interpret(text, source, cut=cut, tokens=each.tokens))
        except ParseError as error:
            errors.append(error)
    if not read:
        raise errors[0]
    found: dict[object, list[Relation]] = {}
    for reading in read:
        # One completion may state the same relation in two clauses.
        for key, relation in {_identity(one): one for one in reversed(reading.result)}.items():
            found.setdefault(key, []).append(relation)
    agreed = [_agreed(same, len(read)) for same in found.values()]
    # Sorting is stable: equal relations stay in the order in which they were read.
    agreed.sort(key=lambda one: (-(one.agreement or 0), -(one.score or 0)))
    kept = [one for one in agreed if (one.agreement or 0) >= least]
    return Reading(kept, tuple(_notes(completions, read, errors, len(agreed) - len(kept), least)))


def left_out(count: int, which: str) -> str:
    """A warning about relations that are left out."""
    return f"{counted(count, 'relation')} {which} {'was' if count == 1 else 'were'} left out"


def _identity(relation: Relation) -> object:
    def end(entity: Entity) -> tuple[str, bool, str]:
        return entity.type, entity.grounded, entity.id or "".join(entity.text.lower().split())

    return end(relation.head), relation.type.lower(), end(relation.tail)


def _agreed(same: Sequence[Relation], completions: int) -> Relation:
    best = max(same, key=lambda one: one.score or 0)
    return best.model_copy(update={"agreement": len(same) / completions})


def _notes(
    completions: Sequence[Completion],
    read: Sequence[Reading[list[Relation]]],
    errors: Sequence[ParseError],
    dropped: int,
    least: float,
) -> Iterable[str]:
    whole = len(completions)
    if errors:
        yield f"{len(errors)} of {whole} samples could not be read: {errors[0]}"
    if cut := sum(each.finish_reason != "stop" for each in completions):
        verb = "was" if cut == 1 else "were"
        yield f"{cut} of {whole} samples {verb} cut off at the length limit"
    notes = Counter(note for reading in read for note in set(reading.notes))
    if notes:
        ((first, times),) = notes.most_common(1)
        more = f"; {counted(len(notes) - 1, 'more warning')}" if len(notes) > 1 else ""
        yield f"{times} of {whole} samples: {first}{more}"
    if dropped:
        yield left_out(dropped, f"found in fewer than {least:.0%} of the samples")
