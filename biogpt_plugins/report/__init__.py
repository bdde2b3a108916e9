"""The results of papers as one self-contained HTML page that needs no network."""

from biogpt_plugins.report.content import Content
from biogpt_plugins.report.highlighted import Highlighted, highlighted
from biogpt_plugins.report.page import render
from biogpt_plugins.report.source import Source, source_of

__all__ = ["Content", "Highlighted", "Source", "highlighted", "render", "source_of"]
