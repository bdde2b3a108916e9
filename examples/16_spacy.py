"""BioGPT as a component of spaCy: relations on each Doc, saved and loaded with it.

    pip install -c constraints.txt ".[spacy]"
    python examples/16_spacy.py

The bundled model is for trying the software. For medicine, name one that was trained for your task:
`nlp.add_pipe("biogpt", config={"model": "path/to/BioGPT-BC5CDR"})`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.util import minibatch

from biogpt_plugins import Prediction, load

TEXTS = [
    "Lithium caused tremor in two patients.",
    "Cisplatin-induced hearing loss. Hearing loss was found in 20 of 41 children on cisplatin.",
]

# What is kept is plain data, which spaCy can save; the getter gives it back as our own types.
Doc.set_extension("prediction", default=None)
Doc.set_extension(
    "relations", getter=lambda doc: Prediction.model_validate(doc._.prediction).relations
)


@Language.factory(
    "biogpt",
    assigns=["doc._.prediction"],
    default_config={"model": "demo", "task": "bc5cdr", "decoding": "grounded"},
)
class BioGPT:
    """Finds relations; `nlp.pipe` has a whole batch read in one call of the model."""

    def __init__(self, nlp: Language, name: str, model: str, task: str, decoding: str) -> None:
        self.vocab, self.name = nlp.vocab, name
        self._pipeline = load(model, task, decoding=decoding)

    def __call__(self, doc: Doc) -> Doc:
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], batch_size: int = 64) -> Iterator[Doc]:
        for docs in minibatch(stream, batch_size):
            found = self._pipeline.run([doc.text for doc in docs])
            for doc, prediction in zip(docs, found, strict=True):
                doc._.prediction = prediction.model_dump(mode="json")  # or its error
                yield doc


nlp = spacy.blank("en")
nlp.add_pipe("biogpt")

with TemporaryDirectory() as folder:
    nlp.to_disk(Path(folder) / "pipeline")  # config.cfg names the component and its settings
    DocBin(docs=nlp.pipe(TEXTS), store_user_data=True).to_disk(Path(folder) / "docs.spacy")

    again = spacy.load(Path(folder) / "pipeline")
    print("The pipeline that was saved:", ", ".join(again.pipe_names))
    for doc in DocBin().from_disk(Path(folder) / "docs.spacy").get_docs(again.vocab):
        print(doc.text)
        for relation in doc._.relations:
            print(f"  {relation}, score {relation.score:.2f}")
            for end in (relation.head, relation.tail):
                span = doc.char_span(end.start, end.end, label=end.type, alignment_mode="expand")
                print(f"    {span.label_}: tokens {span.start}-{span.end}, {span.text!r}")
