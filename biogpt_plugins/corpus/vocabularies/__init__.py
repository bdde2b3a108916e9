"""Published vocabularies -> one dictionary of names. One module a format, read as a stream."""

from biogpt_plugins.corpus.vocabularies.build import Built, Count, build
from biogpt_plugins.corpus.vocabularies.terms import DEFAULT_TYPES, Kind, Types, Vocabulary, listed

__all__ = ["DEFAULT_TYPES", "Built", "Count", "Kind", "Types", "Vocabulary", "build", "listed"]
