"""The results of papers as one self-contained HTML page that needs no network."""

from biogpt_plugins.report.content import Content, Source, source_of
from biogpt_plugins.report.page import render

__all__ = ["Content", "Source", "render", "source_of"]
