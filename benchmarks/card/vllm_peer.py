"""vLLM, which has no BioGPT of its own, with the network of transformers in its own attention.

Nobody has run this yet: there was no GPU with vLLM at hand. `check` therefore comes first.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from beside.place import Place
from beside.subjects import Subject
from transformers.models.biogpt.modeling_biogpt import BioGptPreTrainedModel

from biogpt_plugins.values.errors import EngineError

_BEST = 20
_SHARE = 0.6  # of the device's memory; the network of transformers is compared with it
_FACTOR, _LEAST = 3.0, 0.05


class VLLM:
    """vLLM on a model's weights, in the dtype that this package takes.

    Attributes:
        name: Its name in tables.
    """

    name = "vLLM, model_impl=transformers"
    ours = False
    exact = False

    def __init__(self, place: Place) -> None:
        """Write the weights to the place's folder, and load them from there.

        Raises:
            ImportError: vLLM is not installed.
        """
        # One process, which the next lines change, and which ends with ours.
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
        import vllm  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - optional

        # transformers has not declared that attention can be put into this model, as it can: it
        # asks ALL_ATTENTION_FUNCTIONS and hands all arguments down, which is what vLLM asks for.
        BioGptPreTrainedModel._supports_attention_backend = True
        self._place, self._sampling = place, vllm.SamplingParams
        network = place.network(place.dtype)
        network.save_pretrained(place.folder)
        self._llm = vllm.LLM(
            model=str(place.folder),
            skip_tokenizer_init=True,
            model_impl="transformers",
            dtype=place.dtype,
            max_model_len=int(network.config.max_position_embeddings),
            gpu_memory_utilization=_SHARE,
            enable_prefix_caching=False,
        )

    def write(self, subjects: Sequence[Subject], new_tokens: int) -> list[str]:
        ids = [one.token_ids for one in self._generate(subjects, max_tokens=new_tokens)]
        return list(self._place.tokenizer.batch_decode(ids, skip_special_tokens=True))

    def check(self, subjects: Sequence[Subject]) -> float:
        """Compare the probabilities of first tokens with those of transformers.

        Returns:
            The largest difference of two logarithms.

        Raises:
            EngineError: They are not the same; see `distance`.
        """
        outputs = self._generate(subjects, max_tokens=1, logprobs=_BEST)
        theirs = [{i: one.logprob for i, one in out.logprobs[0].items()} for out in outputs]
        same, exact = (logprobs(self._place, subjects, dtype) for dtype in (None, "float32"))
        return distance(theirs, same, exact)

    def _generate(self, subjects: Sequence[Subject], **options: Any) -> list[Any]:  # noqa: ANN401
        sampling = self._sampling(temperature=0.0, ignore_eos=True, detokenize=False, **options)
        prompts = [{"prompt_token_ids": subject.ids} for subject in subjects]
        found = self._llm.generate(prompts, sampling, use_tqdm=False)
        return [one.outputs[0] for one in found]


def logprobs(place: Place, subjects: Sequence[Subject], dtype: str | None) -> torch.Tensor:
    """Logarithms of the probabilities of first tokens, by transformers: [subjects, vocabulary]."""
    network = place.network(dtype or place.dtype)
    rows = []
    with torch.inference_mode():
        for subject in subjects:
            ids = torch.tensor([subject.ids], device=network.device)
            logits = network(ids, attention_mask=torch.ones_like(ids), logits_to_keep=1).logits
            rows.append(logits[0, -1].float().log_softmax(-1).cpu())
    return torch.stack(rows)


def distance(
    theirs: Sequence[Mapping[int, float]], same: torch.Tensor, exact: torch.Tensor
) -> float:
    """How far others' logarithms of probabilities are from transformers' in the same dtype.

    They may be three times as far as those are from float32, and 0.05 besides.

    Args:
        theirs: The logarithms of the others, by token, for each prompt.
        same: Those of transformers in the same dtype: [prompts, vocabulary].
        exact: The same in float32.

    Returns:
        The largest difference.

    Raises:
        EngineError: It is too large, so that speeds cannot be compared.
    """
    rows, tokens = zip(*((row, i) for row, told in enumerate(theirs) for i in told), strict=True)
    values = torch.tensor([value for told in theirs for value in told.values()])
    far = float((values - same[rows, tokens]).abs().max())
    noise = float((exact[rows, tokens] - same[rows, tokens]).abs().max())
    most = _FACTOR * noise + _LEAST
    if not far <= most:
        raise EngineError(
            f"log-probabilities are up to {far:.3g} from those of transformers, where its own "
            f"dtypes are {noise:.3g} apart: this is not the same model, or rounded differently"
        )
    return far
