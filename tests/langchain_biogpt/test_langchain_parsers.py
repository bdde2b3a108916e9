"""Output parsers: from a completion, whole or streamed, to relations, answers and hallmarks."""

import asyncio
import re
from contextlib import suppress
from functools import reduce
from itertools import pairwise
from operator import add, iadd
from pathlib import Path

import bundled
import pytest
from langchain_classic.output_parsers import (
    OutputFixingParser,
    RetryOutputParser,
    RetryWithErrorOutputParser,
)
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import FakeListLLM
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessageChunk
from langchain_core.output_parsers import BaseCumulativeTransformOutputParser
from langchain_core.outputs import Generation
from langchain_core.prompt_values import StringPromptValue
from langchain_core.prompts import PromptTemplate
from langchain_core.runnables import RunnableGenerator, RunnableLambda
from pydantic import TypeAdapter

import biogpt_plugins
from biogpt_plugins import TASKS, Answer, Hallmarks, Question, Relation
from biogpt_plugins.tasks.layouts import CUE
from biogpt_plugins.testing import ScriptedEngine
from langchain_biogpt import (
    AnswerOutputParser,
    BioGPTLLM,
    HallmarksOutputParser,
    RelationOutputParser,
    few_shot_prompt,
    question_prompt,
    relation_prompt,
)
from langchain_biogpt.prompts import FIX_PROMPT, RETRY_PROMPT

WEIGHTS = Path(biogpt_plugins.__file__).parent / "checkpoints/demo/model.safetensors"
FOUND = "the relation between lithium and tremor exists."
NONSENSE = "the sky is blue"
SHOTS = [task.name for task in TASKS.values() if task.shots]
LOADS_IS_BETA = pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
PARSERS = [
    RelationOutputParser(),
    RelationOutputParser(task="ddi", source="A and B", diff=True),
    AnswerOutputParser(task="pubmedqa_reasoning_free"),
    HallmarksOutputParser(),
]


def parser_for(task: str):
    kinds = (RelationOutputParser, AnswerOutputParser, HallmarksOutputParser)
    for kind in kinds:
        with suppress(ValueError):
            return kind(task=task)
    raise AssertionError(f"no parser reads {task}")


def outcome(call):
    """What was read, or what could not be: so small a model does not always write what can be."""
    try:
        return call()
    except OutputParserException as error:
        return error.llm_output


def names(relations: list[Relation]) -> list[str]:
    return [f"{r.head.text} {r.type} {r.tail.text}" for r in relations]


