"""Relations of documents as flat, JSON-safe metadata for vector stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

from langchain_core.documents import BaseDocumentTransformer, Document

from biogpt_plugins import Prediction, Relation
from biogpt_plugins.engine import in_thread
from biogpt_plugins.hosts.metadata import (
    Errors,
    is_relation_fact,
    relation_facts,
    relations_by_task,
)
from biogpt_plugins.hosts.types import check_host
from langchain_biogpt.chains import create_relation_chain
from langchain_biogpt.documents import paper_id
from langchain_biogpt.llm import BioGPTLLM


class BioGPTRelationTransformer(BaseDocumentTransformer):
    """Finds the relations in the texts of documents, with one engine call for all documents.

    To use it in a chain: `RunnableLambda(it.transform_documents, it.atransform_documents)`.

    The result is new documents with the same id, text and metadata, and with additional metadata.
    For the task "bc5cdr" these are:

    - `biogpt_relations_bc5cdr`: the relations with their evidence as JSON text, which
      `relations_of` reads; "[]" if the model found none. Offsets refer to `page_content` or, with
      the part "title", to the title in the metadata, which is read before `page_content`.
    - `biogpt_relations_bc5cdr_model`: the model.
    - `biogpt_relations_bc5cdr_warnings`: warnings, if any, for example that the text was cut.
    - `biogpt_relations_bc5cdr_error`: the error, if the document could not be processed; the
      relations are missing then. Other documents are not affected.
    - `biogpt_chemicals`, `biogpt_diseases` (other tasks: `biogpt_drugs`, `biogpt_targets`): lists
      of the names found, for filters. They are spelled as within a sentence: "lithium" even if the
      paper has "Lithium", but "BRCA1". Abbreviations that the text defines are written in full.
      Types without names have no list.
    - `biogpt_chemicals_folded`, ...: the same names in lower case, for filters by
      `name.casefold()`.

    Results of an earlier run of the same task are replaced. Transformers for several tasks can be
    applied one after another.

    Relations have scores with `logprobs=True`. The last digits of a score may depend on the batch;
    `langchain_core.indexing.index` treats this as a change of the document.
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
            llm: The model and its decoding options; None uses the bundled model.
            task: A relation task; None uses the LLM's own, or else the first relation task that the
                model was trained for.
            options: As in `create_relation_chain`.

        Raises:
            InputError: The task does not find relations, or the model was not trained for a
                relation task.
            ModelError: No task is given, and the model cannot be found.
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
            documents: The documents. BioGPT was trained on title and abstract as one text.
            kwargs: `config`, as for a runnable.

        Raises:
            ModelError: The model cannot be loaded.
        """
        documents = list(documents)
        return self._annotated(documents, self._finder.batch(documents, **kwargs))

    async def atransform_documents(
        self,
        documents: Sequence[Document],
        **kwargs: Any,  # noqa: ANN401
    ) -> list[Document]:
        """`transform_documents` in a thread; cancelling stops the generation."""
        documents = list(documents)
        found = await self._finder.abatch(documents, **kwargs)
        return await in_thread(self._annotated, documents, found)

    def _annotated(
        self, documents: list[Document], found: list[Prediction[list[Relation]]]
    ) -> list[Document]:
        scored = bool(documents) and self._finder.pipeline().decoding.logprobs
        pairs = zip(documents, found, strict=True)
        return [_with_relations(*pair, scored=scored) for pair in pairs]


def relations_of(
    document: Document, *, task: str | None = None, errors: Errors = "raise"
) -> list[Relation]:
    """The relations that BioGPTRelationTransformer found in a document.

        [relation for document in documents for relation in relations_of(document, errors="skip")]

    Args:
        document: The document, or a copy of it from a store.
        task: Return only the relations of this task; by default those of all tasks.
        errors: "skip" returns no relations of a task that failed, instead of raising its error.

    Raises:
        InputError: The document was not processed, or processing failed; the message gives the task
            and the reason.
    """
    check_host(document, Document, "the document of relations_of", "langchain_biogpt")
    told = relations_by_task(
        document.metadata,
        task,
        whose=f"document {paper_id(document)}",
        unseen="BioGPTRelationTransformer has not processed it",
        errors=errors,
    )
    return list(chain.from_iterable(told.values()))


def with_metadata(
    document: Document, facts: dict[str, Any], *, owns: Callable[[str], bool]
) -> Document:
    """A copy of the document in which these metadata replace the owned ones."""
    given = document.metadata.items()
    others = {key: _copied(value) for key, value in given if not owns(str(key))}
    return document.model_copy(update={"metadata": {**others, **facts}})


def _copied(value: Any) -> Any:  # noqa: ANN401 - metadata hold anything
    try:
        return deepcopy(value)
    except TypeError:  # for example an open file; it must not lose the other documents
        return value


def _with_relations(
    document: Document, prediction: Prediction[list[Relation]], *, scored: bool
) -> Document:
    text, known = document.page_content, document.metadata
    facts = relation_facts(prediction, text, known, flat=False, scored=scored)
    return with_metadata(document, facts, owns=lambda key: is_relation_fact(key, prediction.task))
