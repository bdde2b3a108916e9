"""Engines for tests, besides ScriptedEngine."""

import re

from biogpt_plugins.engine import Choice, Completion, Decoding, Prompt
from biogpt_plugins.testing import ScriptedEngine
from biogpt_plugins.values.errors import ContextOverflowError


def unscored(relations):
    """Relations without their scores, whose last digits depend on the batch and the engine."""
    return [one.model_copy(update={"score": None, "confidence": None}) for one in relations]


def unscored_all(predictions):
    """Predictions of relations without scores."""
    return [
        one.model_copy(update={"result": unscored(one.relations)}) if one.ok else one
        for one in predictions
    ]


def as_prompts(given):
    """Prompts, some of which may be given as texts."""
    return [Prompt(text=one) if isinstance(one, str) else one for one in given]


class Ruled(ScriptedEngine):
    """Finds "drug1 caused illness2" in texts, by a rule; takes so many words, if a number is given.

    Words are tokens, as for ScriptedEngine, and a text that is longer is cut, or is an error.
    """

    def __init__(self, context_size=1024):
        super().__init__()
        self.context_size = context_size

    def complete(self, prompts, decoding=Decoding()):
        prompts = as_prompts(prompts)
        self.calls.append(prompts)
        return [self._one(prompt, decoding) for prompt in prompts]

    def choose(self, prompts, choices, *, truncate=True):
        del truncate
        self.calls.append(list(prompts))
        shares = (0.6, 0.3, 0.1)
        return [Choice(probabilities=dict(zip(choices, shares, strict=True))) for _ in prompts]

    def _one(self, prompt, decoding):
        words = prompt.text.split(" ")
        excess = max(0, len(words) - (self.context_size - 65))
        if excess and not decoding.truncate:
            return Completion(error=ContextOverflowError("too long"))
        shown = " ".join(words[: len(words) - excess])
        found = re.findall(r"(drug\d+) caused (illness\d+)", shown)
        clauses = [f"the relation between {head} and {tail} exists" for head, tail in found]
        text = "; ".join(clauses or ["the relation between nothing and no one exists"]) + "."
        return Completion(text=text, finish_reason="stop", truncated_tokens=excess)
