"""Invents a spreadsheet of labelled sentences: genes that promote or suppress phenotypes.

A document has 2 to 4 sentences on one gene, so that sentences of a document are alike.

    python make_sheet.py labels.csv
    python make_sheet.py --new new.jsonl    # ten other documents, without labels
"""

import argparse
import csv
import json
import random
from collections.abc import Iterator
from itertools import groupby

DOCUMENTS = 90
ORGANS = ("leaf", "root", "seed", "stem", "wing", "eye", "bone", "muscle", "hair", "tail")
CHANGES = ("growth", "senescence", "pigmentation", "thickening", "regeneration", "curling", "loss")
SAYS = {
    "PROMOTES": (
        "{gene} promoted {phenotype} in all lines.",
        "Loss of {gene} delayed {phenotype}.",
        "Plants and flies with more {gene} showed stronger {phenotype}.",
        "{phenotype} was enhanced by {gene}.",
        "Without {gene} there was hardly any {phenotype}.",
    ),
    "SUPPRESSES": (
        "{gene} suppressed {phenotype} in all lines.",
        "Loss of {gene} led to early {phenotype}.",
        "Overexpression of {gene} prevented {phenotype}.",
        "{phenotype} was inhibited by {gene}.",
        "Mutants of {gene} had excessive {phenotype}.",
    ),
    None: (
        "{gene} was sequenced in animals with {phenotype}.",
        "We scored {phenotype} before we cloned {gene}.",
        "{gene} had no effect on {phenotype}.",
    ),
}


def documents(first: int, count: int) -> Iterator[tuple[str, str, tuple[str, str, str]]]:
    """The name, a sentence and its relation, sentence by sentence; the first number is the seed."""
    chance = random.Random(first + 18)
    for number in range(first, first + count):
        gene = "".join(chance.choices("ABCDEFGHKLMNPRSTWXYZ", k=3)) + str(chance.randint(1, 29))
        for _ in range(chance.randint(2, 4)):
            phenotype = f"{chance.choice(ORGANS)} {chance.choice(CHANGES)}"
            type_ = chance.choices(list(SAYS), weights=(2, 2, 1))[0]
            text = chance.choice(SAYS[type_]).format(gene=gene, phenotype=phenotype)
            relation = (gene, type_, phenotype) if type_ else ("", "", "")
            yield f"P{number:03}", text[0].upper() + text[1:], relation


def main() -> None:
    """Write labelled sentences as CSV, or new ones as JSON Lines."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", help="where the spreadsheet goes")
    parser.add_argument("--new", action="store_true", help="other sentences, as JSONL, unlabelled")
    asked = parser.parse_args()
    with open(asked.file, "w", newline="", encoding="utf-8") as file:
        if asked.new:
            for name, its in groupby(documents(101, 10), key=lambda row: row[0]):
                for number, (_, text, _) in enumerate(its, start=1):
                    file.write(json.dumps({"id": f"{name}:{number}", "text": text}) + "\n")
            return
        table = csv.writer(file)
        table.writerow(("document", "text", "head", "type", "tail"))
        rows = ((name, text, *relation) for name, text, relation in documents(1, DOCUMENTS))
        table.writerows(dict.fromkeys(rows))


if __name__ == "__main__":
    main()
