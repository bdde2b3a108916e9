"""Tasks: how an input becomes a prompt, and how a completion becomes a result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Generic, get_args

from pydantic import ValidationError

from biogpt_plugins.engine import FEW_SHOT, Decoding, Form, Grammar, Layout, Prompt, TaskCard, Token
from biogpt_plugins.tasks.clause import Clause
from biogpt_plugins.tasks.confidence import confidence_of
from biogpt_plugins.tasks.layouts import CUE, demonstrations, lay_out
from biogpt_plugins.tasks.readers import Places, Reading
from biogpt_plugins.tasks.unsettled import Unsettled
from biogpt_plugins.text.evidence import merged, with_evidence
from biogpt_plugins.text.grounding import fold, ground
from biogpt_plugins.text.source import SourceText
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Text, read
from biogpt_plugins.values.results import Entity, Kind, Relation, ResultT

# Contains what layouts change: capitals, a line break, spaces, and no full stop at the end.
_PROBE = "Both  LINES\n of it"


@dataclass(frozen=True, kw_only=True)
class Task(Generic[ResultT]):
    """A task, as a value. To make a new task, fill in these fields; do not subclass.

    Attributes:
        name: The name by which users ask for it, for example "bc5cdr".
        summary: One line for a list of tasks.
        kind: The kind of its results. The ends of relations are located in the source text.
        input: The type of its input: Paper, Question or Text.
        source: Input -> source text in the official layout, with the parts that must not be cut
            in `head` and `tail`.
        text_first: As `source`, with the text at the beginning, for cards that ask for it; None if
            `source` already begins with the text.
        target: Result -> target text in the official layout, ending in a full stop.
        read: (completion, source text or None, whether it was cut off) -> Reading.
        shots: Solved inputs for the few-shot layout, (input, target) each; empty if a pretrained
            model needs none.
        lowercase: Whether the official layout lower-cases the source text.
        choices: Labels that can be scored instead of generated; empty if there are none.
        stem: The target text before the label.
        decoding: The official decoding.
        grammar: The form of a target, which constrained decoding enforces; None if it has none.
        clause: How a relation is written; None if only `read` and `target` define it. Relations of
            a task without a clause have no scores, and streams yield them at the end.
        metric: Name of the metric that evaluates it; "" for the default of its kind.
        declaration: The TOML that declares it; "" if it was made in Python.
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
        """Make a task from a clause, which defines how targets are written and read.

        Args:
            clause: How a relation is written.
            **fields: The other fields of the task.
        """
        return Task(
            kind="relations",
            clause=clause,
            target=clause.write,
            read=clause.read,
            grammar=clause.grammar,
            **fields,
        )

    def taught(self, card: TaskCard) -> Task[ResultT]:
        """The task as a checkpoint with this card writes it: with its words for no relations.

        Targets, readings, grammar and fingerprint follow from the words. Equal cards give equal
        tasks; a card without words gives the task itself.

        Raises:
            InputError: The words could be read as a clause, or the task does not take its targets
                and its reader from a clause.
        """
        clause = self.clause
        if card.nothing is None or (clause and clause.nothing == card.nothing):
            return self
        if clause is None or (self.target, self.read) != (clause.write, clause.read):
            raise InputError(
                f"task {self.name} cannot say {card.nothing!r} of a text without relations: only "
                "tasks whose targets and reader come from a clause can"
            )
        clause = clause.saying(card.nothing)
        ways: dict[str, Any] = {
            "target": clause.write,
            "read": clause.read,
            "grammar": clause.grammar,
        }
        return replace(self, clause=clause, **ways)

    @property
    def variables(self) -> dict[str, bool]:
        """The names of the input's fields, and whether each is required."""
        return {
            info.alias or name: name == "text" or info.is_required()
            for name, info in self.input.model_fields.items()
            if name not in ("id", "entities")
        }

    def read_input(self, value: object, *, entities: bool = True) -> Text:
        """Convert a str, mapping or model to this task's input.

        Args:
            value: The value.
            entities: Whether to read its entities.

        Raises:
            InputError: It does not fit the input type.
        """
        return read(self.input, value, entities=entities)

    def render(self, value: object, card: TaskCard = FEW_SHOT) -> Prompt:
        """Make the prompt for an input, in the layout that a checkpoint's card asks for.

        Raises:
            InputError: The input cannot be read, or it has no text.
        """
        return self.render_text(self.read_input(value), card)

    def render_text(self, text: Text, card: TaskCard = FEW_SHOT) -> Prompt:
        """As `render`, for the result of `read_input`, which is not checked again."""
        return self._lay_out(self.source_for(card)(text), card)

    def render_without_text(self, value: Text, card: TaskCard = FEW_SHOT) -> Prompt:
        """Make the prompt for an input without its text; the model's answer to it is its prior."""
        blank: dict[str, Any] = {
            name: "" for name in ("text", "long_answer") if name in type(value).model_fields
        }
        prompt = self._lay_out(self.source_for(card)(value.model_copy(update=blank)), card)
        return replace(prompt, head="", text=prompt.source, tail="")

    def source_for(self, card: TaskCard) -> Callable[[Any], Prompt]:
        """The function that makes the source text for a checkpoint with this card."""
        return self.text_first if self.text_first and card.text_first else self.source

    def prompt(self, source: str, card: TaskCard = FEW_SHOT) -> Prompt:
        """Make the prompt for a source text that is already in the official layout."""
        # The solved examples must be in the official layout, too.
        return self._lay_out(Prompt(text=source), card.model_copy(update={"text_first": False}))

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that change when the task's prompts or readings change.

        They serve as a version for caches of results. They are computed from the prompts,
        decodings and readings of every layout, so that no change is missed.
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
        parts = (asked, decodings, solved, readings, written, self.choices, self.stem, self.grammar)
        # `Decoding.form` used to be `grounded`. The old spelling keeps existing caches valid.
        spelt = repr(parts).replace("form='free'", "grounded=False")
        spelt = spelt.replace("form='grounded'", "grounded=True")
        spelt = spelt.replace(", ids=()", "")  # which prompts have not always had
        # The grammar is spelt without it, and most tasks have none.
        spelt += self.grammar.instead if self.grammar else ""
        return sha256(spelt.encode()).hexdigest()[:12]

    def _probes(self) -> Iterator[Text]:
        fields = self.input.model_fields.items()
        names = (one.alias or name for name, one in fields if name != "entities")
        with suppress(ValidationError):  # an input of the user's own may hold more than texts
            yield self.input.model_validate(dict.fromkeys(names, _PROBE))

    @property
    def ends(self) -> tuple[str, str]:
        """The entity types of a relation task's heads and tails.

        For a task without a clause they come from its solved examples.

        Raises:
            InputError: It has neither.
        """
        if self.clause:
            return self.clause.head, self.clause.tail
        for _, target in self.shots:
            relations: Any = self.parse(target)
            for relation in relations if self.kind == "relations" else ():
                return relation.head.type, relation.tail.type
        raise InputError(
            f"task {self.name} does not name its entity types: give it a clause or a solved example"
        )

    @property
    def entity_types(self) -> set[str]:
        """All entity types of a relation task; empty if it does not name them."""
        if self.clause:
            return {self.clause.head, self.clause.tail}
        relations: list[Any] = [
            relation for _, target in self.shots for relation in self.parse(target)
        ]
        return {end.type for relation in relations for end in (relation.head, relation.tail)}

    def writes(self, form: Form) -> bool:
        """Whether completions of the task can have a form."""
        if form == "entities":
            return self.clause is not None
        return form == "free" or self.grammar is not None

    def unsettled(self) -> Unsettled | None:
        """Reads a completion of relations while it is written; None for a task without a clause."""
        return Unsettled(self.clause) if self.clause else None

    def settled(self, completion: str) -> str:
        """The part of an unfinished completion of relations that can already be read."""
        return self.clause.settled(completion) if self.clause else ""

    @property
    def demonstrations(self) -> str:
        """The solved examples as the few-shot layout writes them, before a framed text."""
        return demonstrations(self._solved(FEW_SHOT))

    def _solved(self, card: TaskCard) -> list[tuple[Prompt, str]]:
        source = self.source_for(card)
        return [(source(shot), target) for shot, target in self.shots]

    def _lay_out(self, source: Prompt, card: TaskCard) -> Prompt:
        prompt = lay_out(source, card, lowercase=self.lowercase, shots=self._solved(card))
        return replace(prompt, grammar=self.grammar)

    def decoding_for(self, card: TaskCard) -> Decoding:
        """The task's decoding, as modified by a checkpoint's card."""
        if card.layout != "few_shot" or not self.shots:
            return self.decoding.but(max_length=card.max_length)
        # After several examples a pretrained model would go on to invent another one.
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
        """Read a completion and, if its source text is given, locate relations in it.

        Relations get evidence, and relations that differ only in an abbreviation that the text
        defines are merged. A relation of a thing with itself is left out, with a note.

        Args:
            completion: What the model wrote.
            source: The text that the model read.
            cut: Whether the completion was cut off at the length limit.
            tokens: The completion's tokens, from which relations get confidence and score.
            evidence: Whether to look for evidence and abbreviations. If False, no relations are
                merged.

        Raises:
            ParseError: The completion cannot be read.
        """
        source = SourceText(source) if source else source
        reading: Reading[Any] = self.read(completion, source, cut)
        if self.kind != "relations":
            return reading
        relations = reading.result
        if source and not all(relation.grounded for relation in relations):
            relations = ground(relations, source)
        if tokens and reading.places:
            pairs = zip(relations, reading.places, strict=True)
            relations = [_rated(relation, places, tokens) for relation, places in pairs]
        reading = replace(reading, result=relations)
        if source and evidence:
            reading = _substantiated(reading, source)
        return _of_two_things(reading)

    def parse(self, completion: str, source: str | None = None, *, cut: bool = False) -> ResultT:
        """Read a completion.

        Args:
            completion: What the model wrote.
            source: The text that the model read. It decides where " and " separates two names.
            cut: Whether the completion was cut off at the length limit.

        Raises:
            ParseError: The completion cannot be read. "Nothing found" is a result, not an error.
        """
        return self.read(completion, source, cut).result


