"""The official metrics as a LlamaIndex evaluator, alone and in the host's batch runner."""

import pytest
from llama_index.core.base.response.schema import Response
from llama_index.core.evaluation import BatchEvalRunner
from llama_index.core.schema import NodeWithScore, TextNode

from biogpt_plugins import Pipeline
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import InputError
from llama_index_biogpt import BioGPTEvaluator, BioGPTPaperSynthesizer

ASPIRIN = "the relation between aspirin and nausea exists"
LITHIUM = "the relation between lithium and tremor exists"
AND = "the relation between aspirin and nausea and vomiting exists."
X = "the interaction between a and b is effect."
YES = "the answer to the question given the context is yes."
pytestmark = pytest.mark.usefixtures("host_loop")


@pytest.mark.parametrize(
    ("task", "response", "reference", "expected", "feedback"),
    [
        ("bc5cdr", f"{ASPIRIN}.", f"{ASPIRIN}.", (1, True), "nothing missed, nothing wrong"),
        (
            "bc5cdr",
            f"{ASPIRIN}.",
            f"{ASPIRIN}; {LITHIUM}.",
            (2 / 3, True),
            "missed: lithium -> tremor",
        ),
        (
            "bc5cdr",
            f"{ASPIRIN}.",
            f"{LITHIUM}.",
            (0, False),
            "missed: lithium -> tremor. wrong: asp",
        ),
        ("bc5cdr", '[["Aspirin", "nausea"]]', [["aspirin", "Nausea"]], (1, True), "nothing missed"),
        (
            "ddi",
            X,
            '[["a", "b", "int"]]',
            (0, False),
            "missed: a -[int]-> b. wrong: a -[effect]-> b",
        ),
        ("kd_dti", X, [["a", "b (c)", "effect"]], (1, True), "nothing missed, nothing wrong"),
        ("pubmedqa", YES, "yes", (1, True), "nothing missed, nothing wrong"),
        ("pubmedqa", YES, "no", (0, False), "missed: no. wrong: yes"),
        ("pubmedqa-reasoning-free", "Yes.", "yes", (1, True), "nothing missed, nothing wrong"),
        ("hoc", "the type of this document is empty.", [], (1, True), "nothing missed"),
        # Documents that BC5CDR's metric leaves out neither pass nor fail.
        ("bc5cdr", f"{ASPIRIN}.", "[]", (None, None), "the official metric leaves out documents"),
    ],
)
def test_a_response_and_a_reference(task, response, reference, expected, feedback):
    result = BioGPTEvaluator(task).evaluate("Which?", response, reference=reference)
    assert (result.score, result.passing) == expected
    assert result.feedback.startswith(feedback)
    assert (result.query, result.response, result.contexts) == ("Which?", response, None)
    assert (result.invalid_result, result.invalid_reason) == (False, None)


@pytest.mark.parametrize(("reference", "score"), [("yes", 0), ("no", 0)])
def test_a_response_that_cannot_be_read(reference, score):
    result = BioGPTEvaluator("pubmedqa", score_threshold=0).evaluate(
        response="I cannot tell", reference=reference
    )
    assert (result.score, result.passing, result.invalid_result) == (score, False, True)
    assert result.invalid_reason == "no answer in the completion 'I cannot tell'"
    assert result.feedback == f"{result.invalid_reason}. missed: {reference}"


@pytest.mark.parametrize(("threshold", "passing"), [(0.5, True), (2 / 3, True), (0.7, False)])
def test_the_threshold(threshold, passing):
    evaluator = BioGPTEvaluator("bc5cdr", score_threshold=threshold)
    result = evaluator.evaluate(response=f"{ASPIRIN}.", reference=f"{ASPIRIN}; {LITHIUM}.")
    assert result.passing == passing


def test_the_official_reader():
    loud = YES.replace("the", "The", 1)
    for strict, score in ((False, 1), (True, 0)):
        evaluator = BioGPTEvaluator("pubmedqa", strict=strict)
        assert evaluator.evaluate(response=loud, reference="yes").score == score


def test_tables_of_names():
    names = {"chemical2id": {"aspirin": "D1", "asa": "D1"}, "disease2id": {"nausea": "D8"}}
    told = ASPIRIN.replace("aspirin", "asa")
    for given, score in ((None, 0), (names, 1)):
        evaluator = BioGPTEvaluator("bc5cdr", names=given)
        assert evaluator.evaluate(response=told, reference=f"{ASPIRIN}.").score == score


