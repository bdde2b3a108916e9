"""What a model is asked about a text: its prompts, and the task that reads each completion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from biogpt_plugins.engine import Decoding, Engine, Prompt, TaskCard
from biogpt_plugins.engine.limits import foresee
from biogpt_plugins.pipeline.spec import Settings, named
from biogpt_plugins.pipeline.windows import Window, windows
from biogpt_plugins.tasks.entities import Candidates, located
from biogpt_plugins.tasks.ranking import Ranking
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.entities import EntitySource
from biogpt_plugins.values.errors import BioGPTError, InputError
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.mentions import check_entity
from biogpt_plugins.values.results import Entity


class Part(NamedTuple):
    """A text that fits the model, and what is asked about it.

    Attributes:
        text: The text.
        task: The task, which among given entities has a grammar and a reader of its own.
        prompt: The prompt; None if nothing is asked.
        lacking: Why nothing is asked.
        ranking: The pairs to rank, if nothing is to be written.
    """

    text: Text
    task: Task[Any]
    prompt: Prompt | None
    lacking: str = ""
    ranking: Ranking | None = None


class Asked(NamedTuple):
    """A text, its parts, and their places if it is too long for one prompt.

    Attributes:
        text: The text.
        parts: Its parts, at least one.
        windows: The place of each part; none if the text fits.
        notes: Which entities were left out.
        error: Why nothing can be asked; there are no parts then.
    """

    text: Text
    parts: Sequence[Part] = ()
    windows: Sequence[Window] = ()
    notes: tuple[str, ...] = ()
    error: BioGPTError | None = None


class Asking(NamedTuple):
    """How texts are asked about.

    Attributes:
        task: The task.
        card: The prompt layout of the checkpoint.
        settings: Whether long texts are read in windows, and where entities come from.
    """

    task: Task[Any]
    card: TaskCard
    settings: Settings

    def of(self, text: Text, engine: Engine, decoding: Decoding) -> Asked:
        """What is asked about a text.

        Raises:
            InputError: What finds entities failed, or found some that are not in the text; or there
                are too many pairs to rank.
        """
        among = self.ranks or decoding.form == "entities"
        text, notes = self._with_entities(text) if among else (text, ())
        if among and (lacking := Candidates.of(self.task, text).lacking):
            return Asked(text, [Part(text, self.task, None, lacking)], notes=notes)
        prompt = self.task.render_text(text, self.card)
        pieces: Sequence[Window] = ()
        if self._divides:
            pieces = windows(text, prompt, engine, decoding)
        if not pieces and not among:
            return Asked(text, [Part(text, self.task, prompt)])
        texts = [piece.value for piece in pieces] or [text]
        if among and pieces:
            notes += _divided(text, texts)
        return Asked(text, [self._part(one, among=among) for one in texts], pieces, notes)

    def foresee(self, texts: Iterable[Text], engine: Engine) -> None:
        """Prepare an engine for `of`, which counts the tokens of each of these texts."""
        if self._divides:
            foresee(engine, self._sources(texts))

    def _sources(self, texts: Iterable[Text]) -> Iterator[str]:
        for text in texts:
            try:
                source = self.task.render_text(text, self.card).source
            except BioGPTError:  # `of` says so
                continue
            yield source

    @property
    def _divides(self) -> bool:
        return self.task.kind == "relations" and self.settings.long_texts != "cut"

    @property
    def ranks(self) -> bool:
        """Whether pairs of entities are ranked, and nothing is written."""
        return self.settings.method == "rank"

    def task_for(self, text: Text, decoding: Decoding) -> Task[Any]:
        """The task that reads completions about a text."""
        if decoding.form != "entities":
            return self.task
        return Candidates.of(self.task, self._with_entities(text)[0]).task(self.task)

    def _part(self, text: Text, *, among: bool) -> Part:
        if not among:
            return Part(text, self.task, self.task.render_text(text, self.card))
        candidates = Candidates.of(self.task, text)
        if candidates.lacking:
            return Part(text, self.task, None)  # other windows may have more
        if self.ranks:
            ranking = Ranking(candidates)
            ranking.check()
            return Part(text, self.task, self.task.render_text(text, self.card), "", ranking)
        task = candidates.task(self.task)
        return Part(text, task, task.render_text(text, self.card))

    def _with_entities(self, text: Text) -> tuple[Text, tuple[str, ...]]:
        source = self.settings.entities
        if not text.entities and not isinstance(source, str):
            text = text.model_copy(update={"entities": _found(source, text)})
        return located(text)


def _found(source: EntitySource, text: Text) -> tuple[Entity, ...]:
    try:
        found = tuple(source(text))
        for entity in found:
            check_entity(entity, text.source, text.id)
    except Exception as error:  # a function of the user's may raise anything
        what = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        raise InputError(
            f"{named(source)} found no entities for document {text.id or 'without id'}: {what}"
        ) from error
    return found


def _divided(text: Text, texts: Sequence[Text]) -> tuple[str, ...]:
    shown = {(e.text, e.id, e.type) for one in texts for e in one.entities}
    lost = [e for e in text.entities if (e.text, e.id, e.type) not in shown]
    names = ", ".join(dict.fromkeys(repr(e.text) for e in lost))
    return (f"left out entities that no window of the text holds whole: {names}",) if lost else ()
