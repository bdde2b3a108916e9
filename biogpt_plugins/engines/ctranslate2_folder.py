"""Writes and opens folders for CTranslate2, which has no converter for BioGPT.

A folder has all files of the model except its weights, and its config.json also serves
transformers. Only `model.bin` and `vocabulary.json` are CTranslate2's own.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import BioGptConfig, BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins.checkpoints.calibration import CALIBRATION_FILE
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.checkpoints.folders import CONVERTED, converted, read_config
from biogpt_plugins.engines.devices import is_small
from biogpt_plugins.engines.settings import read_settings
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import DeviceError, MissingExtraError, ModelError

try:
    import ctranslate2
    from ctranslate2.specs import Activation, TransformerDecoderModelSpec
except ImportError as missing:
    raise MissingExtraError.of(
        'the engine "ctranslate2" is not installed', "ctranslate2"
    ) from missing

INT8, FLOAT32 = "int8", "float32"
VERSION: str = ctranslate2.__version__
_KEPT = (
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
    CALIBRATION_FILE,
)
_SHORT = {"fp32": FLOAT32, "fp16": "float16", "bf16": "bfloat16"}
_PADDING = 2  # rows before the first position
_ACTIVATIONS = {
    "gelu": Activation.GELU,
    "gelu_new": Activation.GELUTanh,
    "relu": Activation.RELU,
    "silu": Activation.SWISH,
    "swish": Activation.SWISH,
}
_README = """\
# {name}, for CTranslate2

Made by `biogpt convert --to ctranslate2`: {weights} weights, CTranslate2 {version}.
Load it with `biogpt_plugins.load(FOLDER)`.

`ctranslate2.Generator` loads it, too. Its tokens are those of BioGptTokenizer; a prompt begins with
`</s>`, and learned tokens are written by name. transformers cannot load it.
"""


def write_folder(folder: Path, out: Path, *, name: str, int8: bool) -> None:
    """Convert a transformers model for CTranslate2.

    Weights are mapped from their files and converted one by one; pickled weights are refused.

    Args:
        folder: The model.
        out: The empty folder to write to.
        name: The model's name as the user gave it.
        int8: Round the weights to eight bits, row by row, as CTranslate2 does; otherwise store them
            unchanged.

    Raises:
        ModelError: There are no safetensors, they do not match the config, or CTranslate2 does not
            support the network.
    """
    config = read_settings(folder)
    weights = _Weights(folder, config, name)
    spec = _fill(weights, config, int8=int8)
    tokenizer = BioGptTokenizer.from_pretrained(folder, local_files_only=True)
    names = {token: piece for piece, token in tokenizer.get_vocab().items()}
    # A model may have more embedding rows than its vocabulary has names.
    spec.register_vocabulary([names.get(i, f"<row {i}>") for i in range(config.vocab_size)])
    spec.config.bos_token = spec.config.eos_token = tokenizer.sep_token
    spec.config.unk_token = tokenizer.unk_token
    stored = INT8 if int8 else weights.dtype
    facts = {
        **read_config(folder, name),
        "layer_norm_epsilon": weights.epsilon,
        CONVERTED: {"weights": stored, "version": ctranslate2.__version__},
    }
    for key, value in facts.items():
        spec.config.add_attribute(key, value)
    spec.validate()
    spec.optimize()  # stores tied weights once
    spec.save(str(out))
    for file in _KEPT:
        if (folder / file).is_file():
            shutil.copyfile(folder / file, out / file)
    read_card(folder, name).save(out)
    text = _README.format(name=name, weights=stored, version=ctranslate2.__version__)
    (out / "README.md").write_text(text, encoding="utf-8")


def open_folder(
    folder: Path, devices: Sequence[torch.device], compute_type: str, name: str
) -> list[ctranslate2.Generator]:
    """Load a folder that `write_folder` wrote, on each device.

    Raises:
        ModelError: It cannot be loaded.
    """
    # As many threads as torch, which respects OMP_NUM_THREADS and `set_num_threads`; with a small
    # model, several threads would mostly wait for each other.
    threads = 1 if is_small(folder, name) else torch.get_num_threads()
    try:
        return [
            ctranslate2.Generator(
                str(folder),
                device.type,
                device_index=device.index or 0,
                compute_type=compute_type,
                intra_threads=threads,
            )
            for device in devices
        ]
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"CTranslate2 cannot load {name!r} from {folder}: {type(error).__name__}: {error}"
        ) from error


def available() -> list[str]:
    """Names of the devices that CTranslate2 has here, the best one first."""
    return [*(f"cuda:{index}" for index in range(ctranslate2.get_cuda_device_count())), "cpu"]


def compute_types(device: torch.device) -> list[str]:
    """What CTranslate2 computes in on this device, by name; processors differ in it."""
    return sorted(ctranslate2.get_supported_compute_types(device.type, device.index or 0))


def pick_compute_type(dtype: str | torch.dtype | None, device: torch.device) -> str:
    """The named dtype, or int8 if the device supports it.

    Raises:
        DeviceError: The device does not support the dtype.
    """
    known = compute_types(device)
    if dtype is None:
        return INT8 if INT8 in known else FLOAT32
    given = str(dtype).lower().removeprefix("torch.")
    compute_type = _SHORT.get(given, given)
    if compute_type not in known:
        *others, last = known
        choice = f"{', '.join(others)} or {last}" if others else last
        raise DeviceError(
            f"dtype {str(dtype)!r} cannot be used with CTranslate2 on this machine's {device}; "
            f"choose {choice}"
        )
    return compute_type


def check_stored(folder: Path, compute_type: str, name: str) -> None:
    """Check that the weights of a folder for CTranslate2 are precise enough.

    Raises:
        ModelError: The weights are rounded, and `compute_type` is not int8.
    """
    if converted(folder) == INT8 and not compute_type.startswith(INT8):
        raise ModelError(
            f"the weights of {name!r} were rounded to {INT8} by the conversion, so the model "
            f"cannot compute in {compute_type}: convert it again with --dtype {FLOAT32}, or "
            "leave dtype out"
        )


def vocabulary(folder: Path) -> list[str]:
    """CTranslate2's name of each token, by id."""
    return list(json.loads((folder / "vocabulary.json").read_text(encoding="utf-8")))


