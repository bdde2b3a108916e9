"""Every public component keeps its settings and its results, however it gets elsewhere."""

import copy
import importlib
import inspect
import json
import pickle
import re
import shutil
from contextlib import suppress
from pathlib import Path

import bundled
import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.load import dumps, loads
from langchain_core.runnables import RunnableLambda
from llama_index.core.schema import NodeWithScore, TextNode

import langchain_biogpt
import llama_index_biogpt
from biogpt_plugins import EntityDictionary, load
from biogpt_plugins.checkpoints.calibration import (
    AnswerCalibration,
    Calibration,
    RelationCalibration,
)
from biogpt_plugins.hosts.fields import ModelFields
from biogpt_plugins.values.errors import MissingExtraError

PAPER = bundled.case_text()
QUESTION = "Does lithium cause tremor?"
CALIBRATION = Calibration(
    answers={"pubmedqa": AnswerCalibration(temperature=3, contextual=True)},
    relations={"bc5cdr": RelationCalibration(slope=0.5, intercept=0.1)},
)
RELATIONS = {
    "dictionary": EntityDictionary([("lithium", "D008094"), ("tremor", "D014202")]),
    "min_score": 0.01,
    "samples": 2,
    "min_agreement": 0.4,
    "calibration": CALIBRATION,
    "batch_size": 3,
}
ANSWERS = {"abstain_below": 0.99, "calibration": CALIBRATION, "batch_size": 3}
BOTH = {**RELATIONS, **ANSWERS}
LC, LI = langchain_biogpt, llama_index_biogpt


NOUL = {"type": "noul", "instructions": QUESTION}


def llm(**settings):
    return LC.BioGPTLLM(**settings)


def optional(name):
    try:
        return importlib.import_module(name)
    except MissingExtraError:
        return None


def nodes():
    return [TextNode(text=PAPER, id_="n")]


def documents(*_):
    return [Document(PAPER, id="d")]


CASES = {
    "langchain LLM": (lambda: llm(**BOTH, max_tokens=5), lambda it: it.invoke(PAPER)),
    "langchain task": (
        lambda: LC.BioGPTTask(llm=llm(**BOTH), task="bc5cdr", predictions=True),
        lambda it: it.batch([PAPER]),
    ),
    "langchain relation chain": (
        lambda: LC.create_relation_chain(predictions=True, **BOTH),
        lambda it: it.invoke(PAPER),
    ),
    "langchain answers": (
        lambda: LC.BioGPTTask(llm=llm(**BOTH), task="pubmedqa", predictions=True),
        lambda it: it.invoke({"question": QUESTION, "context": PAPER}),
    ),
    "langchain description chain": (
        lambda: LC.create_description_chain(max_tokens=4, **BOTH),
        lambda it: it.invoke("Tobramycin"),
    ),
    "langchain transformer": (
        lambda: LC.BioGPTRelationTransformer(**BOTH),
        lambda it: it.transform_documents(documents()),
    ),
    "langchain graphs": (
        lambda: LC.BioGPTGraphTransformer(**BOTH),
        lambda it: it.convert_to_graph_documents(documents()),
    ),
    "langchain relation tool": (
        lambda: LC.BioGPTRelationTool(llm=llm(**BOTH)),
        lambda it: it._run(PAPER),
    ),
    "langchain answer tool": (
        lambda: LC.BioGPTAnswerTool(llm=llm(**BOTH)),
        lambda it: it._run(question=QUESTION, context=PAPER),
    ),
    "langchain describe tool": (
        lambda: LC.BioGPTDescribeTool(llm=llm(max_tokens=4, **BOTH)),
        lambda it: it._run("Tobramycin"),
    ),
    "langchain complete tool": (
        lambda: LC.BioGPTCompleteTool(llm=llm(max_tokens=4, **BOTH)),
        lambda it: it._run("Tobramycin"),
    ),
    "langchain toolkit": (
        lambda: LC.BioGPTToolkit(llm=llm(**BOTH)),
        lambda it: it.get_tools()[0]._run(PAPER),
    ),
    "langchain paper QA": (
        lambda: LC.create_paper_qa_chain(RunnableLambda(documents), **BOTH),
        lambda it: it.invoke(QUESTION),
    ),
    "llama_index selector": (
        lambda: LI.BioGPTSelector(**BOTH),
        lambda it: it.select(["yes", "no"], QUESTION),
    ),
    "llama_index LLM": (
        lambda: LI.BioGPTLLM(**BOTH, max_tokens=5),
        lambda it: it.complete(PAPER).text,
    ),
    "llama_index relations": (
        lambda: LI.BioGPTRelationExtractor(**RELATIONS),
        lambda it: it.extract(nodes()),
    ),
    "llama_index paths": (
        lambda: LI.BioGPTPathExtractor(**RELATIONS),
        lambda it: it.extract(nodes()),
    ),
    "llama_index answers": (
        lambda: LI.BioGPTAnswerExtractor(questions=[QUESTION], **ANSWERS),
        lambda it: it.extract(nodes()),
    ),
    "llama_index relevance": (
        lambda: LI.BioGPTRelevancePostprocessor(min_decided=0.1, **BOTH),
        lambda it: it.postprocess_nodes([NodeWithScore(node=nodes()[0])], query_str=QUESTION),
    ),
    "llama_index synthesizer": (
        lambda: LI.BioGPTPaperSynthesizer(**BOTH),
        lambda it: it.synthesize(QUESTION, [NodeWithScore(node=nodes()[0])]).metadata,
    ),
    "llama_index tools": (
        lambda: LI.BioGPTToolSpec(**BOTH),
        lambda it: [it.extract_relations(PAPER), it.answer_question(QUESTION, PAPER)],
    ),
}

