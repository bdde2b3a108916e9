"""Extractors for LlamaIndex, ours and the host's, whose models all say the same of the same texts.

Each is told it in the form that it asks its model for, so that only its own reading and handling is
judged: ours by a scripted engine, in lower case as BioGPT writes; those with an LLM by a scripted
one; EntityExtractor by a stand-in for its model, as span-marker cannot be imported beside today's
huggingface_hub. Each is built and called as its own documentation shows it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from threading import Event, Lock
from types import ModuleType
from typing import Any, ClassVar, Literal

from llama_index.core import Document, PropertyGraphIndex
from llama_index.core.graph_stores.types import (
    KG_NODES_KEY,
    KG_RELATIONS_KEY,
    EntityNode,
    PropertyGraphStore,
)
from llama_index.core.indices.property_graph import SchemaLLMPathExtractor, SimpleLLMPathExtractor
from llama_index.core.llms import LLM, CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import BaseNode, TransformComponent
from llama_index.core.utils import globals_helper
from pydantic import PrivateAttr
from side_by_side import Side

from biogpt_plugins import Pipeline
from biogpt_plugins.engine import Completion, Decoding, Prompt, TaskCard
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError
from llama_index_biogpt import (
    BioGPTLLM,
    BioGPTPathExtractor,
    BioGPTRelationExtractor,
    relations_of,
)
from llama_index_biogpt.task_extractor import RelationTaskExtractor

SCHEMAS = {
    "bc5cdr": (("CHEMICAL", "DISEASE"), "CID"),
    "kd_dti": (("DRUG", "TARGET"), "AGONIST"),
}

Told = Sequence[tuple[str, str]] | str | Exception
"""The relations of a text, or a completion that cannot be read, or an error of the model."""


class Script:
    """What the models say of texts.

    Attributes:
        asked: The prompts that a model got.
        calls: How often it was called.
    """

    def __init__(
        self, papers: dict[str, Told | list[Told]], *, task: str = "bc5cdr", patience: float = 0
    ) -> None:
        """Write one.

        Args:
            papers: What is said of each text; a list to say one thing after the other.
            task: A relation task.
            patience: How many seconds a model works, or until that is noticed.
        """
        self.task = task
        self.asked: list[str] = []
        self.calls = 0
        self._papers = papers
        self._patience = patience
        self._working, self._noticed, self._lock = Event(), Event(), Lock()

    def documents(self) -> list[Document]:
        """The texts, each with a PMID."""
        return [
            Document(text=text, id_=f"d{at}", metadata={"pmid": f"{at}"})
            for at, text in enumerate(self._papers)
        ]

    def nodes(self) -> list[BaseNode]:
        """The texts as an index gets them."""
        return SentenceSplitter()(self.documents())

    def said(self, prompt: str) -> Told:
        """What is said to a prompt that holds one of the texts."""
        self.asked.append(prompt)
        (told,) = (told for text, told in self._papers.items() if _bare(text) in _bare(prompt))
        return told.pop(0) if isinstance(told, list) else told

    def work(self) -> None:
        """What a model does when it is called."""
        with self._lock:
            self.calls += 1
        self._working.set()
        self._noticed.wait(self._patience)
        self._working.clear()

    def is_working(self) -> bool:
        """Whether a model is at work, which then ends."""
        if working := self._working.is_set():
            self._noticed.set()
        return working


def _bare(text: str) -> str:
    """A text whatever case it was put into, and wherever it was divided."""
    return "".join(text.lower().split())


class Extractor(Side):
    """An extractor, and what its user sees of it.

    Attributes:
        scored: Options to be told how sure the model was.
        flat: Options for stores that take no lists.
        untold: What is to be said where a relation does not tell its sentence.
    """

    scored: ClassVar[dict[str, Any]] = {}
    flat: ClassVar[dict[str, Any]] = {}
    untold = "not told"

    def made(self, script: Script, **options: Any) -> TransformComponent:
        """The extractor with a model that follows the script."""
        raise NotImplementedError

    def usual(self) -> TransformComponent:
        """The extractor with the bundled BioGPT, if it takes a model of ours."""
        raise NotImplementedError

    def names(self, nodes: Sequence[BaseNode]) -> list[str]:
        """What was found in nodes, as the paper has it."""
        raise NotImplementedError

    def entities(self, script: Script) -> set[str]:
        """Those that are told apart, in a graph or for a filter."""
        raise NotImplementedError

    def facts(self, node: BaseNode) -> dict[str, Any]:
        """What is told of the first relation of a node besides its ends."""
        return node.metadata[KG_RELATIONS_KEY][0].properties

    def read(self, script: Script, **options: Any) -> list[BaseNode]:
        """The texts of a script, read."""
        return list(self.made(script, **options)(script.nodes()))


class Graphed(Extractor):
    """What extractors for a PropertyGraphIndex have in common."""

    def entities(self, script: Script) -> set[str]:
        store = graph(script.nodes(), self.made(script))
        return {one.id for one in store.get() if isinstance(one, EntityNode)}


def graph(nodes: Sequence[BaseNode], extractor: TransformComponent) -> PropertyGraphStore:
    """What an index makes of nodes."""
    index = PropertyGraphIndex(nodes=nodes, kg_extractors=[extractor], embed_kg_nodes=False)
    return index.property_graph_store


class Engine(ScriptedEngine):
    """An engine that follows a script."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script = script

    def complete(
        self, prompts: Sequence[Prompt | str], decoding: Decoding = Decoding()
    ) -> list[Completion]:
        self.script.work()
        texts = [prompt if isinstance(prompt, str) else prompt.text for prompt in prompts]
        self._completions = [self._written(self.script.said(text)) for text in texts]
        return super().complete(prompts, decoding)

    def _written(self, told: Told) -> str | EngineError:
        if isinstance(told, Exception):
            return EngineError(str(told))
        if isinstance(told, str):
            return told
        form = {
            "bc5cdr": "the relation between {} and {} exists",
            "kd_dti": "the interaction between {} and {} is agonist",
        }[self.script.task]
        clauses = [form.format(*pair).lower() for pair in told]
        return f"{'; '.join(clauses) or 'there is no relation'}."


