"""Entities in texts: names and identifiers in dictionaries, and where entities come from."""

from biogpt_plugins.entities.dictionary import EntityDictionary, Match
from biogpt_plugins.entities.entries import Concept, DictionaryEntry

__all__ = ["Concept", "DictionaryEntry", "EntityDictionary", "Match"]
