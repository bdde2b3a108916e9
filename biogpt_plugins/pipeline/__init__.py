"""One task on one model: inputs -> Predictions, none lost."""

from biogpt_plugins.pipeline.loading import load
from biogpt_plugins.pipeline.pipeline import Manner, Method, Pipeline, StreamChunk

__all__ = ["Manner", "Method", "Pipeline", "StreamChunk", "load"]