class _Weights:
    """The weights of a folder by name, mapped from its safetensors.

    Attributes:
        dtype: The dtype they are stored in.
        epsilon: Epsilon of the layer norms; transformers 5.23 ignores the value in the config.
    """

    def __init__(self, folder: Path, config: BioGptConfig, name: str) -> None:
        try:
            files: list[Any] = [safe_open(f, "pt") for f in sorted(folder.glob("*.safetensors"))]
        except Exception as error:  # safetensors' own error, or the system's
            raise ModelError(f"cannot read the weights of {name!r} in {folder}: {error}") from error
        if not files:
            raise ModelError(
                f"{name!r} has no safetensors, and pickled weights cannot be converted: load "
                "the model with transformers and write it with `save_pretrained`; looked in "
                f"{folder}"
            )
        self._files: dict[str, Any] = {key: file for file in files for key in file.keys()}  # noqa: SIM118
        with torch.device("meta"):
            network = BioGptForCausalLM(config)
        wanted = network.state_dict()
        if config.tie_word_embeddings:
            del wanted["output_projection.weight"]
        unfit = [key for key, value in wanted.items() if self._shape(key) != list(value.shape)]
        unfit += [key for key in self._files if ".layers." in key and key not in wanted]
        if unfit:
            raise ModelError(
                f"the weights of {name!r} do not match its config.json: "
                f"{counted(len(unfit), 'tensor is', 'tensors are')} missing, too many or of "
                f"another shape, for example {unfit[0]}; looked in {folder}"
            )
        self.epsilon = float(network.biogpt.layer_norm.eps)
        self.dtype = str(self["biogpt.layer_norm.weight"].dtype).removeprefix("torch.")

    def __getitem__(self, key: str) -> torch.Tensor:
        tensor: torch.Tensor = self._files[key].get_tensor(key)
        return tensor

    def _shape(self, key: str) -> list[int] | None:
        return self._files[key].get_slice(key).get_shape() if key in self._files else None


def _fill(weights: _Weights, config: BioGptConfig, *, int8: bool) -> TransformerDecoderModelSpec:
    if config.hidden_act not in _ACTIVATIONS:
        raise ModelError(
            f"CTranslate2 does not support the activation {config.hidden_act!r}; it supports "
            f"{', '.join(_ACTIVATIONS)}"
        )
    spec = TransformerDecoderModelSpec.from_config(
        config.num_hidden_layers,
        config.num_attention_heads,
        activation=_ACTIVATIONS[config.hidden_act],
    )

    def table(into: Any, weight: torch.Tensor) -> None:  # noqa: ANN401 - CTranslate2's specs
        into.weight = weight
        if int8:
            wide = weight.float()
            most = wide.abs().amax(1)
            into.weight_scale = 127 / most.where(most > 0, 127)
            into.weight = (wide * into.weight_scale[:, None]).round().to(torch.int8)

    def linear(into: Any, *names: str) -> None:  # noqa: ANN401
        parts = [weights[f"{name}.weight"] for name in names]
        table(into, torch.cat(parts) if len(parts) > 1 else parts[0])
        into.bias = torch.cat([weights[f"{name}.bias"] for name in names])

    def norm(into: Any, name: str) -> None:  # noqa: ANN401
        into.gamma, into.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]

    decoder = spec.decoder
    decoder.scale_embeddings = math.sqrt(config.hidden_size) if config.scale_embedding else 1.0
    table(decoder.embeddings, weights["biogpt.embed_tokens.weight"])
    tied = config.tie_word_embeddings
    table(
        decoder.projection,
        weights["biogpt.embed_tokens.weight" if tied else "output_projection.weight"],
    )
    decoder.position_encodings.encodings = weights["biogpt.embed_positions.weight"][_PADDING:]
    norm(decoder.layer_norm, "biogpt.layer_norm")
    for index, layer in enumerate(decoder.layer):
        own = f"biogpt.layers.{index}"
        into, output = layer.self_attention.linear
        linear(into, *(f"{own}.self_attn.{part}_proj" for part in "qkv"))
        linear(output, f"{own}.self_attn.out_proj")
        norm(layer.self_attention.layer_norm, f"{own}.self_attn_layer_norm")
        linear(layer.ffn.linear_0, f"{own}.fc1")
        linear(layer.ffn.linear_1, f"{own}.fc2")
        norm(layer.ffn.layer_norm, f"{own}.final_layer_norm")
    return spec
