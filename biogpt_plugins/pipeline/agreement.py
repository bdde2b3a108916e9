"""What several completions of one prompt agree on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from biogpt_plugins.engine import Completion, Decoding
from biogpt_plugins.tasks.readers import Reading
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import ParseError
from biogpt_plugins.values.inputs import encodable
from biogpt_plugins.values.results import Entity, Relation


def several(decoding: Decoding, samples: int) -> Decoding:
    """A decoding that writes so many completions: samples, or the best of as many beams.

    A greedy one samples at temperature 1, from seed 0, so that it repeats itself.
    """
    if decoding.num_beams == 1 and not decoding.temperature:
        seed = decoding.seed or 0
        return decoding.but(temperature=1.0, seed=seed, n=samples)
    beams = max(decoding.num_beams, samples) if decoding.num_beams > 1 else 1
    return decoding.but(num_beams=beams, n=samples)


def read_several(
    task: Task[list[Relation]], completions: Sequence[Completion], source: str, least: float
) -> Reading[list[Relation]]:
    """The relations that a share of the completions has, what most have first.

    Relations are the same if they have the same type and their ends the same texts, whatever the
    case and spaces. Of those that are the same the one with the highest score is told.

    Args:
        task: A relation task.
        completions: What was written for one prompt.
        source: The text.
        least: The least share of the completions that can be read.

    Raises:
        ParseError: None can be read.
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
        # Two clauses of one completion may be about the same two mentions.
        for key, relation in {_identity(one): one for one in reversed(reading.result)}.items():
            found.setdefault(key, []).append(relation)
    agreed = [_agreed(same, len(read)) for same in found.values()]
    # Sorting is stable: of equals the one that was read first stays first.
    agreed.sort(key=lambda one: (-(one.agreement or 0), -(one.score or 0)))
    kept = [one for one in agreed if (one.agreement or 0) >= least]
    return Reading(kept, tuple(_notes(completions, read, errors, len(agreed) - len(kept), least)))


def left_out(count: int, which: str) -> str:
    """A remark on relations that are not told."""
    noun, verb = ("relation", "was") if count == 1 else ("relations", "were")
    return f"{count} {noun} {which} {verb} left out"


def _identity(relation: Relation) -> object:
    def end(entity: Entity) -> tuple[str, bool, str]:
        return entity.type, entity.grounded, "".join(entity.text.lower().split())

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
        yield f"{cut} of {whole} samples were cut off at the length limit"
    notes = Counter(note for reading in read for note in set(reading.notes))
    if notes:
        ((first, times),) = notes.most_common(1)
        more = f"; {len(notes) - 1} more remarks" if len(notes) > 1 else ""
        yield f"{times} of {whole} samples: {first}{more}"
    if dropped:
        yield left_out(dropped, f"that less than {least:.0%} of the samples have")
