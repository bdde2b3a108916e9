"""Prompt templates of the tasks, official and few-shot."""

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.example_selectors import (
    BaseExampleSelector,
    LengthBasedExampleSelector,
    SemanticSimilarityExampleSelector,
)
from langchain_core.load import dumps, loads
from langchain_core.prompts import FewShotPromptTemplate, PromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.vectorstores import InMemoryVectorStore

from biogpt_plugins import TASKS
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from langchain_biogpt import (
    BioGPTLLM,
    TaskFewShotPromptTemplate,
    TaskPromptTemplate,
    few_shot_prompt,
    question_prompt,
    relation_prompt,
    task_prompt,
)

PAPER = {"title": "Lithium and the hand", "abstract": "A tremor followed."}
QUESTION = {"question": "Is it {so}?", "context": "It  is {so}."}
EVERY = pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
LOADS_IS_BETA = pytest.mark.filterwarnings("ignore:The function `loads` is in beta")
SOLVED = "the relation between a and c exists."


def template(task, kind):
    return task_prompt(task.name) if kind is PromptTemplate else few_shot_prompt(task.name)


def reload(prompt):
    return loads(
        dumps(prompt),
        allowed_objects=[TaskPromptTemplate, TaskFewShotPromptTemplate],
        valid_namespaces=["langchain_biogpt"],
    )


class TestEveryTask:
    @EVERY
    def test_renders_as_its_pipeline_does(self, task):
        prompt, few_shot = task_prompt(task.name), few_shot_prompt(task.name)
        assert isinstance(prompt, PromptTemplate)
        assert isinstance(few_shot, FewShotPromptTemplate)
        values = {name: f"Some {{name}} {name}" for name in prompt.input_variables}
        assert prompt.format(**values) == task.source(task.read_input(values)).source
        assert few_shot.format(**values) == task.render(values).source
        assert few_shot.input_variables == prompt.input_variables

    @pytest.mark.parametrize(
        ("task", "needed", "optional"),
        [
            *[(name, ["abstract"], ["title"]) for name in ("bc5cdr", "ddi", "kd_dti")],
            ("pubmedqa", ["question", "context"], ["long_answer"]),
            ("pubmedqa_reasoning_free", ["question", "context"], ["long_answer"]),
            *[(name, ["text"], []) for name in ("hoc", "describe", "generate")],
        ],
    )
    def test_variables(self, task, needed, optional):
        for prompt in (task_prompt(task), few_shot_prompt(task)):
            assert sorted(prompt.input_variables) == sorted(needed)
            assert set(prompt.partial_variables) == set(optional)
            schema = prompt.get_input_jsonschema()
            assert sorted(schema["required"]) == sorted(needed)
            assert sorted(schema["properties"]) == sorted(needed + optional)

    @EVERY
    @pytest.mark.parametrize("kind", [PromptTemplate, FewShotPromptTemplate])
    async def test_as_a_runnable(self, task, kind):
        prompt = template(task, kind)
        several = [dict.fromkeys(prompt.input_variables, f"T{{{i}}}") for i in range(3)]
        texts = [prompt.format(**values) for values in several]
        assert len(set(texts)) == 3
        assert [prompt.invoke(values).to_string() for values in several] == texts
        assert [(await prompt.ainvoke(values)).to_string() for values in several] == texts
        assert [value.to_string() for value in prompt.batch(several)] == texts
        assert [value.to_string() for value in await prompt.abatch(several)] == texts
        assert [value.to_string() for value in prompt.stream(several[0])] == texts[:1]
        chain = prompt | RunnableLambda(lambda value: value.to_string())
        assert chain.batch(several) == texts
        assert set(chain.get_input_jsonschema()["required"]) == set(prompt.input_variables)

    @EVERY
    @pytest.mark.parametrize("kind", [PromptTemplate, FewShotPromptTemplate])
    def test_a_variable_may_be_given_before(self, task, kind):
        prompt = template(task, kind)
        first, *others = prompt.input_variables
        values = dict.fromkeys(others, "That.")
        for early in (prompt.partial(**{first: "This."}), prompt.partial(**{first: "This.".strip})):
            assert early.input_variables == others
            assert early.format(**values) == prompt.format(**values, **{first: "This."})

    @LOADS_IS_BETA
    @EVERY
    @pytest.mark.parametrize("kind", [PromptTemplate, FewShotPromptTemplate])
    def test_dumps_and_loads(self, task, kind):
        prompt = template(task, kind)
        prompt = prompt.partial(**{prompt.input_variables[0]: "An {early} one."})
        again = reload(prompt)
        assert type(again) is type(prompt)
        assert again == prompt
        values = dict.fromkeys(again.input_variables, "Q?")
        assert again.format(**values) == prompt.format(**values)


class TestOfficial:
    def test_a_title_that_is_no_sentence_becomes_one(self):
        assert relation_prompt().format(**PAPER) == "Lithium and the hand. A tremor followed."
        assert relation_prompt().format(**PAPER | {"title": None}) == "A tremor followed."
        assert relation_prompt("ddi").invoke("A{b}c").to_string() == "A{b}c"

    def test_questions(self):
        asked = "question: Is it {so}? context: It is {so}. "
        assert question_prompt().format(**QUESTION) == asked
        free = task_prompt("pubmedqa_reasoning_free")
        assert free.format(**QUESTION, long_answer="So be it") == f"{asked}answer: So be it."

    def test_no_text(self):
        with pytest.raises(InputError, match="empty"):
            relation_prompt().format(abstract=" ")
        with pytest.raises(KeyError, match=r"missing variables \{'context'\}"):
            question_prompt().invoke({"question": "Is it?"})
        with pytest.raises(InputError, match="no task is called 'nope'"):
            task_prompt("nope")


