"""Models on disk: from the hub, from folders, and the bundled demo model."""

from biogpt_plugins.checkpoints.locate import BUNDLED, locate

__all__ = ["BUNDLED", "locate"]
