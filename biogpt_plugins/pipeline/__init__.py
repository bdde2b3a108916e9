"""One task on one model: inputs -> Predictions, none lost."""

from biogpt_plugins.pipeline.loading import load
from biogpt_plugins.pipeline.pipeline import Method, Pipeline, StreamChunk

__all__ = ["Method", "Pipeline", "StreamChunk", "load"]
