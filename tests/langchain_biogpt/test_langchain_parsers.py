"""Output parsers, prompt templates and the chain made of them."""

import shutil
import subprocess
import sys

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.load import dumps, loads
from langchain_core.outputs import Generation
from langchain_core.prompts import FewShotPromptTemplate, PromptTemplate

from biogpt_plugins import TASKS, Answer, Pipeline, Relation
from biogpt_plugins.checkpoints.card import ModelCard
from biogpt_plugins.errors import EngineError, InputError
from biogpt_plugins.prompts import TaskCard
from biogpt_plugins.testing import ScriptedEngine
from langchain_biogpt import (
    AnswerOutputParser,
    BioGPTLLM,
    RelationOutputParser,
    TaskPromptTemplate,
    create_relation_chain,
    few_shot_prompt,
    question_prompt,
    relation_prompt,
    task_prompt,
)

FOUND = "the relation between lithium and tremor exists."
PAPER = {"title": "Lithium and the hand", "abstract": "A tremor followed."}
CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
LOADS_IS_BETA = pytest.mark.filterwarnings("ignore:The function `loads` is in beta")


def spans(relations: list[Relation]) -> list[tuple[int | None, ...]]:
    return [(r.head.start, r.head.end, r.tail.start, r.tail.end) for r in relations]


