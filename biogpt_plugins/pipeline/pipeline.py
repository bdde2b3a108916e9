"""A Pipeline binds one task to one engine and gives every input a Prediction."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, islice
from typing import Any

from typing_extensions import Self

from biogpt_plugins.checkpoints.calibration import Calibration, read_calibration
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.engine import (
    PRETRAINED,
    Choice,
    Completion,
    Decoding,
    Engine,
    Prompt,
    Scored,
    TaskCard,
    Token,
    in_thread,
    warn_of_truncation,
)
from biogpt_plugins.entities import Instead
from biogpt_plugins.pipeline.ahead import Work, at_once, in_order
from biogpt_plugins.pipeline.asking import Asked, Asking, Part
from biogpt_plugins.pipeline.notebook import html_of
from biogpt_plugins.pipeline.outcomes import (
    engine_error,
    not_copied,
    not_finite,
    nothing_written,
    paired,
)
from biogpt_plugins.pipeline.progress import with_bar
from biogpt_plugins.pipeline.spec import (
    Method,
    Settings,
    Spec,
    cannot_be_loaded,
    fitting,
    is_saved,
    named,
)
from biogpt_plugins.pipeline.trust import Priors, Trust
from biogpt_plugins.pipeline.windows import join
from biogpt_plugins.tasks import TASKS, get_task
from biogpt_plugins.tasks.entities import named_in, takes_any
from biogpt_plugins.tasks.ranking import Ranking
from biogpt_plugins.tasks.readers import Reading
from biogpt_plugins.tasks.remarks import remarks
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.text.source import SourceText
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import BioGPTError, InputError, ModelError, ServerError
from biogpt_plugins.values.inputs import Text, encodable, id_of
from biogpt_plugins.values.predictions import Predictions
from biogpt_plugins.values.records import several
from biogpt_plugins.values.results import Failure, Prediction

BETWEEN_WINDOWS = "\n"
"""What a stream has between the completions about two windows of a long text."""


@dataclass(frozen=True)
class StreamChunk:
    """A piece of a completion.

    Attributes:
        text: The piece.
        prediction: The Prediction for the whole completion, with the last chunk.
        tokens: The piece's tokens where the engine gives probabilities. Their offsets count in the
            completion, or in that of the window that is being read.
    """

    text: str
    prediction: Prediction[Any] | None = None
    tokens: tuple[Token, ...] = ()


class Pipeline:
    """One task on one engine. Immutable; safe to share between threads.

    Attributes:
        task: The task, with the checkpoint's words for a text without relations if it has some.
        engine: The engine.
        card: The prompt layout that the checkpoint expects for the task.
        cards: The layouts of all tasks that the checkpoint was trained for, by name.
        decoding: How completions are generated.
        chooses: Whether the labels of the task are scored, which gives their probabilities;
            otherwise the model writes a completion, which is parsed.
        dictionary: The dictionary of entity ids, or None.
        ranks: Whether all pairs of entities are given their probability; nothing is written then.
        trust: Which results are accepted.
        beside: The calibration that was saved with the model, if the model was loaded.
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
            card: The prompt layout that the checkpoint expects; by default the one in `cards`. If
                the checkpoint was not trained for the task, prompts contain solved examples, with
                texts before questions.
            cards: The layouts of all tasks that the checkpoint was trained for, by name.
            settings: `decoding`, `method`, `long_texts`, `min_score`, `samples`,
                `min_agreement`, `abstain_below`, `calibration`, `dictionary` and `entities`, as in
                `load`; without a calibration, probabilities are not corrected.

        Raises:
            InputError: The task is unknown, or a setting does not apply to it.
        """
        given = Settings.of(settings, "Pipeline")
        self._named = get_task(task)
        self.cards = dict(cards or {})
        self.card = card or self.cards.get(self._named.name, PRETRAINED)
        self.task = self._named.taught(self.card)
        if given.method == "choose" and not self.task.choices:
            raise InputError(
                f"method must be 'complete', not 'choose': task {self.task.name} has no labels"
            )
        self.engine = engine
        self.dictionary = given.dictionary
        if given.method == "rank" and not self.task.clause:
            raise InputError(
                f"method must be 'complete', not 'rank': task {self.task.name} declares no clause"
            )
        if given.entities == "decoded" and given.method != "rank":
            raise InputError("entities must be 'use', not 'decoded', without method 'rank'")
        self.ranks = given.method == "rank"
        self.chooses = given.method in ("auto", "choose") and bool(self.task.choices)
        self.trust = Trust(given, given.calibration or Calibration())
        self._ask = Asking(self.task, self.card, given)
        self.beside = Calibration()
        self.trust.check(self.task, chooses=self.chooses)
        self._priors = Priors()
        usual = self.task.decoding_for(self.card)
        decoding = given.decoding
        if isinstance(decoding, str):
            decoding = usual.but(form=decoding)
        self.decoding = self._checked(decoding or usual)
        self._spec: Spec | None = None

    def __deepcopy__(self, _: dict[int, Any]) -> Pipeline:
        return self  # it is immutable, and its engine is shared

    def __copy__(self) -> Self:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickle is the spec, from which another process loads its own.
        if own := self.spec.own:
            raise ModelError(cannot_be_loaded(self.spec.model, own))
        return Spec.pipeline, (self.spec,)

    def __repr__(self) -> str:
        return repr(self.spec).replace("Spec(", "Pipeline(", 1)

    def _repr_html_(self) -> str:
        """What a notebook shows: the model, where it runs, and the settings."""
        return html_of(self)

    def for_task(self, task: str | Task[Any]) -> Pipeline:
        """Another task on the same model, with the settings that apply to that task.

        A custom Decoding is replaced by the task's own. `min_score`, `samples` and `min_agreement`
        apply only to relations, `abstain_below` only to tasks with labels.
        """
        found = get_task(task)
        if found is self._named or found is self.task:
            return self
        fit = fitting(self.spec.given(Settings), found)
        if isinstance(self.spec.decoding, Decoding):
            del fit["decoding"]
        return self._derived(found, fit)

    def with_settings(self, spec: Spec) -> Pipeline:
        """This model with the settings of another spec; the model of that spec is ignored."""
        theirs, ours = spec.given(Settings), self.spec.given(Settings)
        task = self._named if spec.task in (None, self.spec.task) else get_task(spec.task)
        if task is self._named and theirs == ours:
            return self
        return self._derived(task, spec.given(Settings))

    def with_decoding(self, decoding: Decoding) -> Pipeline:
        """This pipeline with another decoding."""
        other = copy(self)
        other.decoding = self._checked(decoding)
        other.spec = self.spec.but(decoding=decoding)
        return other

    def _derived(self, task: Task[Any], given: dict[str, Any]) -> Pipeline:
        """A pipeline on the same engine that shares the cache of priors."""
        card = self.card if task is self._named else None
        other = Pipeline(
            task,
            self.engine,
            card=card,
            cards=self.cards,
            **{**given, "calibration": given.get("calibration") or self.beside},
        )
        other._priors, other.beside = self._priors, self.beside
        own = self.spec.own if _is_registered(task) else (*self.spec.own, _its_own(task))
        settings = {**Settings().every(), **given}
        other.spec = self.spec.but(**settings, task=task.name, own=tuple(dict.fromkeys(own)))
        return other

    @property
    def model_name(self) -> str:
        """The name of the model; for a server's, the one that it has there."""
        return str(getattr(self.engine, "served", self.engine.model_name))

    @property
    def spec(self) -> Spec:
        """The spec of this pipeline; `spec.own` lists the parts that a spec cannot describe."""
        if self._spec is None:
            loaded: Mapping[str, Any] | None = getattr(self.engine, "loaded_as", None)
            own = [] if loaded else [f"a custom engine, {type(self.engine).__name__}"]
            if not is_saved(self.trust.settings.entities):
                own.append(f"a source of entities, {named(self.trust.settings.entities)}")
            if loaded and self.cards != read_card(loaded["folder"], self.engine.model_name).tasks:
                own.append("a custom layout")
            if not _is_registered(self._named):
                own.append(_its_own(self._named))
            given = {
                "model": self.engine.model_name,
                **(loaded or {}),
                **self.trust.settings.given(),
            }
            folder = given.pop("folder", None)
            if folder and read_calibration(folder) != self.trust.calibration:
                given["calibration"] = self.trust.calibration
            self._spec = Spec(**given, task=self.task.name, own=tuple(own))
        return self._spec

    @spec.setter
    def spec(self, spec: Spec) -> None:
        self._spec = spec

    def _checked(self, decoding: Decoding) -> Decoding:
        if not self.task.writes(decoding.form):
            raise InputError(
                f"decoding must be 'free', not {decoding.form!r}: task {self.task.name} has no "
                f"grammar for {decoding.form} decoding"
            )
        ranks_given = self.ranks and self.trust.settings.entities != "decoded"
        if ranks_given or (decoding.form == "entities" and not self.ranks):
            self._check_entities()
        return self.trust.decoding(decoding)

    def _check_entities(self) -> None:
        if self.trust.settings.entities == "ignore":
            what = "method 'rank'" if self.ranks else "decoding 'entities'"
            raise InputError(f"entities must be 'use', not 'ignore', with {what}")
        if self.task.clause and takes_any(self.task.clause):
            warnings.warn(
                f"task {self.task.name} does not say of which types its ends are: entities of any "
                "type are admitted",
                stacklevel=4,
            )

    @property
    def reads_entities(self) -> bool:
        """Whether results depend on the entities of inputs."""
        source = self.trust.settings.entities
        if isinstance(source, Instead):
            return False
        if self.ranks:
            return source != "decoded"
        return self.decoding.form == "entities"

    @property
    def method(self) -> Method:
        """How results are found."""
        return "rank" if self.ranks else "choose" if self.chooses else "complete"

    def task_for(self, value: object) -> Task[Any]:
        """The task that reads completions about an input, which among entities has its names.

        Raises:
            InputError: The input cannot be read.
        """
        text = self.task.read_input(value, entities=self.reads_entities)
        return self._ask.task_for(text, self.decoding)

    def run(self, inputs: Iterable[object], *, progress: bool = False) -> Predictions:
        """Return one Prediction for each input, in order, with one call of the engine.

        If the task finds relations, texts longer than the model's limit are read in windows of
        whole sentences. For other tasks the end of the text is cut, and both the Prediction and a
        TruncationWarning say so. An invalid input, a failed prompt or an unreadable completion
        becomes a Prediction with an error; the other inputs are not affected.

        Args:
            inputs: A list or iterator of strings, mappings, models or other records; a DataFrame of
                pandas, polars or pyarrow, whose rows are records; or a Series of texts. If an input
                without an id cannot be read, its error names its position.
            progress: Show a progress bar, in a notebook or on a terminal. The engine is then
                called every two seconds or so, with as many inputs as it can do in that time.

        Raises:
            InputError: `inputs` is a single string or record instead of a list, or a table of
                another library.
        """
        given = [*several(inputs)]
        total = f" of {len(given):,}" if len(given) > 1 else None
        if progress:
            run = partial(self._run, total=total)
            return Predictions(with_bar(run, given, self.task.name))
        return self._run(given, total=total)

    def _run(self, given: list[object], first: int = 1, *, total: str | None) -> Predictions:
        """`run` for some of the inputs, in this thread; see `_running`."""
        predictions, truncated = at_once(self._running(given, total, first))
        warn_of_truncation(truncated, stacklevel=3)
        return predictions

    def _running(
        self, given: list[object], total: str | None, first: int = 1
    ) -> Work[tuple[Predictions, list[int]]]:
        """`run` for some of the inputs; also the number of tokens that each text lost.

        Args:
            given: The inputs.
            first: The number of the first input.
            total: What follows the number of an input in an error; None if errors have no numbers.
        """
        wheres = (None if total is None else f"input {n:,}{total}" for n in count(first))
        read = [self._read(value, where) for value, where in zip(given, wheres, strict=False)]
        texts = [text for text in read if isinstance(text, Text)]
        predictions = yield from self.predicting(texts)
        rest = iter(predictions)
        found = Predictions(next(rest) if isinstance(text, Text) else text for text in read)
        return found, [one.truncated_tokens for one in predictions]

    def predict(self, texts: Sequence[Text]) -> list[Prediction[Any]]:
        """`run` for inputs that the task's `read_input` has validated, without TruncationWarnings.

        Args:
            texts: The validated inputs.
        """
        return at_once(self.predicting(texts))

    def predicting(self, texts: Sequence[Text]) -> Work[list[Prediction[Any]]]:
        """`predict` as a work, whose calls of the engine are made by who drives it."""
        if not texts:
            return []
        try:
            return (yield from self._predict(texts))
        except BioGPTError as error:
            return [self._failed(text.id, error) for text in texts]
        except Exception as error:  # a custom engine may raise anything
            return [self._failed(text.id, engine_error(error)) for text in texts]

    async def arun(self, inputs: Iterable[object]) -> Predictions:
        """`run` in a thread, which keeps the event loop free; cancelling stops the generation."""
        return await in_thread(self.run, inputs)

    def imap(
        self, inputs: Iterable[object], *, chunk_size: int = 64, ahead: bool | None = None
    ) -> Iterator[Prediction[Any]]:
        """`run` lazily: yield Predictions in input order, reading `chunk_size` inputs at a time.

        Args:
            inputs: As in `run`.
            chunk_size: How many inputs to give the engine at a time.
            ahead: Whether to read the next inputs while the engine computes, so that it need not
                wait for them. By default what has a length, as lists and tables do, is read ahead,
                and an iterator is not: it may wait for an earlier Prediction, or for its source.
        """
        if chunk_size < 1:
            raise InputError(f"chunk_size must be at least 1, not {chunk_size}")
        waiting = iter(several(inputs))
        chunks = iter(lambda: list(islice(waiting, chunk_size)), [])
        works = (
            self._running(chunk, "", 1 + number * chunk_size) for number, chunk in enumerate(chunks)
        )
        ahead = hasattr(inputs, "__len__") if ahead is None else ahead
        with closing(in_order(works, self.engine, ahead=ahead)) as done:
            for (predictions, truncated), _ in done:
                warn_of_truncation(truncated, stacklevel=2)
                yield from predictions

    def stream(self, value: object) -> Iterator[StreamChunk]:
        """Stream the completion of one input; the last chunk has the Prediction.

        Long texts are read in windows as in `run`, one after another. Labels are not scored: the
        model always writes a completion. A failure gives a Prediction with an error, as in `run`.
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
        except Exception as error:  # a custom engine may raise anything
            yield StreamChunk("", self._failed(text.id, engine_error(error)))
            return
        if self.ranks:  # nothing is written
            yield StreamChunk("", self.predict([text])[0])
            return
        found: list[Prediction[Any]] = []
        for part in asked.parts:
            if part.prompt is None:
                found.append(self._unasked(part))
                continue
            if any(one.completion for one in found):
                yield StreamChunk(BETWEEN_WINDOWS)
            completion = yield from self._written(part.prompt)
            found.append(self._from_completion(part, completion))
        prediction = self._whole(asked, found)
        warn_of_truncation([prediction.truncated_tokens])
        yield StreamChunk("", prediction)

    def _written(self, prompt: Prompt) -> Generator[StreamChunk, None, Completion]:
        """Yield the pieces of a completion and return the whole completion."""
        completion = Completion(error=InputError("the engine's stream ended without a completion"))
        try:
            for chunk in self.engine.stream(prompt, self._asking()):
                completion = chunk.completion or completion
                if chunk.text:
                    yield StreamChunk(chunk.text, tokens=chunk.tokens)
        except BioGPTError as error:
            return Completion(error=error)
        except Exception as error:  # a custom engine may raise anything
            return Completion(error=engine_error(error))
        return completion

    def _read(self, value: object, where: str | None = None) -> Text | Prediction[Any]:
        try:
            return self.task.read_input(value, entities=self.reads_entities)
        except BioGPTError as error:
            id_ = id_of(value)
            told = error if id_ or not where else InputError(f"{where}: {error}")
            return self._failed(id_, told)

    def _predict(self, texts: Sequence[Text]) -> Work[list[Prediction[Any]]]:
        if self.chooses:
            prompts = [self.task.render_text(text, self.card) for text in texts]
            return (yield from self._choose(texts, prompts))
        self._ask.foresee(texts, self.engine)
        texts = yield from self._with_decoded(texts)
        asked = [self._tried(text) for text in texts]
        if self.ranks:
            return (yield from self._rank(asked))
        parts = [part for one in asked for part in one.parts]
        prompts = [part.prompt for part in parts if part.prompt]
        completions = []
        if prompts:
            completions = yield partial(self.engine.complete, prompts, self._asking())
        rest = iter([one for _, one in paired(prompts, completions)])
        read = (
            self._from_completion(part, next(rest)) if part.prompt else self._unasked(part)
            for part in parts
        )
        return [self._whole(one, list(islice(read, len(one.parts)))) for one in asked]

    def _rank(self, asked: Sequence[Asked]) -> Work[list[Prediction[Any]]]:
        """Give the pairs of texts their probabilities, in one call."""
        parts = [part for one in asked for part in one.parts]
        rankings = [part for part in parts if part.ranking]
        prompts = [part.prompt for part in rankings if part.prompt]
        clauses = [[w.text for w in part.ranking.wordings] for part in rankings if part.ranking]
        truncate = self.decoding.truncate
        scored = []
        if prompts:
            scored = yield partial(self.engine.score, prompts, clauses, truncate=truncate)
        rest = iter([one for _, one in paired(prompts, scored)])
        read = (
            self._from_scored(part, part.ranking, next(rest))
            if part.ranking
            else self._unasked(part)
            for part in parts
        )
        return [self._whole(one, list(islice(read, len(one.parts)))) for one in asked]

    def _with_decoded(self, texts: Sequence[Text]) -> Work[Sequence[Text]]:
        """The texts with the names that the model writes as entities, if they are asked for."""
        if not self.ranks or self.trust.settings.entities != "decoded":
            return texts
        usual = {"method": "complete", "entities": "use", "min_score": None, "recall": None}
        decoding = (
            self.decoding if self.decoding.constrained else self.decoding.but(form="grounded")
        )
        settings = {**self.trust.settings.given(), **usual, "decoding": decoding}
        writer = Pipeline(self._named, self.engine, card=self.card, cards=self.cards, **settings)
        found = yield from writer.predicting(texts)
        return [
            text.model_copy(update={"entities": named_in(one.relations)})
            for text, one in zip(texts, found, strict=True)
        ]

    def _asking(self) -> Decoding:
        """The decoding; relations get scores if they need no further pass of the model."""
        free = getattr(self.engine, "free_logprobs", False) and self.decoding.num_beams == 1
        return self.decoding.but(logprobs=True) if free and self.task.clause else self.decoding

    def _asked(self, text: Text) -> Asked:
        return self._ask.of(text, self.engine, self.decoding)

    def _tried(self, text: Text) -> Asked:
        """What is asked about a text; what is wrong with it costs no other text its result."""
        try:
            return self._asked(text)
        except ServerError:  # it would be the same for the others
            raise
        except BioGPTError as error:
            return Asked(text, error=error)

    def _unasked(self, part: Part) -> Prediction[Any]:
        """The empty result for a text about which nothing is asked."""
        notes = (part.lacking,) if part.lacking else ()
        return self._prediction(part.text.id, result=[], warnings=notes)

    def _whole(self, asked: Asked, read: list[Prediction[Any]]) -> Prediction[Any]:
        """The prediction for a text, joined from the predictions for its windows."""
        if asked.error:
            return self._failed(asked.text.id, asked.error)
        found = join(asked.text, asked.windows, read) if asked.windows else read[0]
        notes = (*asked.notes, *remarks(self.task, asked.text))
        found = found.model_copy(update={"warnings": (*found.warnings, *notes)}) if notes else found
        if not (self.dictionary and self.task.kind == "relations" and found.result):
            return found
        result, told = self.dictionary.identify_all(found.result)
        return found.model_copy(update={"result": result, "warnings": (*found.warnings, *told)})

    def _choose(self, texts: Sequence[Text], prompts: list[Prompt]) -> Work[list[Prediction[Any]]]:
        """Score the labels and, if needed, those of the questions without texts, in one call."""
        asked = [replace(prompt, target=self.task.stem) for prompt in prompts]
        bare: list[Prompt] = []
        if self.trust.needs_prior(self.task):
            bare = [self.task.render_without_text(text, self.card) for text in texts]
            bare = [replace(prompt, target=self.task.stem) for prompt in bare]
        priors = self._priors.known(bare, self.task.choices)
        new = [prompt for prompt in dict.fromkeys(bare) if prompt not in priors]
        truncate = self.decoding.truncate
        choices = yield partial(
            self.engine.choose, [*asked, *new], self.task.choices, truncate=truncate
        )
        found = [choice for _, choice in paired([*asked, *new], choices)]
        priors |= dict(zip(new, found[len(asked) :], strict=True))
        self._priors.remember(priors, self.task.choices)
        wanted = [priors[prompt] for prompt in bare] if bare else [None] * len(texts)
        return [self._from_choice(*one) for one in zip(texts, found, wanted, strict=False)]

    def _from_completion(self, part: Part, completion: Completion) -> Prediction[Any]:
        text = part.text
        every = (completion, *completion.others)
        logprobs = (token.logprob for one in every for token in one.tokens)
        if error := completion.error or not_finite(logprobs):
            return self._failed(text.id, error)
        written = encodable(completion.text)
        facts = {
            "completion": written,
            "finish_reason": completion.finish_reason,
            **self._facts(completion),
        }
        try:
            if self.decoding.constrained and not written:
                reading: Reading[Any] = Reading([], (nothing_written(self.decoding),))
            else:
                reading = self.trust.read(part.task, completion, SourceText(text.source))
        except BioGPTError as error:
            return self._failed(text.id, error, **facts)
        facts["warnings"] += reading.notes
        if self.decoding.form == "grounded" and self.task.kind == "relations":
            facts["warnings"] += not_copied(reading.result)
        return self._prediction(text.id, result=reading.result, **facts)

    def _from_scored(self, part: Part, ranking: Ranking, scored: Scored) -> Prediction[Any]:
        text = part.text
        logprobs = (token.logprob for one in scored.tokens for token in one)
        if error := scored.error or not_finite(logprobs):
            return self._failed(text.id, error)
        source = SourceText(text.source)
        reading = self.trust.rank(part.task, ranking, scored.tokens, source)
        facts = self._facts(scored)
        facts["warnings"] += reading.notes
        return self._prediction(text.id, result=reading.result, **facts)

    def _from_choice(self, text: Text, choice: Choice, prior: Choice | None) -> Prediction[Any]:
        error = choice.error or (prior and prior.error)
        asked = [choice, prior] if prior else [choice]
        shares = (share for one in asked for share in one.probabilities.values())
        if error := error or not_finite(shares):
            return self._failed(text.id, error)
        answer = self.trust.answer(self.task, choice, prior.probabilities if prior else None)
        facts = self._facts(choice)
        facts["warnings"] += tuple(remarks(self.task, text))
        return self._prediction(text.id, result=answer, **facts)

    def _facts(self, outcome: Completion | Choice | Scored) -> dict[str, Any]:
        cut = outcome.truncated_tokens
        remark = f"the text was cut: its last {counted(cut, 'token')} did not fit the model's limit"
        return {
            "usage": outcome.usage,
            "truncated_tokens": cut,
            "warnings": (remark,) if cut else (),
        }

    def _failed(self, id_: str | None, error: Exception, **facts: Any) -> Prediction[Any]:  # noqa: ANN401
        return self._prediction(id_, error=Failure.of(error), **facts)

    def _prediction(self, id_: str | None, **facts: Any) -> Prediction[Any]:  # noqa: ANN401
        return Prediction(id=id_, task=self.task.name, model=self.model_name, **facts)


def _is_registered(task: Task[Any]) -> bool:
    known = TASKS.get(task.name)
    return known is task or (known is not None and known.fingerprint == task.fingerprint)


def _its_own(task: Task[Any]) -> str:
    return f"an unregistered task, {task.name!r}"
