"""A Pipeline in a Ray Data program of one's own."""

import subprocess
import sys

import local_ray
import numpy as np
import pytest

from biogpt_plugins import load
from biogpt_plugins.results import Prediction
from biogpt_plugins.table import rows

ray_biogpt = pytest.importorskip("ray_biogpt", reason="Ray is not installed")

TEXTS = ["Tremor in a patient on lithium. The tremor vanished.", "Deafness after tobramycin.", ""]


def column(*values):
    return np.array(values, dtype=object)


def predictions(batch):
    return [Prediction.model_validate_json(one) for one in batch["prediction"]]


def test_a_batch_keeps_its_columns_and_gets_predictions():
    batch = {"pmid": np.array([7, 8, 9]), "text": column(*TEXTS), "year": np.array([1.0, 2.0, 3.0])}
    found = ray_biogpt.BioGPTMapper("demo", "bc5cdr")(batch)
    assert list(found) == ["pmid", "text", "year", "prediction"]
    assert found["year"] is batch["year"]
    first, second, third = predictions(found)
    assert [one.id for one in (first, second, third)] == ["7", "8", "9"]
    pipeline = load("demo", "bc5cdr")
    inputs = [{"id": 7, "text": TEXTS[0]}, {"id": 8, "text": TEXTS[1]}]
    assert [first, second] == pipeline.run(inputs)
    assert third.error.type == "InputError"


def test_cells_that_are_empty_are_no_fields():
    batch = {"title": column("Deafness after tobramycin.", None), "abstract": column(None, "A.")}
    one, two = predictions(ray_biogpt.BioGPTMapper("demo", "bc5cdr")(batch))
    assert one.ok
    assert two.ok
    numbers = {"abstract": column("A.", "B."), "id": np.array([np.nan, 2.0])}
    assert [one.id for one in predictions(ray_biogpt.BioGPTMapper()(numbers))] == [None, "2"]


def test_a_table():
    mapper = ray_biogpt.BioGPTMapper("demo", "pubmedqa", decoding=None)
    batch = mapper({"question": column("Does it?"), "context": column(TEXTS[0])})
    (row,) = ray_biogpt.to_table(batch).to_pylist()
    (prediction,) = predictions(batch)
    assert [row] == list(rows(prediction, question="Does it?"))
    assert (row["kind"], row["question"]) == ("answer", "Does it?")


@pytest.mark.enable_socket
@pytest.mark.filterwarnings("ignore")
def test_a_program(tmp_path):
    import pyarrow.parquet as pq

    with local_ray.local_ray():
        import ray

        papers = ray.data.from_items([{"id": n, "text": text} for n, text in enumerate(TEXTS)])
        found = papers.map_batches(
            ray_biogpt.BioGPTMapper,
            fn_constructor_kwargs={"model": "demo", "task": "bc5cdr"},
            compute=ray.data.ActorPoolStrategy(size=1),
        )
        found.map_batches(ray_biogpt.to_table).write_parquet(str(tmp_path))
    told = pq.read_table(tmp_path).to_pylist()
    assert {row["id"] for row in told} == {"0", "1", "2"}
    assert {row["kind"] for row in told if row["id"] == "2"} == {"failure"}
    alone = load("demo", "bc5cdr").run([{"id": 0, "text": TEXTS[0]}])[0]
    heads = [row["head_text"] for row in told if row["id"] == "0"]
    assert heads == [relation.head.text for relation in alone.result]


def test_without_ray():
    code = (
        "import sys; sys.modules['ray.data'] = sys.modules['ray'] = None\n"
        "from biogpt_plugins.errors import MissingExtraError\n"
        "try:\n    import ray_biogpt\n"
        "except MissingExtraError as error:\n    print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == 'ray_biogpt needs Ray: pip install "biogpt-plugins[ray]"\n'


def test_importing_it_loads_no_torch():
    code = "import sys, ray_biogpt; sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)
