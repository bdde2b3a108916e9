"""What Prometheus is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from biogpt_plugins.engine import Engine
from biogpt_plugins.serve.gate import Gate
from biogpt_plugins.values.results import Usage

if TYPE_CHECKING:
    from biogpt_plugins.engine import Load

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)


class Metrics:
    """The numbers of one server."""

    def __init__(self, engine: Engine, gate: Gate) -> None:
        """Begin at nought."""
        self._registry = CollectorRegistry()
        self._registry.register(_Now(engine, gate))
        self._requests = Counter(
            "biogpt_requests",
            "Requests that were answered.",
            ["path", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "biogpt_request_seconds",
            "Seconds from a request to the end of its answer.",
            ["path"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._tokens = Counter(
            "biogpt_tokens",
            "Tokens that the model read (prompt) and wrote (completion).",
            ["kind"],
            registry=self._registry,
        )

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def used(self, usage: Usage) -> None:
        """Count tokens."""
        self._tokens.labels("prompt").inc(usage.prompt_tokens)
        self._tokens.labels("completion").inc(usage.completion_tokens)

    def page(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self._registry)

    def families(self) -> Iterable[Metric]:
        """The same, as values."""
        return self._registry.collect()


class _Now(Collector):
    """What is so at the moment."""

    def __init__(self, engine: Engine, gate: Gate) -> None:
        self._engine, self._gate = engine, gate

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "biogpt_results_asked", "Results of requests in progress.", value=self._gate.rows
        )
        load: Load | None = getattr(self._engine, "load", None)
        if load is None:  # an engine of the user's own
            return
        yield GaugeMetricFamily(
            "biogpt_queue", "Prompts that wait for the model.", value=load.waiting
        )
        yield GaugeMetricFamily(
            "biogpt_running", "Prompts that the model works on.", value=load.running
        )
        yield CounterMetricFamily("biogpt_passes", "Passes of the model.", value=load.passes)
        yield CounterMetricFamily(
            "biogpt_pass_rows",
            "Rows of all passes; divided by the passes, the mean size of a batch.",
            value=load.rows,
        )
        yield CounterMetricFamily(
            "biogpt_written_tokens", "Tokens of completions that have ended.", value=load.tokens
        )
        yield CounterMetricFamily(
            "biogpt_writing_passes",
            "Passes that wrote them; divided by the tokens, the passes of a token.",
            value=load.token_passes,
        )
        yield CounterMetricFamily(
            "biogpt_drafted_tokens",
            "Tokens that were guessed for them, right or wrong.",
            value=load.drafted,
        )