class Ours(Extractor):
    """What ours have in common."""

    kind: ClassVar[type[RelationTaskExtractor]]

    def made(self, script: Script, **options: Any) -> TransformComponent:
        pipeline = Pipeline(script.task, Engine(script), card=TaskCard())
        return self.kind.from_pipeline(pipeline, **options)

    def usual(self) -> TransformComponent:
        return self.kind()


class Paths(Ours, Graphed):
    """BioGPTPathExtractor."""

    name = "`BioGPTPathExtractor`"
    kind = BioGPTPathExtractor

    def names(self, nodes: Sequence[BaseNode]) -> list[str]:
        return [one.properties["mention"] for node in nodes for one in node.metadata[KG_NODES_KEY]]


class Relations(Ours):
    """BioGPTRelationExtractor."""

    name = "`BioGPTRelationExtractor`"
    scored: ClassVar = {"logprobs": True}
    flat: ClassVar = {"flat": True}
    kind = BioGPTRelationExtractor

    def names(self, nodes: Sequence[BaseNode]) -> list[str]:
        found = [relation for node in nodes for relation in relations_of(node)]
        return [end.text for relation in found for end in (relation.head, relation.tail)]

    def facts(self, node: BaseNode) -> dict[str, Any]:
        relation = relations_of(node)[0]
        ends = {"head": relation.head, "tail": relation.tail}
        places = {f"{name}_start": end.start for name, end in ends.items()}
        places |= {f"{name}_end": end.end for name, end in ends.items()}
        return {**places, "grounded": relation.grounded, "score": relation.score}

    def entities(self, script: Script) -> set[str]:
        keys = [f"biogpt_{kind.lower()}s" for kind in SCHEMAS[script.task][0]]
        return {
            f"{key} {name}"
            for node in self.read(script)
            for key in keys
            for name in node.metadata.get(key, [])
        }


