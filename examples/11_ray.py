"""Papers on a Ray cluster: a run that goes on after whatever ends it, and a Ray Data program.

    pip install -c constraints.txt ".[ray]"
    python examples/11_ray.py

Without a cluster it starts one on this machine. The bundled model is for trying the software.
"""

import json
import tempfile
from pathlib import Path

import ray

from biogpt_plugins import Spec
from biogpt_plugins.corpus.run import results, run
from ray_biogpt import BioGPTMapper, Cluster, to_table

PAPERS = [
    {"id": "101", "title": "Tremor in a patient on lithium.", "text": "Lithium caused tremor."},
    {"id": "102", "title": "Hearing loss after cisplatin.", "text": "Of 84 men 27 were affected."},
    {"id": "103", "title": "Deafness after tobramycin.", "text": "It did not go away again."},
]


def a_run(folder: Path) -> None:
    """Files in, a run folder out; the same as on one machine, and either goes on with the other."""
    papers = folder / "papers.jsonl"
    papers.write_text("".join(json.dumps(paper) + "\n" for paper in PAPERS), encoding="utf-8")
    on_the_cluster = Cluster(Spec(task="bc5cdr", decoding="grounded"))
    run(on_the_cluster, [papers], folder / "my-run", chunk_size=2)
    for prediction in results(folder / "my-run"):
        print(prediction.id, *prediction.result, sep="  ")


def a_program(folder: Path) -> None:
    """Rows in, rows out, and a table of what was found."""
    papers = ray.data.from_items(PAPERS)
    predicted = papers.map_batches(
        BioGPTMapper,
        fn_constructor_kwargs={"model": "demo", "task": "bc5cdr", "decoding": "grounded"},
        compute=ray.data.ActorPoolStrategy(size=1),  # num_gpus=1 gives each a GPU of its own
        batch_size=64,
    )
    predicted.map_batches(to_table).write_parquet(str(folder / "found"))
    found = ray.data.read_parquet(str(folder / "found")).select_columns(
        ["id", "relation", "head_text", "tail_text"]
    )
    for row in sorted(found.take_all(), key=lambda row: row["id"]):
        print(row)


def main() -> None:
    """Do both in a folder that is removed in the end."""
    ray.data.DataContext.get_current().enable_progress_bars = False
    with tempfile.TemporaryDirectory() as folder:
        a_run(Path(folder))
        a_program(Path(folder))
    ray.shutdown()


if __name__ == "__main__":
    main()
