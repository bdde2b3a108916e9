"""The arithmetic behind docs/pubmed.md, its tables, and what they are made of."""

import gzip
from pathlib import Path

import bundled
import medline_like
import pubmed_baseline
import pubmed_plan
import pytest
from pubmed import bounds, hours, tables
from pubmed.bounds import Work
from pubmed.figures import GPUS, MODELS, RESULTS, Disk, Lengths, Own, read
from pubmed.hours import Plan
from pubmed.tables import PAGE, PARTS, TABLES

from biogpt_plugins import Paper, Pipeline
from biogpt_plugins.bench.report import three_digits
from biogpt_plugins.corpus import read_records
from biogpt_plugins.demo.demo import papers as demo_papers

OWN = Own(
    run=0.002,
    reading=0.0005,
    writing=0.0004,
    worker=0.003,
    looked_up=0.0001,
    kept=0.0004,
    export=0.0003,
)
SIZES = Disk(nothing=400, relation=1000, parquet_nothing=40, parquet_relation=200, index=25)


@pytest.fixture(scope="module")
def figures():
    return read()


@pytest.fixture(scope="module")
def papers():
    return [paper for paper, _ in demo_papers()]


# --- hours and disk


def test_hours_and_gpu_hours():
    assert Plan.at(100, 8, 36_000_000) == Plan(speed=100, hours=100, gpu_hours=800)


def test_citations_at_two_speeds():
    assert hours.mixed(10, 10, 0.7) == pytest.approx(10)
    # 3 of 4 take 0.1 s each, the fourth 0.02 s.
    assert hours.mixed(10, 50, 0.75) == pytest.approx(1 / 0.08)


def test_ray_goes_by_the_slower_of_its_two_processes():
    assert hours.driver(OWN) == pytest.approx(1 / 0.0008)
    slow_reader = OWN.model_copy(update={"reading": 0.002})
    assert hours.driver(slow_reader) == pytest.approx(1 / 0.0021)


@pytest.mark.parametrize(
    ("rate", "gpus", "own", "speed"),
    [
        (100, 1, 0.002, 100),
        (100, 8, 0.0, 800),
        (100, 8, 0.002, 1 / 0.003),  # 2 ms for itself, and 8 ms that eight share
        (1000, 8, 0.002, 1000),  # all of its time is its own
    ],
)
def test_one_process_shares_only_what_gpus_do(rate, gpus, own, speed):
    assert hours.one_process(rate, gpus, own) == pytest.approx(speed)


def test_each_way_to_use_several_gpus(figures):
    limit = hours.driver(figures.own)
    slow, quick = (hours.plans(rate, 8, 38_220_000, figures) for rate in (1, 10_000))
    assert [*slow] == ["a run for each GPU", "one run on Ray", "one run, `--device all`"]
    assert slow["a run for each GPU"] == slow["one run on Ray"] == Plan.at(8, 8, 38_220_000)
    assert slow["one run, `--device all`"].speed < 8
    assert quick["a run for each GPU"].speed == 80_000
    assert quick["one run on Ray"].speed == limit


def test_bytes_on_disk():
    assert hours.disk(1_000_000, 2, SIZES) == {
        "shards": 2.4e9,
        "index": 25e6,
        "Parquet": 440e6,
    }


# --- bounds


@pytest.mark.parametrize(
    ("lengths", "places", "chunk", "steps", "rows"),
    [
        ([3, 1, 1], 2, 3, 3, 2 + 2 + 1),  # the third takes the place of the second
        ([3, 1, 1], 2, 2, 4, 2 + 1 + 1 + 1),  # but only within a chunk
        ([4, 1], 64, 1, 5, 5),
        ([1, 1, 1], 64, 3, 1, 4),  # filled up to a power of two
        ([0, 2], 64, 2, 2, 2),
    ],
)
def test_steps_and_their_rows(lengths, places, chunk, steps, rows):
    assert bounds.schedule(lengths, places, chunk) == Work(steps, rows)


def test_a_step_looks_at_the_longest_row_rounded_up():
    assert bounds.seen([100, 256, 257, 1], 2) == (256 + 512) / 2


def test_models_are_those_that_were_published():
    base, large = MODELS
    assert (base.multiplied, large.multiplied) == (301_989_888, 1_474_560_000)
    assert (base.weights, base.held) == (693_526_528, 98_304)
    assert (large.weights, large.held) == (3_142_377_600, 307_200)


def test_a_bound_by_hand():
    base, h100 = MODELS[0], GPUS[0]
    found = bounds.bound(base, h100, prompt=250, lengths=[20, 10], context=512, chunk=2)
    assert found.reading == pytest.approx(2 * 301_989_888 * 250 / 989.4e12)
    moved = 20 * 693_526_528 + (10 * 2 + 10 * 1) * 512 * 98_304
    assert found.writing == pytest.approx(moved / 2 / 3.35e12)
    assert found.steps == 10
    assert found.rate() == pytest.approx(1 / (found.reading + found.writing))
    assert found.rate(0.4, 0.002) == pytest.approx(1 / (found.seconds / 0.4 + 0.002))


