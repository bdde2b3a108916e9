"""Runs on a real Ray of two workers: the same as plain runs, whoever dies."""

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import local_ray
import pytest
from ray_marks import MARKS

from biogpt_plugins import Spec
from biogpt_plugins.corpus import Format, Sections
from biogpt_plugins.corpus.run import Watcher, outcomes, results, run
from biogpt_plugins.values.errors import InputError, NotABioGPTError

ray_biogpt = pytest.importorskip("ray_biogpt", reason="Ray is not installed")

pytestmark = MARKS

Cluster = partial(ray_biogpt.Cluster, cpus=1)


DRIVER = Path(local_ray.__file__).with_name("run_driver.py")


@pytest.fixture(scope="module", autouse=True)
def cluster():
    with local_ray.local_ray():
        yield


@pytest.fixture
def address():
    import ray

    return ray.get_runtime_context().gcs_address


def write(path, texts):
    lines = ({"id": n, "title": "A case.", "text": text} for n, text in enumerate(texts))
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def generated(number, start=0):
    return [f"drug{n} caused illness{n}." for n in range(start, start + number)]


@pytest.fixture
def papers(tmp_path):
    return write(tmp_path / "papers.jsonl", generated(200))


@pytest.fixture
def plain(papers, tmp_path):
    run(local_ray.ruled(), [papers], tmp_path / "plain")
    return list(outcomes(tmp_path / "plain"))


def asked(folder):
    return [line for file in folder.glob("asked-*") for line in file.read_text().splitlines()]


def test_it_is_the_same_run(papers, plain, tmp_path):
    seen = []
    watcher = Watcher(done=lambda outcome: seen.append(outcome.where))
    counts = run(
        Cluster(partial(local_ray.dying, str(tmp_path))),
        [papers],
        tmp_path / "run",
        chunk_size=8,
        watcher=watcher,
    )
    assert counts == (200, 0, 0)
    assert list(outcomes(tmp_path / "run")) == plain
    assert seen == [one.where for one in plain]
    assert sorted(asked(tmp_path)) == sorted(f"A case. {text}" for text in generated(200))
    assert len(list(tmp_path.glob("asked-*"))) == 2
    manifests = [
        json.loads((tmp_path / name / "run.json").read_text()) for name in ("plain", "run")
    ]
    assert manifests[0]["settings"] == manifests[1]["settings"]
    assert " x 2 (Ray " in manifests[1]["starts"][0]["device"]


@pytest.mark.slow
def test_either_goes_on_with_what_the_other_began(papers, plain, tmp_path):
    folder = tmp_path / "run"
    run(local_ray.ruled(), [papers], folder, limit=30)
    on_ray = Cluster(partial(local_ray.dying, str(tmp_path)))
    assert run(on_ray, [papers], folder, limit=110, chunk_size=8) == (110, 0, 0)
    assert len(asked(tmp_path)) == 80
    last = local_ray.ruled()
    run(last, [papers], folder)
    assert len(last.engine.history) == 90
    assert list(outcomes(folder)) == plain


def test_a_worker_that_dies_is_replaced_and_nothing_lost_or_doubled(papers, plain, tmp_path):
    load = partial(local_ray.dying, str(tmp_path), "drug60 ")
    run(Cluster(load), [papers], tmp_path / "run", chunk_size=8)
    assert (tmp_path / "worker-died").exists()
    assert len(list(tmp_path.glob("asked-*"))) == 3
    assert list(outcomes(tmp_path / "run")) == plain


@pytest.mark.slow
def test_a_reader_that_dies_is_replaced_and_nothing_lost_or_doubled(tmp_path):
    texts = [*generated(60), *generated(60)]
    papers = write(tmp_path / "papers.jsonl", texts)
    mark = tmp_path / "reader-died"
    lines = papers.read_text().splitlines(keepends=True)
    lines[90] = lines[90].replace("A case.", f"Stop here. {mark}")
    papers.write_text("".join(lines))
    run(Cluster(local_ray.dying_reader), [papers], tmp_path / "run", chunk_size=8)
    assert mark.exists()
    found = list(outcomes(tmp_path / "run"))
    assert [one.record for one in found] == list(range(120))
    assert [one.prediction.result[0].head.name for one in found] == [x.split()[0] for x in texts]
    assert [one.record for one in found[60:] if one.same_as is None] == [90]


