"""Questions answered from nodes, and the nodes that bear on a question."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from held import Held, cancelling_stops
from llama_index.core import MockEmbedding, PromptTemplate, Settings, VectorStoreIndex
from llama_index.core.base.response.schema import Response
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.callbacks.schema import CBEventType
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.query_engine import RetrieverQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen.types import BaseQuestionGenerator, SubQuestion
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import (
    Document,
    MetadataMode,
    NodeRelationship,
    NodeWithScore,
    QueryBundle,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.tools import QueryEngineTool
from pydantic import PrivateAttr, ValidationError
from shared_data import shared

import biogpt_plugins
from biogpt_plugins import Pipeline
from biogpt_plugins.demo.demo import papers
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.findings.relevance import shared_words
from biogpt_plugins.findings.synthesis import PaperAnswer, Support
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import (
    ContextOverflowError,
    InputError,
    ModelNotFoundError,
    OptionError,
)
from llama_index_biogpt import BioGPTLLM
from llama_index_biogpt.relevance import BioGPTRelevancePostprocessor
from llama_index_biogpt.synthesizer import BioGPTPaperSynthesizer, paper_answer_of

pytestmark = pytest.mark.filterwarnings("ignore:.*langchain-community.*:DeprecationWarning")
QUESTION = "Does tamsulosin help?"
YES, NO, MAYBE = (0.7, 0.2, 0.1), (0.1, 0.8, 0.1), (0.2, 0.2, 0.6)
WEIGHTS = Path(biogpt_plugins.__file__).parent / "checkpoints/demo/model.safetensors"
bundled = pytest.mark.skipif(not WEIGHTS.exists(), reason="the bundled model is not built yet")
TEXT = (
    "No (60%), judging by 3 papers. "
    "2 judged no; nearest sentence “It helped nobody.” [PMID 11]; also [c]. "
    "1 judged maybe; nearest sentence “Tamsulosin may help.” [PMID 12]."
)
NONE = f"No paper was found for the question: {QUESTION}"


def node(text, id_, *, score=0.5, part_of=None, **metadata):
    document = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=part_of)} if part_of else {}
    one = TextNode(text=text, id_=id_, metadata=metadata, relationships=document)
    return NodeWithScore(node=one, score=score)


NODES = [
    node("It helped nobody.", "a", score=0.9, pmid=11, title="Tamsulosin I"),
    node("Stones hurt. Tamsulosin may help.", "b", score=0.8, PMID="12"),
    node("It did help.", "c", score=None),
]


MIXED = [
    node("Tamsulosin helps.", "yes", score=0.1),
    node("Tamsulosin: a survey.", "maybe", score=0.2),
    node("Gardens of hospitals.", "off"),
    node("Tamsulosin has no effect.", "no", score=None),
]


class Finder(BaseRetriever):
    """Finds these nodes, and remembers how it was asked."""

    def __init__(self, nodes):
        super().__init__()
        self.nodes, self.asked = nodes, []

    def _retrieve(self, query_bundle):
        self.asked.append(("sync", query_bundle.query_str))
        return self.nodes

    async def _aretrieve(self, query_bundle):
        self.asked.append(("async", query_bundle.query_str))
        return self.nodes


class Judge(Held):
    """An engine to which some texts are too long; it is free unless a test holds it."""

    def __init__(self, *, held=False, **script):
        super().__init__(**script)
        if not held:
            self.freed.set()

    def choose(self, prompts, choices, *, truncate=True):
        found = super().choose(prompts, choices, truncate=truncate)
        too_long = ContextOverflowError("the text is too long")
        return [
            replace(choice, error=too_long) if "endless" in prompt.text else choice
            for prompt, choice in zip(prompts, found, strict=True)
        ]


class Observer(BaseEventHandler):
    """Remembers the events of syntheses."""

    _seen: list = PrivateAttr(default_factory=list)

    def handle(self, event, **_):
        if event.class_name().startswith("Synthesize"):
            self._seen.append(event)


def make(kind, *shares, held=False, **options):
    """A component on an engine that gives these probabilities, node by node."""
    engine = Judge(probabilities=shares, held=held)
    pipeline = Pipeline("pubmedqa", engine, card=TaskCard())
    return kind.from_pipeline(pipeline, **options), engine


def query_engine(*shares, nodes=NODES, **options):
    synthesizer, engine = make(BioGPTPaperSynthesizer, *shares, **options)
    return RetrieverQueryEngine(Finder(nodes), synthesizer), engine


@pytest.fixture(autouse=True)
def _no_llm_at_hand(monkeypatch):
    """What takes the host's default LLM fails, as its package is not there, or finds no key."""
    monkeypatch.setattr(Settings, "_llm", None)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    yield
    assert Settings._llm is None


