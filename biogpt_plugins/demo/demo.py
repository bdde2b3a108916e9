"""The papers that `biogpt demo` reads, and how it reads them with LangChain and LlamaIndex."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.resources import files
from typing import NamedTuple

from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.values.errors import MissingExtraError
from biogpt_plugins.values.inputs import Paper, Question
from biogpt_plugins.values.results import Relation

TASK = "bc5cdr"
HOSTS = {"LangChain": "langchain_biogpt", "LlamaIndex": "llama_index_biogpt"}
"""The hosts that the demo shows, and our packages for them."""


class DemoPaper(NamedTuple):
    """A paper written for this package, about an invented study, and a question about it."""

    paper: Paper
    question: Question | None


def papers() -> list[DemoPaper]:
    """Load the bundled papers."""
    lines = files("biogpt_plugins.demo").joinpath("papers.jsonl").read_text(encoding="utf-8")
    bundled = []
    for record in map(json.loads, lines.splitlines()):
        paper = Paper.model_validate(record)
        asked = record.get("question")
        question = Question(id=paper.id, question=asked, text=paper.source) if asked else None
        bundled.append(DemoPaper(paper, question))
    return bundled


def missing() -> dict[str, str]:
    """Which of "LangChain" and "LlamaIndex" is not installed, and how to install it."""
    found = {}
    for host, package in HOSTS.items():
        try:
            import_module(package)
        except MissingExtraError as error:
            found[host] = str(error)
    return found


def by_itself(papers: Sequence[Paper], pipeline: Pipeline) -> list[list[Relation] | str]:
    """Find relations with the pipeline alone.

    Returns:
        As in `by_langchain`.
    """
    found = pipeline.run(papers)
    return [one.error.message if one.error else one.result or [] for one in found]


def by_langchain(papers: Sequence[Paper], pipeline: Pipeline) -> list[list[Relation] | str]:
    """Find relations with a LangChain chain: prompt | BioGPTLLM | RelationOutputParser.

    Returns:
        For each paper its relations, or a message that says why it failed.

    Raises:
        MissingExtraError: LangChain is not installed.
    """
    from langchain_biogpt import BioGPTLLM, create_relation_chain  # noqa: PLC0415 - an extra

    chain = create_relation_chain(BioGPTLLM.from_pipeline(pipeline))
    inputs: list[str | Mapping[str, str]] = [
        {"title": paper.title, "abstract": paper.text} for paper in papers
    ]
    results = chain.batch(inputs, return_exceptions=True)
    return [str(r).partition("\n")[0] if isinstance(r, Exception) else r for r in results]


def by_llama_index(papers: Sequence[Paper], pipeline: Pipeline) -> list[list[Relation] | str]:
    """Find relations with a LlamaIndex IngestionPipeline and a BioGPTRelationExtractor.

    Returns:
        For each paper its relations, or a message that says why it failed.

    Raises:
        MissingExtraError: LlamaIndex is not installed.
    """
    from llama_index.core import Document  # noqa: PLC0415 - the same
    from llama_index.core.ingestion import IngestionPipeline  # noqa: PLC0415 - the same

    from llama_index_biogpt.relations import (  # noqa: PLC0415 - an extra
        BioGPTRelationExtractor,
        relations_of,
    )

    extractor = BioGPTRelationExtractor.from_pipeline(pipeline)
    documents = [Document(id_=paper.id or "", text=paper.source) for paper in papers]
    nodes = IngestionPipeline(transformations=[extractor]).run(documents=documents)
    failures = [node.metadata.get(f"biogpt_relations_{pipeline.task.name}_error") for node in nodes]
    return [
        str(failure) if failure else relations_of(node)
        for node, failure in zip(nodes, failures, strict=True)
    ]
