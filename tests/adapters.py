"""Adapters of a tiny BioGPT, written by hand as peft writes them."""

import json
from pathlib import Path

RANK, ALPHA = 2, 4
TARGETS = ("q_proj", "v_proj")


def write(folder: Path, base: object, *, width: int = 32, layers: int = 2, **told: object) -> Path:
    """Write a LoRA adapter of `base` to `folder`; `told` changes its adapter_config.json."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": str(base),
        "r": RANK,
        "lora_alpha": ALPHA,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(TARGETS),
        "inference_mode": True,
        "revision": None,
        **told,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    random = torch.Generator().manual_seed(1)
    save_file(
        {
            name: torch.randn(shape, generator=random)
            for layer in range(layers)
            for target in TARGETS
            for name, shape in (
                (f"{_place(layer, target)}.lora_A.weight", (RANK, width)),
                (f"{_place(layer, target)}.lora_B.weight", (width, RANK)),
            )
        },
        folder / "adapter_model.safetensors",
        metadata={"format": "pt"},
    )
    return folder


def _place(layer: int, target: str) -> str:
    return f"base_model.model.biogpt.layers.{layer}.self_attn.{target}"
