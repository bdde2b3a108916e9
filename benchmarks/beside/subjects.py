"""What all sides are asked: real abstracts, each time with a new number in front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from biogpt_plugins.bench.papers import NumberedPapers
from biogpt_plugins.engine import Prompt
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import ContextOverflowError, InputError
from biogpt_plugins.values.inputs import Paper, Question, Text


@dataclass(frozen=True)
class Subject:
    """One thing to ask.

    Attributes:
        value: As a Pipeline takes it.
        prompt: As an Engine takes it.
        text: As peers take it: their tokenizers read the names of learned tokens in a text.
        ids: The token ids that each of them must make of it, with the leading `</s>`.
    """

    value: Text
    prompt: Prompt
    text: str
    ids: list[int]


class Subjects:
    """Papers, drawn again and again.

    Each draw has new numbers in front. This package's engines then read the papers anew in each
    round, as their peers do.
    """

    def __init__(self, papers: Sequence[Paper], tokens: Tokens, window: int) -> None:
        """Prepare to draw.

        Args:
            papers: The papers.
            tokens: The model's vocabulary.
            window: The model's positions.
        """
        self.papers = papers
        self._tokens = tokens
        self._window = window
        self._numbered = NumberedPapers(papers)

    def draw(
        self,
        number: int,
        pipeline: Pipeline,
        room: int,
        asks: Callable[[Paper], Sequence[str]] | None = None,
    ) -> list[Subject]:
        """The first papers that leave room for a completion, repeated if there are too few.

        Args:
            number: How many papers.
            pipeline: The pipeline whose task and layout they are for.
            room: The number of tokens to write.
            asks: Returns questions about a paper. Each becomes a subject.

        Raises:
            InputError: None of the papers fits.
        """
        found: list[list[Subject]] = []
        misfits = 0
        for numbered in self._numbered:
            if len(found) == number:
                break
            values: list[Text] = [numbered]
            if asks:
                values = [Question(question=q, text=numbered.source) for q in asks(numbered)]
            try:
                found.append([self._subject(value, pipeline, room) for value in values])
                misfits = 0
            except ContextOverflowError as error:
                misfits += 1
                if misfits == len(self.papers):
                    raise InputError(
                        f"none of {counted(misfits, 'paper')} fits the model: {error}"
                    ) from error
        return [subject for several in found for subject in several]

    def _subject(self, value: Text, pipeline: Pipeline, room: int) -> Subject:
        prompt = pipeline.task.render(value, pipeline.card)
        encoded = self._tokens.encode(prompt, window=self._window, room=room + 1, truncate=False)
        before, behind = ("".join(t) for t in (prompt.prefix_tokens, prompt.suffix_tokens))
        return Subject(value, prompt, f"{before}{prompt.source}{behind}", encoded.ids)
