"""PubTator, as BC5CDR is published in it: id|t|title, id|a|abstract, mentions, relations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from biogpt_plugins.corpus.export.documents import Document, identifier, one_line
from biogpt_plugins.findings.property_graph import node_label


def pubtator(documents: Iterable[Document]) -> Iterator[str]:
    """Documents as text, one at a time.

    The sections of a full text follow the abstract in its line. An entity without an id has its
    name in place of it. Line breaks become spaces, so that offsets stay what they are.
    """
    for document in documents:
        lines = [
            f"{document.id}|{letter}|{one_line(half)}"
            for letter, half in zip("ta", document.halves, strict=True)
        ]
        rows = [
            (str(one.start), str(one.end), one.text, node_label(one.type), identifier(one))
            for one in document.mentions
        ]
        pairs = [
            (one.type, identifier(one.head), identifier(one.tail)) for one in document.relations
        ]
        for row in (*rows, *dict.fromkeys(pairs)):
            lines.append("\t".join(map(one_line, (document.id, *row))))
        yield "\n".join([*lines, "", ""])
