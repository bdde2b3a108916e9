"""Where the entities of an input come from, and what their types mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from biogpt_plugins.values.results import Entity

if TYPE_CHECKING:
    from biogpt_plugins.values.inputs import Text


@runtime_checkable
class EntitySource(Protocol):
    """Finds the entities of a text: a dictionary, a model, a service, or any function."""

    def __call__(self, text: Text, /) -> Sequence[Entity]:
        """The entities of a text; `text.source[e.start:e.end] == e.text` for each."""
        ...


# The names that PubTator, Biolink and the tasks here have for a kind of thing.
_ALIASES = (
    "chemical drug compound chemicalentity smallmolecule substance medication",
    "disease diseaseorphenotypicfeature disorder phenotype sideeffect adverseevent",
    "gene protein target geneorgeneproduct geneproduct enzyme receptor",
    "species organism organismtaxon taxon",
    "variant mutation dnamutation proteinmutation snp sequencevariant acidchange",
    "cellline cell",
)
_KINDS = {alias: names.split()[0] for names in _ALIASES for alias in names.split()}


def kind_of_type(type_: str) -> str:
    """What a type means, whoever names it: "Chemical" and "drug" are both "chemical"."""
    plain = "".join(filter(str.isalnum, type_.casefold()))
    return _KINDS.get(plain) or _KINDS.get(plain.removesuffix("s"), plain)
