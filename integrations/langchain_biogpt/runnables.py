"""A task as a Runnable with typed results and one engine call for a batch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

from langchain_core.runnables import RunnableConfig, RunnableSerializable
from langchain_core.runnables.config import get_config_list
from pydantic import ConfigDict, Field

from biogpt_plugins import Pipeline, Prediction
from biogpt_plugins.engine import in_thread
from biogpt_plugins.hosts.fields import Options
from biogpt_plugins.hosts.types import check_host
from biogpt_plugins.pipeline.spec import ModelSettings
from biogpt_plugins.tasks import get_task
from biogpt_plugins.values.errors import ContextOverflowError, ParseError, error_class
from langchain_biogpt.documents import Asked
from langchain_biogpt.llm import BioGPTContextOverflowError, BioGPTLLM
from langchain_biogpt.parsers import RelationOutputParser, RelationStream, unreadable
from langchain_biogpt.schemas import input_type, result_type
from langchain_biogpt.tracing import TaskRun, abegun, begun


class Step(NamedTuple):
    """A step of a stream.

    Attributes:
        text: What the model wrote.
        found: What the stream yields.
        prediction: The Prediction, after the last text.
    """

    text: str
    found: Sequence[Any] = ()
    prediction: Prediction[Any] | None = None


class BioGPTTask(Options, RunnableSerializable[Any, Any]):
    """Runs a task on an LLM's model: takes texts, mappings or Documents, returns typed results.

    Of several messages, the last one from a human is the text. `as_tool` has the fields of the
    task's input as arguments, and LangServe shows them in its schema. Tracers see each input as an
    LLM's run with prompt, completion and token usage, and LangGraph's `stream_mode="messages"`
    yields its tokens.

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
        """The result for each input, with one engine call for each `max_concurrency` inputs."""
        work: Any = self._run  # the host passes arguments by name
        found: list[Any] = []
        for part, configs in parts(inputs, config):
            found += self._batch_with_config(
                work, part, configs, return_exceptions=return_exceptions, **kwargs
            )
        return found

    async def abatch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,  # noqa: ANN401
    ) -> list[Any]:
        """`batch` in a thread, which keeps the event loop free."""
        work: Any = self._arun
        found: list[Any] = []
        for part, configs in parts(inputs, config):
            found += await self._abatch_with_config(
                work, part, configs, return_exceptions=return_exceptions, **kwargs
            )
        return found

    def stream(
        self,
        input: Any,  # noqa: ANN401
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Iterator[Any]:
        """Yield the relations so far after each new relation; other tasks yield the result."""
        work: Any = self._pieces
        yield from self._transform_stream_with_config(iter([input]), work, config, **kwargs)

    async def astream(
        self,
        input: Any,  # noqa: ANN401
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> AsyncIterator[Any]:
        """`stream` in a thread, which keeps the event loop free."""

        async def inputs() -> AsyncIterator[Any]:
            yield input

        work: Any = self._apieces
        async for piece in self._atransform_stream_with_config(inputs(), work, config, **kwargs):
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

    def _grows(self, pipeline: Pipeline) -> bool:
        """Whether a stream yields parts of the result."""
        return not self.predictions and pipeline.task.kind == "relations"

    def _steps(self, pipeline: Pipeline, asked: Asked) -> Iterator[Step]:
        """Write the completion of one input, and read it as it grows."""
        source = pipeline.task.read_input(asked.input, entities=False).source
        parser = RelationOutputParser(task=self.task, source=source)
        placed = asked.paper.placed if asked.paper else None
        stream = RelationStream(parser, placed, pipeline.task_for(asked.input))
        for chunk in pipeline.stream(asked.input):
            yield Step(chunk.text, stream.add(chunk.text), chunk.prediction)
            if chunk.prediction:
                yield Step("", stream.end(raised(outcome(chunk.prediction))))

    def _pieces(
        self,
        inputs: Iterator[Any],
        config: RunnableConfig,
        **options: Any,  # noqa: ANN401
    ) -> Iterator[Any]:
        pipeline = self.pipeline(**options)
        for value in inputs:
            if not self._grows(pipeline):
                yield raised(*self._run([value], [config], **options))
                continue
            asked = Asked.of(value, pipeline.task)
            (run,) = begun(self.llm, pipeline, [asked.input], [config])
            try:
                for step in self._steps(pipeline, asked):
                    run.says(step.text)
                    if step.prediction:
                        run.ends(step.prediction)
                    yield from step.found
            except BaseException as error:
                run.fails(error)
                raise

    async def _apieces(
        self,
        inputs: AsyncIterator[Any],
        config: RunnableConfig,
        **options: Any,  # noqa: ANN401
    ) -> AsyncIterator[Any]:
        pipeline = await in_thread(partial(self.pipeline, **options))
        async for value in inputs:
            if not self._grows(pipeline):
                yield raised(*await self._arun([value], [config], **options))
                continue
            asked = Asked.of(value, pipeline.task)
            (run,) = await abegun(self.llm, pipeline, [asked.input], [config])
            steps = self._steps(pipeline, asked)
            try:
                while step := await in_thread(next, steps, None):
                    await run.asays(step.text)
                    if step.prediction:
                        await run.aends(step.prediction)
                    for piece in step.found:
                        yield piece
            except BaseException as error:
                await run.afails(error)
                raise

    def _run(
        self,
        inputs: list[Any],
        config: list[RunnableConfig],
        **options: Any,  # noqa: ANN401
    ) -> list[Any]:
        pipeline = self.pipeline(**options)
        asked = [Asked.of(value, pipeline.task) for value in inputs]
        values = [one.input for one in asked]
        runs = begun(self.llm, pipeline, values, config)
        try:
            if _is_heard(runs, pipeline):
                found = []
                for chunk in pipeline.stream(values[0]):
                    runs[0].says(chunk.text)
                    found += [chunk.prediction] if chunk.prediction else []
            else:
                found = pipeline.run(values)
        except BaseException as error:
            for run in runs:
                run.fails(error)
            raise
        for run, prediction in zip(runs, found, strict=True):
            run.ends(prediction)
        return self._results(asked, found)

    async def _arun(
        self,
        inputs: list[Any],
        config: list[RunnableConfig],
        **options: Any,  # noqa: ANN401
    ) -> list[Any]:
        pipeline = await in_thread(partial(self.pipeline, **options))
        asked = [Asked.of(value, pipeline.task) for value in inputs]
        values = [one.input for one in asked]
        runs = await abegun(self.llm, pipeline, values, config)
        try:
            if _is_heard(runs, pipeline):
                found, chunks = [], pipeline.stream(values[0])
                while chunk := await in_thread(next, chunks, None):
                    await runs[0].asays(chunk.text)
                    found += [chunk.prediction] if chunk.prediction else []
            else:
                found = await in_thread(pipeline.run, values)
        except BaseException as error:
            for run in runs:
                await run.afails(error)
            raise
        for run, prediction in zip(runs, found, strict=True):
            await run.aends(prediction)
        return self._results(asked, found)

    def _results(self, asked: list[Asked], found: list[Prediction[Any]]) -> list[Any]:
        placed = [each.place(one) for each, one in zip(asked, found, strict=True)]
        return placed if self.predictions else [outcome(prediction) for prediction in placed]


def parts(
    inputs: list[Any], config: RunnableConfig | list[RunnableConfig] | None
) -> Iterator[tuple[list[Any], list[RunnableConfig]]]:
    """Divide a batch by `max_concurrency`, as the host does for LLMs."""
    configs = get_config_list(config, len(inputs))
    most = (configs[0].get("max_concurrency") if configs else None) or len(inputs) or 1
    for start in range(0, len(inputs), most):
        part = slice(start, start + most)
        yield inputs[part], configs[part]


def _is_heard(runs: list[TaskRun], pipeline: Pipeline) -> bool:
    """Whether somebody listens to the only completion, and a stream writes the same one."""
    plain = pipeline.decoding.num_beams == pipeline.decoding.n == 1
    return len(runs) == 1 and bool(runs[0].chat) and plain and not pipeline.chooses


def with_settings(
    llm: BioGPTLLM | None, options: dict[str, Any]
) -> tuple[BioGPTLLM, dict[str, Any]]:
    """Split options: return the LLM with the settings among them, and the decoding options.

    Raises:
        InputError: The LLM is of another host.
        OptionError: An option is unknown.
    """
    if llm is not None:
        check_host(llm, BioGPTLLM, "llm", "langchain_biogpt")
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
