"""What `biogpt bench` measures: speed by batch size, streaming, loading and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from statistics import fmean
from typing import Any, NamedTuple

from biogpt_plugins.bench.clock import Job, Missing, in_turns, present, series, timed
from biogpt_plugins.bench.figures import Table
from biogpt_plugins.bench.limit import least_of, limits_of
from biogpt_plugins.bench.papers import NumberedPapers
from biogpt_plugins.bench.process import Cost, Request, in_a_new_process
from biogpt_plugins.bench.sides import Load, Side, Streamed, open_side, stream
from biogpt_plugins.engine import Decoding
from biogpt_plugins.engine import Load as EngineLoad
from biogpt_plugins.tasks.task import Task
from biogpt_plugins.values.errors import EngineError
from biogpt_plugins.values.inputs import Paper, Question, Text

STREAMED = 64
"""Most tokens of a streamed text, unless the user says otherwise."""

_STREAMS = 2


class _Speed(NamedTuple):
    """Inputs and tokens of a side in a second, passes a token, and percent of the machine's limit.

    The share is 0 if the limit is not known.
    """

    inputs: float
    tokens: float
    passes: float
    share: float


@dataclass(kw_only=True)
class Bench:
    """A run in progress.

    Attributes:
        model: The model, as `load` takes it.
        tasks: Tasks, by the names under which `load` finds them.
        setups: Options of `load`, one set for each side.
        papers: The papers to read.
        sizes: How many inputs are in one call.
        rounds: How often each side takes its turn.
        new_tokens: Most tokens to write for each input; None for the task's own limit.
        load: Loads pipelines.
        tell: Gets messages about the progress.
    """

    model: str
    tasks: Mapping[str, Task[Any]]
    setups: Sequence[dict[str, Any]]
    papers: NumberedPapers
    sizes: Sequence[int] = (1, 8, 32)
    rounds: int = 3
    new_tokens: int | None = None
    load: Load
    tell: Callable[[str], None] = lambda _: None

    @property
    def first_task(self) -> str:
        """The task that is streamed, and whose memory is measured."""
        return next(iter(self.tasks))

    def sides(self, task: str) -> list[Side | Missing]:
        """All sides for a task, each once.

        Raises:
            EngineError: None of them can be loaded.
        """
        opened: dict[str, Side | Missing] = {}
        for options in self.setups:
            self.tell(f"loading {self.model} for {task}")
            side = open_side(self.load, self.model, task, options)
            opened.setdefault(side.name, self._limited(side))
        missing = [side for side in opened.values() if isinstance(side, Missing)]
        if len(missing) == len(opened):
            raise EngineError("; ".join(side.why for side in missing))
        return list(opened.values())

    def draw(self, task: str, number: int) -> list[Text]:
        """Inputs for a task: the first papers, with new numbers."""
        return [_input(self.tasks[task], paper) for paper in islice(self.papers, number)]

    def _limited(self, side: Side | Missing) -> Side | Missing:
        if isinstance(side, Missing) or not self.new_tokens:
            return side
        decoding = side.pipeline.decoding.but(max_new_tokens=self.new_tokens)
        return Side(side.name, side.pipeline.with_decoding(decoding), side.options)


def speed(bench: Bench) -> Iterator[Table]:
    """Inputs and tokens a second, and passes a token, for each task and number of inputs."""
    for task in bench.tasks:
        sides = bench.sides(task)
        what = "questions" if issubclass(bench.tasks[task].input, Question) else "papers"
        for size in bench.sizes:
            for side in present(sides):
                side.run(bench.draw(task, size))
            jobs = [_job(side, partial(_speed, bench, task, size)) for side in sides]
            done = in_turns(jobs, bench.rounds, bench.tell)
            for unit, name in (
                (f"{what}/s", "inputs"),
                ("tokens/s", "tokens"),
                ("passes/token", "passes"),
                ("% of limit", "share"),
            ):
                values = _values(done, name)
                if any(map(any, values.values())):  # labels that are scored take no tokens
                    yield Table(
                        case="speed",
                        title=f"{task}, {size} at once",
                        unit=unit,
                        less_is_better=name == "passes",
                        rows=series(_known(sides) if name == "share" else sides, values),
                    )
    yield from _limits(bench)


def _limits(bench: Bench) -> Iterator[Table]:
    """What a limit is: the operations of a matrix product, and the bytes read from memory."""
    sides = _known(bench.sides(bench.first_task))
    known = {side.name: limits for side in present(sides) if (limits := limits_of(side))}
    products = {name: [limits.products / 1e12] for name, limits in known.items()}
    memory = {name: [limits.memory / 1e9] for name, limits in known.items()}
    for title, unit, values in (
        ("limit, one large matrix product", "TFLOP/s", products),
        ("limit, one read of memory", "GB/s", memory),
    ):
        if values:
            yield Table(case="speed", title=title, unit=unit, rows=series(sides, values))


def _known(sides: Sequence[Side | Missing]) -> list[Side | Missing]:
    """The sides, without those whose machine's limit is not known."""
    return [
        side
        if isinstance(side, Missing) or limits_of(side)
        else Missing(side.name, "the machine's limit is not measured for its dtype or its model")
        for side in sides
    ]


