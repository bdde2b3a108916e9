"""Relations of documents as their metadata: flat and JSON-safe, as vector stores want it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

from langchain_core.documents import BaseDocumentTransformer, Document

from biogpt_plugins import Prediction, Relation
from biogpt_plugins.engine import in_thread
from biogpt_plugins.hosts.metadata import is_relation_fact, relation_facts, relations_by_task
from langchain_biogpt.chains import create_relation_chain
from langchain_biogpt.documents import paper_id
from langchain_biogpt.llm import BioGPTLLM


class BioGPTRelationTransformer(BaseDocumentTransformer):
    """Finds the relations in each document's text; one call of the engine for all documents.

    In a chain it is `RunnableLambda(it.transform_documents, it.atransform_documents)`.

    Gives new documents, with the id, the text and the metadata of those given, and besides, of the
    task "bc5cdr":

    - `biogpt_relations_bc5cdr`: the relations with their evidence as one JSON text, which
      `relations_of` reads back; "[]" if the model says that there are none. Offsets count in
      `page_content`.
    - `biogpt_relations_bc5cdr_model`: who was asked.
    - `biogpt_relations_bc5cdr_warnings`: remarks, such as that the text was cut to fit the model,
      if there are any.
    - `biogpt_relations_bc5cdr_error`: why a document has no relations, in their stead. The others
      go unharmed.
    - `biogpt_chemicals`, `biogpt_diseases`; of other tasks `biogpt_drugs`, `biogpt_targets`: lists
      of the names found, to filter by, spelled as within a sentence: "lithium" also where the paper
      has "Lithium", but "BRCA1". An abbreviation that the text defines is there in full. Only types
      that were found.

    What an earlier run of the same task wrote is replaced; transformers of several tasks may follow
    each other.

    Relations have scores if the LLM has `logprobs=True`; a score's last digits may change with the
    batch, which `langchain_core.indexing.index` takes for a change of the document.
    """

    def __init__(
        self,
        llm: BioGPTLLM | None = None,
        *,
        task: str | None = None,
        **options: Any,  # noqa: ANN401 - settings of the LLM
    ) -> None:
        """Choose a model and a task.

        Args:
            llm: The model, and how it writes; None for the bundled one.
            task: A relation task; None for the LLM's own, or else the first relation task that its
                model was taught.
            options: As in `create_relation_chain`.

        Raises:
            InputError: The task finds no relations, or the model was taught none that does.
            ModelError: No task is named, and the model cannot be found.
        """
        self._finder = create_relation_chain(llm, task=task, predictions=True, **options)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(task={self._finder.task!r}, llm={self._finder.llm!r})"

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


def relations_of(document: Document, *, task: str | None = None) -> list[Relation]:
    """The relations that BioGPTRelationTransformer found in a document.

    Args:
        document: The document, or what a store gives back of it.
        task: Those of this task; of all that the document was asked for by default.

    Raises:
        InputError: The transformer has not seen the document, or could not read it; the message
            says which, and for which task.
    """
    told = relations_by_task(
        document.metadata,
        task,
        whose=f"document {paper_id(document)}",
        unseen="BioGPTRelationTransformer has not seen it",
    )
    return list(chain.from_iterable(told.values()))


def with_metadata(
    document: Document, facts: dict[str, Any], *, owns: Callable[[str], bool]
) -> Document:
    """A copy of the document with these metadata, instead of those that are owned."""
    given = document.metadata.items()
    others = {key: _copied(value) for key, value in given if not owns(str(key))}
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
    facts = relation_facts(prediction, document.page_content, document.metadata, flat=False)
    return with_metadata(document, facts, owns=lambda key: is_relation_fact(key, prediction.task))
