"""What a LangChain Document says of the paper that it holds."""

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
    """A task's input for what a chain was given: offsets count in a document's `page_content`."""
    if isinstance(value, Document):
        return {"id": paper_id(value), "text": value.page_content}
    return value
