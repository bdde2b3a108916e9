"""Data of a paper in a LangChain Document."""

from __future__ import annotations

from langchain_core.documents import Document

from biogpt_plugins.values import inputs


def paper_id(document: Document) -> str | None:
    """The paper's PMID or other identifier, from the document's metadata or its own id."""
    return inputs.paper_id(document.metadata) or document.id


def paper_title(document: Document) -> str | None:
    """The paper's title, from the document's metadata."""
    return inputs.paper_title(document.metadata)


def as_input(value: object) -> object:
    """The task's input for a chain's input; offsets refer to a document's `page_content`."""
    if isinstance(value, Document):
        return {"id": paper_id(value), "text": value.page_content}
    return value
