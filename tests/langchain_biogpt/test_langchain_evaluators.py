"""The official metrics as a callable, and in LangSmith's own runner, without its service."""

import pickle
from datetime import datetime, timezone
from uuid import uuid4

import pytest
from langsmith import Client, evaluate
from langsmith.evaluation import run_evaluator
from langsmith.schemas import Example, Run

from biogpt_plugins import Answer, Pipeline
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from langchain_biogpt import BioGPTEvaluator, BioGPTLLM, create_relation_chain

ASPIRIN = "the relation between aspirin and nausea exists"
AND = "the relation between aspirin and nausea and vomiting exists."
X = "the interaction between a and b is effect."
YES = "the answer to the question given the context is yes."
NOW = datetime(2024, 1, 1, tzinfo=timezone.utc)


def ask(evaluator, outputs, reference_outputs, inputs=None):
    return evaluator(inputs=inputs, outputs=outputs, reference_outputs=reference_outputs)


def example(inputs, outputs):
    ids = {"id": uuid4(), "dataset_id": uuid4()}
    return Example(inputs=inputs, outputs=outputs, created_at=NOW, **ids)


@pytest.mark.parametrize(
    ("task", "outputs", "reference", "expected", "comment"),
    [
        (
            "bc5cdr",
            {"output": f"{ASPIRIN}."},
            {"relations": [["Aspirin", "nausea"], ["lithium", "tremor"]]},
            ("bc5cdr_f1", 2 / 3),
            "missed: lithium -> tremor",
        ),
        (
            "ddi",
            {"text": X},
            {"gold": f"{X}"},
            ("ddi_tp_micro_f1", 1),
            "nothing missed, nothing wrong",
        ),
        (
            "kd_dti",
            X,
            [["a", "b", "int"]],
            ("kd_dti_tp_micro_f1", 0),
            "missed: a -[int]-> b. wrong: a",
        ),
        ("pubmedqa", {"answer": YES}, {"label": "yes"}, ("pubmedqa_accuracy", 1), "nothing missed"),
        ("pubmedqa", Answer(label="no"), "yes", ("pubmedqa_accuracy", 0), "missed: yes. wrong: no"),
        (
            "pubmedqa",
            {"output": "eh"},
            "yes",
            ("pubmedqa_accuracy", 0),
            "no answer in the completion",
        ),
        ("hoc", {"labels": []}, {"labels": ["empty"]}, ("hoc_f1", 1), "nothing missed"),
        # A run that failed has no outputs.
        (
            "ddi",
            {},
            [["a", "b", "int"]],
            ("ddi_tp_micro_f1", 0),
            "there is nothing to read. missed: ",
        ),
        # Documents that BC5CDR's metric leaves out have no score.
        ("bc5cdr", ASPIRIN, [], ("bc5cdr_f1", None), "the official metric leaves out documents"),
    ],
)
def test_outputs_and_reference_outputs(task, outputs, reference, expected, comment):
    found = ask(BioGPTEvaluator(task), outputs, reference)
    assert found.keys() == {"key", "score", "comment"}
    assert (found["key"], found["score"]) == expected
    assert found["comment"].startswith(comment)


def test_the_inputs_divide_names():
    right = [["aspirin", "nausea and vomiting"]]
    text = "Aspirin gave nausea and vomiting."
    for inputs in (text, {"input": text}, {"title": "Aspirin", "abstract": text}):
        assert ask(BioGPTEvaluator("bc5cdr"), AND, right, inputs)["score"] == 1
    for inputs in (None, {}, {"messages": [text]}):
        assert ask(BioGPTEvaluator("bc5cdr"), AND, right, inputs)["score"] == 0


def test_the_official_reader_and_tables_of_names():
    loud = YES.replace("the", "The", 1)
    assert ask(BioGPTEvaluator("pubmedqa"), loud, "yes")["score"] == 1
    assert ask(BioGPTEvaluator("pubmedqa", strict=True), {"output": loud}, "yes")["score"] == 0
    names = {"chemical2id": {"aspirin": "D1", "asa": "D1"}, "disease2id": {"nausea": "D8"}}
    evaluator = BioGPTEvaluator("bc5cdr", names=names)
    told = ASPIRIN.replace("aspirin", "asa")
    assert ask(evaluator, told, [["D1", "D8"]])["score"] == 1
    assert "D8" not in repr(evaluator), "tables have thousands of names"


