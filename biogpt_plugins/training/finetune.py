"""`finetune`: from solved inputs to a checkpoint that knows its tasks and layouts."""

from __future__ import annotations

import importlib.util
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from biogpt_plugins.tasks import get_task
from biogpt_plugins.training.estimate import Estimate
from biogpt_plugins.training.examples import read_examples
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.origin import taught
from biogpt_plugins.training.plan import CHECKPOINTS, LAST, FinetuneResult, Plan
from biogpt_plugins.training.processes import is_first
from biogpt_plugins.training.recipes import Recipe, recipe_for
from biogpt_plugins.training.record import digests
from biogpt_plugins.values.errors import InputError, MissingExtraError


def _silent(_: str) -> None:
    pass


def finetune(  # noqa: PLR0913 - the command's own arguments
    tasks: str | Sequence[str],
    *,
    train: str | Path | Sequence[str | Path],
    valid: str | Path | None = None,
    model: str | Path = "microsoft/biogpt",
    out: str | Path,
    recipe: Recipe = "default",
    resume: bool = False,
    overwrite: bool = False,
    tell: Callable[[str], None] = _silent,
    **options: Any,  # noqa: ANN401 - checked by Options
) -> FinetuneResult:
    """Train a BioGPT for one or more tasks in the official layout with learned prompt tokens.

    Args:
        tasks: Task names, as a list or separated by commas. Tasks that the model already knows
            keep their learned tokens; new tasks get their own tokens after the vocabulary.
        train: One or more files of training data: JSONL with "task", input fields and "gold", or
            an annotated corpus in a format of `biogpt_plugins.corpus.gold`.
        valid: Data to measure the loss and the task's metric on while training.
        model: A folder, a hub id, a bundled model, "fresh" for a small new model with its own
            vocabulary, or the config.json of a BioGPT to build a new model from.
        out: The folder to write. `training.json` has the settings and `training.jsonl` every
            update; checkpoints to resume from are in `out`/checkpoints until the run ends.
        recipe: "default", or "official" for the published recipe of the task; `options` override
            its settings.
        resume: Continue from the last checkpoint, if there is one; data and options must be the
            same as in the interrupted run.
        overwrite: Start again in a folder that contains a finished or an interrupted run.
        tell: Called with a line about each thing done: the settings, what is cut, what is saved.
        **options: As in Options.

    Raises:
        InputError: An option, a task or the data is invalid, or `out` contains another run.
        ModelError: The model cannot be found or is not a BioGPT.
        MissingExtraError: A training library is not installed.
        TrainingInterrupted: Ctrl-C or SIGTERM stopped the run; a checkpoint is kept.
    """
    if not is_first():
        tell = _silent
        warnings.simplefilter("ignore")
    plan = _plan(tasks, train, valid, model, recipe, options, tell, out=Path(out), resume=resume)
    if is_first():
        _prepare(plan.out, resume=resume, overwrite=overwrite)

    from biogpt_plugins.training.session import train_model  # noqa: PLC0415 - it loads torch

    return train_model(plan, tell)


def estimate(  # noqa: PLR0913 - the command's own arguments
    tasks: str | Sequence[str],
    *,
    train: str | Path | Sequence[str | Path],
    valid: str | Path | None = None,
    model: str | Path = "microsoft/biogpt",
    recipe: Recipe = "default",
    tell: Callable[[str], None] = _silent,
    **options: Any,  # noqa: ANN401 - checked by Options
) -> Estimate:
    """Estimate what `finetune` will take, and check all data; nothing is written.

    If the model's weights are at hand, a few updates are made to measure the time. If they are not,
    the sizes of a published model are known, and a config.json gives those of any other; the
    weights are not allocated.

    Args:
        tasks: As in `finetune`, and so are the others.
        train: Training data.
        valid: Validation data.
        model: The model to start from.
        recipe: The recipe.
        tell: Called with a line about the settings and about what is cut.
        **options: As in Options.

    Raises:
        InputError: An option, a task or the data is invalid.
        ModelError: The model is not a BioGPT, or is neither at hand nor a published one.
        MissingExtraError: A training library is not installed.
    """
    plan = _plan(tasks, train, valid, model, recipe, options, tell)

    from biogpt_plugins.training.dry_run import dry_run  # noqa: PLC0415 - it loads torch

    return dry_run(plan, tell)


def _plan(  # noqa: PLR0913, PLR0917 - the command's own arguments
    tasks: str | Sequence[str],
    train: str | Path | Sequence[str | Path],
    valid: str | Path | None,
    model: str | Path,
    recipe: Recipe,
    options: Mapping[str, Any],
    tell: Callable[[str], None],
    *,
    out: Path = Path(),
    resume: bool = False,
) -> Plan:
    """Check what is asked for, and read the data."""
    settings = Options.read(options)
    given = tasks.split(",") if isinstance(tasks, str) else tasks
    names = [get_task(name.strip()).name for name in given]
    recipe_for(recipe, names)
    files = [train] if isinstance(train, str | Path) else list(train)
    need_libraries(settings)
    known = taught(names, model, settings.nothing)
    learned = list(known.values())
    return Plan(
        tasks=known,
        model=model,
        recipe=recipe,
        given=options,
        examples=[example for file in files for example in read_examples(file, learned, tell)],
        held_out=read_examples(valid, learned, tell) if valid else [],
        held_out_file=Path(valid) if valid else None,
        train=digests([*files, *_names_file(settings)]),
        valid=digests([valid] if valid else []),
        out=out,
        resume=resume,
    )


def _names_file(options: Options) -> list[str]:
    path = options.swap_names
    if path and not Path(path).is_file():
        raise InputError(f"the file of swap_names, {path!r}, does not exist: check the path")
    return [path] if path else []


def _prepare(out: Path, *, resume: bool, overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"cannot write the model to {str(out)!r}: it is a file; name a folder")
    if resume and overwrite:
        raise InputError("--resume continues a run and --overwrite starts again: choose one")
    finished = (out / "config.json").exists()
    interrupted = any(out.glob(f"{CHECKPOINTS}/checkpoint-*"))
    if overwrite:
        for old in (CHECKPOINTS, LAST):
            shutil.rmtree(out / old, ignore_errors=True)
    elif interrupted and not resume:
        raise InputError(
            f"{str(out)!r} contains an interrupted run: resume it (--resume), start again "
            "(--overwrite), or name another folder"
        )
    elif finished and not interrupted:
        raise InputError(
            f"{str(out)!r} contains a finished model: start again (--overwrite), or name another "
            "folder"
        )
    out.mkdir(parents=True, exist_ok=True)


def need_libraries(options: Options) -> None:
    """Check that what the options need is installed.

    Raises:
        MissingExtraError: It is not.
    """
    needs = [("fine-tuning", "accelerate"), ("fine-tuning", "tokenizers")]
    if options.weights != "full":
        needs.append((f"weights {options.weights!r}", "peft"))
    if options.weights == "qlora":
        needs.append(("weights 'qlora'", "bitsandbytes"))
    if options.optimizer == "adamw_8bit":
        needs.append(("optimizer 'adamw_8bit'", "bitsandbytes"))
    for what, name in needs:
        if importlib.util.find_spec(name) is None:
            extra = "quantized" if name == "bitsandbytes" else "finetune"
            raise MissingExtraError.of(f"{what} needs {name}", extra)
