"""Invents a spreadsheet of labelled sentences: genes that promote or suppress phenotypes.

A document has 2 to 4 sentences on one gene, so that sentences of a document are alike.

    python make_sheet.py labels.csv
"""

import csv
import random
import sys

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


chance = random.Random(19)
rows = []
for number in range(1, DOCUMENTS + 1):
    gene = "".join(chance.choices("ABCDEFGHKLMNPRSTWXYZ", k=3)) + str(chance.randint(1, 29))
    for _ in range(chance.randint(2, 4)):
        phenotype = f"{chance.choice(ORGANS)} {chance.choice(CHANGES)}"
        type_ = chance.choices(list(SAYS), weights=(2, 2, 1))[0]
        text = chance.choice(SAYS[type_]).format(gene=gene, phenotype=phenotype)
        relation = (gene, type_, phenotype) if type_ else ("", "", "")
        rows.append((f"P{number:03}", text[0].upper() + text[1:], *relation))

with open(sys.argv[1], "w", newline="", encoding="utf-8") as file:
    table = csv.writer(file)
    table.writerow(("document", "text", "head", "type", "tail"))
    table.writerows(dict.fromkeys(rows))
