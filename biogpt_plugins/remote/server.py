"""A server: what it tells of its engine, and questions to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import TypeVar

from pydantic import ValidationError

from biogpt_plugins.remote.connection import Connection, Patience
from biogpt_plugins.remote.loop import Gone
from biogpt_plugins.remote.requests import body, in_parts
from biogpt_plugins.remote.wire import ENGINE, PROTOCOL, Facts
from biogpt_plugins.values.errors import BioGPTError, EngineChangedError, ServerError

R = TypeVar("R")


class Server:
    """A server of this package.

    Attributes:
        changed: Whether it serves another engine than the one that it told of.
    """

    def __init__(self, url: str, token: str | None, patience: Patience) -> None:
        """Ask nothing yet.

        Args:
            url: Its address.
            token: The bearer token.
            patience: How long it is waited for.
        """
        self.changed = False
        self._url = url
        self._connection = Connection(url, token, patience)
        self._facts: Facts | None = None

    @property
    def facts(self) -> Facts:
        """What it tells of its engine; asked once.

        Raises:
            ServerError: It cannot be reached, or speaks another protocol.
        """
        if self._facts is None:
            self._facts = _read(self._url, self._connection.ask(ENGINE))
        return self._facts

    def ask(
        self, what: str, *, repeatable: bool = True, **fields: bytes | Sequence[bytes]
    ) -> bytes:
        """The answer to a question.

        Args:
            what: The last part of the path.
            repeatable: As in `Connection.ask`.
            fields: JSON.

        Raises:
            Gone: The caller was cancelled.
            BioGPTError: As `Connection.ask`.
        """
        asked = body(engine=self._own, **fields)
        try:
            return self._connection.ask(f"{ENGINE}/{what}", asked, repeatable=repeatable)
        except EngineChangedError:
            self.changed = True
            raise

    def lines(self, what: str, **fields: bytes) -> Generator[bytes, None, None]:
        """The lines of an answer as they come.

        Raises:
            Gone: The caller was cancelled.
            BioGPTError: As `Connection.lines`.
        """
        asked = body(engine=self._own, **fields)
        try:
            with closing(self._connection.lines(f"{ENGINE}/{what}", asked)) as lines:
                yield from lines
        except EngineChangedError:
            self.changed = True
            raise

    def each(  # noqa: PLR0913 - what tells the engine's methods apart
        self,
        what: str,
        prompts: Sequence[Callable[[], bytes]],
        fields: dict[str, bytes],
        read: Callable[[bytes], Sequence[R]],
        failed: Callable[[BioGPTError], R],
        *,
        gone: R | None = None,
        rows: int = 1,
        repeatable: bool = True,
    ) -> list[R]:
        """An outcome for each prompt, in order, by as few requests as possible.

        Args:
            what: What to ask.
            prompts: Each gives a prompt as JSON, or raises its error.
            fields: The other fields of the requests, as JSON.
            read: Reads an answer.
            failed: The outcome of a prompt with an error.
            gone: The outcome of all prompts if the caller was cancelled; None if it is an error.
            rows: Results of each prompt.
            repeatable: As in `Connection.ask`.

        Raises:
            BioGPTError: As `Connection.ask`.
        """
        outcomes: dict[int, R] = {}
        items: dict[int, bytes] = {}
        for number, prompt in enumerate(prompts):
            try:
                items[number] = prompt()
            except ServerError:
                raise
            except BioGPTError as error:
                outcomes[number] = failed(error)
        try:
            for part in in_parts(items, rows, self.facts.limits):
                asked = [*part.values()]
                found = read(self.ask(what, repeatable=repeatable, prompts=asked, **fields))
                outcomes.update(zip(part, found, strict=True))
        except Gone as error:
            return [gone or failed(error) for _ in prompts]
        return [outcomes[number] for number in range(len(prompts))]

    def close(self) -> None:
        """Close the connections of this process."""
        self._connection.close()

    @property
    def _own(self) -> bytes:
        """The fingerprint that requests carry."""
        return b'"%s"' % self.facts.fingerprint.encode()


def _read(url: str, answer: bytes) -> Facts:
    try:
        told = json.loads(answer)
        protocol, version = told["protocol"], told["version"]
    except (ValueError, TypeError, KeyError) as error:
        raise ServerError(f"{url} is no server of this package: check the address") from error
    if protocol != PROTOCOL:
        raise ServerError(
            f"{url} runs biogpt-plugins {version}, which speaks protocol {protocol}, and this "
            f"version speaks {PROTOCOL}: install the same version on both sides"
        )
    try:
        return Facts.model_validate(told)
    except ValidationError as error:
        fault = error.errors()[0]
        raise ServerError(
            f"this version cannot read what {url} (biogpt-plugins {version}) tells of its engine: "
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}; install the same version on both "
            "sides"
        ) from error
