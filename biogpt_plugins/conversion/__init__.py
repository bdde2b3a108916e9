"""Microsoft's fairseq checkpoints: what they are, and how they become transformers folders."""

from biogpt_plugins.conversion.convert import Conversion, convert
from biogpt_plugins.conversion.inspection import Report, inspect_model

__all__ = ["Conversion", "Report", "convert", "inspect_model"]
