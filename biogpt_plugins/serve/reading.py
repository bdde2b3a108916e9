"""What the page asks besides the typed endpoints, on the wire: tasks, pasted papers, one paper."""

from __future__ import annotations

from itertools import islice
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from biogpt_plugins.corpus import Format, Record, read_text
from biogpt_plugins.engine import Form
from biogpt_plugins.pipeline.spec import LongTexts
from biogpt_plugins.remote.wire import Body
from biogpt_plugins.serve.errors import Fault, Refused
from biogpt_plugins.serve.typed import Given, Share, TypedRequest
from biogpt_plugins.values.counted import counted
from biogpt_plugins.values.errors import InputError
from biogpt_plugins.values.inputs import Paper, read
from biogpt_plugins.values.results import Entity, Kind, Prediction, Result


class OfferedTask(BaseModel):
    """A task that is served.

    Attributes:
        name: Its name.
        summary: What it finds.
        kind: The kind of its results.
        trained: Whether the model was trained for it.
        warnings: What to know of all its results.
    """

    name: str
    summary: str
    kind: Kind
    trained: bool
    warnings: list[str]


class TaskList(BaseModel):
    """The tasks that are served, those that the model was trained for first.

    Attributes:
        model: The name of the model.
        note: What to know of the model.
        data: The tasks.
    """

    model: str
    note: str | None
    data: list[OfferedTask]


class PastedText(Body):
    """A request to `/v1/papers`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str = Field(
        description="One paper or several: plain text, PubTator, MEDLINE, RIS, XML of PubMed, PMC "
        "or BioC, JSON."
    )
    format: Literal["auto", "text"] = Field(
        "auto", description="auto recognises the format; text takes the whole as one plain text."
    )


class PaperRecord(BaseModel):
    """A paper, as the endpoints take it.

    Attributes:
        id: Its identifier, for example a PMID.
        title: Its title.
        abstract: Its abstract, or its only text.
        entities: What it is annotated with.
    """

    id: str | None = None
    title: str = ""
    abstract: str = ""
    entities: list[Entity] = []


class PaperList(BaseModel):
    """The papers of a text.

    Attributes:
        papers: The papers, in the order of the text.
        faults: What could not be read.
    """

    papers: list[PaperRecord]
    faults: list[str]


class WatchRequest(TypedRequest):
    """A request to `/v1/watch`: the relations, or hallmarks, of one paper."""

    paper: Given = Field(
        description="A text, or a record with the fields of a Paper (id, title, abstract or text, "
        "entities)."
    )
    task: str | None = Field(None, description="The name of the task; see /v1/tasks.")
    decoding: Form | None = Field(None, description="How what is written is constrained.")
    method: Literal["complete", "choose", "rank"] | None = Field(
        None, description="How results are found; rank gives all pairs of entities a probability."
    )
    entities: Literal["use", "ignore", "decoded"] | None = Field(
        None, description="Whether the entities of the paper are used."
    )
    long_texts: LongTexts | None = Field(None, description="How long texts are read.")
    least: Share | None = Field(
        None, description="Relations with a lower score are candidates, which are shown on demand."
    )


class Step(BaseModel):
    """A line of the answer of `/v1/watch`.

    Attributes:
        written: What the model has written since the line before.
        paper: The paper with its relations so far, as the page shows it.
        prediction: In the last line, the Prediction.
        warnings: In the last line, what to know of it besides.
        error: In the last line, why there is none.
    """

    written: str | None = None
    paper: dict[str, Any] | None = None
    prediction: Prediction[Result] | None = None
    warnings: list[str] | None = None
    error: Fault | None = None


def papers_of(pasted: PastedText, most: int) -> PaperList:
    """Read the papers of a text.

    Args:
        pasted: The text.
        most: How many papers it may have.

    Raises:
        Refused: It has more, or none that can be read.
    """
    records = list(islice(read_text(pasted.text, Format(pasted.format)), most + 1))
    if len(records) > most:
        raise Refused(
            400, f"the text has more than {counted(most, 'paper')}: divide it", param="text"
        )
    papers: list[PaperRecord] = []
    faults: list[str] = []
    for record in records:
        try:
            paper = _paper(record, faults)
        except InputError as error:
            # The readers name the option of commands, which is a field here.
            faults.append(str(error).replace("--format text", 'format "text"'))
        else:
            papers.append(paper)
    if not papers:
        raise Refused(400, "; ".join(faults) or "there is no text: paste one", param="text")
    return PaperList(papers=papers, faults=faults)


def _paper(record: Record, faults: list[str]) -> PaperRecord:
    if isinstance(record.value, InputError):
        raise record.value
    try:
        paper = read(Paper, record.value)
    except InputError as error:  # the text may be good where its annotations are not
        paper = read(Paper, record.value, entities=False)
        faults.append(f"{record.where}: {error}")
    faults += (f"{record.where}: {note}" for note in paper.notes)
    return PaperRecord(
        id=paper.id, title=paper.title, abstract=paper.text, entities=list(paper.entities)
    )
