"""What chains read: texts, mappings, messages and LangChain Documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage, ChatMessage, HumanMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue, StringPromptValue

from biogpt_plugins import Prediction, Relation
from biogpt_plugins.hosts.titles import TitledText
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values import inputs
from biogpt_plugins.values.inputs import Paper, document_annotations

_ROLES = {"human", "user", "ai", "assistant", "system", "tool", "developer"}


def paper_id(document: Document) -> str | None:
    """The paper's PMID or other identifier, from the document's metadata or its own id."""
    return inputs.paper_id(document.metadata) or document.id


def paper_title(document: Document) -> str | None:
    """The paper's title, from the document's metadata."""
    return inputs.paper_title(document.metadata)


class Asked(NamedTuple):
    """What a chain is asked.

    Attributes:
        input: The task's input.
        paper: The title and text of a Document, for a task that reads papers; else None.
    """

    input: object
    paper: TitledText | None

    @classmethod
    def of(cls, value: object, task: Task[Any]) -> Asked:
        """Read a chain's input: a Document with its title, other values as `as_input` does."""
        if isinstance(value, Document) and issubclass(task.input, Paper):
            paper = TitledText.of(value.page_content, paper_title(value))
            return cls(paper.input(paper_id(value), document_annotations(value)), paper)
        return cls(as_input(value), None)

    def place(self, prediction: Prediction[Any]) -> Prediction[Any]:
        """A prediction with the offsets of the chain's input."""
        return self.paper.place(prediction) if self.paper else prediction


def as_input(value: object) -> object:
    """The task's input for a chain's input; offsets refer to a document's `page_content`.

    Messages are read as `said` does, also in the fields of a mapping. The fields `messages` and
    `input`, as in the host's states, are the text.
    """
    if isinstance(value, Document):
        entities = document_annotations(value)
        named = {} if entities is None else {"entities": entities}
        return {"id": paper_id(value), "text": value.page_content, **named}
    if isinstance(value, Mapping):
        fields = {key: said(field) for key, field in value.items()}
        theirs = next((key for key in ("messages", "input") if key in fields), None)
        return {"text": fields.pop(theirs), **fields} if theirs else fields
    return said(value)


def said(value: Any) -> Any:  # noqa: ANN401 - a field of any type
    """The text of messages; other values, and messages without text, are returned unchanged.

    Of several messages this is the last one from a human: BioGPT does not converse. Messages are
    the host's values, a prompt, or pairs and mappings with a role.
    """
    if isinstance(value, StringPromptValue):
        return value.text
    if isinstance(value, BaseMessage):
        return str(value.text) or value
    messages = value.to_messages() if isinstance(value, PromptValue) else _messages(value)
    human = [str(one.text) for one in messages if _is_human(one)]
    return (human and human[-1]) or value


def _messages(value: object) -> list[BaseMessage]:
    if not isinstance(value, list | tuple):
        return []
    # The host's histories keep the results of chains between the messages.
    given = [one for one in value if not isinstance(one, Relation)]
    return convert_to_messages(given) if all(map(_is_message, given)) else []


def _is_human(message: BaseMessage) -> bool:
    if isinstance(message, ChatMessage):
        return message.role.lower() in ("human", "user")
    return isinstance(message, HumanMessage)


def _is_message(value: object) -> bool:
    if isinstance(value, Mapping):
        return "content" in value and ("role" in value or "type" in value)
    pair = isinstance(value, list | tuple) and len(value) == 2  # noqa: PLR2004
    return isinstance(value, BaseMessage) or (pair and value[0] in _ROLES)  # type: ignore[index]