class TestParsers:
    def test_relations(self):
        (relation,) = RelationOutputParser().invoke(FOUND)
        assert str(relation) == "lithium -[CID]-> tremor"
        assert not relation.grounded

    def test_relations_of_another_task(self):
        (relation,) = RelationOutputParser(task="DDI").parse(
            "the interaction between a and b is effect."
        )
        assert (relation.type, relation.head.type) == ("effect", "drug")

    def test_a_source_gives_offsets(self):
        text = "Tremor from Lithium"
        (relation,) = RelationOutputParser(source=text).parse(FOUND)
        assert text[relation.head.start : relation.head.end] == "Lithium"
        assert RelationOutputParser().parse_with_source(FOUND, text) == [relation]

    def test_nothing_found_is_no_error(self):
        assert RelationOutputParser().parse("there is no relation.") == []
        assert HallmarksOutputParser().parse("the type of this document is empty.") == Hallmarks()

    def test_answers_and_hallmarks(self):
        answer = "the answer to the question given the context is maybe."
        assert AnswerOutputParser().parse(answer) == Answer(label="maybe")
        labels = ("cellular energetics", "resisting cell death")
        found = HallmarksOutputParser().parse(f"the type of this document is {'|'.join(labels)}.")
        assert found == Hallmarks(labels=labels)

    @pytest.mark.parametrize("parser", PARSERS, ids=repr)
    def test_what_cannot_be_read(self, parser):
        with pytest.raises(OutputParserException, match=f"'{NONSENSE}'") as caught:
            parser.parse(NONSENSE)
        error = caught.value
        assert error.llm_output == NONSENSE
        assert error.send_to_llm
        for _, target in TASKS[parser.task].shots:
            assert target in error.observation

    @pytest.mark.parametrize("reason", ["length", "cancelled"])
    def test_a_completion_that_was_cut_off(self, reason):
        cut = Generation(
            text="the interaction between a and b is agonist; the interaction between c and d is a",
            generation_info={"finish_reason": reason},
        )
        parser = RelationOutputParser(task="kd_dti")
        assert names(parser.parse_result([cut])) == ["a agonist b"]
        assert len(parser.parse(cut.text)) == 2

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

    @pytest.mark.parametrize(
        ("parser", "kind"),
        [
            (RelationOutputParser(task="kd-dti"), list[Relation]),
            (AnswerOutputParser(), Answer),
            (HallmarksOutputParser(), Hallmarks),
        ],
    )
    def test_types_and_names(self, parser, kind):
        assert parser.OutputType == kind
        assert parser.asdict()["_type"] == f"biogpt_{parser.task}"
        schema = parser.get_output_jsonschema()
        expected = TypeAdapter(kind).json_schema()
        assert schema.pop("title") == expected.pop("title", f"{type(parser).__name__}Output")
        assert schema == expected
        chain = BioGPTLLM.from_engine(ScriptedEngine()) | parser
        assert chain.get_output_jsonschema() == parser.get_output_jsonschema()

    @LOADS_IS_BETA
    @pytest.mark.parametrize("parser", PARSERS, ids=repr)
    def test_dumps_and_loads(self, parser):
        names = ["langchain_biogpt"]
        again = loads(dumps(parser), allowed_objects=[type(parser)], valid_namespaces=names)
        assert again == parser

    async def test_in_a_chain(self):
        engine = ScriptedEngine([FOUND] * 6)
        chain = BioGPTLLM.from_engine(engine) | RelationOutputParser()
        found = chain.invoke("x")
        assert names(found) == ["lithium CID tremor"]
        assert await chain.ainvoke("x") == found
        assert chain.batch(["x", "y"]) == await chain.abatch(["x", "y"]) == [found, found]
        assert [len(call) for call in engine.calls] == [1, 1, 2, 2]

    async def test_one_that_cannot_be_read_costs_a_batch_nothing(self):
        engine = ScriptedEngine([FOUND, NONSENSE, FOUND] * 2)
        chain = BioGPTLLM.from_engine(engine) | RelationOutputParser()
        for found in (
            chain.batch(["x", "y", "z"], return_exceptions=True),
            await chain.abatch(["x", "y", "z"], return_exceptions=True),
        ):
            assert [type(one) for one in found] == [list, OutputParserException, list]
        assert [len(call) for call in engine.calls] == [3, 3]


class TestFormatInstructions:
    @pytest.mark.parametrize("task", SHOTS)
    def test_with_a_framed_text_they_are_the_few_shot_prompt(self, task):
        few_shot = few_shot_prompt(task)
        values = dict.fromkeys(few_shot.input_variables, "A text {with} braces.")
        frame = "{format_instructions}Abstract: {text} Conclusion:"
        if TASKS[task].input is Question:
            frame = frame.replace("{text}", "question: {question} context: {context}")
        prompt = PromptTemplate.from_template(
            frame.replace("{text}", f"{{{few_shot.input_variables[0]}}}"),
            partial_variables={"format_instructions": parser_for(task).get_format_instructions()},
        )
        assert set(prompt.input_variables) == set(few_shot.input_variables)
        assert prompt.invoke(values) == few_shot.invoke(values)

    @pytest.mark.parametrize("task", SHOTS)
    def test_what_they_show_can_be_read(self, task):
        parser = parser_for(task)
        shown = re.findall(r"Conclusion: (.*?\.) ", f"{parser.get_format_instructions()}")
        assert len(shown) == len(TASKS[task].shots)
        for target in shown:
            assert TASKS[task].target(parser.parse(target)) == target


class Counting(ScriptedEngine):
    """Counts the pieces that were asked of its streams."""

    pieces = 0

    def stream(self, *args, **options):
        for chunk in super().stream(*args, **options):
            self.pieces += 1
            yield chunk


def clauses(*pairs: str, end: str = ".") -> str:
    return "; ".join(f"the relation between {a} and {b} exists" for a, b in pairs) + end


