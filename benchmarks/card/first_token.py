"""How long a caller waits for the first piece of a text while others are served."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Lock
from typing import NamedTuple

from biogpt_plugins.bench.clock import timed
from biogpt_plugins.bench.sides import stream
from biogpt_plugins.engine import Decoding
from card.bench import Bench

_STREAMED = 12
"""Tokens of a stream: enough for a first piece, which is a whole word."""


class FirstTokens(NamedTuple):
    """Milliseconds until first pieces came, and tokens a second that the others wrote."""

    alone: tuple[float, ...]
    loaded: tuple[float, ...]
    rate: float


def first_token(bench: Bench, callers: int) -> FirstTokens:
    """Stream papers one after the other, first alone, then beside callers of whole texts."""
    own = bench.own()
    engine = bench.engine(own)
    decoding = Decoding(max_new_tokens=_STREAMED)

    def streams() -> tuple[float, ...]:
        hand = bench.draw(bench.scale.streams)
        return tuple(1000 * stream(own, one.prompt, decoding).first for one in hand)

    streams()
    alone = streams()
    with _callers(bench, callers):
        streams()  # the callers are at work now, and what they need is captured
        before = engine.load.tokens
        seconds, loaded = timed(streams)
        written = engine.load.tokens - before
    return FirstTokens(alone, loaded, written / seconds)


@contextmanager
def _callers(bench: Bench, number: int) -> Iterator[None]:
    """Callers, each with one paper at a time, another paper every time."""
    engine, stop, drawing = bench.engine(bench.own()), Event(), Lock()
    decoding = Decoding(max_new_tokens=bench.scale.new_tokens)

    def call() -> None:
        while not stop.is_set():
            with drawing:
                (subject,) = bench.draw(1)
            (done,) = engine.complete([subject.prompt], decoding)
            if done.error:
                raise done.error

    with ThreadPoolExecutor(number) as pool:
        calls = [pool.submit(call) for _ in range(number)]
        try:
            yield
        finally:
            stop.set()
    for one in calls:
        one.result()