def _substantiated(reading: Reading[Any], source: str) -> Reading[Any]:
    relations = with_evidence(reading.result, source)
    kept, notes = merged(relations)
    return _kept(replace(reading, result=relations), kept, notes)


def _of_two_things(reading: Reading[Any]) -> Reading[Any]:
    """Leave out relations of a thing with itself: a model repeats a name if it finds no other."""
    alone = {
        at: f"left out the relation of {relation.head.text!r} with itself"
        for at, relation in enumerate(reading.result)
        if _same(relation.head, relation.tail)
    }
    kept = [at for at in range(len(reading.result)) if at not in alone]
    return _kept(reading, kept, tuple(alone.values())) if alone else reading


def _same(head: Entity, tail: Entity) -> bool:
    if head.id and tail.id:
        return head.id == tail.id
    if head.grounded and (head.start, head.end) == (tail.start, tail.end):
        return True
    names = [fold(end.canonical).replace(" ", "") or end.name for end in (head, tail)]
    return names[0] == names[1]


def _kept(reading: Reading[Any], kept: Sequence[int], notes: tuple[str, ...]) -> Reading[Any]:
    """The reading with some of its relations, in this order."""
    return replace(
        reading,
        result=[reading.result[at] for at in kept],
        notes=(*reading.notes, *notes),
        spans=tuple(reading.spans[at] for at in kept) if reading.spans else (),
        places=tuple(reading.places[at] for at in kept) if reading.places else (),
    )


def _rated(relation: Relation, places: Places, tokens: Sequence[Token]) -> Relation:
    confidence = confidence_of(places, tokens)
    score = confidence and confidence.clause
    return relation.model_copy(update={"confidence": confidence, "score": score})
