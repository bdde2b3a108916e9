"""The engine protocol: prompts in, completions out. Engines know nothing of tasks."""

from biogpt_plugins.engine.cancelling import Helpers, cancelled, in_thread, watch
from biogpt_plugins.engine.card import FEW_SHOT, PRETRAINED, Layout, TaskCard
from biogpt_plugins.engine.completions import Choice, Chunk, Completion, Scored, Token
from biogpt_plugins.engine.grammar import Copy, Grammar, OneOf, Part
from biogpt_plugins.engine.limits import warn_of_truncation
from biogpt_plugins.engine.load import Load
from biogpt_plugins.engine.protocol import Continuation, Decoding, Engine, Form, Prompt, Runtime

__all__ = [
    "FEW_SHOT",
    "PRETRAINED",
    "Choice",
    "Chunk",
    "Completion",
    "Continuation",
    "Copy",
    "Decoding",
    "Engine",
    "Form",
    "Grammar",
    "Helpers",
    "Layout",
    "Load",
    "OneOf",
    "Part",
    "Prompt",
    "Runtime",
    "Scored",
    "TaskCard",
    "Token",
    "cancelled",
    "in_thread",
    "warn_of_truncation",
    "watch",
]