class TestAbstaining:
    unsure = (0.4, 0.35, 0.25)

    def pipeline(self, *shares):
        engine = Judge(probabilities=shares)
        return Pipeline("pubmedqa", engine, card=TaskCard(), abstain_below=0.5)

    def test_papers_have_no_vote(self):
        synthesizer = BioGPTPaperSynthesizer.from_pipeline(self.pipeline(NO, self.unsure, NO))
        response = synthesizer.synthesize(QUESTION, NODES)
        answer = paper_answer_of(response)
        assert (answer.label, answer.support.abstained, answer.failures) == ("no", 1, ())
        assert "Not certain enough to count: " in str(response)

    def test_nodes_are_kept_by_their_probabilities(self):
        pipeline = self.pipeline(NO, self.unsure, (0.1, 0.1, 0.8))
        judge = BioGPTRelevancePostprocessor.from_pipeline(
            pipeline, min_shared_words=0, min_decided=0.5
        )
        kept = judge.postprocess_nodes(NODES, query_str=QUESTION)
        assert len(kept) == 2
        told = kept[1].node.metadata["biogpt_answer"]
        assert told["abstained"].startswith("the most probable answer, yes, has")
        assert "label" not in told


class TestSynthesizer:
    def test_one_call_and_its_prompts(self):
        engine, judge = query_engine(NO, MAYBE, NO)
        engine.query(QUESTION)
        assert [[(p.head, p.text, p.target) for p in call] for call in judge.calls] == [
            [
                (
                    f"question: {QUESTION} context: ",
                    f"{found.node.text} ",
                    "the answer to the question given the context is",
                )
                for found in NODES
            ]
        ]

    @pytest.mark.parametrize("asked", [QUESTION, QueryBundle(QUESTION)])
    def test_the_answer(self, asked):
        engine, _ = query_engine(NO, MAYBE, NO)
        response = engine.query(asked)
        assert str(response) == response.response == TEXT
        answer = paper_answer_of(response)
        assert (answer.question, answer.label, answer.text) == (QUESTION, "no", TEXT)
        assert answer.probabilities == pytest.approx({"yes": 0.4 / 3, "no": 0.6, "maybe": 0.8 / 3})
        assert answer.support == Support(no=2, maybe=1, judged=3, found=3)
        assert [paper.reference for paper in answer.disagreeing] == ["PMID 12"]
        assert [paper.title for paper in answer.citations] == ["Tamsulosin I", None, None]
        evidence = answer.citations[1].evidence
        assert NODES[1].node.text[evidence.start : evidence.end] == evidence.text
        assert evidence.passage == "b"

    def test_sources_and_metadata_are_as_the_host_gives_them(self):
        synthesizer, _ = make(BioGPTPaperSynthesizer, NO, MAYBE, NO)
        further = node("Not judged.", "d")
        response = synthesizer.synthesize(QUESTION, NODES, additional_source_nodes=[further])
        assert response.source_nodes == [*NODES, further]
        assert [found.score for found in response.source_nodes] == [0.9, 0.8, None, 0.5]
        assert response.metadata["a"] == {"pmid": 11, "title": "Tamsulosin I"}
        assert json.loads(json.dumps(response.metadata)) == response.metadata

    async def test_aquery(self):
        engine, judge = query_engine(NO, MAYBE, NO)
        response = await engine.aquery(QUESTION)
        assert str(response) == TEXT
        assert paper_answer_of(response).label == "no"
        assert response.source_nodes == NODES
        assert (len(judge.calls), engine.retriever.asked) == (1, [("async", QUESTION)])

    async def test_cancelling_stops_the_engine(self):
        engine, judge = query_engine(NO, MAYBE, NO, held=True)
        await cancelling_stops(engine.aquery(QUESTION), judge)

    def test_a_stream(self):
        engine, judge = query_engine(NO, MAYBE, NO, streaming=True)
        response = engine.query(QUESTION)
        assert paper_answer_of(response).label == "no"
        assert list(response.response_gen) == [TEXT]
        assert (len(judge.calls), response.source_nodes) == (1, NODES)

    async def test_an_asynchronous_stream(self):
        engine, _ = query_engine(NO, MAYBE, NO, streaming=True)
        response = await engine.aquery(QUESTION)
        assert paper_answer_of(response).label == "no"
        assert [piece async for piece in response.async_response_gen()] == [TEXT]

    @pytest.mark.parametrize("streaming", [False, True])
    async def test_no_paper_found_is_an_answer(self, streaming):
        engine, judge = query_engine(nodes=[], streaming=streaming)
        response = await engine.aquery(QUESTION)
        assert paper_answer_of(response) == PaperAnswer(question=QUESTION)
        response = engine.query(QUESTION)
        assert str(response) == NONE
        assert (response.source_nodes, judge.calls) == ([], [])

    def test_a_paper_that_cannot_be_judged_is_named(self):
        nodes = [*NODES[:2], node("An endless tale.", "x", pmid=13), node(" ", "y", title="Blank")]
        engine, judge = query_engine(NO, NO, NO, nodes=nodes, min_shared_words=0)
        response = engine.query(QUESTION)
        assert str(response).endswith("Could not be judged: [PMID 13] [y].")
        failures = paper_answer_of(response).failures
        assert [(f.passage, f.error.type) for f in failures] == [
            ("x", "ContextOverflowError"),
            ("y", "InputError"),
        ]
        assert response.source_nodes == nodes
        assert len(judge.calls) == 1

    def test_none_that_could_be_judged_is_no_answer(self):
        engine, _ = query_engine(nodes=[node("Endless, endless.", "x")], min_shared_words=0)
        response = engine.query(QUESTION)
        assert str(response).startswith("No answer: 1 paper found, but none could be judged")
        assert paper_answer_of(response).label is None

    def test_parts_make_one_vote_and_a_text_is_asked_once(self):
        nodes = [
            node("One part.", "1", part_of="7"),
            node("Another paper.", "2"),
            node("Another  paper.", "3"),
            node("Its other part.", "4", part_of="7"),
            node("A third one.", "5", part_of="8", pmid="7"),
        ]
        engine, judge = query_engine(NO, YES, MAYBE, YES, nodes=nodes, min_shared_words=0)
        answer = paper_answer_of(engine.query(QUESTION))
        assert len(judge.history) == 4
        assert [(paper.id, paper.passages) for paper in answer.citations] == [("7", 3), ("2", 1)]

    @pytest.mark.parametrize("question", ["", " \n"])
    async def test_no_question(self, question):
        synthesizer, judge = make(BioGPTPaperSynthesizer)
        with pytest.raises(InputError, match=r"question .* is empty"):
            synthesizer.synthesize(question, NODES)
        with pytest.raises(InputError, match=r"question .* is empty"):
            await synthesizer.asynthesize(QueryBundle(question), [])
        assert judge.calls == []

    async def test_mere_texts(self):
        synthesizer, judge = make(BioGPTPaperSynthesizer, NO, YES, NO, YES)
        texts = ["It helped nobody.", "It did help."]
        told = synthesizer.get_response(QUESTION, texts)
        assert told.startswith(
            "No (50%), judging by 2 papers. 1 judged no; nearest sentence “It helped nobody.”"
        )
        assert await synthesizer.aget_response(QUESTION, texts) == told
        assert [len(call) for call in judge.calls] == [2, 2]

    async def test_mere_texts_as_streams(self):
        synthesizer, _ = make(BioGPTPaperSynthesizer, streaming=True)
        assert list(synthesizer.get_response(QUESTION, [])) == [NONE]
        pieces = await synthesizer.aget_response(QUESTION, [])
        assert [piece async for piece in pieces] == [NONE]

    @pytest.mark.parametrize("nodes", [NODES, []])
    async def test_the_hosts_observers_are_told(self, nodes):
        handler, observer = LlamaDebugHandler(print_trace_on_end=False), Observer()
        engine, _ = query_engine(
            *[NO, MAYBE, NO] * 2, nodes=nodes, callback_manager=CallbackManager([handler])
        )
        dispatcher = get_dispatcher()
        before = dispatcher.event_handlers
        dispatcher.event_handlers = [*before, observer]
        try:
            response = engine.query(QUESTION)
            again = await engine.aquery(QUESTION)
        finally:
            dispatcher.event_handlers = before
        names = ["SynthesizeStartEvent", "SynthesizeEndEvent"] * 2
        assert [event.class_name() for event in observer._seen] == names
        assert [observer._seen[1].response, observer._seen[3].response] == [response, again]
        pairs = handler.get_event_pairs(CBEventType.SYNTHESIZE)
        assert [start.payload["query_str"] for start, _ in pairs] == [QUESTION] * 2
        assert [end.payload["response"] for _, end in pairs] == [response, again]

    async def test_papers_on_other_subjects_are_named_and_not_judged(self):
        nodes = [node("Sixty hospitals were asked how large their gardens are.", "garden")]
        engine, judge = query_engine(YES, nodes=nodes)
        for response in (engine.query(QUESTION), await engine.aquery(QUESTION)):
            answer = paper_answer_of(response)
            assert (answer.label, [paper.id for paper in answer.unrelated]) == (None, ["garden"])
            assert str(response).endswith("Not bearing on the question, by their words: [garden].")
            assert response.source_nodes == nodes
        assert judge.calls == []
        engine, _ = query_engine(YES, nodes=nodes, min_shared_words=0)
        assert paper_answer_of(engine.query(QUESTION)).label == "yes"
        with pytest.raises(InputError, match="min_shared_words must be from 0 to 1, not 2"):
            make(BioGPTPaperSynthesizer, min_shared_words=2)

    def test_parts_of_a_paper_bear_on_the_question_together(self):
        parts = [node("It was safe.", "1", pmid=7), node("Tamsulosin was given.", "2", pmid=7)]
        engine, _ = query_engine(NO, NO, nodes=parts)
        assert paper_answer_of(engine.query(QUESTION)).citations[0].passages == 2

    def test_a_question_that_asks_for_more_gets_no_answer(self):
        engine, judge = query_engine(nodes=NODES)
        response = engine.query("What dose of tamsulosin helps?")
        assert str(response).startswith("No answer, and no paper was judged: the question asks")
        assert str(response).endswith("3 papers found: [PMID 11] [PMID 12] [c].")
        assert (paper_answer_of(response).label, judge.calls) == (None, [])

    def test_there_is_no_prompt_to_change(self):
        engine, _ = query_engine()
        assert engine.get_prompts() == {}
        engine.update_prompts({})
        with pytest.raises(InputError, match=r"prompts cannot be changed \(text_qa_template\)"):
            engine.update_prompts({"response_synthesizer:text_qa_template": PromptTemplate("x")})

    def test_the_model_is_not_looked_for_before_it_is_used(self):
        synthesizer = BioGPTPaperSynthesizer(model="./no-such-folder")
        assert str(synthesizer.synthesize(QUESTION, [])) == NONE
        with pytest.raises(ModelNotFoundError, match="no-such-folder"):
            synthesizer.synthesize(QUESTION, NODES)

    def test_a_field_that_is_wrong(self):
        with pytest.raises(OptionError, match="no option 'modell'"):
            BioGPTPaperSynthesizer(modell="demo")

    def test_an_engine_of_ones_own_is_shown_examples(self):
        judge = ScriptedEngine(probabilities=[YES])
        synthesizer = BioGPTPaperSynthesizer.from_engine(judge)
        assert str(synthesizer.synthesize(QUESTION, NODES[:1])).startswith("Yes (70%)")
        assert "vitamin C" in judge.history[0].head

    def test_another_response_has_no_answer(self):
        for metadata in (None, {"a": {}}):
            with pytest.raises(InputError, match="holds no PaperAnswer"):
                paper_answer_of(Response("x", metadata=metadata))

    def test_an_index_as_query_engine(self):
        index = VectorStoreIndex([found.node for found in NODES], embed_model=MockEmbedding(2))
        synthesizer, judge = make(BioGPTPaperSynthesizer, NO, NO)
        engine = index.as_query_engine(llm=BioGPTLLM(), response_synthesizer=synthesizer)
        response = engine.query(QUESTION)
        assert paper_answer_of(response).label == "no"
        assert len(judge.history) == len(response.source_nodes) == 2

    @bundled
    async def test_on_the_bundled_model(self):
        documents = [
            Document(text=paper.source, metadata={"pmid": paper.id}) for paper, _ in papers()
        ]
        index = VectorStoreIndex.from_documents(documents, embed_model=MockEmbedding(2))
        engine = RetrieverQueryEngine(
            index.as_retriever(similarity_top_k=5), BioGPTPaperSynthesizer()
        )
        question = "Does pyridoxine prevent peripheral neuropathy?"
        response = engine.query(question)
        answer = paper_answer_of(response)
        support = answer.support
        assert (support.judged, support.unrelated, support.found) == (1, 4, 5)
        assert sum(answer.probabilities.values()) == pytest.approx(1)
        assert str(response) == answer.text
        assert str(await engine.aquery(question)) == answer.text


