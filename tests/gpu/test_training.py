"""On a CUDA device: training at the sizes of BioGPT and BioGPT-Large, from random weights.

Off unless asked for: `pytest tests/gpu -m gpu -s` prints tokens a second, and memory
beside the estimate.
"""

import time
from importlib.util import find_spec

import pytest
import torch
from transformers import BioGptConfig, BioGptForCausalLM, set_seed
from transformers.initialization import no_init_weights

from biogpt_plugins.checkpoints.card import ModelCard
from biogpt_plugins.checkpoints.locate import locate
from biogpt_plugins.training import memory
from biogpt_plugins.training.encoding import Encoded
from biogpt_plugins.training.options import Options
from biogpt_plugins.training.start import PUBLISHED, Start
from biogpt_plugins.training.trainer import make_trainer

pytestmark = pytest.mark.gpu

ROWS = [
    # model, options, tokens of a batch
    ("microsoft/biogpt", {"loss": "all"}, 8192),
    ("microsoft/biogpt", {"gradient_checkpointing": True}, 8192),
    ("microsoft/BioGPT-Large", {"weights": "lora"}, 2048),
    (
        "microsoft/BioGPT-Large",
        {"optimizer": "adamw_8bit", "gradient_checkpointing": True, "loss": "all"},
        2048,
    ),
]
# Dense products in bfloat16, TFLOP/s, by NVIDIA's data sheets.
PEAKS = {"A100": 312, "H100": 989, "H200": 989}


@pytest.mark.parametrize(("name", "options", "tokens"), ROWS)
@pytest.mark.filterwarnings("ignore")
def test_throughput_and_memory(name, options, tokens, tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device at hand")
    if "adamw_8bit" in options.values() and not find_spec("bitsandbytes"):
        pytest.skip("NO TEST of 8-bit Adam: pip install bitsandbytes")
    from transformers import BioGptTokenizer

    length = 512
    batch = tokens // length
    settings = Options(
        tokens_per_batch=tokens + batch,  # the last token of a row counts, and is not read
        dtype="bfloat16",
        learning_rate=1e-5,
        epochs=1,
        **options,
    )
    set_seed(0)
    config = BioGptConfig(**PUBLISHED[name])
    with torch.device("cuda"), no_init_weights():
        model = BioGptForCausalLM(config)
    model.tie_weights()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.02)
    tokenizer = BioGptTokenizer.from_pretrained(locate("demo"))
    data = [
        Encoded(torch.randint(4, 9000, (450,)).tolist(), [7] * (length - 449), 0)
        for _ in range(13 * batch)
    ]
    trainer = make_trainer(
        Start(model, tokenizer, ModelCard()), data, [], folder=tmp_path, options=settings
    )
    trainer.args.save_strategy = "no"
    assert {len(rows) for rows in trainer.train_dataset.rows} == {batch}
    torch.cuda.reset_peak_memory_stats()
    times = []
    step = trainer.training_step

    def timed(*args, **kwargs):
        torch.cuda.synchronize()
        times.append(time.perf_counter())
        return step(*args, **kwargs)

    trainer.training_step = timed
    trainer.train()
    rate = tokens * 10 / (times[-1] - times[-11])
    peak = torch.cuda.max_memory_allocated()
    wanted = tokens if settings.loss == "all" else batch * (length - 449)
    expected = memory.memory(config, settings, tokens=tokens, wanted=wanted, rows=0).total
    flops = 6 * memory.parameters(config) * rate / 1e12
    print(  # noqa: T201 - the figures are what it is for
        f"\n{name} {options}: {rate:,.0f} tokens a second, {flops:.0f} TFLOP/s (6 N a token), "
        f"peak {peak / 1e9:.1f} GB, estimate {expected / 1e9:.1f} GB"
    )
    assert peak == pytest.approx(expected, rel=0.2)
    card = torch.cuda.get_device_name()
    limit = next((most for part, most in PEAKS.items() if part in card), None)
    if limit and options == {"loss": "all"}:
        assert flops > 0.4 * limit, card