def test_lengths_in_short():
    found = Lengths.of([*range(1, 100), 1000])
    assert (found.mean, found.median, found.p95, found.most) == (59.5, 51, 96, 1000)


# --- the page


@pytest.mark.parametrize("name", PARTS)
def test_the_page_has_the_table(name, figures):
    page = PAGE.read_text(encoding="utf-8")
    assert tables.shown(page, name) == PARTS[name](figures), (
        "run `python benchmarks/pubmed_plan.py --write`"
    )


def test_the_results_have_the_same_tables(figures):
    text = RESULTS.with_suffix(".md").read_text(encoding="utf-8")
    assert text == tables.markdown(figures)


def test_the_hours_follow_from_the_formula_of_the_page(figures):
    row = next(line for line in TABLES["hours"](figures).splitlines() if line.startswith("| 50 "))
    by_hand = 38_220_000 / (50 * 8) / 3600
    assert row.split(" | ")[1] == three_digits(by_hand)


def test_a_page_without_a_place_for_a_table_is_refused(figures):
    with pytest.raises(ValueError, match="the page lacks the lines <!-- example"):
        tables.with_tables("# PubMed", figures)


# --- what is measured


def test_generated_citations_are_read_as_papers(papers, tmp_path):
    path = tmp_path / "citations.xml.gz"
    size = medline_like.write(path, papers, 14)
    assert size == len(gzip.decompress(path.read_bytes()).decode())
    found = [record.value for record in read_records([str(path)])]
    assert [paper.id for paper in found] == [str(number) for number in range(1, 15)]
    assert [bool(paper.text) for paper in found] == [False, False, *[True] * 5] * 2
    assert len({paper.source for paper in found}) == 14
    assert found[2].title.startswith("In patient 2 aspirin caused nausea. ")
    assert found[2].text == papers[2].text


def test_sizes_of_results(papers):
    targets = ["the relation between lithium and tremor exists."] * len(papers)
    sizes, found = pubmed_baseline.stored(papers, targets, 23)
    assert found.relations == 1
    assert found.shards == pytest.approx(sizes.nothing + sizes.relation)
    assert found.seconds > 0
    assert 0 < sizes.nothing < 1000
    assert sizes.relation > 0
    assert sizes.index == 23


def test_nothing_is_a_result_and_no_failure(papers):
    engine = pubmed_baseline.Answering([pubmed_baseline._NOTHING])
    found = Pipeline("bc5cdr", engine).run(papers)
    assert [(one.result, one.error) for one in found] == [([], None)] * len(papers)


def test_an_index_is_waited_for_and_removed(tmp_path):
    found = pubmed_baseline.waits(tmp_path, 1000)
    assert min(found) > 0
    assert not any(tmp_path.iterdir())


def test_tokens_of_a_vocabulary(papers):
    folder = pubmed_baseline.locate("demo")
    found = pubmed_baseline.vocabulary(folder, papers, ["a."] * len(papers))
    assert [*found.prompts] == [
        f"{layout}{what}" for layout in ("fine-tuned", "few-shot") for what in ("", ", title")
    ]
    means = [one.mean for one in found.prompts.values()]
    assert means[1] < means[0] < means[2]
    assert means[3] == pytest.approx(means[1] + found.solved, abs=20)
    assert len(found.completions) == len(found.sizes) == len(papers)


def test_papers_without_annotation_are_answered_by_the_bundled_model(tmp_path):
    paper = Paper(id="1", **bundled.case())
    path = Path(tmp_path, "papers.jsonl")
    path.write_text(paper.model_dump_json(by_alias=True) + "\n", encoding="utf-8")
    papers, targets, by = pubmed_baseline.solved([str(path)])
    assert (papers, len(targets), by) == ([paper], 1, "the bundled model")
    assert targets[0].startswith("the relation between")


# --- the command


@pytest.fixture
def command(monkeypatch, capsys):
    def run(*args):
        monkeypatch.setattr("sys.argv", ["pubmed_plan.py", *args])
        pubmed_plan._main()
        return capsys.readouterr().out

    return run


def test_the_command_says_what_the_page_shows(command, figures):
    shown = command("40")
    assert shown in PARTS["example"](figures)
    assert "38,220,000 citations, 40.0 a second on one GPU, 8 GPUs" in shown


def test_the_command_counts_what_it_is_told(command):
    shown = command("40", "--gpus", "4", "--titles", "80", "--citations", "4e7", "--relations", "2")
    rate = 1 / (0.71 / 40 + 0.29 / 80)
    assert f"40,000,000 citations, {rate:.1f} a second on one GPU, 4 GPUs" in shown
    assert f"{4e7 / rate / 4 / 3600:.1f} hours" in shown
    assert "by 2 relations" in shown


@pytest.mark.parametrize("args", [(), ("0",), ("-5",), ("40", "--gpus", "0"), ("nan",)])
def test_the_command_wants_a_number_above_0(command, args):
    with pytest.raises(SystemExit):
        command(*args)
