"""Engine's work for a request: in threads, until it is done or the client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Iterator
from threading import Lock
from typing import Any, Generic, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from biogpt_plugins.engine import in_thread
from biogpt_plugins.serve.errors import ClientGoneError
from biogpt_plugins.serve.gate import Place

T = TypeVar("T")


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """Wait for work, and cancel it when the client goes away; the request has arrived.

    Raises:
        ClientGoneError: The client went away.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request.receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGoneError
        return task.result()
    finally:
        await _end(task, gone)


async def begun(request: Request, pieces: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """Wait for the first piece, so that what fails at once is answered with an error's status.

    Raises:
        ClientGoneError: The client went away.
    """
    try:
        first = await while_connected(request, pieces.__anext__())
    except BaseException:
        await pieces.aclose()
        raise

    async def every() -> AsyncGenerator[T, None]:
        try:
            yield first
            async for piece in pieces:
                yield piece
        finally:
            await pieces.aclose()

    return every()


class _Steps(Generic[T]):
    """An iterator that one thread at a time advances or closes."""

    def __init__(self, iterator: Iterator[T]) -> None:
        self._iterator = iterator
        self._lock = Lock()

    def next(self) -> T | None:
        with self._lock:
            return next(self._iterator, None)

    def close(self) -> None:
        with self._lock:
            getattr(self._iterator, "close", bool)()


async def merged(iterators: list[Iterator[T]]) -> AsyncGenerator[tuple[int, T], None]:
    """Follow several iterators at once, each in a thread; yield what they do, with their number.

    Closing it closes the iterators, which ends the work behind them.
    """
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[tuple[int, T | BaseException | None]] = asyncio.Queue(len(iterators))

    async def follow(number: int, steps: _Steps[T]) -> None:
        try:
            while (piece := await in_thread(steps.next)) is not None:
                await pieces.put((number, piece))
            await pieces.put((number, None))
        except Exception as error:  # whatever an engine raises
            await pieces.put((number, error))

    every = [_Steps(iterator) for iterator in iterators]
    tasks = [asyncio.ensure_future(follow(*one)) for one in enumerate(every)]
    try:
        left = len(every)
        while left:
            number, piece = await pieces.get()
            if isinstance(piece, BaseException):
                raise piece
            if piece is None:
                left -= 1
            else:
                yield number, piece
    finally:
        for task in tasks:
            task.cancel()
        for steps in every:
            loop.run_in_executor(None, steps.close)


class Streamed(StreamingResponse):
    """Pieces that are sent as they come; what makes them is closed when the client goes away."""

    def __init__(self, pieces: AsyncGenerator[str, None], *, media_type: str, place: Place) -> None:
        """Set up.

        Args:
            pieces: The pieces.
            media_type: The type of the content.
            place: The request's place, which is left at the end.
        """
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._pieces, self._place = pieces, place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        work = asyncio.ensure_future(self.stream_response(send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            self._place.leave()
            await _end(work, gone)
            await self._pieces.aclose()


async def _gone(receive: Receive) -> None:
    """Wait until the client has gone; the request has arrived."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(*tasks: asyncio.Future[Any]) -> None:
    left = set(tasks)
    while left:  # `wait_for` swallows a cancellation now and then, before Python 3.12
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=1)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # it is told elsewhere, or nobody is left to be told
