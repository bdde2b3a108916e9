"""Every knob of a training run, with defaults for fine-tuning the published BioGPT."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from biogpt_plugins.values.errors import InputError


class Options(BaseModel):
    """How to train.

    Attributes:
        epochs: Passes over the training data; a fraction stops early.
        max_steps: Optimizer steps; takes the place of `epochs`.
        learning_rate: Its peak, after the warm-up.
        warmup: Steps, or below 1 the share of all steps, in which the learning rate rises.
        schedule: How the learning rate falls after the warm-up.
        tokens_per_batch: Padded tokens of one batch; texts of like length go together.
        accumulate: Batches per optimizer step.
        order: "shuffled", or "file" for a curriculum: only neighbouring batches change places.
        source_loss: Weight of predicting the source text too; the official recipe has 0.
        end_weight: Weight of the loss on a target's final full stop; the official recipe has 1.
            Below 1 the model goes on listing relations that it holds for less than even odds.
        max_source_tokens: Longer sources lose their end, as in the official code.
        prompt_tokens: Learned prompt tokens of each new task; the official code has 9, HoC's 1.
        text_first: Put the text before the question in the layout of new tasks, so that several
            questions about a text share the work of reading it; the official layout does not.
        weights: "full", or "lora" for low-rank updates, merged into the saved weights.
        lora_rank: Rank of the updates.
        dtype: What the matrices are multiplied in; the master weights stay in float32.
        save_dtype: What the result is saved in.
        dropout: Takes the place of the model's own dropout.
        save_steps: Steps between two checkpoints to resume from.
        eval_steps: Steps between two measurements of the loss on `valid`; None: each epoch.
        workers: Processes that tokenise while the model computes.
        seed: Of the data order and of every random weight.
        shift: Begin each training batch at a random position up to this one.
        layers: Of a fresh model, as are those below.
        width: Size of the hidden states; the feed-forward layers are four times as wide.
        heads: Attention heads.
        positions: Most tokens of prompt and completion.
        merges: Byte-pair merges of the vocabulary.
        description: One line for the model's card; by default what the model it starts from says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: float = Field(default=3.0, gt=0)
    max_steps: int | None = Field(default=None, gt=0)
    learning_rate: float = Field(default=1e-5, gt=0)
    warmup: float = Field(default=0.1, ge=0)
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = "linear"
    tokens_per_batch: int = Field(default=2048, gt=0)
    accumulate: int = Field(default=1, gt=0)
    order: Literal["shuffled", "file"] = "shuffled"
    source_loss: float = Field(default=0.0, ge=0)
    end_weight: float = Field(default=1.0, ge=0)
    max_source_tokens: int | None = Field(default=None, gt=0)
    prompt_tokens: int = Field(default=9, gt=0)
    text_first: bool = False
    weights: Literal["full", "lora"] = "full"
    lora_rank: int = Field(default=16, gt=0)
    dtype: Literal["float32", "bfloat16"] = "float32"
    save_dtype: Literal["float32", "bfloat16"] = "bfloat16"
    dropout: float | None = Field(default=None, ge=0, lt=1)
    save_steps: int = Field(default=500, gt=0)
    eval_steps: int | None = Field(default=None, gt=0)
    workers: int = Field(default=0, ge=0)
    seed: int = 0
    shift: int = Field(default=0, ge=0)
    layers: int = Field(default=6, gt=0)
    width: int = Field(default=256, gt=0)
    heads: int = Field(default=4, gt=0)
    positions: int = Field(default=1024, gt=0)
    merges: int = Field(default=4000, ge=0)
    description: str = ""

    @classmethod
    def read(cls, options: dict[str, Any]) -> Options:
        """Checks options by name and value.

        Raises:
            InputError: An option is unknown or out of range.
        """
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            faults = "; ".join(f"{e['loc'][0]}: {e['msg'].lower()}" for e in error.errors())
            known = ", ".join(cls.model_fields)
            raise InputError(
                f"cannot train with these options: {faults} (known: {known})"
            ) from error
