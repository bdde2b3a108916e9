"""Run one task on one model: every input gets a Prediction."""

from biogpt_plugins.pipeline.loading import load
from biogpt_plugins.pipeline.pipeline import Pipeline, StreamChunk
from biogpt_plugins.pipeline.spec import Method, Spec

__all__ = ["Method", "Pipeline", "Spec", "StreamChunk", "load"]
