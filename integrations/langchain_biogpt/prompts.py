"""LangChain prompt templates in the layouts of the tasks.

The tasks render the layouts; the templates only name the variables.
"""

from __future__ import annotations

from typing import Any

from langchain_core.example_selectors import BaseExampleSelector
from langchain_core.prompts import FewShotPromptTemplate, PromptTemplate

from biogpt_plugins import Prompt, Text
from biogpt_plugins.engine import FEW_SHOT
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.layouts import CUE, framed, lay_out
from biogpt_plugins.values.errors import InputError

FIX_PROMPT = PromptTemplate.from_template("{instructions}" + framed("{completion}"))
"""For an OutputFixingParser with a pretrained BioGPT, which does not follow instructions. The
prompt has the parser's solved examples, and then the completion as the text to conclude from."""

RETRY_PROMPT = PromptTemplate.from_template("{prompt}")
"""For a RetryOutputParser with a BioGPT that samples: the same prompt again."""


class TaskPromptTemplate(PromptTemplate):
    """A task's source text, for a `BioGPTLLM` with that task.

    `template` shows the layout. The task renders the text, because a template cannot express all
    rules (for example, a title without a full stop gets one).
    """

    task: str

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        return cls.__module__.split(".")

    def format(self, **kwargs: Any) -> str:  # noqa: ANN401
        """Render the source text.

        Raises:
            InputError: The values contain no text.
        """
        task = get_task(self.task)
        values = self._merge_partial_and_user_variables(**kwargs)
        return task.source(task.read_input(values)).source


class TaskFewShotPromptTemplate(FewShotPromptTemplate):
    """Solved examples of a task followed by the text, for a `BioGPTLLM` without a task.

    A pretrained model would continue with another text; `BioGPTLLM(stop=prompt.stop)` or
    `llm.bind(stop=prompt.stop)` stops it there. An example has the task's variables and `target`,
    the completion that the model should write.
    """

    task: str

    @property
    def stop(self) -> list[str]:
        """The stop strings of a completion."""
        return [CUE]

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        return cls.__module__.split(".")

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

    def format(self, **kwargs: Any) -> str:  # noqa: ANN401
        """Render the examples and the text in the task's few-shot layout.

        Raises:
            InputError: The values or an example contain no text, or an example lacks its target.
        """
        text = self._text(kwargs)
        return self._render(text, self._get_examples(**_fields(text)))

    async def aformat(self, **kwargs: Any) -> str:  # noqa: ANN401
        """`format`, with an asynchronous example selector."""
        text = self._text(kwargs)
        return self._render(text, await self._aget_examples(**_fields(text)))

    def _text(self, values: dict[str, Any]) -> Text:
        return get_task(self.task).read_input(self._merge_partial_and_user_variables(**values))

    def _render(self, text: Text, examples: list[dict[str, Any]]) -> str:
        source = get_task(self.task).source(text)
        if self.example_selector and not examples:
            return framed(source.source)
        shots = [self._solved(*numbered) for numbered in enumerate(examples, start=1)]
        return lay_out(source, FEW_SHOT, shots=shots).source

    def _solved(self, number: int, example: dict[str, Any]) -> tuple[Prompt, str]:
        task = get_task(self.task)
        try:
            source = task.source(task.read_input(example))
            if not example.get("target"):
                raise InputError(f"{example!r:.80} has no target")
        except InputError as error:
            needed = ", ".join(self.example_prompt.input_variables)
            raise InputError(
                f"example {number}: {error}. Every example needs {needed} and target, the "
                "completion that the model should write"
            ) from error
        return source, example["target"]


def task_prompt(task: str) -> TaskPromptTemplate:
    """The source text of a task in its official layout.

    The variables are those of the task's input: `title` (optional) and `abstract`,
    `question` and `context`, or `text`.

    Raises:
        InputError: The task is unknown.
    """
    chosen = get_task(task)
    names = chosen.variables
    shown = chosen.source(chosen.read_input({name: f"{{{name}}}" for name in names})).source
    optional = dict.fromkeys((name for name, needed in names.items() if not needed), "")
    return TaskPromptTemplate(
        task=chosen.name,
        template=shown,
        input_variables=[name for name in names if name not in optional],
        optional_variables=list(optional),
        partial_variables=optional,
    )


def relation_prompt(task: str = "bc5cdr") -> TaskPromptTemplate:
    """`title` and `abstract` in the official layout of a relation task."""
    return task_prompt(task)


def question_prompt() -> TaskPromptTemplate:
    """`question` and `context` in the official, reasoning-required layout of PubMedQA."""
    return task_prompt("pubmedqa")


def few_shot_prompt(
    task: str, *, example_selector: BaseExampleSelector | None = None
) -> TaskFewShotPromptTemplate:
    """Solved examples followed by a task's text, for a pretrained BioGPT.

    Args:
        task: The task; the prompt contains its own examples.
        example_selector: Selects other examples: dicts with the variables and `target`.

    Raises:
        InputError: The task is unknown.
    """
    prompt = task_prompt(task)
    shots = get_task(task).shots
    examples = [{**_fields(shot), "target": target} for shot, target in shots]
    return TaskFewShotPromptTemplate(
        task=prompt.task,
        examples=None if example_selector else examples,
        example_selector=example_selector,
        example_prompt=prompt,
        suffix=prompt.template,
        input_variables=prompt.input_variables,
        optional_variables=prompt.optional_variables,
        partial_variables=prompt.partial_variables,
    )


def _fields(text: Text) -> dict[str, Any]:
    """The values of a task's variables as strings, which selectors can join."""
    return text.model_dump(by_alias=True, exclude={"id"})
