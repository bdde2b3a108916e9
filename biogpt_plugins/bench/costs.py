"""What is paid besides the model's work: tokenising, loading, memory, our own part of a call."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

from transformers import BioGptTokenizer

from biogpt_plugins.bench import child
from biogpt_plugins.bench.agreement import compare
from biogpt_plugins.bench.child import Asked, Told
from biogpt_plugins.bench.figures import Table
from biogpt_plugins.bench.measuring import forwards
from biogpt_plugins.bench.peers import Peer
from biogpt_plugins.bench.sides import OURS, Missing, Own
from biogpt_plugins.bench.trial import Trial, Way, present, rows
from biogpt_plugins.checkpoints.card import read_card
from biogpt_plugins.engines.tokens import Tokens
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.values.errors import EngineError
from biogpt_plugins.values.inputs import Paper, read

_MOST_TEXTS = 500
_SHOWN = 500


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

    tables: dict[str, list[Way[float]]] = {
        "texts seen for the first time": [
            Way(sides[0], new_ours, ours=True),
            Way(sides[1], new_theirs),
        ],
        "texts seen before": [
            Way(sides[0], lambda _: rate(lambda: ours(known_ours)), ours=True),
            Way(sides[1], lambda _: rate(lambda: theirs(known_theirs))),
        ],
    }
    for title, ways in tables.items():
        yield Table(
            case="tokenizer",
            title=f"Tokenising, {title}",
            unit="texts/s",
            rows=rows(ways, trial.in_turns(ways)),
            facts=(f"{len(texts)} texts, one thread",),
        )


def loading(trial: Trial) -> Iterator[Table]:
    """Seconds until a model is ready, and the most memory, each time in a process of its own."""
    sides: list[Own | Peer | Missing] = [*trial.own(), *trial.peers("langchain")]
    number = max(trial.settings.sizes)
    subjects = trial.draw(number, trial.default())

    def way(side: Own | Peer | Missing) -> Way[Told] | Missing:
        if isinstance(side, Missing):
            return side
        asked = Asked(
            folder=str(trial.place.folder),
            device=str(trial.place.device),
            options=dict(side.options) if isinstance(side, Own) else None,
            papers=tuple(read(Paper, subject.value) for subject in subjects),
            texts=tuple(subject.text for subject in subjects),
            new_tokens=trial.settings.new_tokens,
        )
        return Way(side.name, lambda _: _in_a_process(asked), side.ours)

    ways = [way(side) for side in sides]
    done = trial.in_turns(ways)
    where = "GPU" if trial.place.device.type == "cuda" else "process"
    tables = {
        ("Until the model is ready, imports included", "s"): "ready",
        (f"Peak memory of the {where}, model loaded", "GiB"): "loaded",
        (f"Peak memory of the {where}, {number} abstracts in one call", "GiB"): "peak",
    }
    for (title, unit), what in tables.items():
        values = {name: [getattr(told, what) for told in turns] for name, turns in done.items()}
        yield Table(
            case="load", title=title, unit=unit, less_is_better=True, rows=rows(ways, values)
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

    def way(side: Own | Peer | Missing, size: int) -> Way[float] | Missing:
        if isinstance(side, Missing):
            return side

        def go(_: int) -> float:
            subjects = trial.draw(size, own)
            with forwards(networks[side.name]) as passes:
                whole = trial.time(side, subjects, new_tokens).seconds
            return 100 * (1 - sum(passes) / whole)

        return Way(side.name, go, side.ours)

    try:
        for size in sorted({1, max(trial.settings.sizes)}):
            spare = trial.draw(size, own)
            trial.warm(present(sides), spare, new_tokens)
            ways = [way(side, size) for side in sides]
            yield Table(
                case="overhead",
                title=f"Share of a call outside of the model's forward, abstracts in it: {size}",
                unit="%",
                less_is_better=True,
                rows=rows(ways, trial.in_turns(ways)),
            )
    finally:
        engine.close()


def _in_a_process(asked: Asked) -> Told:
    done = subprocess.run(
        [sys.executable, "-m", child.__name__],
        input=asked.model_dump_json(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise EngineError(f"the process that was to be measured failed: {done.stderr[-_SHOWN:]}")
    return Told.model_validate_json(done.stdout.rpartition("\n")[2])
