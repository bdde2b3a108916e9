"""The arguments of transformers' Trainer for some Options."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import TrainingArguments
from transformers.utils import is_torch_tf32_available

from biogpt_plugins.training.options import Options
from biogpt_plugins.values.errors import InputError


def has_bfloat16() -> bool:
    """Whether there is a GPU that multiplies in bfloat16."""
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)


def training_arguments(folder: Path, options: Options, *, evaluate: bool) -> TrainingArguments:
    """The arguments for a run.

    Args:
        folder: Where checkpoints go.
        options: The options, resolved.
        evaluate: Whether to measure while training.

    Raises:
        InputError: This machine cannot multiply in TF32.
    """
    if options.dtype == "tf32" and not is_torch_tf32_available():
        raise InputError(
            "dtype 'tf32' needs an NVIDIA GPU of 2020 or later (Ampere), which this machine lacks: "
            "use dtype 'auto'"
        )
    accelerated = torch.accelerator.is_available()
    measured = "steps" if options.eval_steps else "epoch"
    inverse = options.schedule == "inverse_sqrt"
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=options.epochs or 1,
        max_steps=options.max_steps or -1,
        learning_rate=options.learning_rate,
        warmup_steps=options.warmup,
        lr_scheduler_type="constant_with_warmup" if inverse else options.schedule,
        adam_beta2=0.98,  # as in the official recipes
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm,
        # A batch is one item of the dataset.
        per_device_train_batch_size=1,
        per_device_eval_batch_size=1,
        gradient_accumulation_steps=options.accumulate,
        use_cpu=not accelerated,
        bf16=options.dtype == "bfloat16",
        tf32={"tf32": True, "float32": False}.get(options.dtype),
        **({"optim": "adamw_8bit"} if options.optimizer == "adamw_8bit" else {}),
        activation_checkpointing=options.gradient_checkpointing,
        save_steps=options.save_steps,
        save_total_limit=2,
        eval_strategy=measured if evaluate else "no",
        eval_steps=options.eval_steps,
        seed=options.seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        dataloader_pin_memory=accelerated,
        remove_unused_columns=False,
        report_to="none",
    )
    # A process trains on one GPU; `torchrun` or `accelerate launch` start one for each.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments
