"""The arithmetic behind docs/pubmed.md, and its tables."""