@pytest.mark.slow
def test_identical_texts_are_asked_once_also_those_of_an_earlier_start(tmp_path):
    texts = [*generated(20), *generated(20), "nothing", "nothing"]
    papers = write(tmp_path / "papers.jsonl", texts)
    folder = tmp_path / "run"
    on_ray = Cluster(partial(local_ray.dying, str(tmp_path)))
    assert run(on_ray, [papers], folder, chunk_size=4) == (42, 0, 21)
    assert len(asked(tmp_path)) == 21
    more = write(tmp_path / "more.jsonl", ["drug99 caused illness1.", *generated(3)])
    assert run(on_ray, [papers, more], folder, chunk_size=4) == (46, 0, 24)
    assert len(asked(tmp_path)) == 22
    run(local_ray.ruled(), [papers, more], tmp_path / "plain", chunk_size=50)
    assert list(outcomes(folder)) == list(outcomes(tmp_path / "plain"))


def test_failures_broken_records_and_long_texts_are_those_of_a_plain_run(tmp_path):
    long = " ".join(generated(80))
    papers = write(tmp_path / "papers.jsonl", [*generated(3), long, long])
    with papers.open("a") as file:
        file.write('{"id": 7\n{"id": 8, "text": " "}\n')
    options = {"sections": Sections.all, "chunk_size": 2}
    small = partial(local_ray.ruled, 160)
    counts = run(Cluster(small), [papers], tmp_path / "run", **options)
    assert counts == (7, 2, 1)
    assert counts == run(small(), [papers], tmp_path / "plain", **options)
    found = list(outcomes(tmp_path / "run"))
    assert found == list(outcomes(tmp_path / "plain"))
    assert len(found[3].prediction.result) == 80


@pytest.mark.slow
def test_a_text_that_failed_fails_wherever_it_stands(tmp_path):
    papers = write(tmp_path / "papers.jsonl", [*generated(5), *generated(5)])
    counts = run(Cluster(local_ray.broken), [papers], tmp_path / "run", chunk_size=2)
    assert counts == (10, 10, 5)
    found = list(results(tmp_path / "run"))
    assert {one.error.type for one in found} == {"EngineError"}
    assert [one.id for one in found] == [str(n) for n in range(10)]


@pytest.mark.slow
def test_where_reading_ends_what_came_before_is_kept(papers, tmp_path):
    with papers.open("a") as file:
        file.write('{"id": 7\n')
    with pytest.raises(InputError, match=r"papers\.jsonl:201: not JSON"):
        run(Cluster(local_ray.ruled), [papers], tmp_path / "run", strict=True)
    assert len(list(outcomes(tmp_path / "run"))) == 200


@pytest.mark.slow
def test_no_records(tmp_path):
    (tmp_path / "papers.jsonl").touch()
    papers = [tmp_path / "papers.jsonl"]
    counts = run(Cluster(local_ray.ruled), papers, tmp_path / "run", form=Format.jsonl)
    assert counts == (0, 0, 0)


@pytest.mark.slow
def test_names_of_files_mean_what_they_mean_here(papers, tmp_path, monkeypatch):
    (tmp_path / "model").write_text("160")
    monkeypatch.chdir(tmp_path)
    run(Cluster(local_ray.named), [papers.name], "run", limit=2)
    assert [one.where for one in outcomes("run")] == ["papers.jsonl:1", "papers.jsonl:2"]
    with pytest.raises(
        InputError, match="a Ray cluster cannot read standard input, which is a pipe"
    ):
        run(Cluster(local_ray.named), ["-"], "other")


@pytest.mark.slow
def test_questions_are_asked_on_a_cluster(tmp_path):
    papers = write(tmp_path / "papers.jsonl", generated(2))
    questions = ["Is it so?", "Is it not?"]
    spec = Spec(task="pubmedqa")
    run(Cluster(spec, cpus=2), [papers], tmp_path / "run", questions=questions)
    run(spec.pipeline(), [papers], tmp_path / "plain", questions=questions)
    assert len(list(results(tmp_path / "run"))) == 4
    for one, other in zip(results(tmp_path / "run"), results(tmp_path / "plain"), strict=True):
        assert one.result.label == other.result.label
        assert one.result.probabilities == pytest.approx(other.result.probabilities, abs=1e-4)


