"""What happens beside the updates: records, snapshots, early stopping, and the progress bar."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Sized
from math import ceil
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ProgressCallback

from biogpt_plugins.training.interruption import Interruption
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.record import Updates
from biogpt_plugins.training.selection import METRIC
from biogpt_plugins.training.snapshots import Snapshots

_SHOWN = ("loss", "eval_loss", f"eval_{METRIC}")


def best_first(rows: Sequence[Mapping[str, Any]], options: Options) -> list[int]:
    """The measurements in `training.jsonl` from the best to the worst, as indices.

    The loss decides among equal metrics, such as the zeros of a model that has just begun, and
    where there is no metric.
    """
    figure = f"valid_{METRIC}" if options.select == "metric" else ""
    return sorted(
        range(len(rows)), key=lambda at: (-rows[at].get(figure, 0.0), rows[at]["valid_loss"])
    )


class Bar(ProgressCallback):  # type: ignore[misc]
    """The Trainer's progress bar with the loss in it, instead of a line of it now and then."""

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,  # noqa: ARG002
        control: TrainerControl,  # noqa: ARG002
        logs: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401, ARG002 - Trainer's
    ) -> None:
        shown = {name: x for name, x in (logs or {}).items() if name in _SHOWN}
        if self.training_bar is not None and shown:
            self.training_bar.set_postfix(shown)


class Keeper(TrainerCallback):  # type: ignore[misc]
    """Keeps records and snapshots, and ends training early or when a signal comes.

    Args:
        updates: Where records go.
        snapshots: Where weights go.
        options: Their `average_epochs`, `select` and `patience` hold.
        interruption: Whether a signal came.
    """

    def __init__(
        self,
        updates: Updates,
        snapshots: Snapshots,
        *,
        options: Options,
        interruption: Interruption,
    ) -> None:
        self._updates, self._snapshots = updates, snapshots
        self._options, self._interruption = options, interruption
        self._started = 0.0

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        # A run that was killed after its last checkpoint may lack the snapshot of that moment.
        self._keep_epoch(args, state, **kwargs)

    def on_step_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,  # noqa: ARG002
        control: TrainerControl,  # noqa: ARG002
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> None:
        self._started = time.perf_counter()

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> None:
        self._interruption.agree(args.device)
        if self._interruption.signal is not None and state.global_step < state.max_steps:
            control.should_save = control.should_training_stop = True

    def on_epoch_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        self._keep_epoch(args, state, **kwargs)
        if self._interruption.signal is not None and (state.epoch or 0) % 1:
            # The epoch has not ended: what is measured now would not be in an unbroken run.
            control.should_evaluate = state.global_step == state.max_steps

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        logs: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> None:
        # The records hold them; every checkpoint would hold them once more.
        state.log_history.clear()
        if logs is not None and "loss" in logs:
            seconds = round(time.perf_counter() - self._started, 4)
            told = {name: logs[name] for name in ("loss", "learning_rate", "grad_norm", "tokens")}
            self._add(state, {**told, "seconds": seconds})

    def on_evaluate(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float],
        model: torch.nn.Module,
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> None:
        self._add(state, {name.replace("eval", "valid", 1): x for name, x in metrics.items()})
        if self._options.select == "last":
            return
        measured = self._updates.measurements()
        since = len(measured) - 1 - best_first(measured, self._options)[0]
        if since == 0 and state.is_world_process_zero:
            self._snapshots.keep_best(model)
        if 0 < self._options.patience <= since:
            control.should_training_stop = True

    def _add(self, state: TrainerState, row: dict[str, Any]) -> None:
        place = {"step": state.global_step, "epoch": round(state.epoch or 0.0, 4)}
        self._updates.add({**place, **row})

    def _keep_epoch(
        self,
        args: TrainingArguments,
        state: TrainerState,
        model: torch.nn.Module,
        train_dataloader: Sized,
        **kwargs: Any,  # noqa: ANN401, ARG002
    ) -> None:
        if not (self._options.average_epochs and state.is_world_process_zero):
            return
        updates = ceil(len(train_dataloader) / args.gradient_accumulation_steps)
        epoch, rest = divmod(state.global_step, updates)
        whole = state.max_steps // updates
        if epoch and not rest and epoch > whole - self._options.average_epochs:
            self._snapshots.keep_epoch(model, epoch)
