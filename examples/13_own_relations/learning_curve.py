"""How good a model is after 50, 100 and 200 labelled texts, measured on texts of other documents.

sh run.sh . && python learning_curve.py .

Prints a table and, where matplotlib is installed, draws learning_curve.png.
"""

import argparse
import json
from pathlib import Path

from biogpt_plugins import load
from biogpt_plugins.corpus import read_gold
from biogpt_plugins.evaluation import evaluate
from biogpt_plugins.training import finetune

try:
    from matplotlib.figure import Figure
except ImportError:
    Figure = None

TASK = str(Path(__file__).parent / "regulates.toml")
SIZES = (50, 100, 200)
parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("folder", type=Path, help="has parts/train.jsonl and parts/test.jsonl")
parser.add_argument("updates", nargs="?", type=int, default=100, help="of each model (100)")
asked = parser.parse_args()
folder = asked.folder

gold = read_gold(folder / "parts" / "test.jsonl", TASK)
lines = (folder / "parts" / "train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
lines.sort(key=lambda line: json.loads(line)["document"])  # few texts are of few documents

figures = []
print(f"texts    F1  (95 % interval over {len(gold.documents)} texts of other documents)")
for size in SIZES:
    place = folder / "curve" / str(size)
    place.mkdir(parents=True, exist_ok=True)
    train = place / "train.jsonl"
    train.write_text("".join(lines[:size]), encoding="utf-8")
    options = {"max_steps": asked.updates, "learning_rate": 3e-4, "overwrite": True}
    trained = finetune(TASK, train=train, model="demo", out=place / "model", **options)
    pipeline = load(trained.folder, TASK, decoding="grounded")
    found = list(pipeline.run([document.input for document in gold.documents]))
    score = evaluate(gold, found).default
    figures.append([100 * f for f in (score.value, score.interval.low, score.interval.high)])
    print("{:5} {:5.1f}  ({:.1f} to {:.1f})".format(size, *figures[-1]), flush=True)

if Figure:
    image = Figure(figsize=(5, 3.5), layout="constrained")
    axes = image.subplots()
    values, lows, highs = zip(*figures, strict=True)
    axes.plot(SIZES, values, marker="o")
    axes.fill_between(SIZES, lows, highs, alpha=0.2)
    axes.set(xlabel="labelled texts", ylabel="F1 on other documents", ylim=(0, 100), xticks=SIZES)
    image.savefig(folder / "learning_curve.png", dpi=120)
    print(f"drawn in {folder / 'learning_curve.png'}")
