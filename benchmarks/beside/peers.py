"""What one would use instead, each built and called as its own documentation shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from transformers import BioGptForCausalLM, ContinuousBatchingConfig, GenerationConfig
from transformers.generation.continuous_batching.cache import PagedAttentionCache

from beside.place import Place, name_of
from beside.sides import EXACT
from beside.subjects import Subject
from biogpt_plugins.bench.clock import Missing
from biogpt_plugins.values.errors import EngineError

_BATCH = 64
_STEP = 64


@dataclass(frozen=True, eq=False)
class Peer:
    """A side that does not belong to this package.

    Attributes:
        name: Its name in tables.
        network: The model that it runs.
        texts: Continues texts by a number of tokens, and returns the continuations.
        pieces: Continues one text piece by piece; None if it cannot stream.
        llm: The host's component, if the peer is one.
    """

    name: str
    network: BioGptForCausalLM
    texts: Callable[[list[str], int], list[str]]
    pieces: Callable[[str, int], Iterator[str]] | None = None
    llm: Any = None
    ours: bool = False

    @property
    def exact(self) -> bool:
        return name_of(self.network.dtype) == EXACT

    def write(self, subjects: Sequence[Subject], new_tokens: int) -> list[str]:
        return [text.strip() for text in self.texts([s.text for s in subjects], new_tokens)]


def langchain(place: Place) -> Peer:
    """LangChain's HuggingFacePipeline, as its documentation shows it."""
    from langchain_huggingface import HuggingFacePipeline  # noqa: PLC0415 - an extra

    llm = HuggingFacePipeline.from_model_id(
        model_id=str(place.folder),
        task="text-generation",
        device=_number(place.device),
    )
    place.share(llm.pipeline.model)
    return _langchain(llm, "docs")


def langchain_tuned(place: Place, dtype: str, batch_size: int) -> Peer:
    """The same with a dtype and a batch size given by hand."""
    from langchain_huggingface import HuggingFacePipeline  # noqa: PLC0415 - an extra

    pipeline = _pipeline(place, dtype, batch_size=batch_size)
    llm = HuggingFacePipeline(pipeline=pipeline, batch_size=batch_size)
    return _langchain(llm, "tuned")


def _langchain(llm: Any, how: str) -> Peer:  # noqa: ANN401 - a class of an extra
    network = llm.pipeline.model

    def texts(prompts: list[str], new_tokens: int) -> list[str]:
        options = {"max_new_tokens": new_tokens, "do_sample": False}
        found: list[str] = llm.batch(prompts, pipeline_kwargs=options)
        return [text[len(prompt) :] for text, prompt in zip(found, prompts, strict=True)]

    def pieces(prompt: str, new_tokens: int) -> Iterator[str]:
        options = {"max_new_tokens": new_tokens, "do_sample": False}
        yield from llm.stream(prompt, pipeline_kwargs=options)

    name = _name(f"HuggingFacePipeline, {how}", network, llm.batch_size)
    return Peer(name, network, texts, pieces, llm)


def llama_index(place: Place) -> Peer:
    """LlamaIndex's HuggingFaceLLM, which writes one text at a time."""
    from llama_index.llms.huggingface import HuggingFaceLLM  # noqa: PLC0415 - an extra

    network = place.network()
    llm = HuggingFaceLLM(
        model=network,
        tokenizer=place.tokenizer,
        context_window=int(network.config.max_position_embeddings),
        generate_kwargs={"do_sample": False},
    )

    def texts(prompts: list[str], new_tokens: int) -> list[str]:
        llm.max_new_tokens = new_tokens
        return [llm.complete(prompt).text for prompt in prompts]

    def pieces(prompt: str, new_tokens: int) -> Iterator[str]:
        llm.max_new_tokens = new_tokens
        return (piece.delta or "" for piece in llm.stream_complete(prompt))

    return Peer(_name("HuggingFaceLLM", network, 1), network, texts, pieces, llm)


def pipeline(place: Place) -> Peer:
    """The pipeline of transformers, as its documentation shows it for a list of texts."""
    found = _pipeline(place, "auto")

    def texts(prompts: list[str], new_tokens: int) -> list[str]:
        options = {"max_new_tokens": new_tokens, "do_sample": False, "return_full_text": False}
        return [one[0]["generated_text"] for one in found(prompts, **options)]

    return Peer(_name("transformers pipeline", found.model, 1), found.model, texts)


