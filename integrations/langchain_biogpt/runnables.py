"""A task as a Runnable with typed results and one engine call for a batch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any, ClassVar

from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field

from biogpt_plugins import Pipeline, Prediction
from biogpt_plugins.engine import in_thread
from biogpt_plugins.hosts.fields import Options
from biogpt_plugins.pipeline.spec import ModelSettings
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.errors import ContextOverflowError, ParseError, error_class
from langchain_biogpt.documents import as_input
from langchain_biogpt.llm import BioGPTContextOverflowError, BioGPTLLM
from langchain_biogpt.parsers import RelationOutputParser, RelationStream, unreadable
from langchain_biogpt.schemas import input_type, result_type


class BioGPTTask(Options, RunnableSerializable[Any, Any]):
    """Runs a task on an LLM's model: takes texts, mappings or Documents, returns typed results.

    The last human message of a list of messages is the text. `as_tool` has the fields of the task's
    input as arguments, and LangServe shows them in its schema.

    A batch is one engine call. With `return_exceptions=True`, a failed input does not affect the
    others. `abatch` and `ainvoke` keep the event loop free, and cancelling them stops the
    generation. If the task has labels, they are scored, which gives their probabilities. Decoding
    options can also be passed with a call, as for an LLM.

    Attributes:
        llm: The model and its decoding options; its own `task` is ignored.
        task: Name of the task.
        options: Additional decoding options, such as `{"logprobs": True}`.
        predictions: Return Predictions, including failed ones, instead of results.
    """

    model_config = ConfigDict(extra="forbid")

    llm: BioGPTLLM
    task: str
    options: dict[str, Any] = Field(default_factory=dict)
    predictions: bool = False

    _text_field: ClassVar[str] = ""  # the schema's name of the text; "" uses the task's

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: ANN401
        """The result for one input.

        Raises:
            OutputParserException: The completion cannot be read; `llm_output` contains it.
            BioGPTError: The input is invalid, or the engine failed.
        """
        return self.batch([input], config, **kwargs)[0]

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: ANN401
        """`invoke` in a thread, which keeps the event loop free."""
        return (await self.abatch([input], config, **kwargs))[0]

    def batch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[Any]:
        """The result for each input, with one engine call."""
        return self._batch_with_config(
            self._run, inputs, config, return_exceptions=return_exceptions, **kwargs
        )

    async def abatch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[Any]:
        """`batch` in a thread, which keeps the event loop free."""

        async def run(inputs: list[Any], **options: Any) -> list[Any]:  # noqa: ANN401
            return await in_thread(partial(self._run, inputs, **options))

        return await self._abatch_with_config(
            run, inputs, config, return_exceptions=return_exceptions, **kwargs
        )

    def stream(
        self,
        input: Any,  # noqa: ANN401
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Iterator[Any]:
        """Yield the relations so far after each new relation; other tasks yield the result."""
        inputs = iter([input])
        yield from self._transform_stream_with_config(inputs, self._pieces, config, **kwargs)

    async def astream(
        self,
        input: Any,  # noqa: ANN401
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[Any]:
        """`stream` in a thread, which keeps the event loop free."""

        async def inputs() -> AsyncIterator[Any]:
            yield input

        async def pieces(inputs: AsyncIterator[Any], **options: Any) -> AsyncIterator[Any]:  # noqa: ANN401
            found = self._pieces(iter([value async for value in inputs]), **options)
            while (piece := await in_thread(next, found, None)) is not None:
                yield piece

        async for piece in self._atransform_stream_with_config(inputs(), pieces, config, **kwargs):
            yield piece

    @property
    def InputType(self) -> Any:  # noqa: ANN401 - the host's name
        """A model with the fields of the task's input, for tools and JSON schemas.

        `invoke` also accepts strings, messages and Documents.
        """
        return input_type(get_task(self.task), self._text_field)

    @property
    def OutputType(self) -> Any:  # noqa: ANN401 - the host's name
        """The type of results, or of Predictions."""
        return result_type(get_task(self.task), predictions=self.predictions)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

    def get_name(self, suffix: str | None = None, *, name: str | None = None) -> str:
        """The name of this runnable in traces."""
        return super().get_name(suffix, name=name or self.name or f"biogpt_{self.task}")

    def pipeline(self, **options: Any) -> Pipeline:  # noqa: ANN401
        """The pipeline of this runnable, with the decoding options of a call."""
        return self.llm.bind_with_options(self.task, **{**self.options, **options})

    def _pieces(self, inputs: Iterator[Any], **options: Any) -> Iterator[Any]:  # noqa: ANN401
        pipeline = self.pipeline(**options)
        for value in map(as_input, inputs):
            if self.predictions or pipeline.task.kind != "relations":
                yield raised(*self._run([value], **options))
                continue
            source = pipeline.task.read_input(value).source
            stream = RelationStream(RelationOutputParser(task=self.task, source=source))
            for chunk in pipeline.stream(value):
                yield from stream.add(chunk.text)
                if chunk.prediction:
                    yield from stream.end(raised(outcome(chunk.prediction)))

    def _run(self, inputs: list[Any], **options: Any) -> list[Any]:  # noqa: ANN401
        found = self.pipeline(**options).run([as_input(value) for value in inputs])
        return found if self.predictions else [outcome(prediction) for prediction in found]


def with_settings(
    llm: BioGPTLLM | None, options: dict[str, Any]
) -> tuple[BioGPTLLM, dict[str, Any]]:
    """Split options: return the LLM with the settings among them, and the decoding options.

    Raises:
        OptionError: An option is unknown.
    """
    settings = {name: options[name] for name in ModelSettings.model_fields if name in options}
    llm = (llm or BioGPTLLM()).but(**settings)
    others = {name: value for name, value in options.items() if name not in settings}
    llm.check_options(others)
    return llm, others


def raised(found: Any) -> Any:  # noqa: ANN401 - a result or an exception
    """Return a result; raise an exception."""
    if isinstance(found, Exception):
        raise found
    return found


def outcome(prediction: Prediction[Any]) -> Any:  # noqa: ANN401 - a result or an exception
    """A prediction's result, or the exception that a Runnable raises instead."""
    failure = prediction.error
    if failure is None:
        return prediction.result
    if failure.type == ParseError.__name__:
        return unreadable(prediction.task, failure.message, prediction.completion)
    kind = error_class(failure.type)
    return (BioGPTContextOverflowError if kind is ContextOverflowError else kind)(failure.message)
