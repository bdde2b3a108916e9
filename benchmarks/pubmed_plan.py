"""How long PubMed's baseline takes, by what was measured and the one figure that a reader brings.

python benchmarks/pubmed_plan.py 40             # papers a second of one GPU: hours, disk
python benchmarks/pubmed_plan.py 40 --gpus 4 --titles 90 --citations 1e6
python benchmarks/pubmed_plan.py --write        # the tables of docs/pubmed.md, from the results
"""

import argparse
import sys

from pubmed import figures, hours, tables
from pubmed.figures import BASELINE

_GPUS = 8


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return number


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    known = BASELINE.citations
    for name, default, what in (
        ("rate", None, "papers a second of one GPU, as `biogpt extract --run` tells it"),
        (
            "--titles",
            None,
            "the same of citations without an abstract; as the others",
        ),
        ("--gpus", _GPUS, f"how many; {_GPUS} if left out"),
        ("--citations", known, f"how many; {known:,} if left out, the baseline of 2025"),
        ("--relations", 1.0, "those found in a citation, for the disk; 1 if left out"),
    ):
        only = {} if name.startswith("--") else {"nargs": "?"}
        parser.add_argument(name, type=_positive, default=default, help=what, **only)
    parser.add_argument("--write", action="store_true", help="write the tables of docs/pubmed.md")
    given = parser.parse_args()
    found = figures.read()
    if given.write:
        tables.write(found)
    if given.rate:
        rate = hours.mixed(given.rate, given.titles or given.rate, BASELINE.abstracts)
        lines = hours.told(rate, int(given.gpus), int(given.citations), found, given.relations)
        sys.stdout.write("\n".join(lines) + "\n")
    elif not given.write:
        parser.error("give the papers a second of one GPU, or --write")


if __name__ == "__main__":
    _main()
