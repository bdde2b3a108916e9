"""A process that makes the measurements of one stage, and tells each as soon as it is made."""

from __future__ import annotations

import os
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from card.plan import START, Item, Scale, Stage
from card.rows import Figure, Row

_SHOWN = 1000


@dataclass(frozen=True)
class Work:
    """What a process is to do.

    Attributes:
        stage: The measurements.
        scale: How much is asked.
        device: The device.
        scratch: A folder for models.
        stem: What the names of further files begin with.
    """

    stage: Stage
    scale: Scale
    device: str
    scratch: Path
    stem: Path


def work(connection: Connection, given: Work) -> None:
    """Make the measurements; tell the item before each, and its Row after it."""
    os.setsid()  # so that it can be ended with all that libraries start
    start = Item(given.stage.name, START * given.scale.patience)
    connection.send(start)
    begun = time.perf_counter()
    # Only now, so that a failing import is told.
    import torch  # noqa: PLC0415 - see above

    from biogpt_plugins.engines.machine import peak_memory  # noqa: PLC0415
    from biogpt_plugins.engines.pretrained import quiet  # noqa: PLC0415
    from card.bench import Bench  # noqa: PLC0415
    from card.place import RandomPlace  # noqa: PLC0415

    device = torch.device(given.device)
    with quiet():
        place = RandomPlace.of(given.stage.shape, given.scratch / given.stage.shape, device)
        place.network(place.dtype)
        bench = Bench(given.scale, place, given.stem)
        took = time.perf_counter() - begun
        gib = peak_memory(given.device)
        figures = [Figure(what="s until ready", values=(took,))]
        figures += [Figure(what="GiB at most", values=(gib,))] if gib else []
        connection.send(
            Row(
                name=start.name,
                status="measured",
                note=f"weights made in {place.dtype}",
                budget=start.budget,
                took=took,
                figures=tuple(figures),
            )
        )
        for item in given.stage.items:
            connection.send(item)
            connection.send(make(bench, item))
            place.wait()  # raises after a fault of the device: then another process goes on


def make(bench: object, item: Item) -> Row:
    """Make one measurement. Whatever fails is told in the row."""
    from biogpt_plugins.engines.machine import peak_memory  # noqa: PLC0415 - loads torch
    from card.bench import Bench, NotInstalledError  # noqa: PLC0415 - the same
    from card.measures import measured  # noqa: PLC0415 - the same
    from card.place import free  # noqa: PLC0415 - the same

    assert isinstance(bench, Bench)
    device = bench.place.device
    bench.place.forget_peak()
    bench.begin(item.budget)
    begun = time.perf_counter()

    def row(status: str, note: str, figures: tuple[Figure, ...] = ()) -> Row:
        took = time.perf_counter() - begun
        fields = {"name": item.name, "status": status, "note": note, "budget": item.budget}
        return Row.model_validate({**fields, "took": took, "figures": figures})

    try:
        figures, note = measured(bench, item.name)
    except NotInstalledError as error:
        return row("not installed", str(error))
    except Exception as error:  # the other measurements go on, whatever a library raises
        traceback.print_exc()
        traceback.clear_frames(error.__traceback__)
        free(device)
        return row("failed", f"{type(error).__name__}: {error}"[:_SHOWN])
    gib = peak_memory(str(device))
    peak = [Figure(what="GiB at most", values=(gib,))] if gib else []
    return row("measured", note, (*figures, *peak))
