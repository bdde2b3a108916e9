"""Chooses the device and dtype of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from biogpt_plugins.checkpoints.folders import read_config
from biogpt_plugins.values.errors import DeviceError

_DTYPES = {
    "float32": torch.float32,
    "fp32": torch.float32,
    "bfloat16": torch.bfloat16,
    "bf16": torch.bfloat16,
    "float16": torch.float16,
    "fp16": torch.float16,
}
_SMALL = 50_000_000


def available() -> list[str]:
    """Names of the devices of this machine, best first."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [*cuda, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def pick_devices(
    device: str | torch.device | None = None, here: Sequence[str] | None = None
) -> tuple[torch.device, ...]:
    """The devices of a name: one device, several separated by commas, or "all" CUDA devices.

    Args:
        device: The name; None for the best device.
        here: The devices to choose from, best first; None for torch's.

    Raises:
        DeviceError: A device is not available on this machine.
    """
    here = here or available()
    if device == "all":
        cuda = [pick_device(name, here) for name in here if name.startswith("cuda")]
        return tuple(cuda) or (pick_device(None, here),)
    names = device.split(",") if isinstance(device, str) else [device]
    return tuple(
        pick_device(name.strip() if isinstance(name, str) else name, here) for name in names
    )


def pick_device(
    device: str | torch.device | None = None, here: Sequence[str] | None = None
) -> torch.device:
    """The named device, or the best one; "cuda" is the current CUDA device.

    Raises:
        DeviceError: The device is not available on this machine.
    """
    here = here or available()
    name = here[0] if device is None else str(device).lower()
    if name == "cuda" and torch.cuda.is_available():
        name = f"cuda:{torch.cuda.current_device()}"
    name = name.removesuffix(":0") if name.startswith(("cpu", "mps")) else name
    if name not in here:
        raise DeviceError(
            f"device {str(device)!r} is not available on this machine; available: {', '.join(here)}"
        )
    return torch.device(name)


def pick_dtype(
    dtype: str | torch.dtype | None, device: torch.device, folder: Path, name: str
) -> torch.dtype:
    """The named dtype, or the fastest one without loss of quality on this device.

    Raises:
        DeviceError: The dtype is unknown.
    """
    if dtype is None:
        return _default(device, folder, name)
    known = dtype if isinstance(dtype, torch.dtype) else _DTYPES.get(dtype.lower())
    if known is None or known not in _DTYPES.values():
        raise DeviceError(f"dtype {str(dtype)!r} is unknown: use float32, bfloat16 or float16")
    return known


def pick_attention(device: torch.device, dtype: torch.dtype) -> str:
    """The fastest implementation of masked attention in transformers."""
    return "sdpa" if device.type != "cpu" or fused_attention(dtype) else "eager"


def fused_attention(dtype: torch.dtype) -> bool:
    """Whether torch's fused attention for CPUs is fast on numbers of this dtype.

    In bfloat16 without matrix units (AMX) it (2.13) runs at a quarter of the speed of two plain
    matrix products, both for one token of many rows and for a prompt.
    """
    return dtype == torch.float32 or (dtype == torch.bfloat16 and _units().get("amx_bf16", False))


def _default(device: torch.device, folder: Path, name: str) -> torch.dtype:
    if device.type == "cuda":
        with torch.cuda.device(device):
            real = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if real else torch.float16
    # A small model is fast on any CPU, and in float32 its results are the same on all of them.
    if device.type == "cpu" and not is_small(folder, name) and _cpu_bf16():
        return torch.bfloat16
    return torch.float32


def is_small(folder: Path, name: str) -> bool:
    """Whether a model is small enough for a single core."""
    config = read_config(folder, name)

    def number(key: str) -> int:
        value = config.get(key, 0)
        return value if isinstance(value, int) else 0

    width = number("hidden_size")
    layer = 4 * width * width + 2 * width * number("intermediate_size")
    return width * number("vocab_size") + number("num_hidden_layers") * layer < _SMALL


def _cpu_bf16() -> bool:
    units = _units()
    return any(units.get(unit) for unit in ("amx_bf16", "avx512_bf16", "bf16"))


def _units() -> Mapping[str, bool]:
    # Older releases of torch lack this function.
    read: Callable[[], Mapping[str, bool]] = getattr(torch.cpu, "get_capabilities", dict)
    return read()
