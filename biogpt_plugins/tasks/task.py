"""What a task is: how its input is read, laid out before a model, and how a completion is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Generic, get_args

from pydantic import ValidationError

from biogpt_plugins.engine import FEW_SHOT, Decoding, Grammar, Layout, Prompt, TaskCard, Token
from biogpt_plugins.tasks.clause import Clause
from biogpt_plugins.tasks.confidence import confidence_of
from biogpt_plugins.tasks.layouts import CUE, demonstrations, lay_out
from biogpt_plugins.tasks.readers import Places, Reading
from biogpt_plugins.text.evidence import merged, with_evidence
from biogpt_plugins.text.grounding import ground
from biogpt_plugins.text.source import SourceText
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Text, read
from biogpt_plugins.values.results import Kind, Relation, ResultT

# What layouts change: capitals, a line break, spaces, and an end without a full stop.
_PROBE = "Both  LINES\n of it"


@dataclass(frozen=True, kw_only=True)
class Task(Generic[ResultT]):
    """One task, as a value. New tasks are made by filling these fields, not by subclassing.

    Attributes:
        name: What it is asked for by: "bc5cdr".
        summary: One line for a list of tasks.
        kind: What its results are; of relations, the ends are looked for in the source text.
        input: What it reads: Paper, Question or Text.
        source: Input -> source text in the official layout, parts that must not be cut apart.
        text_first: The same with the text at its beginning, for cards that ask for it; None if it
            is there anyway.
        target: Result -> target text in the official layout, ending in a full stop.
        read: (completion, source text or None, whether it was cut off) -> Reading.
        shots: Solved inputs for the few-shot layout, (input, target) each; empty if a
            pretrained model can be asked without.
        lowercase: Whether the official layout lower-cases the source text.
        choices: Labels that can be scored instead of written; empty if there are none.
        stem: The target's text up to the label.
        decoding: The official decoding.
        grammar: The form of a target, which a grounded decoding keeps to; None if it has none.
        clause: How a relation is written; None if the task's own `read` and `target` alone know.
            Without it relations have no scores, and streams give them at the end.
        metric: Name of the metric by which it is evaluated; "" for what suits its kind.
        declaration: The TOML that it was made of; "" if it was made in Python.
    """

    name: str
    summary: str
    kind: Kind
    input: type[Text]
    source: Callable[[Any], Prompt]
    target: Callable[[ResultT], str]
    read: Callable[[str, str | None, bool], Reading[ResultT]]
    text_first: Callable[[Any], Prompt] | None = None
    shots: tuple[tuple[Any, str], ...] = ()
    lowercase: bool = False
    choices: tuple[str, ...] = ()
    stem: str = ""
    decoding: Decoding = Decoding()
    grammar: Grammar | None = None
    clause: Clause | None = None
    metric: str = ""
    declaration: str = field(default="", compare=False, repr=False)

    @staticmethod
    def of_relations(clause: Clause, **fields: Any) -> Task[list[Relation]]:  # noqa: ANN401
        """A task whose targets are clauses: how they are written and read follows from them.

        Args:
            clause: How a relation is written.
            **fields: All others that the task needs.
        """
        return Task(
            kind="relations",
            clause=clause,
            target=clause.write,
            read=clause.read,
            grammar=clause.grammar,
            **fields,
        )

    @property
    def variables(self) -> dict[str, bool]:
        """Names of what the input is made of, and whether each must be given."""
        return {
            one.alias or name: name == "text" or one.is_required()
            for name, one in self.input.model_fields.items()
            if name != "id"
        }

    def read_input(self, value: object) -> Text:
        """Read a string, mapping or model as this task's input; InputError if it is none."""
        return read(self.input, value)

    def render(self, value: object, card: TaskCard = FEW_SHOT) -> Prompt:
        """The prompt for an input, in the layout that a checkpoint's card asks for.

        Raises:
            InputError: The input cannot be read, or holds no text.
        """
        return self.render_text(self.read_input(value), card)

    def render_text(self, text: Text, card: TaskCard = FEW_SHOT) -> Prompt:
        """`render` for what `read_input` has read, which is not checked again."""
        return self._lay_out(self.source_for(card)(text), card)

    def render_without_text(self, value: Text, card: TaskCard = FEW_SHOT) -> Prompt:
        """The prompt for an input with an empty text: what a model answers to it is its prior."""
        told: dict[str, Any] = {
            name: "" for name in ("text", "long_answer") if name in type(value).model_fields
        }
        prompt = self._lay_out(self.source_for(card)(value.model_copy(update=told)), card)
        return replace(prompt, head="", text=prompt.source, tail="")

    def source_for(self, card: TaskCard) -> Callable[[Any], Prompt]:
        """How an input becomes the source text that a checkpoint with this card expects."""
        return self.text_first if self.text_first and card.text_first else self.source

    def prompt(self, source: str, card: TaskCard = FEW_SHOT) -> Prompt:
        """The prompt for a source text that is in the official layout already."""
        # So are the solved examples, then.
        return self._lay_out(Prompt(text=source), card.model_copy(update={"text_first": False}))

    @property
    def fingerprint(self) -> str:
        """Twelve digits that change with how the task is asked and read: the prompt's version.

        For caches of results. They are taken from prompts, decodings and readings themselves, in
        every layout, so that no change of them can be forgotten.
        """
        cards = [
            TaskCard(
                layout=layout,
                learned_tokens=learned,
                manual_prompt=("that</w>",),
                text_first=text_first,
            )
            for layout in get_args(Layout)
            for learned in ((), ("learned1",))
            for text_first in (False, True)
        ]
        inputs = [*self._probes(), *(given for given, _ in self.shots)]
        asked = [self.render(given, card) for given in inputs for card in cards]
        decodings = [self.decoding_for(card) for card in cards]
        solved = self._solved(TaskCard())
        readings = [self.interpret(target, source.source) for source, target in solved]
        written = [self.target(reading.result) for reading in readings]
        said = (asked, decodings, solved, readings, written, self.choices, self.stem, self.grammar)
        # `Decoding.form` was `grounded` once: what was kept by a fingerprint is still found by it.
        spelt = repr(said).replace("form='free'", "grounded=False")
        spelt = spelt.replace("form='grounded'", "grounded=True")
        return sha256(spelt.encode()).hexdigest()[:12]

    def _probes(self) -> Iterator[Text]:
        names = (one.alias or name for name, one in self.input.model_fields.items())
        with suppress(ValidationError):  # an input of the user's own may hold more than texts
            yield self.input.model_validate(dict.fromkeys(names, _PROBE))

    @property
    def ends(self) -> tuple[str, str]:
        """What a relation task calls the heads and the tails that it finds.

        A task without a clause shows it in its solved examples.

        Raises:
            InputError: It has neither.
        """
        if self.clause:
            return self.clause.head, self.clause.tail
        for _, target in self.shots:
            found: Any = self.parse(target)
            for one in found if self.kind == "relations" else ():
                return one.head.type, one.tail.type
        raise InputError(
            f"task {self.name} does not say what its entities are: give it a clause, or a solved "
            "example"
        )

    @property
    def entity_types(self) -> set[str]:
        """What a relation task calls the entities that it finds; empty if it does not say."""
        if self.clause:
            return {self.clause.head, self.clause.tail}
        found: list[Any] = [one for _, target in self.shots for one in self.parse(target)]
        return {end.type for one in found for end in (one.head, one.tail)}

    def settled(self, completion: str) -> str:
        """The part of an unfinished completion of relations that can be read already."""
        return self.clause.settled(completion) if self.clause else ""

    @property
    def demonstrations(self) -> str:
        """The solved examples as the few-shot layout shows them; a framed text may follow."""
        return demonstrations(self._solved(FEW_SHOT))

    def _solved(self, card: TaskCard) -> list[tuple[Prompt, str]]:
        source = self.source_for(card)
        return [(source(shot), target) for shot, target in self.shots]

    def _lay_out(self, source: Prompt, card: TaskCard) -> Prompt:
        found = lay_out(source, card, lowercase=self.lowercase, shots=self._solved(card))
        return replace(found, grammar=self.grammar)

    def decoding_for(self, card: TaskCard) -> Decoding:
        """The task's decoding as a checkpoint's card changes it."""
        if card.layout != "few_shot" or not self.shots:
            return self.decoding.but(max_length=card.max_length)
        # Shown several abstracts, a pretrained model goes on with the next one.
        return replace(self.decoding, stop=(*self.decoding.stop, CUE), max_new_tokens=200)

    def interpret(
        self,
        completion: str,
        source: str | None = None,
        *,
        cut: bool = False,
        tokens: Sequence[Token] = (),
        evidence: bool = True,
    ) -> Reading[Any]:
        """Read a completion, and find what it says in its source text, if that is at hand.

        Relations then have their evidence, and those that are one, as the text abbreviates a name,
        become one.

        Args:
            completion: What the model wrote.
            source: The text it read.
            cut: Whether it was cut off at the length limit.
            tokens: The completion's tokens, which give relations their confidence and score.
            evidence: Whether to look for evidence and abbreviations; without, relations are those
                of the completion, one for one.

        Raises:
            ParseError: It cannot be read.
        """
        source = SourceText(source) if source else source
        reading: Reading[Any] = self.read(completion, source, cut)
        if self.kind != "relations":
            return reading
        relations = ground(reading.result, source) if source else reading.result
        if tokens and reading.places:
            pairs = zip(relations, reading.places, strict=True)
            relations = [_rated(relation, places, tokens) for relation, places in pairs]
        reading = replace(reading, result=relations)
        return _substantiated(reading, source) if source and evidence else reading

    def parse(self, completion: str, source: str | None = None, *, cut: bool = False) -> ResultT:
        """Read a completion.

        Args:
            completion: What the model wrote.
            source: The text it read; decides where " and " divides two names.
            cut: Whether it was cut off at the length limit.

        Raises:
            ParseError: It cannot be read. "Nothing found" is a result, not an error.
        """
        return self.read(completion, source, cut).result


def _substantiated(reading: Reading[Any], source: str) -> Reading[Any]:
    relations = with_evidence(reading.result, source)
    kept, notes = merged(relations)
    return replace(
        reading,
        result=[relations[at] for at in kept],
        notes=(*reading.notes, *notes),
        spans=tuple(reading.spans[at] for at in kept) if reading.spans else (),
        places=tuple(reading.places[at] for at in kept) if reading.places else (),
    )


def _rated(relation: Relation, places: Places, tokens: Sequence[Token]) -> Relation:
    found = confidence_of(places, tokens)
    return relation.model_copy(update={"confidence": found, "score": found and found.clause})
