"""A dry run: all data are read, cut and batched, and a few updates are made and thrown away."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import TrainerCallback, TrainingArguments, set_seed
from transformers.trainer_utils import SaveStrategy

from biogpt_plugins.engines.pretrained import quiet
from biogpt_plugins.training import memory
from biogpt_plugins.training.adapters import prompt_rows
from biogpt_plugins.training.batches import Batches
from biogpt_plugins.training.encoding import Encoded
from biogpt_plugins.training.estimate import Estimate
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.plan import Plan
from biogpt_plugins.training.session import encoded, settled
from biogpt_plugins.training.start import Start, config_of, start_from, start_without_weights
from biogpt_plugins.training.trainer import make_trainer
from biogpt_plugins.values.counted import counted

_WARM_UP, _MEASURED = 1, 3


@quiet()
def dry_run(plan: Plan, tell: Callable[[str], None]) -> Estimate:
    """Estimate what a run takes; nothing is written to its folder.

    Raises:
        InputError: An example cannot be used.
        ModelError: The model is not a BioGPT, or is neither at hand nor a published one.
    """
    config, at_hand = config_of(plan.model, Options.read(plan.given))
    plan, settings = settled(plan, config.max_position_embeddings, tell)
    options = settings.options
    tell(f"recipe {plan.recipe}: {settings.shown}")
    set_seed(options.seed)
    tasks = list(plan.tasks)
    with TemporaryDirectory() as folder:
        start = (
            start_from(plan.model, tasks, plan.examples, out=Path(folder), options=options)
            if at_hand
            else start_without_weights(config, tasks, options)
        )
        train = encoded(start, plan.examples, options, tell)
        if plan.held_out:
            encoded(start, plan.held_out, options, tell)
        batches = Batches(train, options)
        seconds = _seconds(start, batches, options, Path(folder)) if at_hand else None
    return _estimate(plan, start, batches, options, exact=at_hand, seconds=seconds)


def _estimate(  # noqa: PLR0913 - what is known of the run
    plan: Plan,
    start: Start,
    batches: Batches,
    options: Options,
    *,
    exact: bool,
    seconds: float | None,
) -> Estimate:
    config, rows = start.model.config, len(prompt_rows(start))
    given = plan.given.get("dtype", "auto") if plan.recipe == "default" else options.dtype
    # Without a GPU here, "auto" is what the GPU in question does.
    on_gpu = options.model_copy(update={"dtype": "bfloat16"} if given == "auto" else {})
    every = [batches[index] for index in range(len(batches))]
    largest = max(map(_padded, every))
    wanted = max(_wanted(batch, options) for batch in every)

    def needed(changed: Options) -> memory.Memory:
        return memory.memory(config, changed, tokens=largest, wanted=wanted, rows=rows)

    each = ceil(len(batches) / options.accumulate)
    updates = options.max_steps or ceil((options.epochs or 1) * each)
    real = sum(len(one.ids) - 1 for batch in every for one in batch)
    best = bool(plan.held_out) and options.select != "last" and not options.average_epochs
    saved = memory.model_bytes(config, options) * (2 if best else 1)
    return Estimate(
        model=str(plan.model),
        parameters=memory.parameters(config),
        trained=memory.trained_parameters(config, options, rows=rows),
        examples=sum(map(len, every)),
        batches=len(every),
        updates_an_epoch=each,
        updates=updates,
        tokens=real,
        padding=1 - real / sum(map(_padded, every)),
        largest_batch=largest,
        exact=exact,
        dtype=on_gpu.dtype,
        memory=needed(on_gpu),
        ways={
            name: needed(on_gpu.model_copy(update=changes)) for name, changes in memory.WAYS.items()
        },
        disk=saved + memory.kept_bytes(config, options, updates=updates, rows=rows, best=best),
        saved=saved,
        seconds_an_epoch=seconds,
        device=_device(),
    )


def _padded(batch: Sequence[Encoded]) -> int:
    """What the model reads of a batch: all but the last token of each row."""
    return len(batch) * (max(len(each.ids) for each in batch) - 1)


def _wanted(batch: Sequence[Encoded], options: Options) -> int:
    """Tokens that bear a loss."""
    whole = options.loss == "all" or options.source_loss
    return sum(len(each.ids) - 1 if whole else len(each.target) for each in batch)


def _device() -> str:
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"this CPU ({counted(torch.get_num_threads(), 'thread')})"


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Times the passes of each update, and the step of the optimizer."""

    def __init__(self) -> None:
        self.passes: list[float] = []
        self.steps: list[float] = []
        self._at = 0.0

    def _lap(self) -> float:
        if torch.accelerator.is_available():
            torch.accelerator.synchronize()
        before, self._at = self._at, time.perf_counter()
        return self._at - before

    def on_step_begin(self, args: TrainingArguments, *_: Any, **__: Any) -> None:  # noqa: ANN401, ARG002
        self._lap()

    def on_pre_optimizer_step(self, args: TrainingArguments, *_: Any, **__: Any) -> None:  # noqa: ANN401, ARG002
        self.passes.append(self._lap())

    def on_optimizer_step(self, args: TrainingArguments, *_: Any, **__: Any) -> None:  # noqa: ANN401, ARG002
        self.steps.append(self._lap())


def _seconds(start: Start, batches: Batches, options: Options, folder: Path) -> float:
    """Seconds of an epoch, by updates on batches from all over the data; the first warms up."""
    updates = _WARM_UP + _MEASURED
    each = len(batches) // updates or 1
    chosen = [batches[index * each % len(batches)] for index in range(updates)]
    changes = {"max_steps": updates, "accumulate": 1, "order": "file"}
    watch = _Watch()
    trainer = make_trainer(
        start,
        chosen[0],
        [],
        folder=folder,
        options=options.model_copy(update=changes),
        callbacks=[watch],
    )
    trainer.train_dataset = chosen
    trainer.args.save_strategy = SaveStrategy.NO
    trainer.train()
    read = sum(map(_padded, chosen[_WARM_UP:]))
    total = sum(_padded(batches[index]) for index in range(len(batches)))
    passes = sum(watch.passes[_WARM_UP:]) / read * total
    return passes + fmean(watch.steps[_WARM_UP:]) * ceil(len(batches) / options.accumulate)
