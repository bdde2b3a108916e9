"""`convert_to_ctranslate2`: any model in, a folder for CTranslate2 out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.checkpoints.locate import converted
from biogpt_plugins.conversion.convert import Conversion, beside, convert
from biogpt_plugins.conversion.source import is_fairseq
from biogpt_plugins.values.errors import InputError, ModelError


def convert_to_ctranslate2(
    src: str | Path,
    out: str | Path,
    *,
    dtype: Literal["int8", "float32"] = "int8",
    **options: Any,  # noqa: ANN401 - those of `convert`
) -> Conversion:
    """Turn a model into a folder for CTranslate2, which keeps its tokenizer and its card.

    Args:
        src: A model as `biogpt_plugins.load` takes it, or a checkpoint as `convert` does.
        out: The folder to make; it appears when it is complete.
        dtype: What the weights are stored in. "int8" rounds them, "float32" keeps them as they
            are; the latter can be loaded as either.
        options: Those of `convert`, for a checkpoint: `dictionary`, `bpecodes` and the like.

    Raises:
        InputError: An argument is out of range, or `out` is taken.
        ModelError: The model cannot be found or read; its weights must not be pickled.
        MissingExtraError: CTranslate2 is not installed.
    """
    from biogpt_plugins.engines.ctranslate2_folder import write_folder  # noqa: PLC0415 - an extra

    if dtype not in ("int8", "float32"):
        raise InputError(f"dtype = {dtype!r} must be 'int8' or 'float32' (--dtype)")
    options = {name: value for name, value in options.items() if value}
    with beside(Path(out)) as (workspace, folder):
        if is_fairseq(src):
            made = convert(src, workspace / "transformers", **options)
        elif options:
            raise InputError(
                f"{' and '.join(options)} go with fairseq checkpoints alone, and {str(src)!r} is "
                "none: leave them out"
            )
        else:
            found = locate(src, allow_pickle=True)  # which is refused below, with the remedy
            if converted(found):
                raise ModelError(f"{str(src)!r} is for CTranslate2 already: use it as it is")
            card = read_card(found, str(src))
            weights = tuple(sorted(file.name for file in found.glob("*.safetensors")))
            made = Conversion(found, next(iter(card.tasks), None), card, weights)
        write_folder(made.folder, folder, name=str(src), int8=dtype == "int8")
    return replace(made, folder=Path(out))
