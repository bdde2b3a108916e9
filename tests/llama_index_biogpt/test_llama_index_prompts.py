"""Prompt templates of the tasks, official and few-shot."""

import copy
import pickle

import pytest
from llama_index.core import PromptTemplate
from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.prompts import SelectorPromptTemplate
from llama_index.core.prompts.prompt_utils import get_empty_prompt_txt
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.schema import NodeWithScore, TextNode

from biogpt_plugins import TASKS
from biogpt_plugins.tasks.layouts import CUE
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from llama_index_biogpt.llm import BioGPTLLM, biogpt_tokenizer
from llama_index_biogpt.prompts import TaskPromptTemplate, few_shot_prompt, task_prompt

PAPER = {"title": "Lithium and the hand", "abstract": "A tremor followed."}
QUESTION = {"question": "Is it {so}?", "context": "It  is {so}."}
ASKED = "question: Is it {so}? context: It is {so}. "
EVERY = pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
BOTH = pytest.mark.parametrize("make", [task_prompt, few_shot_prompt])
SOLVED = "the relation between a and c exists."


def values_for(prompt):
    return {name: f"Some {{{name}}} {{}} text" for name in prompt.template_vars}


class TestEveryTask:
    @EVERY
    def test_renders_as_its_pipeline_does(self, task):
        prompt, few_shot = task_prompt(task.name), few_shot_prompt(task.name)
        values = values_for(prompt)
        assert isinstance(prompt, PromptTemplate)
        assert prompt.format(**values) == task.source(task.read_input(values)).source
        assert few_shot.format(**values) == task.render(values).source
        assert few_shot.template == prompt.template or few_shot.template.endswith(" Conclusion:")

    @BOTH
    @pytest.mark.parametrize(
        ("task", "names"),
        [
            *[(name, ["title", "abstract"]) for name in ("bc5cdr", "ddi", "kd_dti")],
            ("pubmedqa", ["question", "context"]),
            ("pubmedqa_reasoning_free", ["question", "context", "long_answer"]),
            *[(name, ["text"]) for name in ("hoc", "describe", "generate")],
        ],
    )
    def test_variables(self, make, task, names):
        prompt = make(task)
        assert prompt.template_vars == names
        assert all(f"{{{name}}}" in prompt.get_template() for name in names)

    @EVERY
    @BOTH
    def test_the_ways_of_the_host(self, task, make):
        prompt = make(task.name)
        values = values_for(prompt)
        text = prompt.format(**values)
        assert [m.content for m in prompt.format_messages(**values)] == [text]
        assert prompt.format(**values, completion_to_prompt="<{}>".format) == f"<{text}>"
        assert prompt.format(**values, messages_to_prompt=str, strange="x") == text
        assert SelectorPromptTemplate(prompt).format(**values) == text
        first, *_ = prompt.template_vars
        early = prompt.partial_format(**{first: values.pop(first)})
        assert type(early) is TaskPromptTemplate
        assert early.format(**values) == text
        assert not prompt.kwargs

    @EVERY
    @BOTH
    def test_copies(self, task, make):
        prompt = make(task.name)
        for again in (pickle.loads(pickle.dumps(prompt)), copy.deepcopy(prompt)):
            assert again == prompt
            assert again.format(**values_for(prompt)) == prompt.format(**values_for(prompt))

    @EVERY
    @BOTH
    def test_the_host_measures_it_empty(self, task, make):
        prompt = make(task.name)
        empty = dict.fromkeys(prompt.template_vars, "")
        assert get_empty_prompt_txt(prompt) == PromptTemplate(prompt.template).format(**empty)
        PromptHelper(tokenizer=str.split).repack(prompt, ["a b", "c"])


