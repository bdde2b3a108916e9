"""The grammar of constrained completions: the form of a task's targets, with their names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import ConfigDict, FailFast, with_config

AS_JSON = ConfigDict(extra="forbid", ser_json_inf_nan="strings")
"""How values of engines are JSON: infinity is kept, and unknown fields are refused."""


@with_config(AS_JSON)
@dataclass(frozen=True, kw_only=True)
class Copy:
    """A name: consecutive words copied from the prompt's text.

    Words are split by Moses: "cisplatin-induced" has three. A name starts with a word whose first
    character is a letter or a digit, or with an opening bracket. It ends with a word that contains
    a letter or a digit, or with a closing bracket. Neither word may be one of the clause's own
    words. A name contains no separator and no end of a sentence, and omits a full stop or dash
    after its last word.

    Attributes:
        most_words: Most words of a name. Of 18,982 names in BC5CDR, three have more than 32.
        outside: Words that cannot begin or end a name, because they would change the clause: "A
            and B may exist", "A and B does not exist".
    """

    most_words: int = 32
    outside: tuple[str, ...] = (
        *("can", "could", "may", "might", "should", "would"),
        *("not", "longer"),
    )


OneOf = tuple[str, ...]
Part = str | Copy | OneOf
"""Fixed words, a copied name, or one of several wordings or names."""


@with_config(AS_JSON)
@dataclass(frozen=True, kw_only=True)
class Grammar:
    """The form of a completion: `before`, then clauses or `instead`, then `end`.

    A clause may occur a second time only as the last clause, because a model that repeats itself
    has nothing more to add.

    Attributes:
        clause: The parts of a clause, in order.
        before: Words before the first clause.
        separator: The word between two clauses; None if there is exactly one clause.
        end: The last word.
        instead: Words that may replace all clauses; "" if at least one clause is required.
    """

    clause: Annotated[tuple[Part, ...], FailFast()]  # each wrong part has a fault for each kind
    before: str = ""
    separator: str | None = ";"
    end: str = "."
    instead: str = field(default="", repr=False)  # older fingerprints do not include it

    @property
    def copies(self) -> bool:
        """Whether names are copied from the text."""
        return any(isinstance(part, Copy) for part in self.clause)
