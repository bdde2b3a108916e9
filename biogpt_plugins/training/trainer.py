"""A transformers Trainer that computes the loss, and the logits, on the target only."""

from __future__ import annotations

import random
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.training.batches import MASKED, Batches, collate
from biogpt_plugins.training.examples import Example
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.start import Start, prompt_tokens

_SOURCE_SAMPLE = 0.25


class _Bar(ProgressCallback):  # type: ignore[misc]
    """The Trainer's progress bar, which also shows the loss."""

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,  # noqa: ARG002
        control: TrainerControl,  # noqa: ARG002
        logs: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401, ARG002 - Trainer's
    ) -> None:
        shown = {name: x for name, x in (logs or {}).items() if name in ("loss", "eval_loss")}
        if self.training_bar is not None and shown:
            self.training_bar.set_postfix(shown)


class PromptTrainer(Trainer):  # type: ignore[misc]
    """Trains on batches of `collate`.

    Args:
        options: source_loss, end_weight and shift apply while training.
        **kwargs: As in Trainer.
    """

    def __init__(self, *, options: Options, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self._options = options
        self.remove_callback(ProgressCallback)
        self.remove_callback(PrinterCallback)
        self.add_callback(_Bar())
        self._rows: torch.Tensor | None = None
        # The vocabulary is large and targets are short: with a prompt of 500 tokens, projecting
        # every position would cost more than the layers of a small model.
        projection = self.model.get_output_embeddings()
        projection.register_forward_pre_hook(lambda _, args: (args[0][self._rows],))

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: Mapping[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,  # noqa: ARG002 - Trainer's signature
    ) -> Any:  # noqa: ANN401 - Trainer's
        """The mean loss per target token, plus the weighted mean loss per source token."""
        ids, labels = inputs["input_ids"], inputs["labels"][:, 1:]
        options = self._options if model.training else Options()
        wanted = labels != MASKED
        source = torch.zeros_like(wanted)
        if options.source_loss:
            # A sample of the source has the same expected gradient and needs less projection.
            sampled = torch.rand(wanted.shape, device=ids.device) < _SOURCE_SAMPLE
            source = inputs["source"][:, 1:] & sampled
        first = random.randint(0, options.shift)
        positions = torch.arange(first, first + ids.shape[1] - 1, device=ids.device)[None]
        self._rows = wanted | source
        output = model(input_ids=ids[:, :-1], position_ids=positions, use_cache=False)
        losses = torch.nn.functional.cross_entropy(
            output.logits.float(), ids[:, 1:][self._rows], reduction="none"
        )
        weights = torch.ones(labels.shape, device=ids.device)
        # The full stop comes before the final </s>, which is the last token with a label.
        weights[:, :-2][wanted[:, 1:-1] & ~wanted[:, 2:]] = options.end_weight
        weights[:, -2] = torch.where(wanted[:, -1], options.end_weight, weights[:, -2])
        in_target, weights = wanted[self._rows], weights[self._rows]
        loss = (weights * losses)[in_target].sum() / weights[in_target].sum()
        if options.source_loss:
            loss = loss + options.source_loss * losses[~in_target].mean()
        return (loss, {"loss": loss}) if return_outputs else loss

    def prediction_step(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,  # noqa: ARG002 - Trainer's signature
        ignore_keys: list[str] | None = None,  # noqa: ARG002
    ) -> tuple[torch.Tensor, None, None]:
        """Return the loss alone: logits of selected rows are useless to a caller."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad():
            return self.compute_loss(model, inputs).detach(), None, None


def make_trainer(
    start: Start,
    examples: Sequence[Example],
    held_out: Sequence[Example],
    *,
    folder: Path,
    options: Options,
) -> PromptTrainer:
    """A Trainer for `start`; its checkpoints go to `folder`."""
    tokens = Tokens(start.tokenizer)
    grouped = partial(
        Batches,
        tokens=tokens,
        cards=start.card.tasks,
        positions=start.model.config.max_position_embeddings - options.shift,
        size=options.tokens_per_batch,
    )
    shuffle = options.order == "shuffled"
    return PromptTrainer(
        model=_with_lora(start, options.lora_rank) if options.weights == "lora" else start.model,
        args=_arguments(folder, options, evaluate=bool(held_out)),
        train_dataset=grouped(examples, shuffle_seed=options.seed if shuffle else None),
        eval_dataset=grouped(held_out) if held_out else None,
        data_collator=partial(collate, pad=tokens.pad),
        options=options,
    )


def _arguments(folder: Path, options: Options, *, evaluate: bool) -> TrainingArguments:
    accelerated = torch.accelerator.is_available()
    measured = "steps" if options.eval_steps else "epoch"
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=options.epochs,
        max_steps=options.max_steps or -1,
        learning_rate=options.learning_rate,
        warmup_steps=options.warmup,
        lr_scheduler_type=options.schedule,
        adam_beta2=0.98,  # this and the decay are the official recipes'
        weight_decay=0.01,
        # A batch is one item of the dataset.
        per_device_train_batch_size=1,
        per_device_eval_batch_size=1,
        gradient_accumulation_steps=options.accumulate,
        train_sampling_strategy="sequential" if options.order == "file" else "random",
        use_cpu=not accelerated,
        bf16=options.dtype == "bfloat16",
        save_steps=options.save_steps,
        save_total_limit=2,
        eval_strategy=measured if evaluate else "no",
        eval_steps=options.eval_steps,
        seed=options.seed,
        logging_steps=50,
        dataloader_num_workers=options.workers,
        dataloader_pin_memory=accelerated,
        remove_unused_columns=False,
        label_names=["labels"],
        report_to="none",
    )


def _with_lora(start: Start, rank: int) -> Any:  # noqa: ANN401 - peft is optional
    """The model with low-rank updates of its layers; prompt tokens train in full."""
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415 - optional

    rows = _prompt_rows(start)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=rank,
        lora_alpha=2 * rank,
        target_modules=["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"],
        trainable_token_indices={"embed_tokens": rows} if rows else None,
    )
    with warnings.catch_warnings():
        # peft reads a property that transformers 5 renamed.
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(start.model, config)


def _prompt_rows(start: Start) -> list[int]:
    """Embedding rows of the prompt tokens, except ordinary words, which also occur in texts."""
    tokens = Tokens(start.tokenizer)
    names = prompt_tokens(start.card)
    ids = start.tokenizer.convert_tokens_to_ids(names)
    texts = (name.removesuffix("</w>") for name in names)
    return [row for row, text in zip(ids, texts, strict=True) if tokens.ids(text) != [row]]
