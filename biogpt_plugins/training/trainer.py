"""transformers' Trainer where it trains as fairseq did: losses, batches, optimizer, schedule."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.training.batches import Batches, EpochOrder, collate
from biogpt_plugins.training.encoding import Encoded
from biogpt_plugins.training.optimizer import FairseqAdam, inverse_sqrt
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.progress import Bar
from biogpt_plugins.training.start import Start, prompt_tokens
from biogpt_plugins.values.errors import ModelError

_SOURCE_SAMPLE = 0.25
Examine = Callable[[torch.nn.Module], Mapping[str, float]]


class _Projected:
    """A hook by which the output layer projects some positions alone; by default all of them."""

    positions: torch.Tensor | None = None

    def __call__(self, _: torch.nn.Module, args: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        return args if self.positions is None else (args[0][self.positions],)


class PromptTrainer(Trainer):  # type: ignore[misc]
    """Trains on batches of `collate`, update by update: a loss is one of a whole update.

    Args:
        options: How to train.
        examine: Measures more of the model at each evaluation.
        **kwargs: As for Trainer.

    Attributes:
        update_tokens: How many tokens bear the loss of the update at hand.
    """

    optimizer: Any
    lr_scheduler: Any
    control: Any

    def __init__(
        self,
        *,
        options: Options,
        examine: Examine | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(**kwargs)
        self._options, self._examine = options, examine
        self.update_tokens = 0
        # The weights of `get_batch_samples` add up to 1 over an update: nothing else divides.
        self.model_accepts_loss_kwargs = True
        self.remove_callback(ProgressCallback)
        self.remove_callback(PrinterCallback)
        self.add_callback(Bar())
        # The vocabulary is large and targets are short: with a prompt of 500 tokens, projecting
        # every position would cost more than the layers of a small model.
        self._projected = _Projected()
        self.model.get_output_embeddings().register_forward_pre_hook(self._projected)

    def create_optimizer(self, model: torch.nn.Module | None = None) -> Any:  # noqa: ANN401
        """The optimizer that the options name."""
        if self._options.optimizer == "fairseq" and self.optimizer is None:
            parameters = (p for p in (model or self.model).parameters() if p.requires_grad)
            self.optimizer = FairseqAdam(
                parameters,
                lr=self.args.learning_rate,
                betas=(self.args.adam_beta1, self.args.adam_beta2),
                eps=self.args.adam_epsilon,
                weight_decay=self.args.weight_decay,
            )
        return super().create_optimizer(model)

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> Any:  # noqa: ANN401 - Trainer's
        """The schedule that the options name."""
        if self._options.schedule == "inverse_sqrt" and self.lr_scheduler is None:
            peak = self.args.learning_rate
            warmup = self.args.get_warmup_steps(num_training_steps)
            self.lr_scheduler = LambdaLR(
                optimizer or self.optimizer,
                lambda updates: inverse_sqrt(updates, peak=peak, warmup=warmup) / peak,
            )
            self._created_lr_scheduler = True
        return super().create_scheduler(num_training_steps, optimizer)

    def _get_train_sampler(self, train_dataset: Dataset[Any] | None = None) -> EpochOrder:  # noqa: ARG002
        return EpochOrder(len(self.train_dataset), self._options)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], torch.Tensor | int | None]:
        """The batches of an update, with weights that add up to 1 over all of them."""
        samples, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        totals = torch.stack(
            [
                torch.stack([s["target"].sum(), s["source"].sum(), _count(s)]).to(self.args.device)
                for s in samples
            ]
        ).sum(0)
        # Each process has batches of its own, and gradients become the mean over processes.
        target, source, count = self.accelerator.reduce(totals, "sum").tolist()
        self.update_tokens = int(count)
        if self._options.loss == "all":
            target = source = target + source
        else:
            # Without a weight on the source there is nothing to divide.
            source = source / self._options.source_loss if self._options.source_loss else 1.0
        world = self.accelerator.num_processes
        for sample in samples:
            sample["target"] = sample["target"] * (world / target)
            sample["source"] = sample["source"] * (world / source)
        return samples, self.update_tokens

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: Mapping[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,  # noqa: ARG002 - Trainer's signature
    ) -> Any:  # noqa: ANN401 - Trainer's
        """The weighted sum of the losses of the batch's tokens."""
        target, source = inputs["target"], inputs["source"]
        if self._options.loss == "target" and self._options.source_loss:
            # A sample of the source has the same expected gradient and needs less projection.
            sampled = torch.rand(source.shape, device=source.device) < _SOURCE_SAMPLE
            source = source * sampled / _SOURCE_SAMPLE
        weights = target + source
        losses = self.losses(
            model,
            inputs["input_ids"],
            weights != 0,
            shift=self._options.shift,
            other=inputs.get("other"),
        )
        loss = (weights * losses).sum()
        return (loss, {"loss": loss}) if return_outputs else loss

    def losses(
        self,
        model: torch.nn.Module,
        ids: torch.Tensor,
        wanted: torch.Tensor,
        *,
        shift: int = 0,
        other: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The loss of each wanted token in nats; 0 where none is wanted. Shape (rows, tokens).

        With `other`, of the same shape, `end_smoothing` applies where it has a token.
        """
        first = random.randint(0, shift) if shift else 0
        positions = torch.arange(first, first + ids.shape[1] - 1, device=ids.device)[None]
        self._projected.positions = rows = wanted[:, 1:]
        try:
            output = model(input_ids=ids[:, :-1], position_ids=positions, use_cache=False)
        finally:
            self._projected.positions = None
        logits = output.logits.float()
        found = torch.nn.functional.cross_entropy(logits, ids[:, 1:][rows], reduction="none")
        if other is not None:
            might = other[:, 1:][rows]
            losses = torch.nn.functional.cross_entropy(
                logits, might, ignore_index=-1, reduction="none"
            )
            found = found.lerp(losses, self._options.end_smoothing * (might >= 0))
        return found.new_zeros(ids.shape).masked_scatter(wanted, found)

    @torch.no_grad()
    def document_losses(self, batches: Batches) -> torch.Tensor:
        """Summed losses of each example, in the data's order.

        Returns:
            Of shape (examples, 4): the loss of all tokens that bear any in training, and of the
            target alone; and how many tokens they are.
        """
        model = self.model.eval().to(self.args.device)
        found = torch.zeros(sum(map(len, batches.rows)), 4, dtype=torch.float64)
        for index, rows in enumerate(batches.rows):
            inputs = self._prepare_inputs(self.data_collator([batches[index]]))
            wanted = target = inputs["target"] != 0
            if self._options.loss == "all":
                wanted = target | (inputs["source"] != 0)
            with self.compute_loss_context_manager():
                losses = self.losses(model, inputs["input_ids"], wanted).double()
            told = (losses, losses * target, wanted.double(), target.double())
            found[rows] = torch.stack([each.sum(1) for each in told], dim=1).cpu()
        return found

    def measure(self, batches: Batches, prefix: str = "eval") -> dict[str, float]:
        """The mean loss per target token; with `loss` "all" the mean over all tokens, too.

        What `examine` measures comes after it.
        """
        sums = self.document_losses(batches).sum(0).tolist()
        metrics = {f"{prefix}_loss": sums[1] / sums[3]}
        if self._options.loss == "all":
            metrics[f"{prefix}_loss_all"] = sums[0] / sums[2]
        more = self._examine(self.model) if self._examine else {}
        return metrics | {f"{prefix}_{name}": value for name, value in more.items()}

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Tell the callbacks of figures, and with an update's loss how many tokens bear it."""
        if "loss" in logs:
            logs["tokens"] = self.update_tokens
        super().log(logs, start_time)

    def evaluate(
        self,
        eval_dataset: Batches | None = None,
        ignore_keys: list[str] | None = None,  # noqa: ARG002 - Trainer's signature
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """Measure, and tell the callbacks."""
        metrics = self.measure(eval_dataset or self.eval_dataset, metric_key_prefix)
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _issue_warnings_after_load(self, load_result: Any) -> None:  # noqa: ANN401 - torch's
        # A checkpoint holds tied weights once: the output layer's are the embeddings.
        missing = {*load_result.missing_keys} - {"output_projection.weight"}
        if wrong := missing | {*load_result.unexpected_keys}:
            raise ModelError(
                f"the checkpoint does not fit the model: {', '.join(sorted(wrong))}; train anew, "
                "without --resume"
            )


def _count(sample: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return ((sample["target"] != 0) | (sample["source"] != 0)).sum()


def has_bfloat16() -> bool:
    """Whether there is a GPU that multiplies in bfloat16."""
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)


def make_trainer(  # noqa: PLR0913 - one value for each thing a run is made of
    start: Start,
    train: Sequence[Encoded],
    held_out: Sequence[Encoded],
    *,
    folder: Path,
    options: Options,
    callbacks: Sequence[TrainerCallback] = (),
    examine: Examine | None = None,
) -> PromptTrainer:
    """A Trainer for `start`; its checkpoints go to `folder`."""
    tokens = Tokens(start.tokenizer)
    return PromptTrainer(
        model=_with_lora(start, options.lora_rank) if options.weights == "lora" else start.model,
        args=_arguments(folder, options, evaluate=bool(held_out)),
        train_dataset=Batches(train, options),
        eval_dataset=Batches(held_out, options) if held_out else None,
        data_collator=partial(collate, pad=tokens.pad, options=options),
        callbacks=list(callbacks),
        options=options,
        examine=examine,
    )


def _arguments(folder: Path, options: Options, *, evaluate: bool) -> TrainingArguments:
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
