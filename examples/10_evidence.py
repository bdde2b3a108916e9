"""What relations rest on, and what several papers come to, on the bundled model.

    python examples/10_evidence.py

The bundled model is for trying the software. For medicine, name one that was trained for your task:
`load("path/to/BioGPT-BC5CDR", dictionary="mesh.csv")`.
"""

from biogpt_plugins import EntityDictionary, aggregate, load

PAPERS = [
    {
        "id": "101",
        "title": "Nephrotoxicity of cyclosporine A (CsA) in rats.",
        "abstract": "Twelve rats were given CsA. CsA caused nephrotoxicity in all of them.",
    },
    {
        "id": "102",
        "title": "Cyclosporine A-induced nephrotoxicity in children.",
        "abstract": "Ten children received cyclosporine A. Nephrotoxicity was caused by "
        "cyclosporine A in five. In the others, cyclosporine A did not cause nephrotoxicity.",
    },
    {
        "id": "103",
        "title": "Hearing loss after cisplatin.",
        "abstract": "Of 84 men treated with cisplatin, 27 developed hearing loss. Cisplatin may "
        "cause hearing loss at low doses as well.",
    },
]
MESH = EntityDictionary(
    [
        ("cyclosporine A", "D016572", "chemical"),
        ("cisplatin", "D002945", "chemical"),
        ("nephrotoxicity", "D007674", "disease"),
        ("hearing loss", "D034381", "disease"),
    ]
)


def main() -> None:
    """Read three papers, show the evidence, and make edges of it."""
    predictions = load("demo", "bc5cdr", dictionary=MESH).run(PAPERS)
    for prediction in predictions:
        for relation in prediction.result or []:
            ends = (relation.head, relation.tail)
            print(f"{prediction.id}: {relation}", *(f"{end.canonical}={end.id}" for end in ends))
            for sentence in relation.evidence:
                cues = "".join(f" [{cue.kind}: {cue.text}]" for cue in sentence.cues)
                print(f"    {sentence.start}:{sentence.end} {sentence.text}{cues}")
    print()
    for edge in aggregate(predictions):
        print(
            f"{edge}: stated in {', '.join(edge.supporting) or 'none'}, possible in "
            f"{', '.join(edge.speculating) or 'none'}, negated in "
            f"{', '.join(edge.contradicting) or 'none'}"
        )


if __name__ == "__main__":
    main()
