"""BioGPT as a LangChain decision model; needs langchain-core 1.8."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, cast

from langchain_core.decisions import (
    Answer,
    BaseDecisionModel,
    Choice,
    ChoiceAnswer,
    ClassifierRequest,
    ClassifierResponse,
    Noul,
    NoulAnswer,
    NoulCriteria,
    Question,
    State,
)
from langchain_core.messages import BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import set_config_context
from langsmith.run_helpers import get_current_run_tree
from pydantic import ConfigDict, TypeAdapter, ValidationError, model_validator
from typing_extensions import Self

from biogpt_plugins import Engine, Pipeline
from biogpt_plugins.engine import Choice as Scores
from biogpt_plugins.engine import in_thread, warn_of_truncation
from biogpt_plugins.hosts.fields import ModelFields
from biogpt_plugins.pipeline.deciding import Decision, decide, decision
from biogpt_plugins.tasks.bc5cdr import BC5CDR
from biogpt_plugins.tasks.pubmedqa import LABELS, PUBMEDQA
from biogpt_plugins.tasks.questions import refusal
from biogpt_plugins.values.errors import BioGPTError, InputError
from langchain_biogpt.documents import Asked
from langchain_biogpt.llm import host_error
from langchain_biogpt.runnables import parts, raised
from langchain_biogpt.saving import SavedFields

_QUESTIONS: TypeAdapter[dict[str, Question]] = TypeAdapter(dict[str, Question])
_MEDIA = {"image", "audio", "video", "file"}


class BioGPTDecisionModel(SavedFields, ModelFields, BaseDecisionModel):
    """Answers typed questions about a text with probabilities; writes no text.

    The state is a text, a Document, messages, of which the last one from a human is read, or a
    mapping with `title` and `abstract`, or `text`. All questions of a request are one call of the
    engine, and so are all requests of a batch. A text that is too long is cut, with a
    TruncationWarning. With `return_exceptions=True`, a failed request does not affect the others.

    A `Noul` is answered as PubMedQA: its probability is that of yes and half of that of maybe. A
    `Choice` is among labels that the model was trained with: yes, no and maybe, which have the
    model's calibration, or those of another of its tasks, such as HoC, which reads only the text
    and not the question. A model that was trained for no task, such as "microsoft/biogpt", chooses
    among any labels, after solved examples, and reads their descriptions. The confidence is the
    probability of the chosen label. A `Score` and a `Box` are refused, and so are criteria that the
    model does not read.

    The fields are those of `biogpt_plugins.hosts.fields.ModelFields`.
    """

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def from_engine(cls, engine: Engine, **options: Any) -> Self:  # noqa: ANN401
        """Make a decision model that uses a custom engine; prompts contain solved examples."""
        return cls.from_pipeline(Pipeline(PUBMEDQA, engine), **options)

    def batch(
        self,
        inputs: list[ClassifierRequest],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,  # noqa: ANN401, ARG002 - the host's invoke ignores them, too
    ) -> list[ClassifierResponse]:
        """The response to each request, with one engine call for each `max_concurrency`."""
        work: Any = self._run  # the host passes arguments by name
        found: list[ClassifierResponse] = []
        for part, configs in parts(inputs, config):
            traced = [self._traced_config(one) for one in configs]
            found += self._batch_with_config(
                work, part, traced, return_exceptions=return_exceptions, run_type="llm"
            )
        return found

    async def abatch(
        self,
        inputs: list[ClassifierRequest],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,  # noqa: ANN401, ARG002 - the same
    ) -> list[ClassifierResponse]:
        """`batch` in a thread, which keeps the event loop free."""
        work: Any = self._arun
        found: list[ClassifierResponse] = []
        for part, configs in parts(inputs, config):
            traced = [self._traced_config(one) for one in configs]
            found += await self._abatch_with_config(
                work, part, traced, return_exceptions=return_exceptions, run_type="llm"
            )
        return found

    @property
    def _provider(self) -> str:
        return "biogpt"

    @model_validator(mode="after")
    def _scores_every_label(self) -> Self:
        if self.abstain_below is not None:
            raise InputError(
                "a decision model does not abstain: leave out abstain_below, and compare the "
                "probabilities of its answers with your threshold"
            )
        if self.method == "complete":
            raise InputError("method must be 'choose': a decision model scores labels")
        return self

    def _classify(self, state: State, questions: dict[str, Question]) -> ClassifierResponse:
        request = ClassifierRequest(state=state, questions=questions)
        found: ClassifierResponse = raised(*self._answered([request]))
        return found

    async def _aclassify(self, state: State, questions: dict[str, Question]) -> ClassifierResponse:
        return await in_thread(partial(self._classify, state, questions))

    def _run(
        self, inputs: list[ClassifierRequest], config: list[RunnableConfig]
    ) -> list[ClassifierResponse | Exception]:
        found = self._answered(inputs)
        for answer, own in zip(found, config, strict=True):
            if isinstance(answer, ClassifierResponse):
                _record_usage(answer, own)
        return found

    async def _arun(
        self, inputs: list[ClassifierRequest], config: list[RunnableConfig]
    ) -> list[ClassifierResponse | Exception]:
        return await in_thread(partial(self._run, inputs, config))

    def _answered(self, requests: list[ClassifierRequest]) -> list[ClassifierResponse | Exception]:
        """The response to each request or its error, with one call of the engine."""
        pipeline = self.bind_task(PUBMEDQA.name)
        asked = [_read(pipeline, request) for request in requests]
        every = [one for own in asked if isinstance(own, _Asked) for one in own.decisions]
        scores = decide(pipeline, every)
        warn_of_truncation([one.truncated_tokens for one in scores], stacklevel=4)
        rest = iter(scores)
        return [
            own.response(self.model, list(islice(rest, len(own.decisions))))
            if isinstance(own, _Asked)
            else own
            for own in asked
        ]


class _Asked(NamedTuple):
    """A request: its questions, and what the model is asked for each."""

    questions: dict[str, Question]
    decisions: list[Decision]

    def response(self, model: str, scores: list[Scores]) -> ClassifierResponse | Exception:
        """The answers, from the probabilities of the labels; or the first error."""
        if error := next((one.error for one in scores if one.error), None):
            return host_error(error)
        read = sum(one.usage.prompt_tokens for one in scores)
        pairs = zip(self.questions.items(), scores, strict=True)
        return ClassifierResponse(
            model=model,
            answers={name: _answer(question, one) for (name, question), one in pairs},
            usage=UsageMetadata(input_tokens=read, output_tokens=0, total_tokens=read),
        )


def _read(pipeline: Pipeline, request: ClassifierRequest) -> _Asked | Exception:
    """What the model is asked for a request, or why it cannot be asked."""
    try:
        text, questions = _text(request["state"]), _valid(request["questions"])
        asked = [decision(pipeline, text, *_question(*one)) for one in questions.items()]
    except BioGPTError as error:
        return error
    return _Asked(questions, asked)


def _valid(given: object) -> dict[str, Question]:
    try:
        questions = _QUESTIONS.validate_python(given)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise InputError(f"cannot read the questions: {where}: {fault['msg']}") from error
    if not questions:
        raise InputError("a request needs at least one question")
    return questions


def _text(state: object) -> str:
    """What is read of a state.

    Raises:
        InputError: It has no text, or an image or other media.
    """
    if kind := _media(state):
        raise InputError(f"the state has a block of type {kind!r}, and BioGPT reads text only")
    paper = BC5CDR.read_input(Asked.of(state, BC5CDR).input, entities=False)
    return BC5CDR.source(paper).text  # title and abstract, joined as BioGPT was trained


def _media(value: object) -> str | None:
    if isinstance(value, BaseMessage):
        value = value.content_blocks
    if isinstance(value, Mapping):
        if (kind := value.get("type")) in _MEDIA:
            return str(kind)
        value = list(value.values())
    inner = value if isinstance(value, list | tuple) else ()
    return next(filter(None, map(_media, inner)), None)


def _question(name: str, asked: Question) -> tuple[str, dict[str, str | None]]:
    """The words of a question, and its labels with their descriptions.

    Raises:
        InputError: BioGPT cannot answer it.
    """
    if not isinstance(asked, Noul | Choice):
        raise InputError(
            f"question {name!r} is a {type(asked).__name__}, which BioGPT cannot answer: ask a "
            "Noul or a Choice"
        )
    words = asked.instructions
    if not isinstance(words, str):
        raise InputError(f"the instructions of question {name!r} must be text, not {words!r:.60}")
    if isinstance(asked, Choice):
        for label, about in asked.criteria.items():
            if not isinstance(about, str | None):
                raise InputError(
                    f"the description of label {label!r} of question {name!r} must be text or "
                    f"None, not {about!r:.60}"
                )
        return words, cast("dict[str, str | None]", asked.criteria)
    if asked.criteria and asked.criteria != NoulCriteria():
        raise InputError(
            f"question {name!r} has criteria, which BioGPT does not read: write them into its "
            "instructions"
        )
    if why := refusal(words):
        raise InputError(f"question {name!r} cannot be a Noul: {why}")
    return words, dict.fromkeys(LABELS)


def _answer(asked: Question, scores: Scores) -> Answer:
    shares = scores.probabilities
    if isinstance(asked, Noul):
        return NoulAnswer(type="noul", noul=min(1.0, shares["yes"] + shares["maybe"] / 2))
    sure = min(1.0, shares[scores.label])
    return ChoiceAnswer(type="choice", choice=scores.label, probabilities=shares, confidence=sure)


def _record_usage(response: ClassifierResponse, config: RunnableConfig) -> None:
    """Note the tokens in the trace of a request, as the host does outside batches."""
    with set_config_context(config) as context:
        run = context.run(get_current_run_tree)
    if run is not None and response.usage:
        run.extra.setdefault("metadata", {})["usage_metadata"] = dict(response.usage)
