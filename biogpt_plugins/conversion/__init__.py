"""Converts Microsoft's fairseq checkpoints into model folders, and inspects models."""

from biogpt_plugins.engine.docstrings import without_docstrings

if error := without_docstrings("transformers"):
    raise error

from biogpt_plugins.conversion.convert import Conversion, convert
from biogpt_plugins.conversion.ctranslate2 import convert_to_ctranslate2
from biogpt_plugins.conversion.inspection import Report, inspect_model

__all__ = ["Conversion", "Report", "convert", "convert_to_ctranslate2", "inspect_model"]