class TestOfficial:
    def test_a_title_that_is_no_sentence_becomes_one(self):
        prompt = task_prompt("BC5CDR")
        assert prompt.format(**PAPER) == "Lithium and the hand. A tremor followed."
        for none in ({}, {"title": None}, {"title": ""}):
            assert prompt.format(abstract=PAPER["abstract"], **none) == "A tremor followed."

    def test_questions(self):
        assert task_prompt("pubmedqa").format(**QUESTION) == ASKED
        contexts = {**QUESTION, "context": ["It", "is {so}."]}  # as PubMedQA's records have them
        assert task_prompt("pubmedqa").format(**contexts) == ASKED
        free = task_prompt("pubmedqa_reasoning_free")
        assert free.format(**QUESTION, long_answer="So be it") == f"{ASKED}answer: So be it."
        assert free.format(**QUESTION) == ASKED

    @BOTH
    def test_what_is_missing(self, make):
        with pytest.raises(InputError, match="bc5cdr lacks abstract: pass title, abstract"):
            make("bc5cdr").format(title="A", abstrct="B")
        with pytest.raises(InputError, match="lacks question and context"):
            make("pubmedqa").partial_format(context=None).format()
        with pytest.raises(InputError, match=r"the text of .* is empty"):
            make("hoc").format(text=" ")
        with pytest.raises(InputError, match="abstract: input should be a valid string"):
            make("ddi").format(abstract=7)
        with pytest.raises(InputError, match="no task is called 'nope'"):
            make("nope")

    @BOTH
    async def test_an_llm_is_not_asked_about_nothing(self, make):
        engine = ScriptedEngine()
        llm = BioGPTLLM.from_engine(engine)
        with pytest.raises(InputError, match=r"the text of .* is empty"):
            llm.predict(make("bc5cdr"), title="", abstract="")
        with pytest.raises(InputError, match=r"the question of .* is empty"):
            await llm.apredict(make("pubmedqa"), question="", context="So.")
        assert not engine.calls


class TestWithAnLLM:
    async def test_predict(self):
        engine = ScriptedEngine([SOLVED] * 4)
        llm = BioGPTLLM.from_engine(engine)
        prompt = task_prompt("bc5cdr")
        assert llm.predict(prompt, **PAPER) == await llm.apredict(prompt, **PAPER) == SOLVED
        assert "".join(llm.stream(prompt, **PAPER)) == SOLVED
        assert "".join([piece async for piece in await llm.astream(prompt, **PAPER)]) == SOLVED
        assert [asked.text for asked in engine.history] == [prompt.format(**PAPER)] * 4

    @pytest.mark.parametrize("task", [task.name for task in TASKS.values() if task.shots])
    def test_a_task_of_the_llm_gives_the_same_prompt(self, task):
        asked = []
        for name, prompt in ((None, few_shot_prompt(task)), (task, task_prompt(task))):
            engine = ScriptedEngine(["x"])
            llm = BioGPTLLM.from_engine(engine, task=name, stop=prompt.stop)
            llm.predict(prompt, **dict.fromkeys(prompt.template_vars, "So."))
            asked.append((engine.history[0].source, engine.decodings[0].stop))
        assert asked[0] == asked[1]

    def test_its_stop_strings_end_a_completion(self):
        engine = ScriptedEngine([f"{SOLVED} Abstract: and so on"] * 2)
        prompt = few_shot_prompt("bc5cdr")
        assert prompt.stop == [CUE]
        assert task_prompt("bc5cdr").stop == few_shot_prompt("describe").stop == []
        llm = BioGPTLLM.from_engine(engine, stop=prompt.stop)
        assert llm.predict(prompt, abstract="D e.") == f"{SOLVED} "
        llm = BioGPTLLM.from_engine(engine)
        assert llm.complete(prompt.format(abstract="D e."), stop=prompt.stop).text == f"{SOLVED} "

    @pytest.mark.usefixtures("host_loop")
    @pytest.mark.parametrize(
        ("mode", "prompts"),
        [
            ("accumulate", ["question: Is it? context: A. ", "question: Is it? context: B. "]),
            ("compact", ["question: Is it? context: A. B. "]),
        ],
    )
    def test_in_a_response_synthesizer(self, mode, prompts):
        engine = ScriptedEngine(["yes"] * 2)
        synthesizer = get_response_synthesizer(
            llm=BioGPTLLM.from_engine(engine),
            response_mode=mode,
            text_qa_template=task_prompt("pubmedqa"),
            prompt_helper=PromptHelper(tokenizer=biogpt_tokenizer()),
        )
        nodes = [NodeWithScore(node=TextNode(text=text)) for text in ("A.", "B.")]
        assert "yes" in str(synthesizer.synthesize("Is it?", nodes))
        assert [prompt.text for prompt in engine.history] == prompts

    @pytest.mark.usefixtures("host_loop")
    def test_relations_of_what_was_retrieved(self):
        engine = ScriptedEngine([SOLVED])
        synthesizer = get_response_synthesizer(
            llm=BioGPTLLM.from_engine(engine),
            response_mode="accumulate",
            text_qa_template=few_shot_prompt("bc5cdr"),
            prompt_helper=PromptHelper(tokenizer=str.split),
        )
        synthesizer.synthesize("Any?", [NodeWithScore(node=TextNode(text="A c."))])
        assert engine.history[0].text == few_shot_prompt("bc5cdr").format(abstract="A c.")
