"""`finetune`: from solved inputs to a checkpoint that knows its tasks and layouts."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biogpt_plugins.tasks import get_task
from biogpt_plugins.training.examples import read_examples
from biogpt_plugins.training.options import Options
from biogpt_plugins.values.errors import InputError, MissingExtraError

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class FinetuneResult:
    """The result of a training run.

    Attributes:
        folder: The checkpoint; `biogpt_plugins.load(str(folder), task=...)` loads it.
        tasks: The tasks it knows.
        examples: Number of training examples.
        steps: Optimizer steps, including those before a resume.
        train_loss: Mean loss over this run, including the weighted loss on the source.
        valid_loss: Mean loss per target token on the validation data; None without data.
    """

    folder: Path
    tasks: tuple[str, ...]
    examples: int
    steps: int
    train_loss: float
    valid_loss: float | None = None


def finetune(  # noqa: PLR0913 - the command's own arguments
    tasks: str | Sequence[str],
    *,
    train: str | Path | Sequence[str | Path],
    valid: str | Path | None = None,
    model: str | Path = "microsoft/biogpt",
    out: str | Path,
    resume: bool = False,
    **options: Any,  # noqa: ANN401 - checked by Options
) -> FinetuneResult:
    """Train a BioGPT for one or more tasks in the official layout with learned prompt tokens.

    Args:
        tasks: Task names, as a list or separated by commas. Tasks that the model already knows
            keep their learned tokens; new tasks get their own tokens after the vocabulary.
        train: One or more files of training data: JSONL with "task", input fields and "gold", or
            an annotated corpus in a format of `biogpt_plugins.corpus.gold`.
        valid: Data to measure the loss on while training.
        model: A folder, a hub id, a bundled model, "fresh" for a small new model with its own
            vocabulary, or the config.json of a BioGPT to build a new model from.
        out: The folder to write; checkpoints to resume from are in `out`/checkpoints until the
            run ends.
        resume: Continue from the last checkpoint, if there is one; data and options must be the
            same as in the interrupted run.
        **options: As in Options.

    Raises:
        InputError: An option, a task or the data is invalid.
        ModelError: The model cannot be found or is not a BioGPT.
        MissingExtraError: A training library is not installed.
    """
    settings = Options.read(options)
    given = tasks.split(",") if isinstance(tasks, str) else tasks
    names = [get_task(name.strip()).name for name in given]
    files = [train] if isinstance(train, str | Path) else list(train)
    examples = [example for file in files for example in read_examples(file, names)]
    held_out = read_examples(valid, names) if valid else []
    out = _prepare(Path(out), resume=resume)
    _need_libraries(lora=settings.weights == "lora")

    # These imports load torch.
    from transformers import set_seed  # noqa: PLC0415
    from transformers.trainer_utils import get_last_checkpoint  # noqa: PLC0415

    from biogpt_plugins.training.save import save  # noqa: PLC0415
    from biogpt_plugins.training.start import start_from  # noqa: PLC0415
    from biogpt_plugins.training.trainer import make_trainer  # noqa: PLC0415

    set_seed(settings.seed)
    start = start_from(model, names, examples, out=out, options=settings)
    folder = out / CHECKPOINTS
    trainer = make_trainer(start, examples, held_out, folder=folder, options=settings)
    last = get_last_checkpoint(str(folder)) if resume and folder.is_dir() else None
    progress = trainer.train(resume_from_checkpoint=last)
    metrics = trainer.evaluate() if held_out else {}
    save(trainer.model, start, out, dtype=settings.save_dtype)
    shutil.rmtree(folder, ignore_errors=True)
    return FinetuneResult(
        folder=out,
        tasks=tuple(start.card.tasks),
        examples=len(examples),
        steps=trainer.state.global_step,
        train_loss=float(progress.training_loss),
        valid_loss=metrics.get("eval_loss"),
    )


def _prepare(out: Path, *, resume: bool) -> Path:
    if out.exists() and not out.is_dir():
        raise InputError(f"cannot write the model to {str(out)!r}: it is a file; name a folder")
    if not resume and any(out.glob(f"{CHECKPOINTS}/checkpoint-*")):
        raise InputError(
            f"{str(out)!r} contains an interrupted run: resume it (--resume), or name "
            "another folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    return out


def _need_libraries(*, lora: bool) -> None:
    for name in ("accelerate", "tokenizers", *(["peft"] if lora else [])):
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError(
                f"fine-tuning needs {name}: pip install 'biogpt-plugins[finetune]'"
            )
