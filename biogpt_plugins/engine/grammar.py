"""What a completion may be: the form of a task's targets, with names copied from the text."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Copy:
    """Words of the prompt's text, side by side: a name as it stands there.

    Words are those of Moses: "cisplatin-induced" has three. A name begins and ends with a word that
    has a letter or a digit, at its beginning one that begins with it, and is none of the clause's
    own; or with a bracket that opens, or closes. It runs over no separator and no end of a
    sentence, and takes no full stop or dash from a last word.

    Attributes:
        most_words: Most words of a name. Of 18,982 names in BC5CDR three have more than 32.
        outside: Words with which no name begins or ends, as the clause would read otherwise: "A and
            B may exist", "A and B does not exist".
    """

    most_words: int = 32
    outside: tuple[str, ...] = (
        *("can", "could", "may", "might", "should", "would"),
        *("not", "longer"),
    )


OneOf = tuple[str, ...]
Part = str | Copy | OneOf
"""Words as they stand, a copied name, or one of several wordings."""


@dataclass(frozen=True, kw_only=True)
class Grammar:
    """`before`, then clauses with separators between them, then the end; or `instead`, and the end.

    A clause that is there already may come again as the last one only: a model that repeats itself
    has nothing more to say.

    Attributes:
        clause: What a clause consists of.
        before: Words that come first.
        separator: The word between two clauses; None if there is to be one clause.
        end: The last word.
        instead: What may stand in place of all clauses; "" if there is no such thing.
    """

    clause: tuple[Part, ...]
    before: str = ""
    separator: str | None = ";"
    end: str = "."
    instead: str = field(default="", repr=False)  # kept fingerprints know nothing of it
