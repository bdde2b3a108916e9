"""Writers of exchange formats: PubTator, BioC, GraphML, KGX, CSV for neo4j-admin, Parquet, CSV."""

from biogpt_plugins.corpus.export.bioc import bioc
from biogpt_plugins.corpus.export.delimited import csv_line, csv_table, tsv_table
from biogpt_plugins.corpus.export.documents import Document, documents
from biogpt_plugins.corpus.export.graphml import graphml
from biogpt_plugins.corpus.export.kgx import kgx
from biogpt_plugins.corpus.export.neo4j import neo4j
from biogpt_plugins.corpus.export.parquet import schema, write_parquet
from biogpt_plugins.corpus.export.pubtator import holds, pubtator

__all__ = [
    "Document",
    "bioc",
    "csv_line",
    "csv_table",
    "documents",
    "graphml",
    "holds",
    "kgx",
    "neo4j",
    "pubtator",
    "schema",
    "tsv_table",
    "write_parquet",
]
