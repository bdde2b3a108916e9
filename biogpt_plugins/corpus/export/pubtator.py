"""PubTator, in the layout of BC5CDR: id|t|title, id|a|abstract, mentions, relations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from biogpt_plugins.corpus.export.documents import Document, identifier, one_line
from biogpt_plugins.findings.property_graph import node_label


def pubtator(documents: Iterable[Document]) -> Iterator[str]:
    """Documents as text, one at a time.

    The sections of a full text follow the abstract on its line. An entity without an id has its
    name in that column. Line breaks become spaces, which keeps offsets valid.
    """
    for document in documents:
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
