"""Fetch papers from PubMed and PMC, by a query or by their ids, through NCBI's E-utilities."""

from biogpt_plugins.corpus.fetch.eutils import URL, Eutils, Found
from biogpt_plugins.corpus.fetch.papers import MOST, Database, as_file, fetch, ids_of
from biogpt_plugins.corpus.fetch.pubtator import PubTator3

__all__ = ["MOST", "URL", "Database", "Eutils", "Found", "PubTator3", "as_file", "fetch", "ids_of"]
