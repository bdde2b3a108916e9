"""Fine-tuning: teach a BioGPT the official layouts, in full or by LoRA, or start a small one."""

from biogpt_plugins.training.finetune import FinetuneResult, finetune
from biogpt_plugins.training.options import Options

__all__ = ["FinetuneResult", "Options", "finetune"]