class ScriptedLLM(CustomLLM):
    """An LLM behind an API that follows a script; it writes triplets, or JSON."""

    json_: bool
    _script: Script = PrivateAttr()

    def __init__(self, script: Script, **fields: Any) -> None:
        super().__init__(**fields)
        self._script = script

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="scripted")

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        del formatted
        self._script.work()
        told = self._script.said(prompt)
        if isinstance(told, Exception):
            raise told
        return CompletionResponse(text=told if isinstance(told, str) else self._written(told))

    async def acomplete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        return await asyncio.to_thread(self.complete, prompt, formatted)

    def stream_complete(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def _written(self, told: Sequence[tuple[str, str]]) -> str:
        if not self.json_:
            return "\n".join(f"({head}, causes, {tail})" for head, tail in told) or "None."
        kinds, label = SCHEMAS[self._script.task]
        triplets = [
            {
                "subject": {"type": kinds[0], "name": head},
                "relation": {"type": label},
                "object": {"type": kinds[1], "name": tail},
            }
            for head, tail in told
        ]
        return json.dumps({"triplets": triplets})


class WithLLM(Graphed):
    """What the host's extractors with an LLM have in common."""

    def usual(self) -> TransformComponent:
        return self.on(BioGPTLLM(), "bc5cdr")

    def on(self, llm: LLM, task: str, **options: Any) -> TransformComponent:
        """The extractor with an LLM."""
        raise NotImplementedError

    def names(self, nodes: Sequence[BaseNode]) -> list[str]:
        return [one.name for node in nodes for one in node.metadata[KG_NODES_KEY]]


class Simple(WithLLM):
    """SimpleLLMPathExtractor."""

    name = "`SimpleLLMPathExtractor`"

    def made(self, script: Script, **options: Any) -> TransformComponent:
        return self.on(ScriptedLLM(script, json_=False), script.task, **options)

    def on(self, llm: LLM, task: str, **options: Any) -> TransformComponent:
        del task
        return SimpleLLMPathExtractor(llm=llm, **options)


class Schema(WithLLM):
    """SchemaLLMPathExtractor."""

    name = "`SchemaLLMPathExtractor`"
    untold = "not told, unless the LLM writes it, for `possible_relation_props`"

    def made(self, script: Script, **options: Any) -> TransformComponent:
        return self.on(ScriptedLLM(script, json_=True), script.task, **options)

    def on(self, llm: LLM, task: str, **options: Any) -> TransformComponent:
        (head, tail), label = SCHEMAS[task]
        return SchemaLLMPathExtractor(
            llm=llm,
            possible_entities=Literal[head, tail],
            possible_relations=Literal[label],
            kg_validation_schema=[(head, label, tail)],
            **options,
        )


class SpanMarkerModel:
    """Finds names in words, as span-marker's class of this name does, by a script."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script

    @classmethod
    def from_pretrained(cls, _: str) -> SpanMarkerModel:
        return cls()

    def predict(self, words: list[str]) -> list[dict[str, Any]]:
        """The entities, in order: words, label, score and places, as from a list of words."""
        from nltk.tokenize import word_tokenize

        self.script.work()
        told = self.script.said(" ".join(words))
        if isinstance(told, Exception):
            raise told
        spans = []
        for pair in told:
            for kind, found in zip(SCHEMAS[self.script.task][0], pair, strict=True):
                name = word_tokenize(found)
                places = [at for at in range(len(words)) if words[at : at + len(name)] == name]
                spans += [
                    {
                        "span": name,
                        "label": kind,
                        "score": 0.9,
                        "word_start_index": at,
                        "word_end_index": at + len(name),
                    }
                    for at in places
                ]
        return sorted(spans, key=lambda span: span["word_start_index"])


class Entities(Extractor):
    """EntityExtractor."""

    name = "`EntityExtractor`"
    package = "llama-index-extractors-entity"

    def __init__(self) -> None:
        stand_in = ModuleType("span_marker")
        stand_in.SpanMarkerModel = SpanMarkerModel
        sys.modules.setdefault("span_marker", stand_in)
        globals_helper.wait_for_nltk_check()  # the host's own data for NLTK's tokenizer

    def made(self, script: Script, **options: Any) -> TransformComponent:
        from llama_index.extractors.entity import EntityExtractor

        extractor = EntityExtractor(**{"show_progress": False, **options})
        extractor._model = SpanMarkerModel(script)
        return extractor

    def usual(self) -> TransformComponent:
        return self.made(Script({}))

    def names(self, nodes: Sequence[BaseNode]) -> list[str]:
        return [name for node in nodes for name in node.metadata.get("entities", [])]

    def entities(self, script: Script) -> set[str]:
        return set(self.names(self.read(script)))

    def facts(self, _: BaseNode) -> dict[str, Any]:
        return {}  # it tells names
