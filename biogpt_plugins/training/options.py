"""The options of a training run, with defaults for fine-tuning the published BioGPT."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from biogpt_plugins.values.errors import InputError


class Options(BaseModel):
    """The options of a training run.

    Attributes:
        epochs: Passes over the training data; may be a fraction.
        max_steps: Optimizer steps; overrides `epochs`.
        learning_rate: Peak learning rate, after the warm-up.
        warmup: Steps of rising learning rate, or, below 1, their share of all steps.
        schedule: How the learning rate falls after the warm-up.
        tokens_per_batch: Padded tokens of a batch; texts of similar length share a batch.
        accumulate: Batches per optimizer step.
        order: "shuffled", or "file" for a curriculum: only neighbouring batches swap places.
        source_loss: Weight of the loss on the source text; 0 in the official recipe.
        end_weight: Weight of the loss on a target's final full stop; 1 in the official recipe.
            Below 1 the model also lists relations that it considers less likely than not.
        max_source_tokens: Source limit; a longer source loses its end, as in the official code.
        prompt_tokens: Learned prompt tokens of each new task; officially 9, and 1 for HoC.
        text_first: Put the text before the question in the layout of new tasks, so that several
            questions about a text share the reading of it; the official layout does not.
        weights: "full", or "lora" for low-rank updates, which are merged into the saved weights.
        lora_rank: Rank of the updates.
        dtype: Dtype of matrix products; the master weights stay in float32.
        save_dtype: Dtype of the saved model.
        dropout: Overrides the dropout of the model.
        save_steps: Steps between checkpoints to resume from.
        eval_steps: Steps between measurements of the loss on `valid`; None: every epoch.
        workers: Processes that tokenise while the model computes.
        seed: Seed of the data order and of all random weights.
        shift: Start each training batch at a random position up to this one.
        layers: Layers of a fresh model; the next four options apply to a fresh model too.
        width: Size of the hidden states; the feed-forward layers are four times as wide.
        heads: Attention heads.
        positions: Most tokens of prompt and completion together.
        merges: Byte-pair merges of the vocabulary.
        description: One line for the model card; by default the line of the starting model.
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
        """Check the names and values of options.

        Raises:
            InputError: An option is unknown or out of range.
        """
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            faults = "; ".join(f"{e['loc'][0]}: {e['msg'].lower()}" for e in error.errors())
            known = ", ".join(cls.model_fields)
            raise InputError(
                f"invalid training options: {faults} (known options: {known})"
            ) from error
