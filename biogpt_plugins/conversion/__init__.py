"""Microsoft's fairseq checkpoints: what they are, and how they become folders for our engines."""

from biogpt_plugins.conversion.convert import Conversion, convert
from biogpt_plugins.conversion.ctranslate2 import convert_to_ctranslate2
from biogpt_plugins.conversion.inspection import Report, inspect_model

__all__ = ["Conversion", "Report", "convert", "convert_to_ctranslate2", "inspect_model"]