THREE = clauses("ab", "cd", "ef")
GROWING = [["a CID b"], ["a CID b", "c CID d"], ["a CID b", "c CID d", "e CID f"]]


class TestStreaming:
    def pieces_until_each(self, text: str, *, task: str = "bc5cdr") -> list[tuple[int, list[str]]]:
        """How much of the text was taken when each list came, letter by letter."""
        taken = 0

        def letters():
            nonlocal taken
            for taken, letter in enumerate(text, start=1):  # noqa: B007
                yield letter

        found = []
        # The parser's own transform: the host's takes one piece ahead.
        for relations in RelationOutputParser(task=task)._transform(letters()):
            found.append((taken, names(relations)))
        return found

    def test_it_is_the_hosts_streaming_parser(self):
        assert isinstance(RelationOutputParser(), BaseCumulativeTransformOutputParser)

    def test_each_relation_comes_with_its_semicolon(self):
        ends = [THREE.index(";") + 1, THREE.rindex(";") + 1, len(THREE)]
        assert self.pieces_until_each(THREE) == list(zip(ends, GROWING, strict=True))

    def test_or_with_the_next_clause(self):
        text = "the relation between a and b exists the relation between c and d exists."
        assert self.pieces_until_each(text) == [
            (text.rindex("c and d"), GROWING[0]),
            (len(text), GROWING[1]),
        ]

    def test_types_too(self):
        text = "; ".join(
            f"the interaction between {names} is {kind}"
            for names, kind in (("a and b", "int"), ("e. coli x and c", "effect"))
        )
        assert self.pieces_until_each(f"{text}.", task="ddi") == [
            (text.index(";") + 1, ["a int b"]),
            (len(text) + 1, ["a int b", "e. coli x effect c"]),
        ]

    async def test_a_part_of_a_completion(self):
        part = "the interaction between a and b is int; the interaction between c and d is int"
        parser = RelationOutputParser(task="ddi")
        for text, found in ((part, ["a int b"]), (part[:30], []), ("", [])):
            generation = Generation(text=text)
            assert names(parser.parse_result([generation], partial=True)) == found
            assert names(await parser.aparse_result([generation], partial=True)) == found

    @pytest.mark.parametrize(
        ("task", "text"),
        [
            ("bc5cdr", "the relation between a and b exists; the relation between c and d exists"),
            ("bc5cdr", "the relation between e. coli, x and pre existing ulcer (b) exists. "),
            ("bc5cdr", "the relation between a and b exists; the relation between c and d"),
            ("bc5cdr", "the relation between a and b does not exist; no relation was found"),
            ("bc5cdr", "there is no relation."),
            ("bc5cdr", "it says that the relation between a and b exists; in conclusion, the "
             "relation between c and d exists."),
            ("bc5cdr", f"{FOUND[:-1]}; {FOUND}"),
            ("ddi", "the interaction between a and b is int; the interaction between c and d is "
             "interaction; the interaction between d and e is advised"),
            ("kd_dti", "the interaction between 5-ht;2a and b is 5.1 is partial agonist"),
            ("kd_dti", "the interaction between a and b is inhib"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("size", [1, 2, 7, 1000])
    async def test_it_grows_and_ends_with_what_invoke_gives(self, task, text, size):
        pieces = re.findall(f"(?s).{{1,{size}}}", text)
        parser = RelationOutputParser(task=task, source="A and C; D, E. coli and 5-HT;2A")
        seen = list(parser.transform(iter(pieces)))
        assert seen[-1] == parser.invoke(text)
        for shorter, longer in pairwise(seen):
            assert shorter == longer[: len(shorter)] != longer

        async def apieces():
            for piece in pieces:
                yield piece

        assert [found async for found in parser.atransform(apieces())] == seen

    async def test_in_a_chain(self):
        engine = ScriptedEngine([THREE] * 4)
        chain = few_shot_prompt("bc5cdr") | BioGPTLLM.from_engine(engine) | RelationOutputParser()
        assert [names(found) for found in chain.stream("Text.")] == GROWING
        assert [names(found) async for found in chain.astream("Text.")] == GROWING
        assert len(engine.calls) == 2
        plain = chain.stream("Text.")
        assert list(plain)[-1] == chain.invoke("Text.")

    def test_no_relation_of_a_stream_is_lost_or_doubled_by_adding(self):
        lists = list(RelationOutputParser().transform(iter(re.findall(r"\S+\s*", THREE))))
        first, second, last = lists
        assert first + second == second
        assert reduce(add, lists) == reduce(iadd, lists) == last
        (other,) = RelationOutputParser().transform(iter([FOUND]))
        assert first + other == [*first, *other]

    def test_a_generator_around_a_stream_gives_the_last_list(self):
        def passed_on(pieces):
            yield from RelationOutputParser().transform(pieces)

        assert names(RunnableGenerator(passed_on).invoke(THREE)) == GROWING[-1]

    async def test_the_host_takes_the_last_list(self):
        engine = ScriptedEngine([THREE])
        chain = BioGPTLLM.from_engine(engine) | RelationOutputParser()
        events = [one async for one in chain.astream_events("x", version="v2")]
        assert names(events[-1]["data"]["output"]) == GROWING[-1]

    def test_a_source_grounds_each(self):
        source = "Lithium gave tremor; tobramycin deafness."
        text = clauses(("lithium", "tremor"), ("tobramycin", "deafness"))
        parser = RelationOutputParser(source=source)
        first, second = parser.stream(text), parser.transform(iter(re.findall(r"\S+\s*", text)))
        assert list(first) == [parser.invoke(text)]
        assert [[r.grounded for r in found] for found in second] == [[True], [True] * 2]

    async def test_the_unreadable_raises_at_the_end(self):
        engine = ScriptedEngine([NONSENSE, "", NONSENSE])
        chain = BioGPTLLM.from_engine(engine) | RelationOutputParser()
        for text in (NONSENSE, ""):
            with pytest.raises(OutputParserException) as caught:
                list(chain.stream("x"))
            assert caught.value.llm_output == text
        with pytest.raises(OutputParserException):
            [found async for found in chain.astream("x")]

    def test_differences(self):
        llm = BioGPTLLM.from_engine(ScriptedEngine([THREE, "no relation was found."]))
        parser = RelationOutputParser(diff=True)
        chunks = list((llm | parser).stream("x"))
        assert [names(chunk) for chunk in chunks] == [["a CID b"], ["c CID d"], ["e CID f"]]
        assert [relation for chunk in chunks for relation in chunk] == parser.invoke(THREE)
        assert list((llm | parser).stream("x")) == [[]]

    @pytest.mark.parametrize("diff", [False, True])
    async def test_a_step_behind_it_is_given_the_whole(self, diff):
        chain = (
            BioGPTLLM.from_engine(ScriptedEngine([THREE] * 3))
            | RelationOutputParser(diff=diff)
            | RunnableLambda(names)
        )
        assert list(chain.stream("x")) == [chain.invoke("x")] == GROWING[-1:]
        assert [found async for found in chain.astream("x")] == GROWING[-1:]

    async def test_events_and_traces(self):
        chain = BioGPTLLM.from_engine(ScriptedEngine([THREE])) | RelationOutputParser()
        events = [event async for event in chain.astream_events("x", version="v2")]
        data = {
            kind: [event["data"] for event in events if event["event"] == f"on_parser_{kind}"]
            for kind in ("start", "stream", "end")
        }
        assert len(data["start"]) == 1
        assert [names(one["chunk"]) for one in data["stream"]] == GROWING
        assert [names(one["output"]) for one in data["end"]] == GROWING[-1:]
        assert names(events[-1]["data"]["output"]) == GROWING[-1]

    def test_what_it_yields_is_a_list_like_any(self):
        first, *_, last = RelationOutputParser().transform(iter(THREE))
        assert first == last[:1]
        assert names(last[1:] + first) == ["c CID d", "e CID f", "a CID b"]
        assert names(first + first[:]) == ["a CID b"] * 2

    async def test_messages(self):
        pieces = [AIMessageChunk(content=piece) for piece in re.findall(r"\S+\s*", THREE)]
        found = list(RelationOutputParser().transform(iter(pieces)))
        assert [names(relations) for relations in found] == GROWING

    async def test_closing_stops_the_llm(self):
        engine = Counting([THREE] * 2)
        chain = BioGPTLLM.from_engine(engine) | RelationOutputParser()
        words = clauses("ab", end="; ").count(" ")
        stream = chain.stream("x")
        assert names(next(stream)) == GROWING[0]
        stream.close()
        assert engine.pieces == words
        async_stream = chain.astream("x")
        assert names(await anext(async_stream)) == GROWING[0]
        await async_stream.aclose()
        await asyncio.sleep(0)
        assert engine.pieces == 2 * words

    def test_errors_of_the_llm_come_through(self):
        def failing():
            yield THREE[: THREE.index(";") + 1]
            raise RuntimeError("gone")

        stream = RelationOutputParser().transform(failing())
        assert names(next(stream)) == GROWING[0]
        with pytest.raises(RuntimeError, match="gone"):
            next(stream)

    @pytest.mark.parametrize(
        ("parser", "text"),
        [
            (AnswerOutputParser(), "the answer to the question given the context is yes."),
            (HallmarksOutputParser(), "the type of this document is inducing angiogenesis."),
        ],
    )
    async def test_other_parsers_yield_one_result_at_the_end(self, parser, text):
        chain = BioGPTLLM.from_engine(ScriptedEngine([text, text, NONSENSE])) | parser
        assert list(chain.stream("x")) == [parser.parse(text)]
        assert [found async for found in chain.astream("x")] == [parser.parse(text)]
        with pytest.raises(OutputParserException):
            list(chain.stream("x"))


PROMPT = StringPromptValue(text="Lithium gave tremor.")
RETRIES = [RetryOutputParser, RetryWithErrorOutputParser]


def biogpt(*completions: str) -> tuple[BioGPTLLM, ScriptedEngine]:
    engine = ScriptedEngine(completions)
    return BioGPTLLM.from_engine(engine, stop=[CUE]), engine


class TestFixing:
    async def test_another_llm_fixes(self):
        fixing = OutputFixingParser.from_llm(
            FakeListLLM(responses=[FOUND]), RelationOutputParser(), max_retries=2
        )
        assert names(fixing.parse(NONSENSE)) == ["lithium CID tremor"]
        assert await fixing.aparse(NONSENSE) == fixing.invoke(NONSENSE)
        assert fixing.OutputType == list[Relation]

    async def test_it_is_told_the_examples_and_the_error(self):
        seen = []

        def llm(prompt):
            seen.append(prompt.to_string())
            return FOUND

        fixing = OutputFixingParser.from_llm(RunnableLambda(llm), RelationOutputParser())
        assert fixing.parse(NONSENSE) == await fixing.aparse(NONSENSE)
        assert len(set(seen)) == 1
        assert RelationOutputParser().get_format_instructions() in seen[0]
        assert f"no relation can be read from the completion '{NONSENSE}'" in seen[0]

    async def test_a_pretrained_biogpt_fixes(self):
        llm, engine = biogpt(*[f"{FOUND} Abstract: and on it goes."] * 2)
        parser = RelationOutputParser()
        fixing = OutputFixingParser.from_llm(llm, parser, prompt=FIX_PROMPT)
        text = "lithium {gave} a tremor"
        assert fixing.parse(text) == await fixing.aparse(text) == parser.parse(FOUND)
        asked = few_shot_prompt("bc5cdr").format(abstract=text)
        assert [prompt.source for prompt in engine.history] == [asked] * 2

    async def test_what_stays_unreadable_raises_in_the_end(self):
        llm, engine = biogpt(*["and so on"] * 4)
        fixing = OutputFixingParser.from_llm(llm, AnswerOutputParser(), max_retries=2)
        for again in (fixing.invoke, fixing.parse):
            with pytest.raises(OutputParserException) as caught:
                again(NONSENSE)
            assert caught.value.llm_output == "and so on"
        assert len(engine.calls) == 4

    @pytest.mark.parametrize("kind", RETRIES)
    async def test_another_llm_retries(self, kind):
        retrying = kind.from_llm(FakeListLLM(responses=[FOUND]), RelationOutputParser())
        found = retrying.parse_with_prompt(NONSENSE, PROMPT)
        assert names(found) == ["lithium CID tremor"]
        assert await retrying.aparse_with_prompt(NONSENSE, PROMPT) == found
        assert (
            retrying.get_format_instructions() == RelationOutputParser().get_format_instructions()
        )

    @pytest.mark.parametrize("kind", RETRIES)
    async def test_a_biogpt_retries(self, kind):
        engine = ScriptedEngine(["no", FOUND] * 2)
        llm = BioGPTLLM.from_engine(engine, task="bc5cdr", temperature=0.7)
        retrying = kind.from_llm(llm, RelationOutputParser(), prompt=RETRY_PROMPT, max_retries=2)
        found = retrying.parse_with_prompt(NONSENSE, PROMPT)
        assert await retrying.aparse_with_prompt(NONSENSE, PROMPT) == found
        assert names(found) == ["lithium CID tremor"]
        assert [prompt.text for prompt in engine.history] == [PROMPT.text] * 4

    @pytest.mark.parametrize("kind", RETRIES)
    def test_what_can_be_read_asks_no_llm(self, kind):
        llm, engine = biogpt()
        retrying = kind.from_llm(llm, HallmarksOutputParser())
        text = "the type of this document is empty."
        assert retrying.parse_with_prompt(text, PROMPT) == Hallmarks()
        assert OutputFixingParser.from_llm(llm, HallmarksOutputParser()).parse(text) == Hallmarks()
        assert engine.calls == []

    def test_in_a_chain(self):
        llm, engine = biogpt(NONSENSE, FOUND)
        fixing = OutputFixingParser.from_llm(llm, RelationOutputParser(), prompt=FIX_PROMPT)
        assert names((llm | fixing).invoke("x")) == ["lithium CID tremor"]
        assert len(engine.calls) == 2


@pytest.mark.skipif(not WEIGHTS.exists(), reason="the bundled model is not built yet")
class TestOnTheBundledModel:
    PAPER = "Lithium-induced tremor and nausea. Of 9 patients on lithium, 4 had tremor and nausea."
    LLM = BioGPTLLM(task="bc5cdr", max_new_tokens=60)

    async def test_a_stream_of_relations(self):
        parser = RelationOutputParser(source=self.PAPER)
        asked = relation_prompt() | BioGPTLLM.from_engine(bundled.engine(), task="bc5cdr")
        chain = asked | parser
        with bundled.dictated(f"{FOUND[:-1]}; {FOUND.replace('tremor', 'nausea')}"):
            pieces = list(asked.stream(self.PAPER))
            seen = list(chain.stream(self.PAPER))
            invoked = chain.invoke(self.PAPER)
            streamed = [found async for found in chain.astream(self.PAPER)]
        assert len(pieces) >= len(seen) > 1
        assert seen[-1] == invoked == parser.parse("".join(pieces))
        # Where the reader is held up, a piece holds several tokens, and may hold two relations.
        for steps in (seen, streamed):
            assert steps[-1] == seen[-1]
            for shorter, longer in pairwise(steps):
                assert shorter == longer[: len(shorter)] != longer
        for end in (seen[-1][0].head, seen[-1][0].tail):
            assert self.PAPER[end.start : end.end] == end.text

    def test_closing_leaves_the_model_to_others(self):
        chain, paper = relation_prompt() | self.LLM | RelationOutputParser(), bundled.case()
        stream = chain.stream(paper)
        first = next(stream)
        stream.close()
        assert chain.invoke(paper)[:1] == first

    def test_an_answer(self):
        asked = question_prompt() | BioGPTLLM(task="pubmedqa", max_new_tokens=20)
        values = {"question": "Does lithium cause tremor?", "context": self.PAPER}
        parser = AnswerOutputParser()
        assert outcome(lambda: list((asked | parser).stream(values))) == outcome(
            lambda: [parser.parse(asked.invoke(values))]
        )

    @pytest.mark.filterwarnings("ignore:model 'demo' was trained for")
    def test_as_a_fixer(self):
        fixer = BioGPTLLM(max_new_tokens=30, stop=[CUE])
        parser = RelationOutputParser()
        fixing = OutputFixingParser.from_llm(fixer, parser, prompt=FIX_PROMPT)
        asked = {"instructions": parser.get_format_instructions(), "completion": NONSENSE}
        written = (FIX_PROMPT | fixer).invoke(asked)
        assert outcome(lambda: fixing.parse(NONSENSE)) == outcome(lambda: parser.parse(written))
