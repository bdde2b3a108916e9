"""Chains, and what importing the package asks for."""

import math
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from held import Held, cancelling_stops
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.exceptions import OutputParserException
from langchain_core.load import dumps, loads

from biogpt_plugins import Decoding, Pipeline, Relation
from biogpt_plugins.checkpoints.card import ModelCard
from biogpt_plugins.engine import TaskCard
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import EngineError, InputError
from langchain_biogpt import BioGPTLLM, BioGPTTask, create_relation_chain

FOUND = "the relation between lithium and tremor exists."
PAPER = {"title": "Lithium and the hand", "abstract": "A tremor followed."}
CARD = TaskCard(layout="learned_prompt", learned_tokens=("learned1",))
OURS = {"valid_namespaces": ["langchain_biogpt"]}
LOADS_IS_BETA = pytest.mark.filterwarnings("ignore:The function `loads` is in beta")


def spans(relations: list[Relation]) -> list[tuple[int | None, ...]]:
    return [(r.head.start, r.head.end, r.tail.start, r.tail.end) for r in relations]


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

    def test_documents(self):
        document = Document("Tremor. Lithium.", metadata={"pmid": 7, "year": "not read"})
        chain = self.chain(FOUND)
        (relation,) = chain.invoke(document)
        assert document.page_content[relation.head.start : relation.head.end] == "Lithium"
        assert self.engine.history[0].text == "tremor. lithium."

    def test_scores_on_request(self):
        assert self.chain(FOUND).invoke(PAPER)[0].score is None
        self.engine = ScriptedEngine([FOUND], logprob=math.log(0.25))
        llm = BioGPTLLM.from_engine(self.engine, task="bc5cdr")
        (relation,) = create_relation_chain(llm, logprobs=True).invoke(PAPER)
        assert relation.score == pytest.approx(0.25**7)  # the words of the clause
        assert relation.confidence.head == pytest.approx(0.25)

    def test_what_was_cut_off_is_read_as_such(self):
        """A last clause that may lack its end is no relation; the LLM's text cannot tell."""

        class Cut(ScriptedEngine):
            def complete(self, prompts, decoding=Decoding()):
                found = super().complete(prompts, decoding)
                return [replace(c, finish_reason="length") for c in found]

        told = "the interaction between a and b is agonist; the interaction between a and c is ant"
        llm = BioGPTLLM.from_engine(Cut([told] * 2), task="kd_dti")
        chain = create_relation_chain(llm)
        for found in (chain.invoke("a b c"), list(chain.stream("a b c"))[-1]):
            assert [(r.tail.text, r.type) for r in found] == [("b", "agonist")]

    @pytest.mark.parametrize("way", ["stream", "astream"])
    async def test_a_stream_grows(self, way):
        told = f"{FOUND[:-1]}; {FOUND.replace('lithium', 'hand')}"
        chain = self.chain(told, told)
        found = (
            list(chain.stream(PAPER))
            if way == "stream"
            else [one async for one in chain.astream(PAPER)]
        )
        assert [len(relations) for relations in found] == [1, 2]
        assert found[-1] == chain.invoke(PAPER)
        assert found[0] == found[1][:1]

    def test_a_stream_shows_its_relation_before_it_ends(self):
        class Slow(ScriptedEngine):
            pieces = 0

            def stream(self, prompt, decoding=Decoding()):
                for chunk in super().stream(prompt, decoding):
                    self.pieces += 1
                    yield chunk

        engine = Slow([f"{FOUND[:-1]}; {FOUND.replace('lithium', 'hand')}"])
        stream = create_relation_chain(BioGPTLLM.from_engine(engine, task="bc5cdr")).stream(PAPER)
        assert [str(r) for r in next(stream)] == ["Lithium -[CID]-> tremor"]
        assert engine.pieces < 10
        stream.close()
        assert engine.pieces < 10

    def test_an_unreadable_stream_raises(self):
        with pytest.raises(OutputParserException):
            list(self.chain("rubbish").stream(PAPER))
        with pytest.raises(InputError):
            list(self.chain("rubbish").stream(" "))

    def test_each_input_is_a_run_of_its_own(self):
        class Runs(BaseCallbackHandler):
            def __init__(self):
                self.seen = []

            def on_chain_start(self, _, inputs, *, name=None, **__):
                self.seen.append((name, inputs))

            def on_chain_end(self, outputs, **_):
                self.seen.append(outputs)

            def on_chain_error(self, error, **_):
                self.seen.append(type(error))

        runs = Runs()
        self.chain(FOUND, "rubbish").batch(
            [PAPER, "x"], {"callbacks": [runs]}, return_exceptions=True
        )
        assert runs.seen[:2] == [("biogpt_bc5cdr", PAPER), ("biogpt_bc5cdr", "x")]
        assert [str(r) for r in runs.seen[2]] == ["Lithium -[CID]-> tremor"]
        assert runs.seen[3] is OutputParserException

    def test_only_what_failed_is_tried_again(self):
        chain = self.chain(FOUND, "rubbish", FOUND)
        again = chain.with_retry(wait_exponential_jitter=False)
        assert len(again.batch([PAPER, PAPER])) == 2
        assert [len(call) for call in self.engine.calls] == [2, 1]

    @LOADS_IS_BETA
    def test_dumps_and_loads(self):
        chain = create_relation_chain(BioGPTLLM(task="kd_dti", max_new_tokens=9), logprobs=True)
        assert loads(dumps(chain), allowed_objects=[BioGPTTask, BioGPTLLM], **OURS) == chain

    async def test_labels_are_scored_and_the_loop_goes_on(self):
        engine = ScriptedEngine(probabilities=[(0.7, 0.2, 0.1)] * 3)
        judge = BioGPTTask(llm=BioGPTLLM.from_engine(engine), task="pubmedqa")
        asked = {"question": "Is it?", "context": "It is."}
        assert [a.label for a in await judge.abatch([asked, asked])] == ["yes", "yes"]
        assert [piece.probabilities["yes"] async for piece in judge.astream(asked)] == [0.7]
        assert [len(call) for call in engine.calls] == [2, 1]

    async def test_cancelling_stops_the_engine(self):
        engine = Held()
        chain = create_relation_chain(BioGPTLLM.from_engine(engine, task="bc5cdr"))
        await cancelling_stops(chain.ainvoke(PAPER), engine)

    def test_predictions_never_raise(self):
        self.engine = ScriptedEngine([FOUND, "rubbish"])
        llm = BioGPTLLM.from_engine(self.engine)
        whole = BioGPTTask(llm=llm, task="bc5cdr", predictions=True)
        found = whole.batch([Document("Lithium, tremor.", id="5"), "x", " "])
        assert [(p.id, p.ok) for p in found] == [("5", True), (None, False), (None, False)]
        (last,) = whole.stream("x")
        assert last.error.type == "EngineError"  # the script has ended

    def test_no_relation_task(self):
        with pytest.raises(
            InputError, match="'pubmedqa' does not find relations: use bc5cdr or ddi"
        ):
            create_relation_chain(BioGPTLLM(task="pubmedqa"))
        with pytest.raises(InputError, match="'scripted' was trained for generate, which does not"):
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
