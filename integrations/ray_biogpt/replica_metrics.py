"""The numbers of a replica among Ray's metrics."""

from __future__ import annotations

from ray.serve.metrics import Gauge

from biogpt_plugins.serve.metrics import Metrics


class ReplicaMetrics:
    """Repeats the numbers of `/metrics` as metrics of Ray, which know their replica.

    `/metrics` itself tells of the replica that happens to answer.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._gauges: dict[str, Gauge] = {}

    def tell(self, metrics: Metrics) -> None:
        """Tell Ray the present numbers."""
        for family in metrics.families():
            for name, labels, value, *_ in family.samples:
                if name not in self._gauges:
                    self._gauges[name] = Gauge(name, family.documentation, tuple(labels))
                self._gauges[name].set(value, labels)