def test_fields_are_named_where_there_are_several():
    outputs, reference = {"answer": X, "documents": []}, {"gold": X, "source": "DDI"}
    evaluator = BioGPTEvaluator("ddi", key="f1", output_key="answer", reference_key="gold")
    assert ask(evaluator, outputs, reference)["key"] == "f1"
    assert ask(evaluator, outputs, reference)["score"] == 1
    assert ask(evaluator, {}, reference)["score"] == 0
    for wrong, fault in (
        ((outputs, reference), "is not a result of ddi: name the field that holds it"),
        (({"answer": X}, {"x": X}), "the reference outputs have no field 'gold': {'x'"),
        (("text", {"gold": X}), "the outputs have no field 'answer': 'text'"),
    ):
        asked = BioGPTEvaluator("ddi") if wrong == (outputs, reference) else evaluator
        with pytest.raises(InputError, match=fault):
            ask(asked, *wrong)


@pytest.mark.parametrize("form", [dict, list, str])
def test_a_chain_and_its_evaluator(form):
    told = ScriptedEngine([AND])
    chain = create_relation_chain(BioGPTLLM.from_engine(told, task="bc5cdr"))
    relations = chain.invoke("Aspirin gave nausea and vomiting.")
    right = [["aspirin", "nausea and vomiting"]]
    outputs = {
        dict: {"output": [relation.model_dump() for relation in relations]},
        list: relations,
        str: Pipeline("bc5cdr", ScriptedEngine([AND]))
        .run(["Aspirin gave nausea and vomiting."])[0]
        .model_dump_json(),
    }[form]
    assert ask(BioGPTEvaluator("bc5cdr"), outputs, {"relations": right})["score"] == 1


def test_langsmith_takes_it_as_an_evaluator():
    evaluator = run_evaluator(BioGPTEvaluator("ddi"))
    run = Run(
        id=uuid4(),
        trace_id=uuid4(),
        name="chain",
        run_type="chain",
        start_time=NOW,
        inputs={},
        outputs={"output": X},
    )
    found = evaluator.evaluate_run(run, example({"text": "A with b."}, {"gold": X}))
    assert (found.key, found.score) == ("ddi_tp_micro_f1", 1)
    assert found.comment == "nothing missed, nothing wrong"
    assert "ddi_tp_micro_f1" in repr(evaluator)


@pytest.mark.filterwarnings("ignore:'upload_(results|runs)' parameter is in beta")
@pytest.mark.parametrize("failed", [False, True])
def test_an_experiment_of_langsmith(failed):
    def target(inputs):
        if failed:
            raise RuntimeError("fire")
        return {"relations": Pipeline("ddi", ScriptedEngine([X])).run([inputs["text"]])[0].result}

    data = [
        example({"text": "A with b."}, {"gold": [["a", "b", right]]}) for right in ("effect", "int")
    ]
    client = Client(api_url="http://localhost:1", api_key="none", auto_batch_tracing=False)
    rows = evaluate(
        target,
        data=data,
        evaluators=[BioGPTEvaluator("ddi")],
        upload_results=False,
        client=client,
    )
    found = {
        row["example"].outputs["gold"][0][2]: row["evaluation_results"]["results"][0].score
        for row in rows
    }
    assert found == ({"effect": 0, "int": 0} if failed else {"effect": 1, "int": 0})


def test_it_is_a_value():
    evaluator = BioGPTEvaluator("ddi", strict=True)
    assert pickle.loads(pickle.dumps(evaluator)) == evaluator
    assert hash(evaluator) == hash(BioGPTEvaluator("ddi", strict=True))
    assert evaluator.__name__ == "ddi_tp_micro_f1"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"task": "describe"}, "task describe has no metric"),
        ({"task": "x"}, "no task is called 'x'"),
        ({"task": "ddi", "names": {}}, "tables of names are for bc5cdr"),
    ],
)
def test_a_task_without_a_metric_is_told_at_once(options, fault):
    with pytest.raises(InputError, match=fault):
        BioGPTEvaluator(**options)