class Asker(BaseQuestionGenerator):
    """Asks one sub-question of each tool."""

    def generate(self, tools, query):
        return [
            SubQuestion(sub_question=f"{query.query_str} ({tool.name})", tool_name=tool.name)
            for tool in tools
        ]

    async def agenerate(self, tools, query):
        return self.generate(tools, query)

    def _get_prompts(self):
        return {}

    def _update_prompts(self, prompts_dict):
        del prompts_dict


class TestAnswersAreNoPapers:
    """What query engines answered is neither counted as a paper nor quoted."""

    SUB_ANSWER = "Sub question: Does tamsulosin cure?\nResponse: 1 says yes: tamsulosin cures."

    def asking(self, synthesizer, *engines):
        tools = [
            QueryEngineTool.from_defaults(engine, name=str(number), description="papers")
            for number, engine in enumerate(engines)
        ]
        return SubQuestionQueryEngine(Asker(), synthesizer, tools, verbose=False, use_async=False)

    async def test_sub_questions(self):
        """Issue 18, number 35."""
        shares = [NO, YES, NO, YES] * 2
        synthesizer, judge = make(BioGPTPaperSynthesizer, *shares)
        papers = [[NODES[0]], [NODES[2]]]
        engine = self.asking(
            synthesizer, *(RetrieverQueryEngine(Finder(one), synthesizer) for one in papers)
        )
        for response in (engine.query(QUESTION), await engine.aquery(QUESTION)):
            answer = paper_answer_of(response)
            assert [paper.id for paper in answer.citations] == ["11", "c"]
            assert answer.support == Support(yes=1, no=1, judged=2, found=2)
            assert "Sub question" not in answer.text
            assert response.metadata["biogpt_answers_left_out"] == 2
            assert len(response.source_nodes) == 4
        assert not any("says" in prompt.text for prompt in judge.history)

    def test_sub_questions_of_sub_questions(self):
        synthesizer, _ = make(BioGPTPaperSynthesizer, NO, NO, NO)
        inner = self.asking(synthesizer, RetrieverQueryEngine(Finder(NODES[:1]), synthesizer))
        response = self.asking(synthesizer, inner).query(QUESTION)
        assert [paper.id for paper in paper_answer_of(response).citations] == ["11"]

    @pytest.mark.parametrize(
        "answer",
        [
            TextNode(text=SUB_ANSWER),
            TextNode(text="Sub question: One\nof two lines?\nResponse: Yes.\nReally."),
            TextNode(text="Query: Does it?\nResponse: Yes."),  # RecursiveRetriever
            TextNode(text="\nQuestion: Does it?\nAnswer: Yes."),  # MultiStepQueryEngine
            TextNode(  # a retriever that found a query engine
                text=TEXT, metadata={"biogpt_answer": PaperAnswer(question=QUESTION).model_dump()}
            ),
        ],
        ids=["sub_question", "lines", "recursive", "steps", "object"],
    )
    def test_as_hosts_write_them(self, answer):
        synthesizer, judge = make(BioGPTPaperSynthesizer, NO, NO)
        nodes = [NodeWithScore(node=answer), NODES[0]]
        response = synthesizer.synthesize(QUESTION, nodes, additional_source_nodes=NODES[:2])
        assert [paper.id for paper in paper_answer_of(response).citations] == ["11", "12"]
        assert response.metadata["biogpt_answers_left_out"] == 1
        assert [len(call) for call in judge.calls] == [2]

    @pytest.mark.parametrize(
        "paper",
        [
            node(SUB_ANSWER, "p", pmid=7),
            node(SUB_ANSWER, "p", part_of="7"),
            NodeWithScore(node=TextNode(text="Question: Does it help? It does.")),
            NodeWithScore(node=TextNode(text="Background. Query: none.\nResponse: good.")),
            node("It did.", "p", biogpt_answer={"label": "yes", "probabilities": None}),
        ],
        ids=["metadata", "document", "question", "later", "postprocessor"],
    )
    def test_papers_stay_papers(self, paper):
        synthesizer, _ = make(BioGPTPaperSynthesizer, NO, NO)
        response = synthesizer.synthesize(QUESTION, [paper], additional_source_nodes=NODES[:1])
        assert paper_answer_of(response).support.found == 1
        assert "biogpt_answers_left_out" not in response.metadata

    def test_answers_alone(self):
        synthesizer, judge = make(BioGPTPaperSynthesizer)
        nodes = [NodeWithScore(node=TextNode(text=self.SUB_ANSWER))]
        assert str(synthesizer.synthesize(QUESTION, nodes)) == NONE
        assert synthesizer.get_response(QUESTION, [self.SUB_ANSWER]) == NONE
        assert judge.calls == []


