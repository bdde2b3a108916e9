"""On a CUDA device: captured steps write what plain ones write, and what a CPU writes.

Off unless asked for: `pytest tests/gpu -m gpu`.
"""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import tiny
import torch
from local_ray import local_ray
from transformers import BioGptForCausalLM, BioGptTokenizer

from biogpt_plugins import Spec
from biogpt_plugins.corpus.run import run
from biogpt_plugins.engine import Decoding
from biogpt_plugins.engines.transformers_engine import TransformersEngine

pytestmark = pytest.mark.gpu

PROMPTS = [" ".join(tiny.WORDS[i : i + 2 + i % 7]) for i in range(36)]
SHORT = Decoding(max_new_tokens=20)


@pytest.fixture(scope="module")
def engines(tiny_biogpt):
    """The tiny model on the CPU and on CUDA, in float32."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device at hand")
    tokenizer = BioGptTokenizer.from_pretrained(tiny_biogpt)
    return [
        TransformersEngine(
            BioGptForCausalLM.from_pretrained(tiny_biogpt, dtype=torch.float32).to(device),
            tokenizer,
            model_name="tiny",
        )
        for device in ("cpu", "cuda")
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 36])
def test_greedy_texts_are_those_of_a_cpu(engines, count):
    cpu, cuda = engines
    for _ in range(2):  # the second time the captured steps are there already
        assert cuda.complete(PROMPTS[:count], SHORT) == cpu.complete(PROMPTS[:count], SHORT)


def test_steps_need_not_be_captured(engines, tiny_biogpt):
    cpu, cuda = engines
    model = BioGptForCausalLM.from_pretrained(tiny_biogpt, dtype=torch.float32).to("cuda")
    plain = TransformersEngine(model, cuda.tokenizer, model_name="tiny", graphs=False)
    assert plain.complete(PROMPTS, SHORT) == cpu.complete(PROMPTS, SHORT)
    plain.close()


def test_choices_are_those_of_a_cpu(engines):
    found = [engine.choose(PROMPTS, ["yes", "no", "maybe"]) for engine in engines]
    for one, other in zip(*found, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)


def test_rows_come_and_go(engines):
    cpu, cuda = engines
    sampled = Decoding(max_new_tokens=60, temperature=2.0, seed=3)
    expected = cpu.complete(PROMPTS, SHORT)
    with ThreadPoolExecutor(8) as pool:
        others = [pool.submit(cuda.complete, PROMPTS[i : i + 3], sampled) for i in range(0, 36, 3)]
        assert cuda.complete(PROMPTS, SHORT) == expected
        assert all(c.error is None for other in others for c in other.result())


def test_half_precision_runs(tiny_biogpt):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device at hand")
    model = BioGptForCausalLM.from_pretrained(tiny_biogpt, dtype=torch.bfloat16).to("cuda")
    tokenizer = BioGptTokenizer.from_pretrained(tiny_biogpt)
    engine = TransformersEngine(model, tokenizer, model_name="tiny", batch_size=200)
    assert all(c.error is None for c in engine.complete(PROMPTS * 5, SHORT))


@pytest.mark.enable_socket
@pytest.mark.filterwarnings("ignore")
def test_each_worker_of_a_cluster_has_a_gpu(tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device at hand")
    cluster = pytest.importorskip("ray_biogpt").Cluster(Spec(task="bc5cdr"))
    papers = tmp_path / "papers.txt"
    papers.write_text("Tremor in a patient on lithium. Lithium caused tremor.")
    with local_ray():
        assert cluster.each() == (1, 1, torch.cuda.device_count())
        run(cluster, [papers], tmp_path / "run")
    told = json.loads((tmp_path / "run/run.json").read_text())
    assert told["starts"][0]["device"].startswith("cuda")
