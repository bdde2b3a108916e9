"""LlamaIndex prompt templates in the layouts of the tasks.

The tasks render the layouts; the templates only name the variables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import BaseOutputParser

from biogpt_plugins.engine import FEW_SHOT
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import InputError


class TaskPromptTemplate(PromptTemplate):  # type: ignore[no-redef] # the host's field `kwargs`
    """A task's text in its official layout, or after solved examples.

    The variables are those of the task's input: `title` (optional) and `abstract`, `question` and
    `context`, or `text`. If one of the host's response synthesizers fills them, `query_str` is the
    question and `context_str` the text. Use the mode "accumulate"; other modes add instructions,
    which BioGPT does not follow.

    `template` shows the layout. The task renders the text, because a template cannot express all
    rules (for example, a title without a full stop gets one).

    Attributes:
        task: The task.
        few_shot: Whether the prompt has solved examples before the text.
    """

    task: str = ""
    few_shot: bool = False

    def __init__(
        self,
        task: str,
        *,
        few_shot: bool = False,
        output_parser: BaseOutputParser | None = None,
    ) -> None:
        chosen = get_task(task)
        shown = {name: f"{{{name}}}" for name in chosen.variables}
        text = chosen.input.model_fields["text"].alias or "text"
        super().__init__(
            _render(chosen, shown, few_shot=few_shot),
            output_parser=output_parser,
            template_var_mappings={"query_str": "question", "context_str": text},
        )
        self.task, self.few_shot = chosen.name, few_shot

    @property
    def stop(self) -> list[str]:
        """Stop strings for the LLM; after solved examples, a pretrained model would add more.

        `BioGPTLLM(stop=prompt.stop)`, or `llm.complete(prompt.format(...), stop=prompt.stop)`.
        """
        return list(get_task(self.task).decoding_for(FEW_SHOT).stop) if self.few_shot else []

    def format(
        self,
        llm: BaseLLM | None = None,
        completion_to_prompt: Callable[[str], str] | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> str:
        """Render the text.

        Raises:
            InputError: A variable is missing, or the text is empty.
        """
        task = get_task(self.task)
        given = self._map_all_vars({**self.kwargs, **kwargs})
        variables = task.variables
        needed = [name for name in self.template_vars if variables[name]]
        if missing := [name for name in needed if given.get(name) is None]:
            raise InputError(
                f"the prompt of {task.name} lacks {' and '.join(missing)}: pass "
                f"{', '.join(self.template_vars)}"
            )
        if llm is None and any(given[name] == "" for name in needed):
            # The host measures a prompt with empty variables.
            return super().format(None, completion_to_prompt, **kwargs)
        prompt = _render(task, given, few_shot=self.few_shot)
        prompt = self.output_parser.format(prompt) if self.output_parser else prompt
        return completion_to_prompt(prompt) if completion_to_prompt else prompt


def task_prompt(task: str, *, output_parser: BaseOutputParser | None = None) -> TaskPromptTemplate:
    """The source text of a task in its official layout, for a `BioGPTLLM` with that task.

    Args:
        task: The task.
        output_parser: The host's output parser for the prompt.

    Raises:
        InputError: The task is unknown.
    """
    return TaskPromptTemplate(task, output_parser=output_parser)


def few_shot_prompt(
    task: str, *, output_parser: BaseOutputParser | None = None
) -> TaskPromptTemplate:
    """Solved examples followed by a task's text, for a pretrained `BioGPTLLM` without a task.

    Pass the prompt's `stop` strings to the LLM. A prompt that is too long loses its end, including
    the cue for the conclusion; with `truncate=False` the LLM raises an error instead.
    `BioGPTLLM(task=...)` applies the layout and the stop strings itself, and cuts only the text.

    Args:
        task: The task; the prompt contains its own examples.
        output_parser: The host's output parser for the prompt.

    Raises:
        InputError: The task is unknown.
    """
    return TaskPromptTemplate(task, few_shot=True, output_parser=output_parser)


def _render(task: Task[Any], values: dict[str, Any], *, few_shot: bool) -> str:
    prompt = task.render(values) if few_shot else task.source(task.read_input(values))
    return prompt.source
