"""Entities in texts: names and identifiers in dictionaries, and where entities come from."""

from biogpt_plugins.entities.dictionary import EntityDictionary, Match
from biogpt_plugins.entities.entries import Concept, DictionaryEntry
from biogpt_plugins.entities.sources import Instead, source_of
from biogpt_plugins.entities.spacy import SpacyEntities

__all__ = [
    "Concept",
    "DictionaryEntry",
    "EntityDictionary",
    "Instead",
    "Match",
    "SpacyEntities",
    "source_of",
]
