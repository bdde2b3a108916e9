"""Fine-tuning of a BioGPT on the official layouts, in full or with LoRA, or from scratch."""

from biogpt_plugins.engine.docstrings import without_docstrings

if error := without_docstrings("transformers"):
    raise error

from biogpt_plugins.training.estimate import Estimate
from biogpt_plugins.training.finetune import estimate, finetune
from biogpt_plugins.training.interruption import TrainingInterrupted
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.plan import FinetuneResult

__all__ = ["Estimate", "FinetuneResult", "Options", "TrainingInterrupted", "estimate", "finetune"]