with suppress(MissingExtraError):  # langchain-core before 1.8
    LC.BioGPTDecisionModel()
    CASES["langchain decisions"] = (
        lambda: LC.BioGPTDecisionModel(calibration=CALIBRATION, batch_size=3),
        lambda it: it.invoke({"state": PAPER, "questions": {"it": NOUL}}),
    )

if ray_biogpt := optional("ray_biogpt"):
    CASES["ray mapper"] = (
        lambda: ray_biogpt.BioGPTMapper(task="bc5cdr", **RELATIONS),
        lambda it: list(it({"text": np.array([PAPER], dtype=object)})["prediction"]),
    )


def by_pickle(it):
    return pickle.loads(pickle.dumps(it))


def by_dumps(it):
    if not getattr(it, "is_lc_serializable", lambda: False)() or "qa" in str(it.name):
        pytest.skip("it is nothing that LangChain writes down")
    ours = [kind for kind in vars(langchain_biogpt).values() if inspect.isclass(kind)]
    return loads(
        dumps(it),
        allowed_objects=[k for k in ours if hasattr(k, "is_lc_serializable")],
        valid_namespaces=["langchain_biogpt"],
    )


def by_dict(it):
    if not hasattr(it, "to_dict"):
        pytest.skip("it is nothing that LlamaIndex writes down")
    return type(it).from_dict(json.loads(json.dumps(it.to_dict())))


def by_model_copy(it):
    if not hasattr(it, "model_copy"):
        pytest.skip("it is no model of pydantic's")
    return it.model_copy(deep=True)


WAYS = (by_pickle, by_dumps, by_dict, copy.deepcopy, copy.copy, by_model_copy)


def told(found):
    """What can be compared: last digits change with the batch, and nodes have random ids."""
    text = re.sub(r"\d\.\d+(e-\d+)?", lambda number: f"{float(number[0]):.3f}", repr(found))
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)


@pytest.fixture(scope="module")
def expected():
    return {name: told(ask(make())) for name, (make, ask) in CASES.items()}


@pytest.mark.filterwarnings("ignore:The function `loads` is in beta", "ignore:model 'demo' was")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", CASES)
def test_results_are_the_same(name, way, expected):
    make, ask = CASES[name]
    assert told(ask(way(make()))) == expected[name]


@pytest.mark.filterwarnings("ignore:model 'demo' was")
def test_the_settings_count(expected):
    assert "D008094" in expected["langchain relation chain"]
    assert "agreement=" in expected["langchain relation chain"]
    assert "abstained='the most probable" in expected["langchain answers"]
    assert "D014202" in expected["llama_index relations"]
    assert "abstained" in expected["llama_index answers"]
    assert "D008094" in expected["llama_index tools"]


def test_every_public_component_is_tried():
    components = {
        (module.__name__, name)
        for module in filter(None, (langchain_biogpt, llama_index_biogpt, ray_biogpt))
        for name, kind in vars(module).items()
        if name.startswith("BioGPT") and inspect.isclass(kind)
        if not issubclass(kind, Exception) and "Evaluator" not in name
    }
    tried = {
        (type(make()).__module__.partition(".")[0], type(make()).__name__)
        for make, _ in CASES.values()
    }
    names = ("BioGPTSectionParser", "BioGPTGraphStore")
    without_a_model = {("llama_index_biogpt", name) for name in names}
    assert components - without_a_model <= tried


def test_a_calibration_beside_the_model_is_the_usual_way(tiny_biogpt, tmp_path):
    folder = str(shutil.copytree(tiny_biogpt, tmp_path / "model"))
    CALIBRATION.save(Path(folder))
    given = load(folder, "generate", device="cpu", dtype="float32")
    assert given.trust.calibration == CALIBRATION
    assert ModelFields(model=folder, pipeline=given).own_ways() == {}
    other = given.with_settings(given.spec.but(calibration=Calibration()))
    assert ModelFields(model=folder, pipeline=other).own_ways().keys() == {"calibration"}