def generate(
    place: Place, dtype: str | None = None, *, static: bool = False, batch_size: int = _BATCH
) -> Peer:
    """The `generate` of transformers, on whole batches.

    Args:
        place: The model's.
        dtype: What it computes in; None for what this package takes.
        batch_size: Most texts of a batch.
        static: Whether with a static cache, for which it compiles the model on a GPU. Prompts are
            padded to a multiple of 64 then, so that it need not be compiled for each width.
    """
    network, tokenizer = place.network(dtype or place.dtype), place.tokenizer
    options: dict[str, Any] = {"cache_implementation": "static"} if static else {}
    layout = {"pad_to_multiple_of": _STEP} if static else {}

    def texts(prompts: list[str], new_tokens: int) -> list[str]:
        written: list[str] = []
        for start in range(0, len(prompts), batch_size):
            batch = tokenizer(
                prompts[start : start + batch_size],
                padding=True,
                padding_side="left",
                return_tensors="pt",
                **layout,
            ).to(network.device)
            with torch.inference_mode():
                ids = network.generate(
                    **batch, max_new_tokens=new_tokens, do_sample=False, **options
                )
            new = ids[:, batch["input_ids"].shape[1] :]
            written += tokenizer.batch_decode(new, skip_special_tokens=True)
        return written

    name = "transformers generate, static cache" if static else "transformers generate"
    return Peer(_name(name, network, batch_size), network, texts)


def generate_batch(place: Place, *, graphs: bool = False) -> Peer:
    """Continuous batching by transformers, in the dtype that this package takes.

    Args:
        place: The model's.
        graphs: Whether it captures CUDA graphs, which by itself it does with flash attention only.
            Its manager, and what that has captured, is then kept from call to call, for as many
            texts as the first call has.
    """
    network, tokenizer = place.network(place.dtype, apart="generate_batch"), place.tokenizer
    mended = _mend()
    batching = ContinuousBatchingConfig(
        auto_switch_to_flash=False,  # it would fetch kernels from the hub
        # By itself it takes nearly all that is free, which a CPU's memory is cleared for.
        max_memory_percent=None if place.device.type == "cuda" else 0.05,
        use_cuda_graph=(graphs and place.device.type == "cuda") or None,
    )

    def texts(prompts: list[str], new_tokens: int) -> list[str]:
        config = GenerationConfig(
            max_new_tokens=new_tokens,
            do_sample=False,
            eos_token_id=network.config.eos_token_id,
            pad_token_id=network.config.pad_token_id,
        )
        found = network.generate_batch(
            tokenizer(prompts)["input_ids"],
            generation_config=config,
            continuous_batching_config=batching,
            persistent_manager=graphs,
        )
        # It logs what went wrong, and returns what it has.
        if wrong := [one.error for one in found.values() if one.error]:
            raise EngineError(f"generate_batch failed: {wrong[0]}")
        if len(found) != len(prompts):
            raise EngineError(f"generate_batch wrote {len(found)} of {len(prompts)} texts")
        ids = [one.generated_tokens for one in found.values()]
        return list(tokenizer.batch_decode(ids, skip_special_tokens=True))

    name = f"transformers generate_batch{mended}"
    return Peer(_name(name, network), network, texts)


def _mend() -> str:
    """Let continuous batching run BioGPT where the release of transformers cannot: 5.24.0.

    It hands the model its paged cache, and BioGPT asks every cache how much it holds. As positions
    are given as well, the answer is not used.

    Returns:
        What to add to its name.
    """
    if not hasattr(PagedAttentionCache, "get_seq_length"):
        PagedAttentionCache.get_seq_length = lambda *_: 0
        PagedAttentionCache.mended_for_biogpt = True
    mended = hasattr(PagedAttentionCache, "mended_for_biogpt")
    return ", get_seq_length added to its cache by hand" if mended else ""


PEERS: dict[str, tuple[str, Callable[[Place], Peer]]] = {
    "langchain": ("langchain-huggingface", langchain),
    "llama-index": ("llama-index-llms-huggingface", llama_index),
    "transformers": ("transformers", pipeline),
    "generate": ("transformers", generate),
    "generate-static": ("transformers", lambda place: generate(place, static=True)),
    "generate-batch": ("transformers", generate_batch),
}
"""Peers by the names that a user asks for them by: what has to be installed, and how it is made."""


def open_peers(place: Place, names: Sequence[str]) -> Iterator[Peer | Missing]:
    """Peers, or what is missing for them."""
    for name in names:
        package, make = PEERS[name]
        try:
            yield make(place)
        except ImportError:
            yield Missing(name, f"not installed: {package}")


def _pipeline(place: Place, dtype: str, **options: Any) -> Any:  # noqa: ANN401 - transformers'
    return transformers.pipeline(
        "text-generation",
        model=place.network(dtype),
        tokenizer=place.tokenizer,
        device=place.device,
        **options,
    )


def _name(name: str, network: BioGptForCausalLM, batch_size: int | None = None) -> str:
    size = f", by {batch_size}" if batch_size else ""
    return f"{name} ({name_of(network.dtype)}{size})"


def _number(device: torch.device) -> int:
    """The device as HuggingFacePipeline wants it named."""
    return -1 if device.type == "cpu" else device.index or 0
