"""Baselines: what any system must beat, on the same documents and by the same metric.

    nothing: No relation, or no label, in any document. Not for answers, which always have a label.
    all annotated pairs: Every pair of entities that the corpus annotates in a document, if their
        types are those that the task's clause wants.
    annotated pairs in a sentence: Those of them that a sentence mentions together.
    dictionary names in a sentence: The same with the names of a dictionary that are found in the
        text, in place of annotations.
    train names in a sentence: The same with the names of a training file: those of its annotated
        entities, of the ends of its relations, and of BC5CDR's tables.
    most frequent label: The label that most training documents have, for every document. For HoC
        it may be "empty", which means no label. Of equally frequent ones, the first in the file.
        Without a training file, the most frequent label of the gold itself.

Mentions of one identifier are one entity; without an identifier, mentions of one name are. A
mention of several identifiers ("D001|D002", split by `entities.curies`) stands for each. BC5CDR
compares identifiers: entities are their identifiers there, and those without one are left out. For
other tasks an entity has the name of its first mention. A pair is predicted once: if each of the
two can be the head, the head is the one that the text mentions first. The type is the most frequent
one of the training file's relations, or without that file of the gold's.

Names are found as `EntityDictionary` finds them. Intervals are those of `bootstrap`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from biogpt_plugins.entities import DictionaryEntry, EntityDictionary
from biogpt_plugins.evaluation.evaluate import evaluate
from biogpt_plugins.evaluation.matching import name
from biogpt_plugins.evaluation.metrics import BC5CDR, find_metric
from biogpt_plugins.evaluation.pairs import Pairing
from biogpt_plugins.evaluation.values import Baseline
from biogpt_plugins.scoring.bc5cdr import UNKNOWN_ID
from biogpt_plugins.scoring.gold import TABLES, Document, GoldSet
from biogpt_plugins.tasks import get_task
from biogpt_plugins.tasks.entities import located
from biogpt_plugins.tasks.hoc import EMPTY
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Text
from biogpt_plugins.values.results import Answer, Entity, Hallmarks, Prediction, Relation


@dataclass(frozen=True)
class Baselines:
    """The baselines of a corpus.

    Attributes:
        measured: Those that could be measured.
        notes: Which could not and why, and what else to know, each a sentence.
    """

    measured: list[Baseline] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def _add(self, name: str, how: str, gold: GoldSet[Any], results: Sequence[Any]) -> None:
        found = [
            Prediction(id=document.id, task=gold.task, result=result)
            for document, result in zip(gold.documents, results, strict=True)
        ]
        seen = evaluate(gold, found)
        row = Baseline(name=name, how=how, figures=seen.default, curve=seen.curve)
        self.measured.append(row)


def measure_baselines(
    gold: GoldSet[Any],
    *,
    train: GoldSet[Any] | None = None,
    dictionary: EntityDictionary | None = None,
    annotations: bool = True,
) -> Baselines:
    """Measure the baselines of a corpus, as the docstring of this module defines them.

    Args:
        gold: The corpus, with texts.
        train: Documents of the same task, which give names and the most frequent type or label.
        dictionary: Names to look for.
        annotations: Whether to use the entities that the corpus annotates.

    Raises:
        InputError: The task has no metric, or annotations do not fit their text.
    """
    task, found = get_task(gold.task), Baselines()
    every = len(gold.documents)
    known = {document.id for document in gold.documents}
    if train and (both := sum(document.id in known for document in train.documents)):
        found.notes.append(
            counted(both, "document with an id", "documents with ids")
            + f" of the training file {'is' if both == 1 else 'are'} scored: baselines that learn "
            "from it look better than they are"
        )
    if task.kind == "answer":
        found.notes.append("baseline nothing is left out: an answer always has a label")
    else:
        nothing: Any = Hallmarks(labels=()) if task.kind == "labels" else []
        found._add("nothing", "predicts nothing", gold, [nothing] * every)
    if task.kind == "relations":
        _add_pairs(found, gold, train, dictionary, annotations)
        return found
    label, origin = _most_frequent(_labels(train or gold), train)
    named = () if label == EMPTY and task.metric == "hoc" else (label,)
    result: Any = Answer(label=label) if task.kind == "answer" else Hallmarks(labels=named)
    found._add("most frequent label", f"{label}, {origin}", gold, [result] * every)
    return found


def _add_pairs(
    found: Baselines,
    gold: GoldSet[Any],
    train: GoldSet[Any] | None,
    dictionary: EntityDictionary | None,
    annotations: bool,
) -> None:
    task = get_task(gold.task)
    if task.clause is None:
        found.notes.append(
            f"baselines of pairs are left out: {task.name} declares no clause, which would say "
            "the types of entities"
        )
        return
    type_, told = task.clause.types[0], ""
    if len(task.clause.types) > 1:
        type_, origin = _most_frequent((one.type for one in _relations(train or gold)), train)
        told = f", with type {type_}, {origin}"
    pairing = Pairing(task, type_, by_id=find_metric(task) is BC5CDR)

    def add(name: str, how: str, texts: Iterable[Text], *, within: bool = True) -> None:
        results = [pairing.relations(text, within=within) for text in texts]
        corpus = replace(gold, names=_own_names(results)) if pairing.by_id else gold
        found._add(name, how + told, corpus, results)

    bare = count_bare(gold)
    if not annotations or bare == len(gold.documents):
        why = "the data annotate no entities" if annotations else "annotations are ignored"
        found.notes.append(
            f"baselines of annotated pairs are left out: {why}; give PubTator, BioC or a field "
            "`entities`"
        )
    else:
        if bare:
            found.notes.append(
                f"{bare:,} of {len(gold.documents):,} documents {'has' if bare == 1 else 'have'} "
                "no annotated entities: "
                "baselines of annotated pairs find nothing in them"
            )
        texts = [_annotated(task, document, found.notes) for document in gold.documents]
        add("all annotated pairs", "every pair of annotated entities", texts, within=False)
        add("annotated pairs in a sentence", "those that a sentence mentions together", texts)
    for source, names in {"dictionary": dictionary, "train": _names_of(train)}.items():
        if names is None:
            found.notes.append(f"baseline {source} names is left out: give --{source} FILE")
            continue
        plain = [task.read_input(document.record, entities=False) for document in gold.documents]
        texts = [text.model_copy(update={"entities": tuple(names(text))}) for text in plain]
        add(f"{source} names in a sentence", f"pairs of {counted(len(names), 'name')}", texts)


def count_bare(gold: GoldSet[Any]) -> int:
    """How many documents have no annotated entities."""
    task = get_task(gold.task)
    return sum(not task.read_input(document.record).entities for document in gold.documents)


def _most_frequent(values: Iterable[str], train: GoldSet[Any] | None) -> tuple[str, str]:
    """The most frequent value, and words about where it is so.

    Raises:
        InputError: There are no values.
    """
    counts = Counter(values)
    if not counts:
        raise InputError("the training file has no relations or labels: give another with --train")
    (value, count), *_ = counts.most_common(1)
    share = f"{count:,} of {counts.total():,}"
    where = "the training data" if train else "the gold itself, for want of --train"
    return value, f"the most frequent of {where} ({share})"


def _labels(gold: GoldSet[Any]) -> Iterator[str]:
    """The labels of all documents; HoC has one for no label."""
    task = get_task(gold.task)
    for document in gold.documents:
        if task.kind == "answer":
            yield document.gold
        else:
            yield from document.gold or ((EMPTY,) if task.metric == "hoc" else ())


def _relations(gold: GoldSet[Any]) -> Iterator[Relation]:
    """The relations of a corpus by names: not those of BC5CDR, which are of identifiers."""
    head_type, tail_type = get_task(gold.task).ends
    for document in gold.documents:
        for one in document.gold:
            if isinstance(one, Relation):
                yield one
            elif len(one) == len(("head", "tail", "type")):
                head, tail, type_ = one
                ends = Entity(text=head, type=head_type), Entity(text=tail, type=tail_type)
                yield Relation(head=ends[0], type=type_, tail=ends[1])


def _names_of(gold: GoldSet[Any] | None) -> EntityDictionary | None:
    """The names of a corpus with their identifiers."""
    if gold is None:
        return None
    task = get_task(gold.task)
    tables = zip(TABLES, task.ends, strict=True)
    named = [
        DictionaryEntry(name, id_, type_)
        for table, type_ in tables
        for name, id_ in gold.names.get(table, {}).items()
        if id_ != UNKNOWN_ID
    ]
    ends = [end for one in _relations(gold) for end in (one.head, one.tail)]
    annotated = (_read(task, document).entities for document in gold.documents)
    named += [
        DictionaryEntry(one.name, one.id or "", one.type)
        for one in (*(entity for entities in annotated for entity in entities), *ends)
    ]
    return EntityDictionary(dict.fromkeys(named))


def _read(task: Task[Any], document: Document[Any]) -> Text:
    """A document's text with its annotations.

    Raises:
        InputError: They do not fit the text.
    """
    text = task.read_input(document.record)
    if text.fault:
        raise InputError(f"document {name(document)}: {text.fault}")
    return text


def _annotated(task: Task[Any], document: Document[Any], notes: list[str]) -> Text:
    """The same with offsets of all annotations."""
    found, faults = located(_read(task, document))
    notes += [f"document {name(document)}: {fault}" for fault in faults]
    return found


def _own_names(results: Iterable[Iterable[Relation]]) -> dict[str, dict[str, str]]:
    """Tables in which each identifier is its own name, as `Pairing.by_id` writes it."""
    relations = [relation for each in results for relation in each]
    ends = ([one.head.name for one in relations], [one.tail.name for one in relations])
    return {table: {id_: id_ for id_ in ids} for table, ids in zip(TABLES, ends, strict=True)}
