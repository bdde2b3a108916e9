"""What a server accepts at most."""

from __future__ import annotations

from dataclasses import dataclass

from biogpt_plugins.tasks.ranking import MOST


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of a server. What exceeds one is refused with an error that names it.

    Attributes:
        body: Bytes of a request.
        head_seconds: Seconds until the head of a connection's next request must have arrived.
        body_seconds: Seconds until the rest of a request must have arrived.
        prompt: Characters of a prompt or text; the model reads far fewer, and cuts or windows.
        inputs: Prompts or texts of a request.
        n: Completions of a prompt.
        continuations: Continuations of a prompt whose probabilities are asked for.
        queue: Completions and texts of all requests that wait or are computed.
        requests: Requests at once; each stream of a request counts.
        logprobs: Alternatives told for each token.
        send_seconds: Seconds until a client must have read a piece of its answer.
    """

    body: int = 8 << 20
    head_seconds: float = 30.0
    body_seconds: float = 30.0
    prompt: int = 1_000_000
    inputs: int = 512
    n: int = 16
    continuations: int = MOST
    queue: int = 1024
    requests: int = 120  # the threads of `in_thread` are 128
    logprobs: int = 20
    send_seconds: float = 60.0
