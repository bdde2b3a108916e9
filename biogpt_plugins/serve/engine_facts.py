"""What a server tells of its engine to the engines of clients."""

from __future__ import annotations

from hashlib import sha256

from biogpt_plugins import __version__
from biogpt_plugins.corpus.run.manifest import Made
from biogpt_plugins.pipeline import Pipeline
from biogpt_plugins.remote.wire import PROTOCOL, Facts, Most, ServedTask
from biogpt_plugins.serve.limits import Limits


def facts_of(pipelines: list[Pipeline], model: str, limits: Limits) -> Facts:
    """Describe an engine. The files of its model are read once, for their digest.

    Args:
        pipelines: The pipelines of the tasks that are served, on one engine.
        model: The name of the model.
        limits: The limits of requests.

    Raises:
        OSError: A file of the model cannot be read.
    """
    first = pipelines[0]
    made, engine = Made.by(first), first.engine
    facts = Facts(
        protocol=PROTOCOL,
        version=__version__,
        fingerprint="",
        model=model,
        context_size=engine.context_size,
        runtime=made.settings["engine"],
        dtype=made.settings["dtype"],
        device=made.device,
        free_logprobs=getattr(engine, "free_logprobs", False),
        weights=made.settings.get("weights"),
        revision=made.settings.get("revision"),
        tasks={
            one.task.name: ServedTask(
                fingerprint=one.task.fingerprint, declaration=one.task.declaration
            )
            for one in pipelines
        },
        cards=first.cards,
        calibration=first.beside,
        limits=Most(
            body=limits.body,
            inputs=limits.inputs,
            prompt=limits.prompt,
            rows=limits.queue,
        ),
    )
    told = facts.model_dump_json(exclude={"device", "limits", "tasks"})
    return facts.model_copy(update={"fingerprint": sha256(told.encode()).hexdigest()[:16]})
