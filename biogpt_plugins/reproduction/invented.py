"""Invented papers in the form of the official files, for a trial without network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from biogpt_plugins.reproduction.published import Published
from biogpt_plugins.scoring.gold import TABLES
from biogpt_plugins.tasks import hoc, pubmedqa

_DRUGS = ("aspirin", "lithium", "cisplatin", "warfarin", "digoxin")
_HARMS = ("tremor", "gastric ulcer", "renal failure", "hearing loss")
_TARGETS = ("Cyclooxygenase 2 (COX-2)", "Histamine H1 receptor (H1R)")
_PAIRS = [(drug, harm) for drug in _DRUGS for harm in _HARMS]
_IDS = {name: f"D{number:06}" for number, name in enumerate((*_DRUGS, *_HARMS), start=1)}


def invent(published: Published, folder: Path) -> None:
    """Write the files of a task into a folder, with 20 papers each."""
    folder.mkdir(parents=True, exist_ok=True)
    form = _LINES.get(published.task) or _ENTRIES[published.task]
    for name, start in ((published.train, 1), (published.test, 101)):
        papers: list[Any] = [form(start + n, *pair) for n, pair in enumerate(_PAIRS)]
        if published.task in _LINES:
            text = "".join(papers)
        else:
            text = json.dumps({str(start + n): paper for n, paper in enumerate(papers)}, indent=4)
        (folder / name).write_text(text, encoding="utf-8")
    if published.beside:
        names = (_DRUGS, _HARMS)
        tables = {t: {name: _IDS[name] for name in n} for t, n in zip(TABLES, names, strict=True)}
        (folder / published.beside).write_text(json.dumps(tables, indent=4), encoding="utf-8")


def _cdr(number: int, drug: str, harm: str) -> dict[str, Any]:
    chemicals, diseases = TABLES
    return {
        "title": f"{drug.capitalize()}-induced {harm}: report {number}.",
        "abstract": f"Two patients developed {harm} while they took {drug}.",
        "relations": [{"chemical": _IDS[drug], "disease": _IDS[harm]}],
        chemicals: {drug: _IDS[drug]},
        diseases: {harm: _IDS[harm]},
    }


def _ddi(number: int, drug: str, harm: str) -> dict[str, Any]:
    return {
        "abstract": f"{drug.capitalize()} with alcohol led to {harm} in {number} patients.",
        "triples": [_triple(drug.capitalize(), "alcohol", "effect")],
        "pmid": str(number),
    }


def _kd_dti(number: int, drug: str, harm: str) -> dict[str, Any]:
    target = _TARGETS[number % 2]
    return {
        "title": f"How {drug} acts in {harm}",
        "abstract": f"We found that {drug} inhibits {target} in {number} samples.",
        "triples": [_triple(drug.capitalize(), target, "inhibitor")],
        "pmid": str(number),
    }


def _triple(drug: str, target: str, interaction: str) -> dict[str, Any]:
    return {"drug": drug, "target": target, "interaction": interaction, "modify": False}


def _hoc(number: int, drug: str, harm: str) -> str:
    label = (*hoc.LABELS, hoc.EMPTY)[number % (len(hoc.LABELS) + 1)]
    return f"In {number} cells {drug} , which can cause {harm} , acted by {label} .\t{label}\n\n"


def _pubmedqa(number: int, drug: str, harm: str) -> str:
    label = pubmedqa.LABELS[number % len(pubmedqa.LABELS)]
    return (
        f"question: Does {drug} cause {harm}? context: We asked {number} patients. answer: "
        f"The answer of most of them was {label}.\t{label}\n"
    )


_ENTRIES = {"bc5cdr": _cdr, "ddi": _ddi, "kd_dti": _kd_dti}
_LINES = {"hoc": _hoc, "pubmedqa_reasoning_free": _pubmedqa}