class TestPostprocessor:
    @pytest.mark.parametrize(
        ("options", "shares", "kept"),
        [
            ({}, [YES, MAYBE, NO], ["yes", "no"]),
            ({"min_decided": 0.4}, [YES, MAYBE, NO], ["yes", "maybe", "no"]),
            ({"min_decided": 0.95}, [YES, MAYBE, NO], []),
            ({"min_decided": 0}, [], ["yes", "maybe", "no"]),
            ({"min_shared_words": 0}, [YES, MAYBE, YES, NO], ["yes", "off", "no"]),
            ({"min_shared_words": 0.6}, [YES], ["yes"]),
        ],
    )
    async def test_what_is_kept(self, options, shares, kept):
        processor, judge = make(BioGPTRelevancePostprocessor, *shares * 2, **options)
        found = processor.postprocess_nodes(MIXED, query_str=QUESTION)
        again = await processor.apostprocess_nodes(MIXED, QueryBundle(QUESTION))
        assert [one.node.node_id for one in found] == kept
        assert again == found
        assert [len(call) for call in judge.calls] == ([len(shares)] * 2 if shares else [])

    def test_the_nodes_of_the_retriever_stay_as_they_are(self):
        before = [one.model_dump() for one in MIXED]
        processor, _ = make(BioGPTRelevancePostprocessor, YES, MAYBE, NO)
        first, last = processor.postprocess_nodes(MIXED, query_str=QUESTION)
        assert [one.model_dump() for one in MIXED] == before
        assert (first.score, last.score) == (0.1, None)
        assert last.node.metadata == {
            "biogpt_shared_words": 0.5,
            "biogpt_answer": {
                "label": "no",
                "probabilities": {"yes": 0.1, "no": 0.8, "maybe": 0.1},
            },
        }
        for mode in (MetadataMode.LLM, MetadataMode.EMBED):
            assert last.node.get_content(mode) == "Tamsulosin has no effect."

    def test_a_node_that_cannot_be_judged_is_kept_and_marked(self):
        nodes = [*MIXED[:2], node("Tamsulosin: an endless tale.", "long")]
        processor, _ = make(BioGPTRelevancePostprocessor, YES, MAYBE, NO)
        found = processor.postprocess_nodes(nodes, query_str=QUESTION)
        assert [one.node.node_id for one in found] == ["yes", "long"]
        error = found[1].node.metadata["biogpt_answer_error"]
        assert error == "ContextOverflowError: the text is too long"
        assert "biogpt_answer" not in found[1].node.metadata

    def test_what_an_earlier_question_left_is_replaced(self):
        given = [node("Tamsulosin helps.", "n", biogpt_answer_rct="yes", biogpt_answer_error="no")]
        processor, _ = make(BioGPTRelevancePostprocessor, YES)
        (judged,) = processor.postprocess_nodes(given, query_str=QUESTION)
        assert "biogpt_answer_error" not in judged.node.metadata
        processor, _ = make(BioGPTRelevancePostprocessor, min_decided=0)
        (found,) = processor.postprocess_nodes([judged], query_str="Tamsulosin?")
        assert found.node.metadata == {"biogpt_answer_rct": "yes", "biogpt_shared_words": 1.0}

    def test_answers_that_are_written(self):
        said = [
            f"the answer to the question given the context is {word}." for word in ("yes", "maybe")
        ]
        pipeline = Pipeline("pubmedqa", ScriptedEngine(said), method="complete")
        processor = BioGPTRelevancePostprocessor.from_pipeline(pipeline)
        found = processor.postprocess_nodes(MIXED[:2], query_str=QUESTION)
        assert [one.node.node_id for one in found] == ["yes"]

    def test_no_question(self):
        processor, _ = make(BioGPTRelevancePostprocessor)
        with pytest.raises(InputError, match="pass query_str or query_bundle"):
            processor.postprocess_nodes(MIXED)

    @pytest.mark.parametrize("options", [{"min_decided": 1.1}, {"min_shared_words": -0.1}])
    def test_options_that_are_out_of_range(self, options):
        with pytest.raises(ValidationError, match=next(iter(options))):
            BioGPTRelevancePostprocessor(**options)

    def test_an_option_that_there_is_not(self):
        with pytest.raises(OptionError, match="has no option 'cutoff'"):
            BioGPTRelevancePostprocessor(cutoff=0.5)

    async def test_cancelling_stops_the_engine(self):
        processor, judge = make(BioGPTRelevancePostprocessor, YES, MAYBE, NO, held=True)
        await cancelling_stops(processor.apostprocess_nodes(MIXED, query_str=QUESTION), judge)

    def test_it_is_written_down_without_the_model(self):
        processor, _ = make(BioGPTRelevancePostprocessor, min_decided=0.6)
        written = processor.to_dict()
        assert (written["model"], written["min_decided"]) == ("scripted", 0.6)
        assert BioGPTRelevancePostprocessor.from_dict(dict(written)).to_dict() == written
        assert pickle.loads(pickle.dumps(processor)).to_dict() == written

    def test_in_a_query_engine(self):
        processor, judge = make(BioGPTRelevancePostprocessor, min_decided=0)
        synthesizer, own = make(BioGPTPaperSynthesizer, YES, MAYBE, NO)
        engine = RetrieverQueryEngine(Finder(MIXED), synthesizer, [processor])
        response = engine.query(QUESTION)
        assert paper_answer_of(response).support == Support(yes=1, maybe=1, no=1, judged=3, found=3)
        assert (judge.calls, len(own.calls)) == ([], 1)

    @bundled
    def test_on_the_bundled_model(self):
        processor = BioGPTRelevancePostprocessor(min_decided=0.01)
        nodes = [node(paper.source, paper.id) for paper, _ in papers()]
        question = "Does pyridoxine prevent peripheral neuropathy caused by isoniazid?"
        found = processor.postprocess_nodes(nodes, query_str=question)
        assert "demo-3" in [one.node.node_id for one in found]
        assert len(found) < len(nodes)
        for one in found:
            assert sum(one.node.metadata["biogpt_answer"]["probabilities"].values()) == (
                pytest.approx(1)
            )


class TestSharedWords:
    @pytest.mark.parametrize(
        ("question", "text", "share"),
        [
            (QUESTION, "TAMSULOSIN will help.", 1),
            (QUESTION, "Tamsulosin does nothing.", 0.5),
            (QUESTION, "It does what it does.", 0),
            (QUESTION, "", 0),
            ("Is it so?", "Anything.", 1),
        ],
    )
    def test_common_words_do_not_count(self, question, text, share):
        assert shared_words(question, text) == share

    def test_on_real_questions(self):
        records = json.loads(shared("pubmedqa/pqal_train.json").read_text("utf-8")).values()
        questions = [record["QUESTION"] for record in records]
        texts = [" ".join(record["CONTEXTS"]) for record in records]
        own = [shared_words(*pair) >= 0.2 for pair in zip(questions, texts, strict=True)]
        others = [
            shared_words(*pair) >= 0.2
            for pair in zip(questions, texts[7:] + texts[:7], strict=True)
        ]
        assert sum(own) / len(own) == pytest.approx(0.992)
        assert sum(others) / len(others) < 0.12