def streaming(bench: Bench) -> Iterator[Table]:
    """Milliseconds to the first piece of a text, and tokens a second of the whole text."""
    task = bench.first_task
    sides = bench.sides(task)
    for side in present(sides):
        _streams(bench, task, side)
    done = in_turns(
        [_job(side, partial(_streams, bench, task)) for side in sides], bench.rounds, bench.tell
    )
    first = {n: [1000 * fmean(s.first for s in t) for t in turns] for n, turns in done.items()}
    rate = {
        name: [sum(s.tokens for s in t) / sum(s.whole for s in t) for t in turns]
        for name, turns in done.items()
    }
    title = f"{task}, one stream"
    yield Table(
        case="stream",
        title=f"{title}, until its first piece",
        unit="ms",
        less_is_better=True,
        rows=series(sides, first),
    )
    yield Table(case="stream", title=title, unit="tokens/s", rows=series(sides, rate))


def loading(bench: Bench) -> Iterator[Table]:
    """Seconds until a model is ready, and peak memory, each time in a new process."""
    task, number = bench.first_task, max(bench.sizes)
    sides = bench.sides(task)
    jobs = [_job(side, partial(_cost, bench, task, number)) for side in sides]
    done = in_turns(jobs, bench.rounds, bench.tell)
    for title, unit, name in (
        ("until the model is ready", "s", "ready"),
        ("peak memory, model loaded", "GiB", "loaded"),
        (f"peak memory, {task}, {number} at once", "GiB", "peak"),
    ):
        values = _values(done, name)
        known = [_unless_unknown(side, values) for side in sides]
        yield Table(
            case="load", title=title, unit=unit, less_is_better=True, rows=series(known, values)
        )


CASES: dict[str, Callable[[Bench], Iterator[Table]]] = {
    "speed": speed,
    "stream": streaming,
    "load": loading,
}
"""The cases, by the names that users give."""


def _input(task: Task[Any], paper: Paper) -> Text:
    """A paper as a task reads it. Its title is the question, where the task asks for one."""
    asks = "question" in task.variables
    text = paper.text if "title" in task.variables else (asks and paper.text) or paper.source
    return task.read_input({"title": paper.title, "question": paper.title, "text": text})


def _values(done: Mapping[str, Sequence[object]], name: str) -> dict[str, list[Any]]:
    """One attribute of each side's result in each round."""
    return {side: [getattr(turn, name) for turn in turns] for side, turns in done.items()}


def _unless_unknown(side: Side | Missing, values: Mapping[str, Sequence[object]]) -> Side | Missing:
    if isinstance(side, Missing) or None not in values[side.name]:
        return side
    return Missing(side.name, "its engine does not report its memory on the GPU")


def _job(side: Side | Missing, do: Callable[[Side], Any]) -> Job[Any] | Missing:
    return side if isinstance(side, Missing) else Job(side.name, lambda _: do(side))


def _speed(bench: Bench, task: str, size: int, side: Side) -> _Speed:
    inputs, engine = bench.draw(task, size), side.pipeline.engine
    before: EngineLoad = getattr(engine, "load", EngineLoad())
    seconds, predictions = timed(lambda: side.run(inputs))
    after: EngineLoad = getattr(engine, "load", EngineLoad())
    tokens = sum(prediction.usage.completion_tokens for prediction in predictions)
    passes, written = after.token_passes - before.token_passes, after.tokens - before.tokens
    read = after.read - before.read
    least = least_of(side, rows=size, read=read, passes=passes / size)
    share = 100 * least / seconds if least else 0
    return _Speed(size / seconds, tokens / seconds, passes / max(1, written), share)


def _streams(bench: Bench, task: str, side: Side) -> list[Streamed]:
    decoding = Decoding(max_new_tokens=bench.new_tokens or STREAMED)
    card = side.pipeline.card
    taught = bench.tasks[task].taught(card)
    prompts = [taught.render(value, card) for value in bench.draw(task, _STREAMS)]
    return [stream(side, prompt, decoding) for prompt in prompts]


def _cost(bench: Bench, task: str, number: int, side: Side) -> Cost:
    inputs = tuple(value.model_dump(by_alias=True) for value in bench.draw(task, number))
    return in_a_new_process(
        Request(
            model=bench.model,
            task=task,
            options=side.options,
            inputs=inputs,
            new_tokens=bench.new_tokens,
        )
    )
