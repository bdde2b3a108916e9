"""A paper that kills every worker, on a Ray of its own: Ray may keep a worker afterwards."""

import json
from functools import partial

import local_ray
import pytest
from ray_marks import MARKS

from biogpt_plugins.corpus.run import outcomes, run
from biogpt_plugins.values.errors import EngineError

ray_biogpt = pytest.importorskip("ray_biogpt", reason="Ray is not installed")

pytestmark = MARKS


@pytest.fixture(autouse=True)
def cluster():
    with local_ray.local_ray():
        yield


def test_a_paper_that_kills_each_worker_ends_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr("ray_biogpt.cluster._TRIES", 2)
    texts = [f"drug{n} caused illness{n}." for n in range(200)]
    lines = ({"id": n, "title": "A case.", "text": text} for n, text in enumerate(texts))
    papers, folder = tmp_path / "papers.jsonl", tmp_path / "run"
    papers.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    run(local_ray.ruled(), [papers], tmp_path / "plain")
    plain = list(outcomes(tmp_path / "plain"))
    on_ray = ray_biogpt.Cluster(partial(local_ray.deadly, "drug60 "), cpus=1)
    with pytest.raises(EngineError, match=r"^2 workers died at the same papers: .*--chunk"):
        run(on_ray, [papers], folder, chunk_size=8)
    kept = list(outcomes(folder))
    assert kept == plain[: len(kept)]
    assert len(kept) <= 56, "not beyond the portion of eight that kills"
