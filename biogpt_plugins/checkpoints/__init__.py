"""What is on disk: hub and local models, and the bundled demo model."""

from biogpt_plugins.checkpoints.locate import BUNDLED, locate

__all__ = ["BUNDLED", "locate"]
