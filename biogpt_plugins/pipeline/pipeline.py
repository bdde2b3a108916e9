"""A Pipeline binds one task to one engine: inputs -> Predictions, none lost."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from biogpt_plugins.checkpoints.calibration import Calibration
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.engine import (
    PRETRAINED,
    Choice,
    Completion,
    Decoding,
    Engine,
    Prompt,
    TaskCard,
    in_thread,
    warn_of_truncation,
)
from biogpt_plugins.pipeline.spec import Settings, Spec, fitting
from biogpt_plugins.pipeline.trust import Priors, Trust
from biogpt_plugins.pipeline.windows import Window, join, windows
from biogpt_plugins.tasks import TASKS, get_task
from biogpt_plugins.tasks.readers import Reading
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.text.source import SourceText
from biogpt_plugins.values.errors import BioGPTError, EngineError, InputError
from biogpt_plugins.values.inputs import Text, encodable, id_of
from biogpt_plugins.values.results import Failure, Prediction

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class StreamChunk:
    """A piece of a completion; the last one's `prediction` is what the whole of it came to."""

    text: str
    prediction: Prediction[Any] | None = None


class _Asked(NamedTuple):
    """A text, what the model is asked of it, and its windows if it does not fit."""

    text: Text
    parts: list[tuple[Text, Prompt]]
    windows: Sequence[Window] = ()