def test_what_is_wrong_with_the_model_is_told_as_it_is(papers, tmp_path):
    with pytest.raises(NotABioGPTError, match=r"^this is no BioGPT: give one$"):
        run(Cluster(local_ray.no_model), [papers], tmp_path / "run")


@pytest.mark.slow
def test_what_cannot_be_had_is_told(papers, tmp_path, monkeypatch):
    for options, wanted in (({"cpus": 3}, "3 CPUs"), ({"gpus": 1}, "1 CPU and 1 GPU")):
        cluster = Cluster(local_ray.ruled, **options)
        with pytest.raises(InputError, match=f"no machine of the cluster has {wanted} for an eng"):
            run(cluster, [papers], tmp_path / "run")
    monkeypatch.setattr("ray.util.client.ray.is_connected", lambda: True)
    with pytest.raises(InputError, match=r"Ray's client \(ray://\) cannot read files"):
        run(Cluster(local_ray.ruled), [papers], tmp_path / "run")


def test_what_an_engine_has(monkeypatch):
    def each(machines, **options):
        nodes = [{"Alive": True, "Resources": machine} for machine in machines]
        monkeypatch.setattr("ray.nodes", lambda: nodes)
        return tuple(ray_biogpt.Cluster(local_ray.ruled, **options).each())

    cpu, gpu = {"CPU": 16.0}, {"CPU": 64.0, "GPU": 8.0}
    assert each([cpu, cpu]) == (4, 0, 8)
    assert each([{"CPU": 2.0}, cpu]) == (2, 0, 9)
    assert each([{"CPU": 3.0}, cpu], cpus=4) == (4, 0, 4)
    assert each([cpu, gpu, gpu]) == (1, 1, 16)
    assert each([gpu], gpus=0.5) == (1, 0.5, 16)
    assert each([gpu], cpus=16) == (16, 1, 4)
    assert each([gpu], gpus=0) == (4, 0, 16)
    assert each([cpu], engines=2) == (4, 0, 2)
    assert each([{"memory": 1.0}], engines=2, gpus=1) == (1, 1, 2)


@pytest.mark.slow
def test_a_program_that_is_killed_goes_on(papers, plain, tmp_path, address):
    command = [sys.executable, str(DRIVER), "ray", address, str(papers), str(tmp_path / "run")]
    done = 0
    for wanted in (48, 1000):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            said = [line for line, _ in zip(process.stdout, range(wanted), strict=False)]
            process.send_signal(signal.SIGKILL)
        kept = list(outcomes(tmp_path / "run"))
        assert kept == plain[: len(kept)]
        assert said[0].strip() == plain[done].where
        assert len(kept) >= done + len(said) - 16
        done = len(kept)
    assert done == 200


@pytest.mark.slow
def test_the_command(papers, plain, tmp_path, address):
    def biogpt(*args):
        return subprocess.run(
            [sys.executable, str(DRIVER), "cli", *args], capture_output=True, text=True, check=False
        )

    folder = str(tmp_path / "run")
    options = ["--run", folder, "--ray", address, "--ray-cpus", "1"]
    first = biogpt("extract", str(papers), *options, "--limit", "20")
    assert first.returncode == 0
    assert f"{folder} holds 20 results" in " ".join(first.stderr.split())
    second = biogpt("extract", str(papers), "--run", folder)
    assert "continuing after 20 finished records" in second.stderr
    assert list(outcomes(folder)) == plain
    refused = biogpt("extract", str(papers), "--ray", address)
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: --ray needs a folder for the results: name one")


def test_a_cluster_that_is_not_there(papers, tmp_path, monkeypatch):
    def nobody(**_):
        raise ConnectionError("no")

    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", nobody)
    with pytest.raises(InputError, match=r"no Ray cluster answers at 1\.2\.3\.4:5: start one with"):
        run(Cluster(local_ray.ruled, "1.2.3.4:5"), [papers], tmp_path / "run")