def test_contexts_divide_names():
    contexts = ["Aspirin gave", "nausea and vomiting."]
    asked = {"response": AND, "reference": [["aspirin", "nausea and vomiting"]]}
    result = BioGPTEvaluator("bc5cdr").evaluate(**asked, contexts=contexts)
    assert (result.score, result.contexts) == (1, contexts)
    assert BioGPTEvaluator("bc5cdr").evaluate(**asked).score == 0


def test_a_response_of_the_host_and_its_nodes():
    node = NodeWithScore(node=TextNode(text="Aspirin gave nausea and vomiting."))
    result = BioGPTEvaluator("bc5cdr").evaluate_response(
        response=Response(response=AND, source_nodes=[node]),
        reference=[["aspirin", "nausea and vomiting"]],
    )
    assert (result.score, result.contexts) == (1, [node.text])


def test_a_prediction_as_json():
    pipeline = Pipeline("bc5cdr", ScriptedEngine([f"{ASPIRIN}."]))
    (prediction,) = pipeline.run(["Aspirin gave nausea."])
    evaluator = BioGPTEvaluator("bc5cdr")
    asked = {"response": prediction.model_dump_json(), "reference": f"{ASPIRIN}."}
    assert evaluator.evaluate(**asked).score == 1


@pytest.mark.filterwarnings("ignore:asyncio_module.. is deprecated")  # the runner's own
def test_the_batch_runner():
    runner = BatchEvalRunner(
        {"lenient": BioGPTEvaluator("ddi"), "strict": BioGPTEvaluator("ddi", strict=True)}
    )
    results = runner.evaluate_response_strs(
        queries=["1", "2", "3"],
        response_strs=[X, X.replace("the", "The", 1), "words"],
        **{
            name: {"reference": [X, [["a", "b", "effect"]], [["a", "b", "effect"]]]}
            for name in ("lenient", "strict")
        },
    )
    assert [result.score for result in results["lenient"]] == [1, 1, 0]
    assert [result.score for result in results["strict"]] == [1, 0, 0]
    assert [result.invalid_result for result in results["strict"]] == [False, True, True]
    alone = BatchEvalRunner({"x": BioGPTEvaluator("ddi")}).evaluate_responses(
        responses=[Response(response=X)] * 2, reference=[X, "there is no relation."]
    )
    assert [result.passing for result in alone["x"]] == [True, False]


@pytest.mark.filterwarnings("ignore:asyncio_module.. is deprecated")  # the runner's own
@pytest.mark.parametrize("strict", [False, True])
async def test_answers_from_papers(strict):
    engine = ScriptedEngine(probabilities=[(0.2, 0.7, 0.1)] * 3)
    synthesizer = BioGPTPaperSynthesizer.from_engine(engine)
    responses = [
        synthesizer.synthesize("Is it?", [NodeWithScore(node=TextNode(text=text))] if text else [])
        for text in ("It is not.", "It is.", "")
    ]
    evaluator = BioGPTEvaluator("pubmedqa", strict=strict)
    runner = BatchEvalRunner({"papers": evaluator})
    results = await runner.aevaluate_responses(responses=responses, reference=["no", "yes", "no"])
    assert [result.score for result in results["papers"]] == [1, 0, 0]
    assert [result.invalid_result for result in results["papers"]] == [False, False, True]
    alone = evaluator.evaluate_response(response=responses[0], reference="no")
    assert alone.response == "the answer to the question given the context is no."
    other = BioGPTEvaluator("ddi").evaluate_response(response=responses[0], reference=X)
    assert other.response == str(responses[0])


async def test_it_is_asynchronous_and_has_no_prompts():
    evaluator = BioGPTEvaluator("hoc")
    result = await evaluator.aevaluate(response="empty", reference="empty", extra="ignored")
    assert result.score == 1
    assert evaluator.get_prompts() == {}
    evaluator.update_prompts({})


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


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"reference": "yes"}, "response is missing: pass"),
        ({"response": "yes"}, "reference is missing: pass"),
        ({"response": "yes", "reference": "often"}, "cannot read the right result: no answer in"),
    ],
)
def test_what_cannot_be_evaluated_is_a_value_error(given, fault):
    with pytest.raises(ValueError, match=fault):
        BioGPTEvaluator("pubmedqa").evaluate(**given)
