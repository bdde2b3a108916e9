"""The options of a training run: the defaults, a recipe, and what the user gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from typing_extensions import Self

from biogpt_plugins.values.errors import InputError, did_you_mean

Truncation = Literal["prompt", "official"]


def _weights(given: object) -> object:
    """A mapping as it is, and the text "bc5cdr:2,pubmedqa:1" of a command as a mapping."""
    if not isinstance(given, str):
        return given
    pairs = [pair.rpartition(":") for pair in given.split(",")]
    if not all(task for task, _, _ in pairs):
        raise InputError(f"must be like bc5cdr:2,pubmedqa:1, not {given!r}")
    return {task.strip(): weight for task, _, weight in pairs}


Mix = Annotated[Mapping[str, Annotated[float, Field(gt=0)]], BeforeValidator(_weights)]


class Options(BaseModel):
    """The options of a training run. The defaults are the recipe "default", for your own data.

    Attributes:
        epochs: Passes over the training data; may be a fraction. None: by the amount of data,
            100 for up to 100 examples and 3 for 3,000 or more.
        max_steps: Updates; overrides `epochs`.
        learning_rate: Peak learning rate, after the warm-up. None: 3e-5, or 3e-4 for LoRA and
            QLoRA, for which a recipe's own rate is too low.
        warmup: Updates of rising learning rate, or, below 1, their share of all updates.
        schedule: How the learning rate falls after the warm-up. "inverse_sqrt" is the schedule of
            fairseq, which starts at 1e-7; the others start at 0.
        tokens_per_batch: Padded tokens of a batch; texts of similar length share a batch.
        accumulate: Batches per update.
        order: "shuffled"; "file" for a curriculum: only neighbouring batches swap places; or
            "official" for the batches of fairseq, which do not count the prompt tokens.
        loss: "target" computes the loss on the target alone. "all" computes it on the source and
            the prompt tokens too, as the official recipe does; the target is 8 % of the tokens in
            BC5CDR, and 24 % in DDI and HoC.
        source_loss: Weight of the loss on a token of the source if `loss` is "target", beside the
            weight 1 of a token of the target; both are means.
        end_weight: Weight of the loss on a target's final full stop; 1 in the official recipe.
            Below 1 the model also lists relations that it considers less likely than not.
        end_smoothing: Share of the probability that goes to ending the list where a target goes on,
            and to going on where it ends. It holds at the separator or full stop after each
            clause, and nowhere else: the loss there is 1 - `end_smoothing` times the loss of the
            target's token, plus `end_smoothing` times the loss of the other one. The model
            becomes less certain of what a list leaves out.
        label_weight: Weight of the loss on the label of a task that chooses one, such as the "yes"
            of PubMedQA; 1 in the official recipe. The words around a label are the same in all
            targets and soon learned, so that at 1 most of a question's loss says nothing.
        orders: Write the relations of each document in this many orders: first as the data have
            them, then in others, each in an example of its own. A document with two relations
            has two orders.
        swaps: Add this many copies of each document in which other names of the same type stand
            for the names of its relations, in the text and in the target.
        swap_names: The names to draw from: a CSV file with the columns `name`, `id` and `type`, as
            dictionaries of entities have. "": the names of the relations in the training data.
        negatives: Make this many documents without a relation for each document, at most 2: its
            sentences without those that name a head of its relations, and without those that name
            a tail. The task must have words for a text without relations (`nothing`).
        nothing: The target, without its full stop, of a text without relations, such as "there is
            no relation", for tasks that have none: the official layouts. "": such texts are left
            out. A model that has words keeps them.
        mix: Weight of each task in the training data, such as {"bc5cdr": 2, "pubmedqa": 1}; in a
            command bc5cdr:2,pubmedqa:1. There are as many examples as before: of one task some are
            left out, of another some come several times. None: all examples once.
        mix_temperature: In place of `mix`, weigh each task by its number of examples to the power
            of 1 / `mix_temperature`. 1: all examples once; above 1 small tasks gain.
        optimizer: "adamw"; "adamw_8bit", which keeps its moments in 8 bits, except those of
            embeddings (bitsandbytes); or "fairseq" for the Adam of fairseq: epsilon is added to the
            uncorrected root, and all parameters decay, including biases and norms.
        weight_decay: Decoupled weight decay, multiplied by the learning rate.
        max_grad_norm: Clip gradients to this norm; 0 does not clip.
        average_epochs: Save the mean of the weights after this many last whole epochs; 0 saves
            the last weights.
        select: Which weights are saved if there is `valid`: those with the highest "metric" of
            the task, measured by generation, or with the lowest "loss", or the "last". The last
            ones are saved too, in the folder "last".
        metric_documents: Measure the metric on this many documents of `valid`, the first ones of
            each task; 0 measures the loss alone.
        patience: Stop after this many measurements on `valid` that are no better, by `select`; 0
            never stops early.
        truncation: "prompt" cuts a source as prompts are cut when the model is used, and leaves
            out an example whose target does not fit. "official" cuts the end of the source to
            `max_source_tokens`, and the end of the target to the positions that remain.
        max_source_tokens: Source limit; a longer source loses its end, as in the official code.
        prompt_tokens: Learned prompt tokens of each new task. None: officially, 1 for HoC and 9
            for other tasks.
        lowercase: Whether new tasks lower-case their sources; None: the task decides.
        text_first: Put the text before the question in the layout of new tasks, so that several
            questions about a text share the reading of it; the official layout does not.
        weights: "full"; "lora" for low-rank updates, which are merged into the saved weights; or
            "qlora" for those of a model whose matrices are stored in 4 bits (bitsandbytes). The
            matrices of "lora" are stored in `dtype`.
        lora_rank: Rank of the updates.
        gradient_checkpointing: Keep the input of each layer alone, and compute the rest again for
            the gradient: a tenth of the memory for activations, a third more computation.
        dtype: Dtype of matrix products; the weights that train stay in float32. "auto": bfloat16
            on a GPU that supports it, otherwise float32. "tf32": float32, multiplied in TF32 on
            an NVIDIA GPU of 2020 or later.
        save_dtype: Dtype of the saved model.
        dropout: Overrides the dropout of embeddings and layers.
        attention_dropout: Overrides the dropout of attention weights.
        layer_norm_eps: Epsilon of layer norms. The published models were trained with 1e-5; their
            configs on the hub say 1e-12, a default of transformers that the conversion left
            there, which changes logits by 1.5e-5.
        save_steps: Updates between checkpoints to resume from.
        eval_steps: Updates between measurements on `valid`; None: every epoch.
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

    epochs: float | None = Field(default=None, gt=0)
    max_steps: int | None = Field(default=None, gt=0)
    learning_rate: float | None = Field(default=None, gt=0)
    warmup: float = Field(default=0.1, ge=0)
    schedule: Literal["linear", "cosine", "constant_with_warmup", "inverse_sqrt"] = "linear"
    tokens_per_batch: int = Field(default=2048, gt=0)
    accumulate: int = Field(default=1, gt=0)
    order: Literal["shuffled", "file", "official"] = "shuffled"
    loss: Literal["target", "all"] = "target"
    source_loss: float = Field(default=0.0, ge=0)
    end_weight: float = Field(default=1.0, gt=0)
    end_smoothing: float = Field(default=0.0, ge=0, le=0.5)
    label_weight: float = Field(default=1.0, gt=0)
    orders: int = Field(default=1, gt=0)
    swaps: int = Field(default=0, ge=0)
    swap_names: str = ""
    negatives: float = Field(default=0.0, ge=0, le=2)
    nothing: str = ""
    mix: Mix | None = None
    mix_temperature: float = Field(default=1.0, ge=1)
    optimizer: Literal["adamw", "adamw_8bit", "fairseq"] = "adamw"
    weight_decay: float = Field(default=0.01, ge=0)
    max_grad_norm: float = Field(default=1.0, ge=0)
    average_epochs: int = Field(default=0, ge=0)
    select: Literal["metric", "loss", "last"] = "metric"
    metric_documents: int = Field(default=200, ge=0)
    patience: int = Field(default=5, ge=0)
    truncation: Truncation = "prompt"
    max_source_tokens: int | None = Field(default=None, gt=0)
    prompt_tokens: int | None = Field(default=None, gt=0)
    lowercase: bool | None = None
    text_first: bool = False
    weights: Literal["full", "lora", "qlora"] = "full"
    lora_rank: int = Field(default=16, gt=0)
    gradient_checkpointing: bool = False
    dtype: Literal["auto", "float32", "tf32", "bfloat16"] = "auto"
    save_dtype: Literal["float32", "bfloat16"] = "bfloat16"
    dropout: float | None = Field(default=None, ge=0, lt=1)
    attention_dropout: float | None = Field(default=None, ge=0, lt=1)
    layer_norm_eps: float = Field(default=1e-5, gt=0)
    save_steps: int = Field(default=500, gt=0)
    eval_steps: int | None = Field(default=None, gt=0)
    seed: int = 0
    shift: int = Field(default=0, ge=0)
    layers: int = Field(default=6, gt=0)
    width: int = Field(default=256, gt=0)
    heads: int = Field(default=4, gt=0)
    positions: int = Field(default=1024, gt=0)
    merges: int = Field(default=4000, ge=0)
    description: str = ""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.loss == "all" and self.source_loss:
            raise InputError(
                "loss 'all' weighs each token of the source like one of the target: leave "
                "source_loss out, or use loss 'target'"
            )
        if self.swap_names and not self.swaps:
            raise InputError("swap_names needs swaps, the number of copies with other names")
        if self.mix and self.mix_temperature != 1:
            raise InputError("mix and mix_temperature both weigh the tasks: choose one")
        return self

    @classmethod
    def read(cls, given: Mapping[str, Any], recipe: Mapping[str, Any] | None = None) -> Options:
        """Check the names and values of options; given options override those of a recipe.

        Raises:
            InputError: An option is unknown or out of range.
        """
        values = {**(recipe or {}), **given}
        if "epochs" in given and "max_steps" not in given:
            values["max_steps"] = None
        if values.get("weights", "full") != "full" and "learning_rate" not in given:
            values["learning_rate"] = None
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            every = error.errors()
            faults = "; ".join(map(_fault, every))
            strange = next((e["loc"][0] for e in every if e["type"] == "extra_forbidden"), "")
            faults += did_you_mean(str(strange), cls.model_fields)
            known = f" (known options: {', '.join(cls.model_fields)})" if strange else ""
            raise InputError(f"invalid training options: {faults}{known}") from error

    def resolved(self, *, examples: int, bfloat16: bool) -> Options:
        """These options with a value in place of those that depend on data, weights or device."""
        changes: dict[str, Any] = {}
        if self.epochs is None and self.max_steps is None:
            changes["epochs"] = float(max(3, min(100, round(10_000 / examples))))
        if self.learning_rate is None:
            changes["learning_rate"] = 3e-5 if self.weights == "full" else 3e-4
        if self.dtype == "auto":
            changes["dtype"] = "bfloat16" if bfloat16 else "float32"
        return self.model_copy(update=changes)


def _fault(error: ErrorDetails) -> str:
    told = error.get("ctx", {}).get("error")
    message = str(told) if isinstance(told, InputError) else error["msg"].lower()
    return ": ".join([*map(str, error["loc"][:1]), message])
