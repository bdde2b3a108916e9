"""transformers' Trainer where it trains as fairseq did: losses, batches, optimizer, schedule."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.pipeline.progress import is_seen
from biogpt_plugins.training.adapters import with_lora
from biogpt_plugins.training.arguments import training_arguments
from biogpt_plugins.training.attention import attend_fast
from biogpt_plugins.training.batches import Batches, EpochOrder, collate
from biogpt_plugins.training.encoding import Encoded
from biogpt_plugins.training.head import losses_from
from biogpt_plugins.training.memory import LOGITS
from biogpt_plugins.training.optimizer import FairseqAdam, inverse_sqrt
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.processes import by_the_first
from biogpt_plugins.training.progress import Bar
from biogpt_plugins.training.start import Start
from biogpt_plugins.values.errors import InputError, ModelError

_SOURCE_SAMPLE = 0.25
Examine = Callable[[torch.nn.Module], Mapping[str, float]]


class PromptTrainer(Trainer):  # type: ignore[misc]
    """Trains on batches of `collate`, update by update: a loss is one of a whole update.

    Args:
        options: How to train.
        examine: Measures more of the model at each evaluation.
        **kwargs: As for Trainer.

    Attributes:
        update_tokens: How many tokens bear the loss of the update at hand.

    Raises:
        InputError: The launcher splits the model over several GPUs.
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
        if self.args.device.type == "cpu":
            attend_fast(self.model)
        self._options, self._examine = options, examine
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            raise InputError(
                "each GPU must hold the whole model: launch without FSDP and DeepSpeed, and save "
                "memory with optimizer adamw_8bit, gradient_checkpointing or weights lora"
            )
        self.update_tokens = 0
        # The weights of `get_batch_samples` add up to 1 over an update: nothing else divides.
        self.model_accepts_loss_kwargs = True
        self.remove_callback(ProgressCallback)
        self.remove_callback(PrinterCallback)
        if is_seen():
            self.add_callback(Bar())

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
                fused=self.args.device.type == "cuda" or None,  # no copies of all gradients
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
        return EpochOrder(len(self.train_dataset), self._options, processes=self.args.world_size)

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
        labels = [each[:, 1:] for each in (ids, other) if each is not None]
        layer = self.model.get_output_embeddings()
        chunk = max(1, LOGITS // self.model.config.vocab_size)
        with losses_from(layer, wanted[:, 1:], self._token_loss, *labels, chunk=chunk):
            output = model(input_ids=ids[:, :-1], position_ids=positions, use_cache=False)
        found: torch.Tensor = output.logits.float()
        return found.new_zeros(ids.shape).masked_scatter(wanted, found)

    def _token_loss(
        self, logits: torch.Tensor, targets: torch.Tensor, might: torch.Tensor | None = None
    ) -> torch.Tensor:
        found = cross_entropy(logits, targets, reduction="none")
        if might is None:
            return found
        losses = cross_entropy(logits, might, ignore_index=-1, reduction="none")
        return found.lerp(losses, self._options.end_smoothing * (might >= 0))

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
        batches = eval_dataset or self.eval_dataset
        metrics = by_the_first(lambda: self.measure(batches, metric_key_prefix))
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
        model=start.model if options.weights == "full" else with_lora(start, options.lora_rank),
        args=training_arguments(folder, options, evaluate=bool(held_out)),
        train_dataset=Batches(train, options),
        eval_dataset=Batches(held_out, options) if held_out else None,
        data_collator=partial(collate, pad=tokens.pad, options=options),
        callbacks=list(callbacks),
        options=options,
        examine=examine,
    )
