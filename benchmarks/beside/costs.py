"""What is paid besides the model's work: tokenising, loading, memory, our own part of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from transformers import BioGptTokenizer

from beside import peer_process
from beside.agreement import compare
from beside.network import forwards
from beside.peers import Peer
from beside.sides import OURS, Own
from beside.trial import Trial
from biogpt_plugins.bench import process
from biogpt_plugins.bench.clock import Job, Missing, present, series
from biogpt_plugins.bench.figures import Table
from biogpt_plugins.bench.process import Cost, Request, in_a_new_process
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.values.counted import counted

_BENCHMARKS = Path(__file__).parents[1]
_MOST_TEXTS = 500


def tokenizer(trial: Trial) -> Iterator[Table]:
    """Texts a second that are turned into ids, by one core."""
    texts = [paper.source for paper in trial.subjects.papers[:_MOST_TEXTS]]

    def fresh() -> BioGptTokenizer:
        return BioGptTokenizer.from_pretrained(trial.place.folder)

    def ours(tokens: Tokens) -> list[list[int]]:
        return [tokens.ids(text) for text in texts]

    def theirs(tokenizer: BioGptTokenizer) -> list[list[int]]:
        return [tokenizer(text)["input_ids"][1:] for text in texts]

    known_ours, known_theirs = Tokens(fresh()), fresh()
    ids = {OURS: ours(known_ours), "BioGptTokenizer": theirs(known_theirs)}
    spelt = {name: [[*map(str, one)] for one in several] for name, several in ids.items()}
    trial.agreements.append(compare("ids of texts", spelt))
    sides = tuple(ids)

    def rate(do: Callable[[], object]) -> float:
        return len(texts) / trial.clock(do).seconds

    def new_ours(_: int) -> float:
        tokens = Tokens(fresh())
        return rate(lambda: ours(tokens))

    def new_theirs(_: int) -> float:
        tokenizer = fresh()
        return rate(lambda: theirs(tokenizer))

    tables: dict[str, list[Job[float]]] = {
        "texts seen for the first time": [
            Job(sides[0], new_ours),
            Job(sides[1], new_theirs),
        ],
        "texts seen before": [
            Job(sides[0], lambda _: rate(lambda: ours(known_ours))),
            Job(sides[1], lambda _: rate(lambda: theirs(known_theirs))),
        ],
    }
    for title, jobs in tables.items():
        yield Table(
            case="tokenizer",
            title=f"Tokenising, {title}",
            unit="texts/s",
            rows=series(jobs, trial.in_turns(jobs)),
            facts=(f"{len(texts)} texts, one thread",),
        )


def loading(trial: Trial) -> Iterator[Table]:
    """Seconds until a model is ready, and the most memory, each time in a process of its own."""
    sides: list[Own | Peer | Missing] = [*trial.own(), *trial.peers("langchain")]
    number = max(trial.settings.sizes)
    subjects = trial.draw(number, trial.default())

    def job(side: Own | Peer | Missing) -> Job[Cost] | Missing:
        if isinstance(side, Missing):
            return side
        own = isinstance(side, Own)
        request = Request(
            model=str(trial.place.folder),
            task="bc5cdr",
            options=side.options if isinstance(side, Own) else {"device": str(trial.place.device)},
            inputs=tuple(s.value.model_dump() if own else {"text": s.text} for s in subjects),
            new_tokens=trial.settings.new_tokens,
        )
        module = process if own else peer_process
        return Job(side.name, lambda _: in_a_new_process(request, module.__name__, _BENCHMARKS))

    jobs = [job(side) for side in sides]
    done = trial.in_turns(jobs)
    where = "GPU" if trial.place.device.type == "cuda" else "process"
    tables = {
        ("Until the model is ready, imports included", "s"): "ready",
        (f"Peak memory of the {where}, model loaded", "GiB"): "loaded",
        (f"Peak memory of the {where}, {counted(number, 'abstract')} in one call", "GiB"): "peak",
    }
    for (title, unit), what in tables.items():
        values = {name: [getattr(cost, what) for cost in turns] for name, turns in done.items()}
        yield Table(
            case="load", title=title, unit=unit, less_is_better=True, rows=series(jobs, values)
        )


def overhead(trial: Trial) -> Iterator[Table]:
    """The share of a call that is not spent in the model's forward."""
    if trial.place.device.type == "cuda":
        trial.tell("overhead is not measured on a GPU: captured graphs tell nobody that they run")
        return
    new_tokens = trial.settings.new_tokens
    engine, model = trial.place.engine(trial.place.dtype)
    own = Own(
        f"{OURS}, {trial.place.dtype}",
        Pipeline("bc5cdr", engine, cards=read_card(trial.place.folder).tasks),
        {},
    )
    peers = trial.peers("langchain")
    networks = {own.name: model, **{peer.name: peer.network for peer in present(peers)}}
    sides: list[Own | Peer | Missing] = [own, *peers]

    def job(side: Own | Peer | Missing, size: int) -> Job[float] | Missing:
        if isinstance(side, Missing):
            return side

        def go(_: int) -> float:
            subjects = trial.draw(size, own)
            with forwards(networks[side.name]) as passes:
                whole = trial.time(side, subjects, new_tokens).seconds
            return 100 * (1 - sum(passes) / whole)

        return Job(side.name, go)

    try:
        for size in sorted({1, max(trial.settings.sizes)}):
            spare = trial.draw(size, own)
            trial.warm(present(sides), spare, new_tokens)
            jobs = [job(side, size) for side in sides]
            yield Table(
                case="overhead",
                title=f"Share of a call outside of the model's forward, abstracts in it: {size}",
                unit="%",
                less_is_better=True,
                rows=series(jobs, trial.in_turns(jobs)),
            )
    finally:
        engine.close()