class TestParsers:
    def test_relations(self):
        (relation,) = RelationOutputParser().invoke(FOUND)
        assert str(relation) == "lithium -[CID]-> tremor"
        assert not relation.grounded

    def test_relations_of_another_task(self):
        (relation,) = RelationOutputParser(task="ddi").parse(
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

    def test_answers(self):
        parser = AnswerOutputParser()
        assert parser.parse("the answer to the question given the context is maybe.") == Answer(
            label="maybe"
        )

    @pytest.mark.parametrize("parser", [RelationOutputParser(), AnswerOutputParser()])
    def test_what_cannot_be_read(self, parser):
        with pytest.raises(OutputParserException) as caught:
            parser.parse("the sky is blue")
        error = caught.value
        assert error.llm_output == "the sky is blue"
        assert error.send_to_llm
        assert parser.get_format_instructions() in error.observation

    def test_a_completion_that_was_cut_off(self):
        cut = Generation(
            text="the relation between a and b exists; the relation between c and d",
            generation_info={"finish_reason": "length"},
        )
        assert [r.head.text for r in RelationOutputParser().parse_result([cut])] == ["a"]

    def test_types_and_names(self):
        assert RelationOutputParser().OutputType == list[Relation]
        assert AnswerOutputParser().OutputType is Answer
        assert RelationOutputParser().asdict()["_type"] == "biogpt_bc5cdr"

    @LOADS_IS_BETA
    @pytest.mark.parametrize("parser", [RelationOutputParser(task="ddi"), AnswerOutputParser()])
    def test_dumps_and_loads(self, parser):
        names = ["langchain_biogpt"]
        assert (
            loads(dumps(parser), allowed_objects=[type(parser)], valid_namespaces=names) == parser
        )

    async def test_in_a_chain(self):
        chain = BioGPTLLM.from_engine(ScriptedEngine([FOUND] * 2)) | RelationOutputParser()
        assert chain.invoke("x") == await chain.ainvoke("x")


class TestPromptTemplates:
    @pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
    def test_every_task_renders_as_its_pipeline_does(self, task):
        prompt, few_shot = task_prompt(task.name), few_shot_prompt(task.name)
        assert isinstance(prompt, PromptTemplate)
        assert isinstance(few_shot, FewShotPromptTemplate)
        values = {name: f"Some {name}" for name in prompt.input_variables}
        assert prompt.format(**values) == task.source(task.read_input(values)).source
        if task.shots:
            assert few_shot.format(**values) == task.render(values).source
            assert few_shot.input_variables == prompt.input_variables

    def test_a_title_that_is_no_sentence_becomes_one(self):
        assert relation_prompt().format(**PAPER) == "Lithium and the hand. A tremor followed."
        assert relation_prompt().input_variables == ["abstract"]
        assert relation_prompt("ddi").invoke("A{b}c").to_string() == "A{b}c"

    def test_question(self):
        prompt = question_prompt()
        assert set(prompt.input_variables) == {"question", "context"}
        text = prompt.format(question="Is it?", context="It  is.")
        assert text == "question: Is it? context: It is. "

    def test_no_text(self):
        with pytest.raises(InputError, match="empty"):
            relation_prompt().format(abstract=" ")
        with pytest.raises(InputError, match="no task is called 'nope'"):
            task_prompt("nope")

    async def test_other_examples(self):
        from langchain_core.example_selectors import LengthBasedExampleSelector

        selector = LengthBasedExampleSelector(
            examples=[{"abstract": "A {b} c.", "target": "the relation between a and c exists."}],
            example_prompt=PromptTemplate.from_template("{abstract}"),
        )
        prompt = few_shot_prompt("bc5cdr", example_selector=selector)
        text = prompt.format(abstract="D e.")
        assert text == (
            "Abstract: A {b} c. Conclusion: the relation between a and c exists. "
            "Abstract: D e. Conclusion:"
        )
        assert await prompt.aformat(abstract="D e.") == text

    @LOADS_IS_BETA
    def test_dumps_and_loads(self):
        prompt = question_prompt()
        again = loads(
            dumps(prompt),
            allowed_objects=[TaskPromptTemplate],
            valid_namespaces=["langchain_biogpt"],
        )
        assert again == prompt


class TestRelationChain:
    def chain(self, *completions):
        self.engine = ScriptedEngine(completions)
        pipeline = Pipeline("bc5cdr", self.engine, card=CARD)
        return create_relation_chain(BioGPTLLM.from_pipeline(pipeline))

    def test_offsets_count_in_title_and_abstract(self):
        found = self.chain(FOUND).invoke(PAPER)
        assert spans(found) == [(0, 7, 23, 29)]
        assert f"{PAPER['title']} {PAPER['abstract']}"[23:29] == "tremor"
        assert self.engine.history[0].text == "lithium and the hand. a tremor followed."

    def test_a_batch_is_one_call(self):
        found = self.chain(FOUND, FOUND).batch(["tremor: lithium", PAPER])
        assert [spans(relations) for relations in found] == [[(8, 15, 0, 6)], [(0, 7, 23, 29)]]
        assert [len(call) for call in self.engine.calls] == [2]

    async def test_async(self):
        chain = self.chain(FOUND, FOUND, FOUND)
        assert await chain.abatch([PAPER, PAPER]) == [await chain.ainvoke(PAPER)] * 2
        assert [len(call) for call in self.engine.calls] == [2, 1]

    def test_one_bad_text_costs_the_others_nothing(self):
        chain = self.chain(FOUND, "rubbish", FOUND)
        found = chain.batch([PAPER, " ", PAPER, PAPER], return_exceptions=True)
        kinds = [type(one) for one in found]
        assert kinds == [list, InputError, OutputParserException, list]
        assert [len(call) for call in self.engine.calls] == [3]

    def test_errors_come_through(self):
        with pytest.raises(EngineError):
            self.chain(EngineError("no")).invoke(PAPER)

    def test_streams(self):
        (last,) = self.chain(FOUND).stream(PAPER)
        assert spans(last) == [(0, 7, 23, 29)]

    def test_no_relation_task(self):
        with pytest.raises(InputError, match="'pubmedqa' finds no relations: use bc5cdr or ddi"):
            create_relation_chain(BioGPTLLM(task="pubmedqa"))
        with pytest.raises(InputError, match="'scripted' was taught generate, which finds no"):
            create_relation_chain(BioGPTLLM.from_engine(ScriptedEngine()))

    def test_an_llm_without_a_task_is_given_its_models_own(self, tiny_biogpt, tmp_path):
        folder = shutil.copytree(tiny_biogpt, tmp_path / "model")
        ModelCard(tasks=dict.fromkeys(("hoc", "kd_dti", "ddi"), TaskCard())).save(folder)
        llm = BioGPTLLM(model=str(folder), max_new_tokens=5)
        with pytest.raises(OutputParserException) as caught:  # a random model writes nonsense
            create_relation_chain(llm).invoke("aspirin")
        assert "the interaction between captopril and" in caught.value.observation
        assert llm.task is None


def test_importing_loads_no_torch():
    code = (
        "import sys, langchain_biogpt; "
        "sys.exit(bool({'torch', 'transformers', 'llama_index'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_extra_is_named():
    code = (
        "import sys; sys.modules['langchain_core'] = None\n"
        "try: import langchain_biogpt\n"
        "except ImportError as e: "
        "assert 'biogpt-plugins[langchain]' in str(e) and e.__cause__; sys.exit(0)\n"
        "sys.exit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
