"""BioGPT as a provider of LangExtract: its relations as extractions, each with its place.

    pip install langextract
    python examples/19_langextract.py

The bundled model is for trying the software. For medicine, name one that was trained for your task:
`lx.extract(..., model_id="biogpt:path/to/BioGPT-BC5CDR")`.
"""

import json
from collections.abc import Iterator, Sequence

import langextract as lx
from langextract.core.base_model import BaseLanguageModel
from langextract.core.exceptions import InferenceRuntimeError
from langextract.core.types import ScoredOutput

from biogpt_plugins import Relation, load

TEXT = (
    "Lithium-induced tremor. Lithium caused tremor in two patients. The tremor vanished when "
    "lithium was withdrawn."
)
# LangExtract asks for an example. BioGPT does not read it: it was trained for the task.
EXAMPLES = [
    lx.data.ExampleData(
        "Cisplatin caused deafness.",
        [
            lx.data.Extraction("chemical", "Cisplatin", attributes={"CID": ["deafness"]}),
            lx.data.Extraction("disease", "deafness"),
        ],
    )
]


def asked(prompt: str) -> str:
    """The text that a prompt of LangExtract asks about, which follows its examples."""
    examples, _, text = prompt.rpartition("\n\nQ: ")
    if not examples.endswith(("```", "}")):
        raise InferenceRuntimeError("a paragraph of the text begins with 'Q: ': reword it")
    return text.removesuffix("\nA: ")


def written(relations: list[Relation]) -> str:
    """The ends of relations as LangExtract's JSON, in the order of the text, which places them."""
    ends = {end: dict[str, list[str]]() for one in relations for end in (one.head, one.tail)}
    for one in relations:
        ends[one.head].setdefault(one.type, []).append(one.tail.text)
    placed = sorted(ends, key=lambda end: end.start)
    return json.dumps(
        {"extractions": [{e.type: e.text, f"{e.type}_attributes": ends[e]} for e in placed]}
    )


@lx.providers.registry.register(r"^biogpt:")  # a package would use `langextract.providers`
class BioGPT(BaseLanguageModel):
    """Finds relations in the texts of prompts, all of them in one call of the model."""

    def __init__(self, model_id: str, task: str = "bc5cdr", **options: object) -> None:
        super().__init__(**options)
        self._pipeline = load(model_id.removeprefix("biogpt:"), task, decoding="grounded")

    def infer(self, batch_prompts: Sequence[str], **_: object) -> Iterator[Sequence[ScoredOutput]]:
        for found in self._pipeline.run([asked(prompt) for prompt in batch_prompts]):
            if found.error:
                raise InferenceRuntimeError(found.error.message)
            yield [ScoredOutput(score=1.0, output=written(found.relations))]


document = lx.extract(
    TEXT,
    prompt_description="Which chemicals induce which diseases?",
    examples=EXAMPLES,
    model_id="biogpt:demo",
    max_char_buffer=20_000,  # BioGPT was trained on whole abstracts; long texts it splits itself
    show_progress=False,
)
for one in document.extractions:
    place = one.char_interval
    print(f"{one.extraction_class} at {place.start_pos}-{place.end_pos}: {one.extraction_text!r}")
    for kind, others in (one.attributes or {}).items():
        print(f"  {kind}: {', '.join(others)}")
