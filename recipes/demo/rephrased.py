"""Questions about a sentence or two that papers state, deny, or leave open in our words.

A statement of a paper ("zinc reduces pain in children") is asserted, denied, or called unknown, and
asked about. Beside it stand statements in which one part is another's, so that neither the subject,
nor the verb, nor what follows tells the answer alone.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace

from abstracts import record
from claims import GENERAL, fill, is_it_so, opened, sentence
from statements import Statement
from texts import Record, content, words

_LONGEST = 16  # words of a subject with what follows the verb
_CUT = re.compile(
    r"((?!.*\b(?:between|across|various|combination|as|than) ).+?) "
    r"(?:in|among|after|during|compared|with|at|for|over) "
)


class Rephrased:
    """Questions about statements.

    Args:
        statements: The statements of papers. Those with figures, of many words, or without
            anything behind the verb are left out.
    """

    def __init__(self, statements: Sequence[Statement]) -> None:
        self.statements = [
            s
            for s in statements
            if s.rest
            and words(f"{s.subject} {s.rest}") <= _LONGEST
            and not re.search(r"\d[.:/]\d|\d ?%|[=<>“”]", f"{s.subject} {s.rest}")
        ]

    def record(self, rng: random.Random, label: str) -> Record:
        """Make a record with the answer `label`.

        Raises:
            ValueError: If no two statements are about different things.
        """
        found = replace(rng.choice(self.statements), denied=False)
        opposite = label == "no" and found.opposite is not None and rng.random() < 0.25
        said: list[str] = []
        if label != "maybe":
            said.append(_told(rng, found, holds=opposite or label == "yes"))
        elif rng.random() < 0.4:
            said.append(_framed(rng, "maybe", found))
        if not said or rng.random() < 0.35:
            said.append(self._beside(rng, found))
        if rng.random() < 0.05:
            said.append(self._beside(rng, found))
        rng.shuffle(said)
        return record(_question(rng, found, opposite=opposite), " ".join(said), label)

    def _beside(self, rng: random.Random, found: Statement) -> str:
        """Write a sentence that shares at most a part with the statement, in any polarity."""
        about = content(f"{found.subject} {found.rest}")
        for _ in range(200):
            other = replace(rng.choice(self.statements), denied=False)
            kept = rng.choice(("subject", "rest", "nothing"))
            if content(f"{other.subject} {other.rest}") & about:
                continue
            if kept == "subject":
                other = replace(other, subject=found.subject)
            elif kept == "rest":
                other = replace(found, subject=other.subject)
            if rng.random() < 0.15:
                return _framed(rng, "maybe", other)
            return _told(rng, other, holds=rng.random() < 0.5)
        raise ValueError(f"the statements given are all about {sorted(about)}")


def _question(rng: random.Random, found: Statement, *, opposite: bool) -> str:
    # "... reduces pain in children" also answers "... reduce pain?"
    if found.has_object and (cut := _CUT.match(found.rest)) and rng.random() < 0.3:
        found = replace(found, rest=cut[1])
    verb = found.opposite if opposite else None
    if not opposite and found.synonyms and rng.random() < 0.3:
        verb = rng.choice(found.synonyms)
    draw = rng.random()
    if draw < 0.1:
        return f"{is_it_so(rng)} {found.clause(verb)}?"
    if draw < 0.25:
        be = "be " if found.is_state else ""
        return f"Can {found.subject} {be}{verb or found.verb} {found.rest}?"
    return found.question(verb, past=draw > 0.75)


def _told(rng: random.Random, found: Statement, *, holds: bool) -> str:
    """Assert or deny a statement in its own words or in a frame around it."""
    if rng.random() < 0.3:
        return _framed(rng, "yes" if holds else "no", found)
    past = rng.random() < 0.6
    if not holds and found.opposite and rng.random() < 0.25:
        text = found.clause(found.opposite, past=past)
    elif not holds and not found.is_state and rng.random() < 0.15:
        text = f"{found.subject} failed to {found.verb} {found.rest}"
    else:
        verb = rng.choice(found.synonyms) if found.synonyms and rng.random() < 0.3 else None
        text = found.clause(verb, denied=not holds, past=past)
    return opened(rng, text)


def _framed(rng: random.Random, label: str, found: Statement) -> str:
    return sentence(fill(rng, rng.choice(GENERAL[label]), {"THAT": found.clause()}))
