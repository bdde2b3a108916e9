"""Combines the results of many papers: edges, graphs, answers with votes, tables."""