class Words(Embeddings):
    """A text is the letters it has."""

    def embed_query(self, text):
        return [1.0 + text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"]

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]


EXAMPLES = [
    {"title": "On {a}", "abstract": "A caused {c}.", "target": SOLVED},
    {"abstract": "Zzz zzz zzz.", "target": "the relation between z and zz exists."},
]
SHOWN = [
    f"Abstract: On {{a}} A caused {{c}}. Conclusion: {SOLVED} ",
    "Abstract: Zzz zzz zzz. Conclusion: the relation between z and zz exists. ",
]


async def both(prompt, **values):
    """What a template makes of values, which is the same by all ways."""
    text = prompt.format(**values)
    assert await prompt.aformat(**values) == text
    assert prompt.invoke(values) == await prompt.ainvoke(values)
    assert prompt.invoke(values).to_string() == text
    return text


class Unused(BaseExampleSelector):
    """A selector that must not be asked."""

    def add_example(self, example):
        raise NotImplementedError

    def select_examples(self, input_variables):
        raise AssertionError(f"asked for examples for {input_variables}")


class TestFewShot:
    @pytest.mark.parametrize("words", [(9, SHOWN[:1]), (50, SHOWN), (4, [])])
    async def test_as_many_examples_as_there_is_room_for(self, words):
        most, shown = words
        selector = LengthBasedExampleSelector(
            examples=EXAMPLES, example_prompt=task_prompt("bc5cdr"), max_length=most
        )
        prompt = few_shot_prompt("bc5cdr", example_selector=selector)
        expected = f"{''.join(shown)}Abstract: D {{e}} f. Conclusion:"
        assert await both(prompt, abstract="D {e} f.", title=None) == expected

    @pytest.mark.parametrize(("text", "shown"), [("Pizzazz.", SHOWN[1]), ("A cab. C.", SHOWN[0])])
    async def test_the_nearest_examples(self, text, shown):
        selector = SemanticSimilarityExampleSelector.from_examples(
            EXAMPLES, Words(), InMemoryVectorStore, k=1, input_keys=["abstract"]
        )
        prompt = few_shot_prompt("bc5cdr", example_selector=selector)
        assert await both(prompt, abstract=text) == f"{shown}Abstract: {text} Conclusion:"

    async def test_examples_of_questions(self):
        example = {**QUESTION, "target": "the answer to the question given the context is yes."}
        selector = SemanticSimilarityExampleSelector.from_examples(
            [example], Words(), InMemoryVectorStore
        )
        prompt = few_shot_prompt("pubmedqa", example_selector=selector)
        # A record of PubMedQA holds its contexts in a list; selectors want strings.
        asked = await both(prompt, question="Was it?", context=["It", "was."])
        assert asked == (
            "Abstract: question: Is it {so}? context: It is {so}. Conclusion: the answer to the "
            "question given the context is yes. "
            "Abstract: question: Was it? context: It was. Conclusion:"
        )

    @pytest.mark.parametrize(
        ("bad", "fault"),
        [
            ({"abstract": "A c."}, "{'abstract': 'A c.'} has no target"),
            ({"abstract": "A c.", "target": None}, "has no target"),
            ({"target": SOLVED}, "none of its fields, 'target', has the text"),
            ({"abstract": 7, "target": SOLVED}, "abstract: input should be a valid string"),
        ],
    )
    async def test_an_example_that_lacks_something(self, bad, fault):
        selector = LengthBasedExampleSelector(
            examples=[EXAMPLES[0], bad], example_prompt=PromptTemplate.from_template("x")
        )
        prompt = few_shot_prompt("bc5cdr", example_selector=selector)
        for wrong in (prompt.format, lambda **values: prompt.batch([values])):
            with pytest.raises(InputError) as caught:
                wrong(abstract="D e.")
            assert str(caught.value).startswith("example 2: ")
            assert fault in str(caught.value)
            assert "Every example needs abstract and target" in str(caught.value)

    def test_no_text(self):
        prompt = few_shot_prompt("bc5cdr", example_selector=Unused())
        with pytest.raises(InputError, match=r"the text of .* is empty"):
            prompt.format(abstract=" ")

    async def test_its_stop_string_ends_a_completion(self):
        engine = ScriptedEngine([f"{SOLVED} Abstract: and so on"] * 3)
        prompt = few_shot_prompt("bc5cdr")
        assert prompt.stop == ["Abstract:"]
        bound = prompt | BioGPTLLM.from_engine(engine).bind(stop=prompt.stop)
        assert bound.invoke("D e.") == f"{SOLVED} "
        own = prompt | BioGPTLLM.from_engine(engine, stop=prompt.stop)
        assert await own.ainvoke("D e.") == f"{SOLVED} "
        assert "".join(own.stream("D e.")).strip() == SOLVED
        assert {prompt.source for prompt in engine.history} == {prompt.format(abstract="D e.")}

    @LOADS_IS_BETA
    def test_an_example_selector_is_not_written_down(self):
        written = dumps(few_shot_prompt("bc5cdr", example_selector=Unused()))
        with pytest.raises(NotImplementedError):
            loads(
                written,
                allowed_objects=[TaskPromptTemplate, TaskFewShotPromptTemplate],
                valid_namespaces=["langchain_biogpt"],
            )
