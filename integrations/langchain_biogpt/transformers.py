"""Relations of documents as their metadata: flat and JSON-safe, as vector stores want it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from langchain_core.documents import BaseDocumentTransformer, Document
from pydantic import TypeAdapter

from biogpt_plugins import Prediction, Relation
from biogpt_plugins.engine import in_thread
from biogpt_plugins.errors import InputError
from biogpt_plugins.mentions import spelling
from langchain_biogpt.chains import create_relation_chain
from langchain_biogpt.documents import paper_id
from langchain_biogpt.llm import BioGPTLLM

ERROR = "biogpt_error"
_OURS = "biogpt_"
_RELATIONS = TypeAdapter(list[Relation])


class BioGPTRelationTransformer(BaseDocumentTransformer):
    """Finds the relations in each document's text; one call of the engine for all documents.

    In a chain it is `RunnableLambda(it.transform_documents, it.atransform_documents)`.

    Gives new documents, with the id, the text and the metadata of those given, and besides:

    - `biogpt_relations`: the relations with their evidence as one JSON text, which `relations_of`
      reads back; "[]" if the model says that there are none. Offsets count in `page_content`.
    - `biogpt_chemicals`, `biogpt_diseases`, `biogpt_drugs`, `biogpt_targets`: lists of the names
      found, to filter by, spelled as within a sentence: "lithium" also where the paper has
      "Lithium", but "BRCA1". An abbreviation that the text defines is there in full. Only types
      that were found.
    - `biogpt_task`, `biogpt_model`: what was asked, and of whom.
    - `biogpt_warnings`: remarks, such as that the text was cut to fit the model, if there are any.
    - `biogpt_error`: why a document has no relations, in their stead. The others go unharmed.

    All keys that begin with "biogpt_" are this transformer's, and an earlier run's are replaced.
    Relations have scores if the LLM has `logprobs=True`; a score's last digits may change with the
    batch, which `langchain_core.indexing.index` takes for a change of the document.
    """

    def __init__(self, llm: BioGPTLLM | None = None, *, task: str | None = None) -> None:
        """Choose a model and a task.

        Args:
            llm: The model, and how it writes; None for the bundled one.
            task: A relation task; None for the LLM's own, or else the first relation task that its
                model was taught.

        Raises:
            InputError: The task finds no relations, or the model was taught none that does.
            ModelError: No task is named, and the model cannot be found.
        """
        self._finder = create_relation_chain(llm, task=task, predictions=True)

    def transform_documents(
        self,
        documents: Sequence[Document],
        **kwargs: Any,  # noqa: ANN401
    ) -> list[Document]:
        """The documents with their relations.

        Args:
            documents: The documents. BioGPT was taught on titles and abstracts as one text.
            kwargs: `config`, as of a runnable.

        Raises:
            ModelError: The model cannot be loaded.
        """
        documents = list(documents)
        return _annotated(documents, self._finder.batch(documents, **kwargs))

    async def atransform_documents(
        self,
        documents: Sequence[Document],
        **kwargs: Any,  # noqa: ANN401
    ) -> list[Document]:
        """`transform_documents`, while the event loop goes on; cancelling stops the generation."""
        documents = list(documents)
        found = await self._finder.abatch(documents, **kwargs)
        return await in_thread(_annotated, documents, found)


def relations_of(document: Document) -> list[Relation]:
    """The relations that BioGPTRelationTransformer found in a document.

    Raises:
        InputError: It has not seen the document, or could not read it; the message says which.
    """
    written = document.metadata.get(f"{_OURS}relations")
    if written is None:
        why = document.metadata.get(ERROR, "BioGPTRelationTransformer has not seen it")
        raise InputError(f"document {paper_id(document)} has no relations: {why}")
    return _RELATIONS.validate_json(written)


def remarks(prediction: Prediction[Any]) -> dict[str, Any]:
    """What the metadata of a document say of its failure, and of what to know of its result."""
    error, warnings = prediction.error, list(prediction.warnings)
    return {
        **({ERROR: f"{error.type}: {error.message}"} if error else {}),
        **({f"{_OURS}warnings": warnings} if warnings else {}),
    }


def with_metadata(document: Document, facts: dict[str, Any]) -> Document:
    """A copy of the document, with these metadata instead of any of an earlier run."""
    given = document.metadata.items()
    others = {key: _copied(value) for key, value in given if not str(key).startswith(_OURS)}
    return document.model_copy(update={"metadata": {**others, **facts}})


def _copied(value: Any) -> Any:  # noqa: ANN401 - metadata hold anything
    try:
        return deepcopy(value)
    except TypeError:  # an open file, say: one document's is no reason to lose the others
        return value


def _annotated(
    documents: list[Document], found: list[Prediction[list[Relation]]]
) -> list[Document]:
    return [_with_relations(*pair) for pair in zip(documents, found, strict=True)]


def _with_relations(document: Document, prediction: Prediction[list[Relation]]) -> Document:
    facts: dict[str, Any] = {"task": prediction.task, "model": prediction.model}
    found = prediction.result
    if found is not None:
        facts["relations"] = _RELATIONS.dump_json(found, exclude_none=True).decode()
        facts |= _names(found, document.page_content)
    ours = {f"{_OURS}{name}": fact for name, fact in facts.items()}
    return with_metadata(document, {**ours, **remarks(prediction)})


def _names(relations: list[Relation], text: str) -> dict[str, list[str]]:
    names: dict[str, dict[str, None]] = {}
    for relation in relations:
        for entity in (relation.head, relation.tail):
            names.setdefault(f"{entity.type}s", {})[spelling(entity, text)] = None
    return {kind: list(found) for kind, found in names.items()}
