"""Fine-tuning of a BioGPT on the official layouts, in full or with LoRA, or from scratch."""

from biogpt_plugins.training.finetune import FinetuneResult, finetune
from biogpt_plugins.training.options import Options

__all__ = ["FinetuneResult", "Options", "finetune"]
