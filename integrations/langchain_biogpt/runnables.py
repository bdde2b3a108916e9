"""A task as a Runnable: typed results, one call of the engine for a batch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field

from biogpt_plugins import Pipeline, Prediction
from biogpt_plugins.engine import in_thread
from biogpt_plugins.hosts.fields import Options
from biogpt_plugins.pipeline.spec import ModelSettings
from biogpt_plugins.values.errors import ContextOverflowError, ParseError, error_class
from langchain_biogpt.documents import as_input
from langchain_biogpt.llm import BioGPTContextOverflowError, BioGPTLLM
from langchain_biogpt.parsers import RelationOutputParser, RelationStream, unreadable


class BioGPTTask(Options, RunnableSerializable[Any, Any]):
    """A task on an LLM's model: texts, mappings or Documents in, typed results out.

    A batch is one call of the engine. With `return_exceptions=True` an input that fails costs the
    others nothing; `abatch` and `ainvoke` leave the event loop free, and cancelling them stops the
    generation. Labels of a task that has them are scored, which gives their probabilities. Decoding
    options may also be given with a call, as to an LLM.

    Attributes:
        llm: The model, and how it writes; its own `task` plays no part.
        task: What is asked of it.
        options: Decoding options besides the LLM's own, such as `{"logprobs": True}`.
        predictions: Give whole Predictions, failed ones among them, instead of results.
    """

    model_config = ConfigDict(extra="forbid")

    llm: BioGPTLLM
    task: str
    options: dict[str, Any] = Field(default_factory=dict)
    predictions: bool = False

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: ANN401
        """The result for one input.

        Raises:
            OutputParserException: The completion cannot be read; `llm_output` is the completion.
            BioGPTError: The input cannot be used, or the engine failed.
        """
        return self.batch([input], config, **kwargs)[0]

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: ANN401
        """`invoke`, while the event loop goes on."""
        return (await self.abatch([input], config, **kwargs))[0]

    def batch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[Any]:
        """The result for each input, by one call of the engine."""
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
        """`batch`, while the event loop goes on."""

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
        """Of a relation task the relations so far, whenever one is written; else the result."""
        inputs = iter([input])
        yield from self._transform_stream_with_config(inputs, self._pieces, config, **kwargs)

    async def astream(
        self,
        input: Any,  # noqa: ANN401
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[Any]:
        """`stream`, while the event loop goes on."""

        async def inputs() -> AsyncIterator[Any]:
            yield input

        async def pieces(inputs: AsyncIterator[Any], **options: Any) -> AsyncIterator[Any]:  # noqa: ANN401
            found = self._pieces(iter([value async for value in inputs]), **options)
            while (piece := await in_thread(next, found, None)) is not None:
                yield piece

        async for piece in self._atransform_stream_with_config(inputs(), pieces, config, **kwargs):
            yield piece

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

    def get_name(self, suffix: str | None = None, *, name: str | None = None) -> str:
        """What traces call this runnable."""
        return super().get_name(suffix, name=name or self.name or f"biogpt_{self.task}")

    def pipeline(self, **options: Any) -> Pipeline:  # noqa: ANN401
        """The pipeline behind it, with the decoding options of a call."""
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
    """An LLM with the settings among some options, and the other options, which are for decoding.

    Raises:
        OptionError: There is no such option.
    """
    settings = {name: options[name] for name in ModelSettings.model_fields if name in options}
    llm = (llm or BioGPTLLM()).but(**settings)
    others = {name: value for name, value in options.items() if name not in settings}
    llm.check_options(others)
    return llm, others


def raised(found: Any) -> Any:  # noqa: ANN401 - a result or an exception
    """The result; an exception is raised."""
    if isinstance(found, Exception):
        raise found
    return found


def outcome(prediction: Prediction[Any]) -> Any:  # noqa: ANN401 - a result or an exception
    """A prediction's result, or what a Runnable raises in its stead."""
    failure = prediction.error
    if failure is None:
        return prediction.result
    if failure.type == ParseError.__name__:
        return unreadable(prediction.task, failure.message, prediction.completion)
    kind = error_class(failure.type)
    return (BioGPTContextOverflowError if kind is ContextOverflowError else kind)(failure.message)
