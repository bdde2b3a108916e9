"""A Pipeline for Ray Data programs of one's own, batch by batch; example 11 is such a program."""

import pickle
import subprocess
import sys

import bundled
import numpy as np
import pytest
from doubles import unscored_all

from biogpt_plugins import Spec, load
from biogpt_plugins.corpus.export.parquet import schema
from biogpt_plugins.values.results import Prediction
from biogpt_plugins.values.table import rows

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


def test_it_is_its_spec():
    mapper = ray_biogpt.BioGPTMapper("demo", min_score=0.5, allow_pickle=True)
    assert mapper.spec == Spec(min_score=0.5, allow_pickle=True)
    assert repr(mapper) == "BioGPTMapper(model='demo', min_score=0.5, allow_pickle=True)"
    again = pickle.loads(pickle.dumps(mapper))
    assert again.spec == Spec(min_score=0.5)
    assert again.pipeline is Spec(min_score=0.5).pipeline()


def test_cells_that_are_empty_are_no_fields():
    title, abstract = bundled.case().values()
    batch = {"title": column(title, None), "abstract": column(None, abstract)}
    found = predictions(ray_biogpt.BioGPTMapper("demo", "bc5cdr")(batch))
    expected = load("demo", "bc5cdr").run([{"title": title}, {"abstract": abstract}])
    assert unscored_all(found) == unscored_all(expected)
    assert "InputError" not in {one.error and one.error.type for one in found}
    numbers = {"abstract": column("A.", "B."), "id": np.array([np.nan, 2.0])}
    assert [one.id for one in predictions(ray_biogpt.BioGPTMapper()(numbers))] == [None, "2"]


def test_a_table():
    mapper = ray_biogpt.BioGPTMapper("demo", "pubmedqa", decoding=None)
    batch = mapper({"question": column("Does it?"), "context": column(TEXTS[0])})
    table = ray_biogpt.to_table(batch)
    (row,) = table.to_pylist()
    assert table.schema == schema()  # whatever the batch has
    (prediction,) = predictions(batch)
    assert [row] == list(rows(prediction, question="Does it?"))
    assert (row["kind"], row["question"]) == ("answer", "Does it?")


def test_without_ray():
    code = (
        "import sys; sys.modules['ray.data'] = sys.modules['ray'] = None\n"
        "from biogpt_plugins.values.errors import MissingExtraError\n"
        "try:\n    import ray_biogpt\n"
        "except MissingExtraError as error:\n    print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ways = 'pip install "biogpt-plugins[ray]", or in a checkout pip install -e ".[ray]"'
    assert said.stdout == f"ray_biogpt needs Ray: {ways}\n"


def test_importing_it_loads_no_torch():
    code = "import sys, ray_biogpt; sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)
