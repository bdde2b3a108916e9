"""Output parsers: from a completion to relations, answers and hallmarks."""

import copy
import pickle
from contextlib import suppress

import bundled
import pytest
from llama_index.core import PromptTemplate
from llama_index.core.llms import ChatMessage
from llama_index.core.output_parsers.base import OutputParserException
from llama_index.core.program import LLMTextCompletionProgram
from llama_index.core.prompts import RichPromptTemplate
from llama_index.core.types import BaseOutputParser

from biogpt_plugins import TASKS, Answer, Hallmarks, Relation
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import ParseError
from llama_index_biogpt.llm import BioGPTLLM
from llama_index_biogpt.parsers import (
    AnswerOutputParser,
    HallmarksOutputParser,
    RelationOutputParser,
    UnreadableCompletionError,
)
from llama_index_biogpt.prompts import few_shot_prompt, task_prompt

FOUND = "the relation between lithium and tremor exists."
ANSWER = "the answer to the question given the context is maybe."
NONSENSE = "the sky is blue"
TEXT = "Tremor from {Lithium}"
SHOTS = [task.name for task in TASKS.values() if task.shots]
KINDS = (RelationOutputParser, AnswerOutputParser, HallmarksOutputParser)
PARSERS = [
    RelationOutputParser(),
    RelationOutputParser(task="ddi", source="A and B", few_shot=True),
    AnswerOutputParser(task="pubmedqa_reasoning_free"),
    HallmarksOutputParser(),
]


def parser_for(task: str, **options):
    for kind in KINDS:
        with suppress(ValueError):
            return kind(task=task, **options)
    raise AssertionError(f"no parser reads {task}")


def names(relations: list[Relation]) -> list[str]:
    return [f"{r.head.text} {r.type} {r.tail.text}" for r in relations]


class TestParse:
    @pytest.mark.parametrize(
        ("parser", "completion", "found"),
        [
            (RelationOutputParser(), FOUND, ["lithium CID tremor"]),
            (RelationOutputParser(), "there is no relation.", []),
            (RelationOutputParser(), "the relation between {a} and b.c exists", ["{a} CID b.c"]),
            (
                RelationOutputParser(task="DDI"),
                "the interaction between a and b is effect.",
                ["a effect b"],
            ),
        ],
    )
    def test_relations(self, parser, completion, found):
        assert names(parser.parse(completion)) == found

    def test_a_source_gives_offsets(self):
        (relation,) = RelationOutputParser(source=TEXT).parse(FOUND)
        assert TEXT[relation.head.start : relation.head.end] == "Lithium"
        assert RelationOutputParser().parse_with_source(FOUND, TEXT) == [relation]
        assert not RelationOutputParser().parse(FOUND)[0].grounded

    def test_answers_and_hallmarks(self):
        assert AnswerOutputParser().parse(ANSWER) == Answer(label="maybe")
        labels = ("cellular energetics", "resisting cell death")
        found = HallmarksOutputParser().parse(f"the type of this document is {'|'.join(labels)}.")
        assert found == Hallmarks(labels=labels)
        assert HallmarksOutputParser().parse("the type of this document is empty.") == Hallmarks()

    @pytest.mark.parametrize("task", SHOTS)
    def test_what_the_examples_show_can_be_read(self, task):
        for _, target in TASKS[task].shots:
            assert TASKS[task].target(parser_for(task).parse(target)) == target

    @pytest.mark.parametrize("completion", [NONSENSE, ""])
    @pytest.mark.parametrize("parser", PARSERS, ids=repr)
    def test_what_cannot_be_read(self, parser, completion):
        with pytest.raises(UnreadableCompletionError) as caught:
            parser.parse(completion)
        for kind in (OutputParserException, ParseError, ValueError):
            assert isinstance(caught.value, kind)
        again = pickle.loads(pickle.dumps(caught.value))
        assert (str(again), again.completion) == (str(caught.value), completion)
        assert isinstance(caught.value.__cause__, ParseError)

    @pytest.mark.parametrize(
        ("kind", "task", "fit"),
        [
            (RelationOutputParser, "hoc", "bc5cdr or ddi or kd_dti"),
            (AnswerOutputParser, "ddi", "pubmedqa or pubmedqa_reasoning_free"),
            (HallmarksOutputParser, "describe", "hoc"),
            (HallmarksOutputParser, "nope", "no task is called 'nope'"),
        ],
    )
    def test_a_task_that_writes_something_else(self, kind, task, fit):
        with pytest.raises(ValueError, match=fit):
            kind(task=task)

    @pytest.mark.parametrize("parser", PARSERS, ids=repr)
    def test_it_is_a_value_and_the_hosts(self, parser):
        assert isinstance(parser, BaseOutputParser)
        assert pickle.loads(pickle.dumps(parser)) == copy.deepcopy(parser) == parser
        assert len({*PARSERS, parser}) == len(PARSERS)


