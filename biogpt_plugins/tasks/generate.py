"""Free generation: continue a text with a pretrained model."""

from __future__ import annotations

from biogpt_plugins.engine import Decoding, Prompt
from biogpt_plugins.tasks.readers import Reading
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import ParseError
from biogpt_plugins.values.inputs import Text


def read(completion: str, source: str | None, cut: bool) -> Reading[str]:  # noqa: ARG001
    """The text as written, stripped. An empty completion is an error."""
    if not completion.strip():
        raise ParseError("the model wrote nothing", completion)
    return Reading(completion.strip())


GENERATE = Task[str](
    name="generate",
    summary="continue a text, with a pretrained model",
    kind="text",
    input=Text,
    source=lambda text: Prompt(text=text.text),
    target=str,
    read=read,
    decoding=Decoding(max_new_tokens=100),
)
