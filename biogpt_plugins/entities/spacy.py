"""Entities by a pipeline of spaCy, such as scispaCy's en_ner_bc5cdr_md."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from biogpt_plugins.values.errors import InputError, MissingExtraError
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Entity


@dataclass(frozen=True)
class SpacyEntities:
    """Finds entities with a pipeline of spaCy. A process loads each pipeline once.

    The types are the pipeline's labels. Ids are those of a component that links entities: spaCy's
    own `kb_id`, or the first candidate of scispaCy's linker.

    Attributes:
        model: The name of an installed pipeline, or its folder.
    """

    model: str

    @property
    def spelling(self) -> str:
        """The name that `source_of` reads."""
        return f"spacy:{self.model}"

    def __call__(self, text: Text, /) -> list[Entity]:
        """The entities of a text.

        Raises:
            MissingExtraError: spaCy is not installed.
            InputError: The pipeline is not installed, or finds no entities at all.
        """
        document = _pipeline(self.model)(text.source)
        return [
            Entity(
                text=span.text,
                type=span.label_,
                start=span.start_char,
                end=span.end_char,
                id=_id_of(span),
            )
            for span in document.ents
        ]


@lru_cache(maxsize=4)
def _pipeline(model: str) -> Any:  # noqa: ANN401 - an optional library
    try:
        import spacy  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError.of(f"spacy:{model} needs spaCy", "spacy") from error
    try:
        pipeline = spacy.load(model)
    except OSError as error:
        raise InputError(
            f"spaCy has no pipeline {model!r}: install it, for example with `python -m spacy "
            f"download {model}`; https://allenai.github.io/scispacy/ tells how for scispaCy's"
        ) from error
    finders = {"ner", "entity_ruler", "span_ruler", "entity_linker", "scispacy_linker"}
    if not finders & set(pipeline.pipe_names):
        raise InputError(
            f"the pipeline {model!r} finds no entities: it has {', '.join(pipeline.pipe_names)}, "
            "and needs ner or entity_ruler"
        )
    return pipeline


def _id_of(span: Any) -> str | None:  # noqa: ANN401
    linked = span._.kb_ents if span.has_extension("kb_ents") else ()
    return (linked[0][0] if linked else span.kb_id_ or span.ent_id_) or None
