"""Hours and disk of a baseline, by the papers a second of one GPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from biogpt_plugins.bench.report import three_digits
from biogpt_plugins.values.counted import counted
from pubmed.figures import MODELS, Disk, Figures, Own

_HOUR = 3600


def mixed(rate: float, titles: float, abstracts: float) -> float:
    """Citations a second, where those without an abstract go at another speed.

    Args:
        rate: With an abstract.
        titles: Without.
        abstracts: The share that has one.
    """
    return 1 / (abstracts / rate + (1 - abstracts) / titles)


def driver(own: Own) -> float:
    """Papers a second that Ray's one reading and one writing process can sustain."""
    return 1 / max(own.reading + own.looked_up, own.writing + own.kept)


def alone(figures: Figures) -> float:
    """Seconds a paper that a run in one process spends beside the model."""
    tokens = figures.vocabularies[MODELS[0].vocabulary].seconds
    return figures.own.run + tokens + 1 / figures.reading


def one_process(rate: float, gpus: int, own: float) -> float:
    """Papers a second of one process with several GPUs (`--device all`).

    Args:
        rate: Of a process with one.
        gpus: How many.
        own: Seconds a paper for which GPUs wait; only the rest is shared among them.
    """
    own = min(own, 1 / rate)
    return 1 / (own + (1 / rate - own) / gpus)


@dataclass(frozen=True)
class Plan:
    """What a baseline comes to.

    Attributes:
        speed: Citations a second, of all GPUs.
        hours: Hours.
        gpu_hours: Hours of a GPU.
    """

    speed: float
    hours: float
    gpu_hours: float

    @classmethod
    def at(cls, speed: float, gpus: int, citations: int) -> Plan:
        """So many citations at a speed of all GPUs."""
        hours = citations / speed / _HOUR
        return cls(speed, hours, hours * gpus)


def plans(rate: float, gpus: int, citations: int, figures: Figures) -> dict[str, Plan]:
    """Hours by each way to use several GPUs.

    Args:
        rate: Citations a second of one process with one GPU, as `biogpt extract --run` tells it.
        gpus: How many GPUs.
        citations: How many citations.
        figures: What was measured.
    """
    speeds = {
        "a run for each GPU": rate * gpus,
        "one run on Ray": min(rate * gpus, driver(figures.own)),
        "one run, `--device all`": one_process(rate, gpus, alone(figures)),
    }
    return {way: Plan.at(speed, gpus, citations) for way, speed in speeds.items()}


def disk(citations: int, relations: float, sizes: Disk) -> dict[str, float]:
    """Bytes on disk.

    Args:
        citations: How many citations.
        relations: How many relations are found in each, on average.
        sizes: What was measured.
    """
    return {
        "shards": citations * (sizes.nothing + relations * sizes.relation),
        "index": citations * sizes.index,
        "Parquet": citations * (sizes.parquet_nothing + relations * sizes.parquet_relation),
    }


def number_of(relations: float) -> str:
    """How many relations, in words: a mean, so that there may be parts of one."""
    return f"{three_digits(relations)} {'relation' if relations == 1 else 'relations'}"


def told(
    rate: float, gpus: int, citations: int, figures: Figures, relations: float
) -> Iterator[str]:
    """Hours and disk in words."""
    speed = f"{rate:,.1f} a second on one GPU"
    yield f"{counted(citations, 'citation')}, {speed}, {counted(gpus, 'GPU')}"
    for way, plan in plans(rate, gpus, citations, figures).items():
        yield (
            f"  {way + ':':26} {plan.hours:8,.1f} hours, {plan.gpu_hours:8,.1f} GPU-hours, "
            f"{plan.speed:,.0f} a second"
        )
    yield f"on disk, by {number_of(relations)} found in a citation"
    for name, size in disk(citations, relations, figures.disk).items():
        yield f"  {name + ':':26} {size / 1e9:8,.1f} GB"