class Pipeline:
    """One task on one engine. Immutable; safe to share between threads.

    Attributes:
        task: The task.
        engine: The engine.
        card: What the engine's checkpoint expects of the task's prompt.
        cards: The same of every task that the checkpoint was taught.
        decoding: How completions are chosen.
        chooses: Whether the task's labels are scored, which gives their probabilities, instead
            of a completion being written and read.
        dictionary: What gives entities their ids; None for no ids.
        trust: When a result is believed.
    """

    def __init__(
        self,
        task: str | Task[Any],
        engine: Engine,
        *,
        card: TaskCard | None = None,
        cards: Mapping[str, TaskCard] | None = None,
        **settings: Any,  # noqa: ANN401 - the fields of Settings
    ) -> None:
        """Bind a task to an engine.

        Args:
            task: The task or its name.
            engine: The engine.
            card: What the checkpoint expects; by default what `cards` says, and solved examples
                are shown to one that was not taught the task, texts before questions.
            cards: What the checkpoint expects of each task that it was taught, by name.
            settings: `decoding`, `method`, `min_score`, `samples`, `min_agreement`,
                `abstain_below`, `calibration` and `dictionary`, as in `load`; without a calibration
                nothing is corrected.

        Raises:
            InputError: No such task, or it has no labels to choose from, or no form to keep to, or
                no such results as a setting speaks of.
        """
        given = Settings.of(settings, "Pipeline")
        self.task = get_task(task)
        if given.method == "choose" and not self.task.choices:
            raise InputError(f"task {self.task.name} has no labels to choose from: use 'complete'")
        self.engine = engine
        self.dictionary = given.dictionary
        self.cards = dict(cards or {})
        self.card = card or self.cards.get(self.task.name, PRETRAINED)
        self.chooses = given.method != "complete" and bool(self.task.choices)
        self.trust = Trust(given, given.calibration or Calibration())
        self._beside = Calibration()  # the model's, where it was loaded
        self.trust.check(self.task, chooses=self.chooses)
        self._priors = Priors()
        usual = self.task.decoding_for(self.card)
        decoding = given.decoding
        if isinstance(decoding, str):
            decoding = usual.but(form=decoding)
        self.decoding = self._checked(decoding or usual)
        self._spec: Spec | None = None

    def __deepcopy__(self, _: dict[int, Any]) -> Pipeline:
        return self  # it cannot be changed, and its engine is shared

    def __repr__(self) -> str:
        return repr(self.spec).replace("Spec(", "Pipeline(", 1)

    def for_task(self, task: str | Task[Any]) -> Pipeline:
        """Another task on the same model, with the settings that it has a use for.

        It is decoded as suits that task: a Decoding that was given is left out. Without relations
        there are no scores and samples, and without labels nothing to abstain from.
        """
        found = get_task(task)
        if found is self.task:
            return self
        fit = fitting(self.spec.given(Settings), found)
        if isinstance(self.spec.decoding, Decoding):
            del fit["decoding"]
        return self._derived(found, fit)

    def with_settings(self, spec: Spec) -> Pipeline:
        """This model, asked as another spec says; which model that names plays no part."""
        theirs, ours = spec.given(Settings), self.spec.given(Settings)
        task = self.task if spec.task in (None, self.spec.task) else get_task(spec.task)
        if task is self.task and theirs == ours:
            return self
        return self._derived(task, spec.given(Settings))

    def with_decoding(self, decoding: Decoding) -> Pipeline:
        """This pipeline, its completions chosen in another way."""
        other = copy(self)
        other.decoding = self._checked(decoding)
        other.spec = self.spec.but(decoding=decoding)
        return other

    def _derived(self, task: Task[Any], given: dict[str, Any]) -> Pipeline:
        """A pipeline on the same engine, which knows the same priors."""
        card = self.card if task is self.task else None
        other = Pipeline(
            task,
            self.engine,
            card=card,
            cards=self.cards,
            **{**given, "calibration": given.get("calibration") or self._beside},
        )
        other._priors, other._beside = self._priors, self._beside
        own = self.spec.own if _is_registered(task) else (*self.spec.own, _its_own(task))
        settings = {**Settings().every(), **given}
        other.spec = self.spec.but(**settings, task=task.name, own=tuple(dict.fromkeys(own)))
        return other

    @property
    def spec(self) -> Spec:
        """What this pipeline is, as a spec says it; `spec.own` is what no spec can make again."""
        if self._spec is None:
            loaded: Mapping[str, Any] | None = getattr(self.engine, "loaded_as", None)
            own = [] if loaded else [f"an engine of its own, {type(self.engine).__name__}"]
            if loaded and self.cards != read_card(loaded["folder"], self.engine.model_name).tasks:
                own.append("a layout of its own")
            if not _is_registered(self.task):
                own.append(_its_own(self.task))
            named = {
                "model": self.engine.model_name,
                **(loaded or {}),
                **self.trust.settings.given(),
            }
            named.pop("folder", None)
            self._spec = Spec(**named, task=self.task.name, own=tuple(own))
        return self._spec

    @spec.setter
    def spec(self, spec: Spec) -> None:
        self._spec = spec

    def _checked(self, decoding: Decoding) -> Decoding:
        if decoding.form == "grounded" and self.task.grammar is None:
            raise InputError(
                f"task {self.task.name} has no form that a grounded decoding could keep to: use "
                "decoding='free'"
            )
        return self.trust.decoding(decoding)

    def run(self, inputs: Iterable[object]) -> list[Prediction[Any]]:
        """One Prediction for each input, in order, by one call of the engine.

        A text that is longer than the model takes is read in windows of whole sentences if the task
        finds relations. Of others the end is cut: their Predictions say so, and a
        TruncationWarning. A bad input, a failed prompt or an unreadable completion becomes a
        Prediction with an error and costs the others nothing.

        Args:
            inputs: Strings, mappings or models, as the task's `input` reads them.

        Raises:
            InputError: `inputs` is a single string or mapping instead of a list of them.
        """
        read = [self._read(value) for value in _several(inputs)]
        texts = [text for text in read if isinstance(text, Text)]
        predictions = self.predict(texts)
        warn_of_truncation((one.truncated_tokens for one in predictions), stacklevel=2)
        rest = iter(predictions)
        return [next(rest) if isinstance(text, Text) else text for text in read]

    def predict(self, texts: Sequence[Text]) -> list[Prediction[Any]]:
        """`run` for what the task's `read_input` has read; that texts were cut is told there only.

        Args:
            texts: The task's inputs, each checked by `read_input`.
        """
        if not texts:
            return []
        try:
            return self._predict(texts)
        except BioGPTError as error:
            return [self._failed(text.id, error) for text in texts]
        except Exception as error:  # an engine of the user's may raise anything
            return [self._failed(text.id, _engine_error(error)) for text in texts]

    async def arun(self, inputs: Iterable[object]) -> list[Prediction[Any]]:
        """`run` in a thread, so that the event loop goes on; cancelling stops the generation."""
        return await in_thread(self.run, inputs)

    def imap(self, inputs: Iterable[object], *, chunk_size: int = 64) -> Iterator[Prediction[Any]]:
        """`run` lazily: Predictions in input order, with `chunk_size` inputs held at a time."""
        if chunk_size < 1:
            raise InputError(f"chunk_size = {chunk_size} must be at least 1")
        waiting = iter(_several(inputs))
        while chunk := list(islice(waiting, chunk_size)):
            yield from self.run(chunk)

    def stream(self, value: object) -> Iterator[StreamChunk]:
        """Write the completion for one input piece by piece; the last chunk has the Prediction.

        A long text is read in windows as by `run`, one after the other. Labels are not scored here:
        the completion is always written. A failure ends in a Prediction with an error, as in `run`.
        Closing the iterator stops the generation.
        """
        text = self._read(value)
        if not isinstance(text, Text):
            yield StreamChunk("", text)
            return
        try:
            asked = self._asked(text)
        except BioGPTError as error:
            yield StreamChunk("", self._failed(text.id, error))
            return
        except Exception as error:  # an engine of the user's may raise anything
            yield StreamChunk("", self._failed(text.id, _engine_error(error)))
            return
        found: list[Prediction[Any]] = []
        for part, prompt in asked.parts:
            if found:
                yield StreamChunk("\n")
            completion = yield from self._written(prompt)
            found.append(self._from_completion(part, completion))
        prediction = self._whole(asked, found)
        warn_of_truncation([prediction.truncated_tokens])
        yield StreamChunk("", prediction)

    def _written(self, prompt: Prompt) -> Generator[StreamChunk, None, Completion]:
        """The pieces of a completion, and then all of it."""
        completion = Completion(error=InputError("the engine streamed no completion"))
        try:
            for chunk in self.engine.stream(prompt, self.decoding):
                completion = chunk.completion or completion
                if chunk.text:
                    yield StreamChunk(chunk.text)
        except BioGPTError as error:
            return Completion(error=error)
        except Exception as error:  # an engine of the user's may raise anything
            return Completion(error=_engine_error(error))
        return completion

    def _read(self, value: object) -> Text | Prediction[Any]:
        try:
            return self.task.read_input(value)
        except BioGPTError as error:
            return self._failed(id_of(value), error)

    def _predict(self, texts: Sequence[Text]) -> list[Prediction[Any]]:
        if self.chooses:
            return self._choose(texts, [self.task.render_text(text, self.card) for text in texts])
        asked = [self._asked(text) for text in texts]
        parts = [part for one in asked for part in one.parts]
        completions = self.engine.complete([prompt for _, prompt in parts], self.decoding)
        pairs = _pairs(parts, completions)
        read = (self._from_completion(text, completion) for (text, _), completion in pairs)
        return [self._whole(one, list(islice(read, len(one.parts)))) for one in asked]

    def _asked(self, text: Text) -> _Asked:
        prompt = self.task.render_text(text, self.card)
        if self.task.kind != "relations":
            return _Asked(text, [(text, prompt)])
        pieces = windows(text, prompt, self.engine, self.decoding)
        parts = [(piece.value, self.task.render_text(piece.value, self.card)) for piece in pieces]
        return _Asked(text, parts or [(text, prompt)], pieces)

    def _whole(self, asked: _Asked, read: list[Prediction[Any]]) -> Prediction[Any]:
        """The prediction for a text, of those for what was asked of it."""
        found = join(asked.text, asked.windows, read) if asked.windows else read[0]
        if not (self.dictionary and self.task.kind == "relations" and found.result):
            return found
        result, notes = self.dictionary.identify_all(found.result)
        return found.model_copy(update={"result": result, "warnings": (*found.warnings, *notes)})

    def _choose(self, texts: Sequence[Text], prompts: list[Prompt]) -> list[Prediction[Any]]:
        """Score the labels, and in the same call those of questions without a text, if need be."""
        asked = [replace(prompt, target=self.task.stem) for prompt in prompts]
        bare: list[Prompt] = []
        if self.trust.needs_prior(self.task):
            bare = [self.task.render_without_text(text, self.card) for text in texts]
            bare = [replace(prompt, target=self.task.stem) for prompt in bare]
        priors = self._priors.known(bare, self.task.choices)
        new = [prompt for prompt in dict.fromkeys(bare) if prompt not in priors]
        truncate = self.decoding.truncate
        choices = self.engine.choose([*asked, *new], self.task.choices, truncate=truncate)
        found = [choice for _, choice in _pairs([*asked, *new], choices)]
        priors |= dict(zip(new, found[len(asked) :], strict=True))
        self._priors.remember(priors, self.task.choices)
        wanted = [priors[prompt] for prompt in bare] if bare else [None] * len(texts)
        return [self._from_choice(*one) for one in zip(texts, found, wanted, strict=False)]

    def _from_completion(self, text: Text, completion: Completion) -> Prediction[Any]:
        if completion.error:
            return self._failed(text.id, completion.error)
        written = encodable(completion.text)
        facts = {
            "completion": written,
            "finish_reason": completion.finish_reason,
            **self._facts(completion),
        }
        try:
            if self.decoding.form == "grounded" and not written:
                reading: Reading[Any] = Reading([], ("the text has no name that could be copied",))
            else:
                reading = self.trust.read(self.task, completion, SourceText(text.source))
        except BioGPTError as error:
            return self._failed(text.id, error, **facts)
        facts["warnings"] += reading.notes
        return self._prediction(text.id, result=reading.result, **facts)

    def _from_choice(self, text: Text, choice: Choice, prior: Choice | None) -> Prediction[Any]:
        error = choice.error or (prior and prior.error)
        if error:
            return self._failed(text.id, error)
        answer = self.trust.answer(self.task, choice, prior.probabilities if prior else None)
        return self._prediction(text.id, result=answer, **self._facts(choice))

    def _facts(self, outcome: Completion | Choice) -> dict[str, Any]:
        cut = outcome.truncated_tokens
        remark = f"the text was cut: its last {cut} tokens did not fit the model's limit"
        return {
            "usage": outcome.usage,
            "truncated_tokens": cut,
            "warnings": (remark,) if cut else (),
        }

    def _failed(self, id_: str | None, error: Exception, **facts: Any) -> Prediction[Any]:  # noqa: ANN401
        return self._prediction(id_, error=Failure.of(error), **facts)

    def _prediction(self, id_: str | None, **facts: Any) -> Prediction[Any]:  # noqa: ANN401
        return Prediction(id=id_, task=self.task.name, model=self.engine.model_name, **facts)


def _is_registered(task: Task[Any]) -> bool:
    known = TASKS.get(task.name)
    return known is task or (known is not None and known.fingerprint == task.fingerprint)


def _its_own(task: Task[Any]) -> str:
    return f"a task of its own, {task.name!r}"


def _several(inputs: Iterable[object]) -> Iterable[object]:
    if isinstance(inputs, str | bytes | Mapping | Text) or not isinstance(inputs, Iterable):
        raise InputError(f"give a list of inputs, not one {type(inputs).__name__}: [it]")
    return inputs


def _pairs(asked: list[S], outcomes: list[T]) -> Iterator[tuple[S, T]]:
    if len(outcomes) != len(asked):
        raise EngineError(
            f"the engine gave {len(outcomes)} results for {len(asked)} prompts: it must give one "
            "for each, in their order"
        )
    return zip(asked, outcomes, strict=True)


def _engine_error(error: Exception) -> EngineError:
    return EngineError(f"the engine failed with {type(error).__name__}: {error}")
