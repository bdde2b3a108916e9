"""What a LangChain Document says of the paper that it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.documents import Document

_IDS = ("pmid", "PMID", "uid", "pubmed_id", "id")
_TITLES = ("title", "Title")


def paper_id(document: Document) -> str | None:
    """The paper's PMID or other identifier, from the document's metadata or its own id."""
    return _first(document.metadata, _IDS) or document.id


def paper_title(document: Document) -> str | None:
    """The paper's title, from the document's metadata."""
    return _first(document.metadata, _TITLES)


def as_input(value: object) -> object:
    """A task's input for what a chain was given: offsets count in a document's `page_content`."""
    if isinstance(value, Document):
        return {"id": paper_id(value), "text": value.page_content}
    return value


def _first(metadata: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((str(metadata[key]) for key in keys if metadata.get(key) not in (None, "")), None)
