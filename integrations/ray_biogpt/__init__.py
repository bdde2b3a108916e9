"""BioGPT on a Ray cluster: runs over a corpus, and a mapper for your own Ray Data programs."""

from biogpt_plugins.engine.docstrings import without_docstrings
from biogpt_plugins.values.errors import MissingExtraError

try:
    if missing := without_docstrings("Ray"):
        raise missing
    import ray.data  # noqa: F401
except ImportError as error:
    raise MissingExtraError.of("ray_biogpt needs Ray", "ray") from error

from ray_biogpt.cluster import Cluster
from ray_biogpt.mapper import BioGPTMapper, to_table

__all__ = ["BioGPTMapper", "Cluster", "to_table"]
