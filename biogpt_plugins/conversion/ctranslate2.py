"""`convert_to_ctranslate2`: from any model to a folder for CTranslate2."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from biogpt_plugins.checkpoints import locate
from biogpt_plugins.checkpoints.adapter import is_adapter
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.checkpoints.folders import converted
from biogpt_plugins.conversion.convert import Conversion, beside, check_unused, convert
from biogpt_plugins.conversion.source import is_fairseq
from biogpt_plugins.values.errors import InputError, ModelError


def convert_to_ctranslate2(
    src: str | Path,
    out: str | Path,
    *,
    dtype: Literal["int8", "float32"] = "int8",
    **options: Any,  # noqa: ANN401 - those of `convert`
) -> Conversion:
    """Convert a model into a folder for CTranslate2; its tokenizer and card are kept.

    Args:
        src: A model as in `biogpt_plugins.load`, or a checkpoint as in `convert`.
        out: The folder to write; it appears only when it is complete.
        dtype: The dtype to store the weights in. "int8" rounds them, "float32" keeps them
            unchanged and can be loaded as either.
        options: Options of `convert` for a checkpoint, such as `dictionary` and `bpecodes`.

    Raises:
        InputError: An argument is out of range, or `out` exists and is not empty.
        ModelError: The model cannot be found or read, or has only pickled weights.
        MissingExtraError: CTranslate2 is not installed.
    """
    from biogpt_plugins.engines.ctranslate2_folder import write_folder  # noqa: PLC0415 - an extra

    if dtype not in ("int8", "float32"):
        raise InputError(f"dtype (--dtype) must be 'int8' or 'float32', not {dtype!r}")
    options = {name: value for name, value in options.items() if value}
    with beside(Path(out)) as (workspace, folder):
        if is_fairseq(src) or is_adapter(Path(src).expanduser()):
            conversion = convert(src, workspace / "transformers", **options)
        else:
            check_unused(src, options)
            source = locate(src, allow_pickle=True)  # write_folder refuses pickles with a remedy
            if converted(source):
                raise ModelError(
                    f"{str(src)!r} is already converted for CTranslate2: use it as it is"
                )
            card = read_card(source, str(src))
            weights = tuple(sorted(file.name for file in source.glob("*.safetensors")))
            conversion = Conversion(source, next(iter(card.tasks), None), card, weights)
        write_folder(conversion.folder, folder, name=str(src), int8=dtype == "int8")
    return replace(conversion, folder=Path(out))
