"""BioGPT as a component of Haystack: relations in the metadata of documents, in a Pipeline.

    pip install haystack-ai
    python examples/17_haystack.py

The bundled model is for trying the software. For medicine, name one that was trained for your task:
`BioGPTRelations(model="path/to/BioGPT-BC5CDR")`.
"""

import os
from dataclasses import replace
from typing import Any

os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")

from haystack import Document, Pipeline, component, default_to_dict
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore

from biogpt_plugins import load

PAPERS = [
    Document(content="Lithium caused tremor in two patients.", meta={"pmid": "101"}),
    Document(
        content="Hearing loss was found in 20 of 41 children on cisplatin.",
        meta={"pmid": "102", "title": "Cisplatin-induced hearing loss."},
    ),
]


@component
class BioGPTRelations:
    """Finds relations in documents, all of them in one call of the model."""

    def __init__(
        self, model: str = "demo", task: str = "bc5cdr", decoding: str = "grounded"
    ) -> None:
        self.model, self.task, self.decoding = model, task, decoding

    def warm_up(self) -> None:
        """Load the model, which all components that name it share."""
        self._pipeline = load(self.model, self.task, decoding=self.decoding)

    def to_dict(self) -> dict[str, Any]:
        return default_to_dict(self, model=self.model, task=self.task, decoding=self.decoding)

    @component.output_types(documents=list[Document], unread=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        """Documents with their relations, and those that could not be read, with the error."""
        self.warm_up()
        read: dict[str, list[Document]] = {"documents": [], "unread": []}
        for document, found in zip(documents, self._pipeline.run(documents), strict=True):
            result = found.model_dump(mode="json", include={"result", "error"}, exclude_none=True)
            told = replace(document, meta={**document.meta, "biogpt": result})
            read["documents" if found.ok else "unread"].append(told)
        return read


pipeline = Pipeline()
pipeline.add_component("biogpt", BioGPTRelations())
pipeline.add_component("writer", DocumentWriter(InMemoryDocumentStore()))
pipeline.connect("biogpt.documents", "writer.documents")
written = pipeline.dumps()
print(written[written.index("  biogpt:") : written.index("  writer:")].rstrip())

again = Pipeline.loads(written, allowed_modules=["__main__"])  # as it is in another program
told = again.run({"biogpt": {"documents": PAPERS}}, include_outputs_from={"biogpt"})
print(f"{told['writer']['documents_written']} documents written")
for document in told["biogpt"]["documents"]:
    for relation in document.meta["biogpt"]["result"]:
        ends = relation["head"]["text"], relation["tail"]["text"]
        print(f"PMID {document.meta['pmid']}: {' -> '.join(ends)}, score {relation['score']:.2f}")
