"""What was found in papers as one page to look at: self-contained, without network."""

from biogpt_plugins.report.content import Content, Source, source_of
from biogpt_plugins.report.page import render

__all__ = ["Content", "Source", "render", "source_of"]