class TestFormat:
    @pytest.mark.parametrize("parser", [kind() for kind in KINDS], ids=repr)
    def test_a_query_stays_as_it_is(self, parser):
        assert parser.format(TEXT) == TEXT
        (message,) = parser.format_messages([ChatMessage(content=TEXT)])
        assert message.content == TEXT

    @pytest.mark.parametrize("task", SHOTS)
    def test_or_stands_behind_solved_examples(self, task):
        parser, prompt = parser_for(task, few_shot=True), few_shot_prompt(task)
        values = dict.fromkeys(prompt.template_vars, "A {text}.")
        expected = prompt.format(**values)
        assert parser.format(task_prompt(task).format(**values)) == expected
        assert parser.format(expected) == expected
        assert task_prompt(task, output_parser=parser).format(**values) == expected

    def test_what_follows_the_models_own_conclusion_is_not_read(self):
        more = f"{FOUND} Abstract: A b. Conclusion: the relation between a and b exists."
        assert names(RelationOutputParser(few_shot=True).parse(more)) == ["lithium CID tremor"]
        assert names(RelationOutputParser().parse(f"Abstract: {FOUND}")) == ["lithium CID tremor"]
        with pytest.raises(UnreadableCompletionError) as caught:
            RelationOutputParser(few_shot=True).parse(f"Abstract: {FOUND}")
        assert caught.value.completion == f"Abstract: {FOUND}"

    @pytest.mark.parametrize("template", [PromptTemplate, RichPromptTemplate])
    async def test_in_a_prompt_of_your_own(self, template):
        engine = ScriptedEngine([FOUND] * 3)
        llm = BioGPTLLM.from_engine(engine)
        braces = "{{ text }}" if template is RichPromptTemplate else "{text}"
        prompt = template(braces, output_parser=RelationOutputParser(few_shot=True))
        # RichPromptTemplate has its parser format messages only.
        asked = "\n".join(m.content for m in prompt.format_messages(text=TEXT))
        assert asked == few_shot_prompt("bc5cdr").format(abstract=TEXT)
        if template is PromptTemplate:
            for written in (llm.predict(prompt, text=TEXT), await llm.apredict(prompt, text=TEXT)):
                assert names(prompt.output_parser.parse(written)) == ["lithium CID tremor"]
            assert [prompt.text for prompt in engine.history] == [asked] * 2
            with pytest.raises(NotImplementedError, match="Output parser"):
                llm.stream(prompt, text=TEXT)


class TestWithAnLLM:
    def test_a_prompt_of_the_task(self):
        engine = ScriptedEngine([FOUND])
        prompt = task_prompt("bc5cdr", output_parser=RelationOutputParser())
        written = BioGPTLLM.from_engine(engine).predict(prompt, abstract=TEXT)
        assert names(prompt.output_parser.parse(written)) == ["lithium CID tremor"]
        assert engine.history[0].text == TEXT

    async def test_a_parser_of_the_llm(self):
        engine = ScriptedEngine([ANSWER, ANSWER, NONSENSE])
        parser = AnswerOutputParser(few_shot=True)
        llm = BioGPTLLM.from_engine(engine, output_parser=parser)
        prompt = few_shot_prompt("pubmedqa", output_parser=parser)
        asked = {"question": "Is it?", "context": "So."}
        assert llm.predict(prompt, **asked) == str(Answer(label="maybe"))
        assert await llm.apredict(prompt, **asked) == str(Answer(label="maybe"))
        assert {one.text for one in engine.history} == {prompt.format(**asked)}
        with pytest.raises(UnreadableCompletionError) as caught:
            llm.predict(prompt, **asked)
        assert caught.value.completion == NONSENSE

    @pytest.mark.parametrize(
        ("parser", "kind", "completion", "values"),
        [
            (RelationOutputParser(source=TEXT), list, FOUND, {"abstract": TEXT}),
            (AnswerOutputParser(), Answer, ANSWER, {"question": "Is it?", "context": "So."}),
            (HallmarksOutputParser(), Hallmarks, "empty", {"text": "So."}),
        ],
    )
    async def test_a_program_gives_typed_results(self, parser, kind, completion, values):
        engine = ScriptedEngine([completion] * 2)
        card = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
        llm = BioGPTLLM.from_engine(engine)
        llm.pipeline.cards[parser.task] = card
        program = LLMTextCompletionProgram.from_defaults(
            output_parser=parser,
            output_cls=kind,
            prompt=task_prompt(parser.task),
            llm=llm.model_copy(update={"task": parser.task}),
        )
        assert program(**values) == await program.acall(**values) == parser.parse(completion)
        expected = TASKS[parser.task].render(values, card).source
        assert [(p.source, p.suffix_tokens) for p in engine.history] == [
            (expected, card.learned_tokens)
        ] * 2


class TestTheBundledModel:
    def test_relations(self):
        text = bundled.case_text()
        program = LLMTextCompletionProgram.from_defaults(
            output_parser=RelationOutputParser(source=text),
            output_cls=list,
            prompt=task_prompt("bc5cdr"),
            llm=BioGPTLLM(task="bc5cdr"),
        )
        relation, *_ = program(abstract=text)
        assert str(relation).lower() == "lithium -[cid]-> tremor"
        assert relation.grounded

    async def test_an_answer(self):
        prompt = task_prompt("pubmedqa", output_parser=AnswerOutputParser())
        llm = BioGPTLLM(task="pubmedqa")
        asked = {"question": "Does lithium cause tremor?", "context": "Of 84, 31 had a tremor."}
        answer = prompt.output_parser.parse(await llm.apredict(prompt, **asked))
        assert answer.label in ("yes", "no", "maybe")
