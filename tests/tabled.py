"""Predictions of every kind with every field, for tests of tables, and the way back from rows."""

from biogpt_plugins.values.results import (
    Answer,
    Confidence,
    Cue,
    Entity,
    Evidence,
    Failure,
    Hallmarks,
    Prediction,
    Relation,
    Usage,
)

ODD = 'A "b" <c> & 𝛼;\td|e\r\nf\x00g'


def _full():
    """A relation without any field left out."""
    cues = (
        Cue(kind="negation", text="no", start=10, end=12),
        Cue(kind="speculation", text="may", start=20, end=23),
    )
    return Relation(
        head=Entity(
            text="CsA",
            type="chemical",
            start=40,
            end=43,
            id="D016572",
            name="csa",
            long_form="cyclosporine A",
            short_form="CsA",
            part="title",
            id_match="abbreviation",
        ),
        type="CID",
        tail=Entity(
            text=ODD,
            type="disease",
            start=50,
            end=50 + len(ODD),
            id=ODD,
            name="o d d",
            long_form=f"{ODD} in full",
            short_form=ODD,
            part="title",
            id_match="exact",
        ),
        score=0.5,
        confidence=Confidence(clause=0.125, head=0.75, tail=0.1, type=0.3),
        agreement=0.8,
        evidence=(
            Evidence(text="One.", start=0, end=4, holds="head", cues=cues, part="title"),
            Evidence(text=ODD, start=50, end=50 + len(ODD), holds="tail"),
        ),
    )


PLAIN = Relation(
    head=Entity(text="zinc", type="chemical"), type="CID", tail=Entity(text="rash", type="disease")
)
SHARES = {"yes": 0.7, "no": 0.2, "maybe": 0.1}
RAW = {"yes": 0.5, "no": 0.2, "maybe": 0.3}
EVERY = [
    Prediction(
        id="1",
        section="Results / Renal function",
        task="bc5cdr",
        model="demo",
        result=[_full(), PLAIN],
        completion="the relation between csa and o d d exists.",
        finish_reason="stop",
        usage=Usage(prompt_tokens=100, completion_tokens=9),
        truncated_tokens=7,
        warnings=("One thing.", ODD),
    ),
    Prediction(id="1", section="Discussion", task="bc5cdr", result=[PLAIN]),
    Prediction(id="2", task="bc5cdr", result=[], completion="no relation."),
    Prediction(task="bc5cdr", error=Failure(type="InputError", message=ODD)),
    Prediction(id="3", task="ddi", error=Failure(type="ParseError", message=""), completion=ODD),
    Prediction(
        id="4",
        task="pubmedqa",
        result=Answer(label="yes", probabilities=SHARES, uncalibrated=RAW),
    ),
    Prediction(
        id="5",
        task="pubmedqa",
        result=Answer(abstained="not sure enough", probabilities={"yes": 0.6, "no": 0.4}),
    ),
    Prediction(id="6", task="pubmedqa_reasoning_free", result=Answer(label="maybe")),
    Prediction(id="7", task="hoc", result=Hallmarks(labels=("angiogenesis", "genome instability"))),
    Prediction(id="8", task="hoc", result=Hallmarks()),
    Prediction(id="9", task="describe", result="is a disease."),
    Prediction(id=ODD, task="generate", result=""),
]


def rebuilt(rows):
    """Predictions back from rows in their order."""
    groups = []
    for row in rows:
        if row["number"] == 0:
            groups.append([])
        assert row["number"] == len(groups[-1])
        groups[-1].append(row)
    return [_prediction(group) for group in groups]


def _prediction(rows):
    first = rows[0]
    fields = ("id", "section", "task", "model", "completion", "finish_reason", "truncated_tokens")
    said = {field: first[field] for field in fields}
    usage = {field: first[field] for field in ("prompt_tokens", "completion_tokens")}
    said |= {"usage": Usage(**usage), "warnings": tuple(first["warnings"])}
    if first["kind"] == "failure":
        error = Failure(type=first["error_type"], message=first["error_message"])
        return Prediction(error=error, **said)
    return Prediction(result=_result(rows), **said)


def _result(rows):
    first = rows[0]
    match first["kind"]:
        case "relation":
            return [_relation(row) for row in rows]
        case "answer":
            return Answer(
                label=first["label"],
                abstained=first["abstained"],
                probabilities=_of(first, "probability"),
                uncalibrated=_of(first, "uncalibrated"),
            )
        case "hallmark":
            return Hallmarks(labels=tuple(row["label"] for row in rows))
        case "text":
            return first["text"]
        case "nothing":
            return Hallmarks() if first["task"] == "hoc" else []


def _relation(row):
    confidence = _of(row, "confidence")
    return Relation(
        head=Entity(**_of(row, "head")),
        type=row["relation"],
        tail=Entity(**_of(row, "tail")),
        score=row["score"],
        confidence=confidence and Confidence(**confidence),
        agreement=row["agreement"],
        evidence=tuple(Evidence.model_validate(one) for one in row["evidence"]),
    )


def _of(row, name):
    """What columns that begin with a name hold; None if that is nothing."""
    found = {key: value for key, value in row.items() if key.startswith(f"{name}_")}
    return {key[len(name) + 1 :]: v for key, v in found.items() if v is not None} or None
