"""Small files in the form that microsoft/BioGPT publishes, 22 papers each."""

import json

NAMES = [
    (drug, harm)
    for drug in ("aspirin", "lithium", "warfarin")
    for harm in ("gastric ulcer", "tremor", "renal failure")
] * 3
NAMES = NAMES[:22]
DRUGS = {"aspirin": "D001241", "lithium": "D008094", "warfarin": "D014859"}
HARMS = {"gastric ulcer": "D013276", "tremor": "D014202", "renal failure": "D051437"}


def bc5cdr(start):
    return {
        str(start + n): {
            "title": f"{drug.capitalize()}-induced {harm}.",
            "abstract": f"{harm} in patients with {drug}, no treatment.",
            "relations": [{"chemical": DRUGS[drug], "disease": HARMS[harm]}] if n else [],
            "chemical2id": {drug: DRUGS[drug], "li": "D008094"},
            "disease2id": {harm: HARMS[harm]},
        }
        for n, (drug, harm) in enumerate(NAMES)
    }


def ddi(start):
    return {
        f"DDI-DrugBank.d{start + n}": {
            "abstract": f"{drug.capitalize()} increases risk of {harm} after warfarin. ",
            "triples": [
                {"drug": drug.upper(), "target": "warfarin", "interaction": kind, "modify": False}
                for kind in ("effect", "advise")
            ],
            "pmid": f"DDI-DrugBank.d{start + n}",
        }
        for n, (drug, harm) in enumerate(NAMES)
    }


def kd_dti(start):
    """As published: some names are not there, but their ids in DrugBank."""
    triples = [
        ("DrugBank####DB08813", "DrugBank####BE0000280", "potentiator"),
        ("CP-470,711", "Sorbitoldehydrogenase (SORD)", "inhibitor"),
    ]
    return {
        str(start + n): {
            "title": f"Effect of {drug} in {harm}",
            "abstract": f"The study is of {drug} &gt; patients.",
            "triples": [dict(zip(("drug", "target", "interaction"), triples[n % 2], strict=True))],
            "pmid": str(start + n),
        }
        for n, (drug, harm) in enumerate(NAMES)
    }


def hoc(start):
    labels = ("empty", "resisting cell death|cellular energetics")
    return "\n".join(
        f"In {start + n} patients {drug} ( after treatment ) increases {harm} .\t{labels[n % 2]}\n"
        for n, (drug, harm) in enumerate(NAMES)
    )


def pubmedqa(start):
    labels = ("yes", "no", "maybe")
    return "".join(
        f"question: Is {drug} in {harm}? context: {start + n} patients. answer: "
        f"The answer is no effect.\t{labels[n // 8]}\n"
        for n, (drug, harm) in enumerate(NAMES)
    )


FOLDERS = {
    "bc5cdr": "data/BC5CDR/raw",
    "ddi": "data/DDI/raw",
    "kd_dti": "data/KD-DTI/raw",
    "hoc": "data/HoC/raw",
    "pubmedqa": "data/PubMedQA/raw",
}


def files(figure):
    """The bytes of a figure's files by their paths in the repository."""
    form = globals()[figure]
    made = {}
    for name, start in (("train", 1000), ("test", 2000)):
        rows = form(start)
        ending, text = ("tsv", rows) if isinstance(rows, str) else ("json", _json(rows))
        made[f"{FOLDERS[figure]}/{name}.{ending}"] = text.encode()
    if figure == "bc5cdr":
        tables = {"chemical2id": {**DRUGS, "li": "D008094"}, "disease2id": HARMS}
        made[f"{FOLDERS[figure]}/test.entities.json"] = _json(tables).encode()
    return made


def write(figure, folder):
    """Write the files below a folder, as in the repository; the folder."""
    for path, data in files(figure).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def _json(value):
    return json.dumps(value, indent=4)
