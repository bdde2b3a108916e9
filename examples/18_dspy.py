"""BioGPT as a language model of DSPy: answers with their probabilities, for programs of DSPy.

    pip install dspy
    python examples/18_dspy.py

The bundled model is for trying the software. For medicine, name one that was trained for PubMedQA:
`dspy.LM("biogpt", engine=BioGPT("path/to/BioGPT-PubMedQA"))`.
"""

import re
from typing import Literal

import dspy
from dspy.lm15 import InvalidRequestError, Message, Request, Response, Usage

from biogpt_plugins import load

FIELD = re.compile(r"^\[\[ ## (\w+) ## \]\]\n(.*?)\n\n(?=\[\[ ## |Respond with)", re.DOTALL | re.M)


class BioGPT:
    """An engine of DSPy: reads the fields of a request, and writes those of the answer."""

    def __init__(self, model: str = "demo") -> None:
        self._pipeline = load(model, "pubmedqa")

    def complete(self, request: Request) -> Response:
        asked = dict(FIELD.findall(f"{request.messages[-1].text}"))
        (found,) = self._pipeline.run([asked])
        if found.error:
            raise InvalidRequestError(found.error.message)
        answer = found.result
        told = {"answer": answer.label, "probability": answer.probabilities[answer.label]}
        fields = [f"[[ ## {name} ## ]]\n{value}" for name, value in told.items()]
        return Response(
            id=None,
            model="biogpt",
            message=Message.assistant("\n\n".join([*fields, "[[ ## completed ## ]]"])),
            finish_reason="stop",
            usage=Usage(input_tokens=found.usage.prompt_tokens),
        )


class AnswerFromAbstract(dspy.Signature):
    """Answer a question about an abstract."""

    question: str = dspy.InputField()
    context: str = dspy.InputField()
    answer: Literal["yes", "no", "maybe"] = dspy.OutputField()
    probability: float = dspy.OutputField()


EXAMPLES = [
    dspy.Example(question=question, context=context).with_inputs("question", "context")
    for question, context in [
        (
            "Does lithium cause tremor?",
            "31 of 84 patients on lithium had tremor, of 80 others 4.",
        ),
        ("Does pyridoxine prevent neuropathy?", "Pyridoxine did not prevent neuropathy."),
    ]
]

dspy.configure(lm=dspy.LM("biogpt", engine=BioGPT(), cache=False))
answer = dspy.Predict(AnswerFromAbstract)
# Threads ask at the same time, and the engine makes a batch of what they ask.
for example, told in zip(EXAMPLES, answer.batch(EXAMPLES, num_threads=2), strict=True):
    print(f"{example.question} {told.answer}, probability {told.probability:.2f}")
