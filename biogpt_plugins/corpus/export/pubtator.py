"""PubTator, in the layout of BC5CDR: id|t|title, id|a|abstract, mentions, relations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from biogpt_plugins.corpus.export.documents import Document, identifier, one_line
from biogpt_plugins.findings.property_graph import node_label
from biogpt_plugins.values.errors import InputError


def pubtator(documents: Iterable[Document]) -> Iterator[str]:
    """Documents as text, one at a time.

    The sections of a full text follow the abstract on its line. An entity without an id has its
    name in that column. Line breaks become spaces, which keeps offsets valid.

    Raises:
        InputError: The format cannot hold the id of a document, see `holds`.
    """
    for document in documents:
        if not holds(document.id):
            raise InputError(
                f"PubTator cannot hold the id {document.id!r}: give the papers ids without |, tabs "
                "and line breaks, or write BioC"
            )
        lines = [
            f"{document.id}|{letter}|{one_line(half)}"
            for letter, half in zip("ta", document.halves, strict=True)
        ]
        rows = [
            (str(m.start), str(m.end), m.text, node_label(m.type), identifier(m))
            for m in document.mentions
        ]
        pairs = [(r.type, identifier(r.head), identifier(r.tail)) for r in document.relations]
        for row in (*rows, *dict.fromkeys(pairs)):
            lines.append("\t".join(map(one_line, (document.id, *row))))
        yield "\n".join([*lines, "", ""])


def holds(id_: str) -> bool:
    """Whether PubTator can hold an id: it is not empty, and has no bar, tab or line break."""
    return bool(id_.strip()) and "|" not in id_ and id_ == one_line(id_)
