"""A training run from its plan to the saved folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from transformers import set_seed
from transformers.trainer_utils import get_last_checkpoint

from biogpt_plugins.engines.pretrained import quiet
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.training.arguments import has_bfloat16
from biogpt_plugins.training.encoding import Encoded, encode_all
from biogpt_plugins.training.examples import Example
from biogpt_plugins.training.interruption import Interruption, TrainingInterrupted
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.plan import CHECKPOINTS, LAST, FinetuneResult, Plan
from biogpt_plugins.training.processes import by_the_first, is_first, leave_at_exit
from biogpt_plugins.training.progress import Keeper, best_first
from biogpt_plugins.training.readme import write_readme
from biogpt_plugins.training.recipes import recipe_for
from biogpt_plugins.training.record import Settings, Updates, versions
from biogpt_plugins.training.save import save
from biogpt_plugins.training.selection import examiner
from biogpt_plugins.training.snapshots import Snapshots
from biogpt_plugins.training.start import Start, positions_of, start_from
from biogpt_plugins.training.trainer import PromptTrainer, make_trainer
from biogpt_plugins.training.variants import vary
from biogpt_plugins.values.counted import counted

Tell = Callable[[str], None]


@quiet()
def train_model(plan: Plan, tell: Tell) -> FinetuneResult:
    """Train as planned, and save the model.

    Raises:
        InputError: An example cannot be used, or the interrupted run had other settings.
        ModelError: The model cannot be found or is no BioGPT.
        TrainingInterrupted: Ctrl-C or SIGTERM came; a checkpoint is kept.
    """
    positions = positions_of(plan.model, Options.read(plan.given))
    plan, settings = settled(plan, positions, tell)
    options, folder = settings.options, plan.out / CHECKPOINTS
    last = _last_checkpoint(plan, settings, tell)
    tell(f"recipe {plan.recipe}: {settings.shown}")
    set_seed(options.seed)
    leave_at_exit()
    # The others find files that the first has written whole.
    with PartialState(cpu=not torch.accelerator.is_available()).main_process_first():
        start = start_from(
            plan.model,
            list(plan.tasks),
            plan.examples,
            out=plan.out,
            options=options,
            resumed=last is not None,
        )
        updates = Updates(plan.out, upto=int(last.rpartition("-")[2]) if last else 0)
    if is_first():
        settings.save(plan.out)
    snapshots = Snapshots(folder, epochs=options.average_epochs)
    interruption = Interruption()
    keeper = Keeper(updates, snapshots, options=options, interruption=interruption)
    examine = (
        examiner(start, plan.held_out_file, list(plan.tasks), options=options, tell=tell)
        if plan.held_out_file and options.metric_documents
        else None
    )
    trainer = make_trainer(
        start,
        encoded(start, plan.examples, options, tell),
        encoded(start, plan.held_out, options, tell) if plan.held_out else [],
        folder=folder,
        options=options,
        callbacks=[keeper],
        examine=examine,
    )
    _train(trainer, last, interruption, tell)
    return by_the_first(lambda: _finish(plan, settings, start, trainer, snapshots, updates, tell))


def _finish(  # noqa: PLR0913, PLR0917 - one value for each thing a run is made of
    plan: Plan,
    settings: Settings,
    start: Start,
    trainer: PromptTrainer,
    snapshots: Snapshots,
    updates: Updates,
    tell: Tell,
) -> FinetuneResult:
    """Choose the weights, save the model and its README, and drop the checkpoints."""
    options = settings.options
    measured: dict[str, Any] = {}
    if options.average_epochs:
        tell(_averaged(trainer, snapshots))
    elif options.select != "last" and plan.held_out:
        measured = _choose_best(trainer, start, snapshots, updates, plan.out, options, tell)
    if plan.held_out and not measured:
        measured = trainer.measure(trainer.eval_dataset, "valid")
    save(trainer.model, start, plan.out, dtype=options.save_dtype)
    shutil.rmtree(plan.out / CHECKPOINTS, ignore_errors=True)
    result = FinetuneResult(
        folder=plan.out,
        tasks=tuple(start.card.tasks),
        examples=len(plan.examples),
        steps=trainer.state.global_step,
        train_loss=updates.mean_loss(),
        valid_loss=measured.get("valid_loss"),
        figures=tuple(
            (name.removeprefix("valid_"), value) for name, value in measured.items() if " " in name
        ),
    )
    write_readme(result, settings, updates.rows)
    return result


def settled(plan: Plan, positions: int, tell: Tell) -> tuple[Plan, Settings]:
    """A plan with the variants of its examples, and the settings of the run.

    Raises:
        InputError: An option cannot be used with these tasks or data.
    """
    options = Options.read(
        plan.given, recipe_for(plan.recipe, list(plan.tasks), positions=positions)
    )
    plan = replace(plan, examples=vary(plan.examples, options, tell))
    settings = Settings(
        tasks={name: task.fingerprint for name, task in plan.tasks.items()},
        model=str(plan.model),
        recipe=plan.recipe,
        options=options.resolved(examples=len(plan.examples), bfloat16=has_bfloat16()),
        train=plan.train,
        valid=plan.valid,
        versions=versions(),
    )
    return plan, settings


def _last_checkpoint(plan: Plan, settings: Settings, tell: Tell) -> str | None:
    folder = plan.out / CHECKPOINTS
    last = get_last_checkpoint(str(folder)) if plan.resume and folder.is_dir() else None
    if last:
        settings.check(plan.out)
        tell(f"the run continues from {last}")
    elif plan.resume:
        tell(f"{folder} has no checkpoint: the run starts")
    return last


def encoded(
    start: Start, examples: Sequence[Example], options: Options, tell: Tell
) -> list[Encoded]:
    """Encode all examples for a start, and tell how many lose the end of their source.

    Raises:
        InputError: An example cannot be used, or none fits.
    """
    found = encode_all(
        examples,
        Tokens(start.tokenizer),
        start.card.tasks,
        positions=start.model.config.max_position_embeddings - options.shift,
        options=options,
    )
    if cut := sum(each.source_cut for each in found):
        lose = "is too long and loses its" if cut == 1 else "are too long and lose their"
        tell(f"{cut:,} of {counted(len(examples), 'source')} {lose} end")
    return found


def _train(
    trainer: PromptTrainer, last: str | None, interruption: Interruption, tell: Tell
) -> None:
    folder = Path(trainer.args.output_dir)
    rows = trainer.train_dataset.rows
    updates = -(-len(rows) // trainer.args.gradient_accumulation_steps)
    tell(
        f"{counted(sum(map(len, rows)), 'example')} in {counted(len(rows), 'batch', 'batches')}, "
        f"{counted(updates, 'update')} an epoch"
    )
    try:
        with interruption.watching(tell):
            trainer.train(resume_from_checkpoint=last)
    except KeyboardInterrupt as error:
        kept = get_last_checkpoint(str(folder)) if folder.is_dir() else None
        rest = f"continue from {kept} with --resume" if kept else "there is no checkpoint yet"
        raise TrainingInterrupted(f"interrupted: {rest}", interruption.signal) from error
    state = trainer.state
    if interruption.signal is not None and state.global_step < state.max_steps:
        raise TrainingInterrupted(
            f"interrupted after update {state.global_step} of {state.max_steps}; a checkpoint is "
            f"in {folder}: continue with the same command and --resume",
            interruption.signal,
        )


def _choose_best(  # noqa: PLR0913, PLR0917 - one value for each thing a run is made of
    trainer: PromptTrainer,
    start: Start,
    snapshots: Snapshots,
    updates: Updates,
    out: Path,
    options: Options,
    tell: Tell,
) -> dict[str, Any]:
    """Give the model its best weights; if they are not the last ones, save those beside it.

    Returns:
        What was measured of the best weights.
    """
    rows = updates.measurements()
    measured = rows[best_first(rows, options)[0]]
    best, steps = measured["step"], trainer.state.global_step
    if best < steps:
        save(trainer.model, start, out / LAST, dtype=options.save_dtype)
        tell(f"the last weights are in {out / LAST}")
    snapshots.load_best(trainer.model)
    tell(f"the saved weights are those after update {best} of {steps}, the best")
    return measured


def _averaged(trainer: PromptTrainer, snapshots: Snapshots) -> str:
    count = snapshots.load_mean(trainer.model)
    if not count:
        return "no epoch was completed: the last weights are saved, not an average"
    return f"the saved weights are the mean of the last {counted(count, 'epoch')}"
