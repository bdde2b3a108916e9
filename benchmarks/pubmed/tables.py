"""The tables of docs/pubmed.md and of the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from biogpt_plugins.bench.report import three_digits
from pubmed.bounds import PLACES, ROUNDED, again, bound, seen, usual
from pubmed.figures import BASELINE, GPUS, MODELS, RESULTS, Figures, Lengths, Model
from pubmed.hours import alone, disk, number_of, plans, told

PAGE = Path(__file__).parents[2] / "docs" / "pubmed.md"

_RATES = (5, 10, 20, 50, 100, 200, 400)
_GPUS = 8
_EXAMPLE = 40
_HOPED = 0.4


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _tokens(figures: Figures) -> str:
    rows = []
    for name, words in figures.vocabularies.items():
        found = {f"prompt, {layout}": one for layout, one in words.prompts.items()}
        found["completion, as annotated"] = Lengths.of(words.completions)
        for what, one in found.items():
            numbers = [
                three_digits(one.mean),
                three_digits(one.median),
                three_digits(one.p95),
                str(one.most),
            ]
            rows.append([f"`{name}`: {what}", *numbers])
    return _table(["tokens a paper", "mean", "median", "95th percentile", "most"], rows)


def _disk(figures: Figures) -> str:
    sizes = figures.disk
    cases = (0, 1, figures.relations)
    heads = ["", "nothing found, bytes", "each relation, bytes"]
    heads += [f"baseline, {number_of(relations)} each, GB" for relations in cases]
    each = {
        "shards": (sizes.nothing, sizes.relation),
        "index": (sizes.index, 0.0),
        "Parquet": (sizes.parquet_nothing, sizes.parquet_relation),
    }
    totals = [disk(BASELINE.citations, relations, sizes) for relations in cases]
    return _table(
        heads,
        [
            [
                name,
                *map(three_digits, each[name]),
                *(three_digits(total[name] / 1e9) for total in totals),
            ]
            for name in each
        ],
    )


def _own(figures: Figures) -> str:
    own = figures.own
    tokens = figures.vocabularies[MODELS[0].vocabulary].seconds
    sides = {
        "a run in one process, XML and tokenising included": alone(figures),
        "Ray: a worker, tokenising included": own.worker + tokens,
        "Ray: the reading process": own.reading,
        "– with the whole baseline in its index": own.reading + own.looked_up,
        "Ray: the writing process": own.writing,
        "– with the whole baseline in the run's index": own.writing + own.kept,
        "`biogpt export --to parquet`, afterwards": own.export,
    }
    rows = [
        [name, three_digits(1e3 * each), three_digits(1 / each)] for name, each in sides.items()
    ]
    return _table(["", "ms a paper", "papers a second at most"], rows)


def _hours(figures: Figures) -> str:
    found = {rate: plans(rate, _GPUS, BASELINE.citations, figures) for rate in _RATES}
    heads = ["papers a second of one GPU", *(f"{way}: hours" for way in found[_RATES[0]])]
    return _table(
        [*heads, "GPU-hours, a run for each"],
        [
            [
                str(rate),
                *(three_digits(plan.hours) for plan in each.values()),
                three_digits(next(iter(each.values())).gpu_hours),
            ]
            for rate, each in found.items()
        ],
    )


def _bounds(figures: Figures) -> str:
    rows = []
    for model in MODELS:
        own = figures.own.worker + figures.vocabularies[model.vocabulary].seconds
        for gpu in GPUS:
            for chunk in (64, 512):
                one = usual(model, gpu, figures, chunk)
                rates = one.rate(), one.rate(_HOPED), one.rate(_HOPED, own)
                times = one.steps, 1e3 * one.reading, 1e3 * one.writing
                rows.append(
                    [f"{model.name}, {gpu.name}", str(chunk), *map(three_digits, times + rates)]
                )
    heads = ["", "`--chunk`", "steps a paper", "reading, ms a paper", "writing, ms a paper"]
    heads += ["papers/s at the peak", "at 40 % of it", "and with our own part"]
    return _table(heads, rows)


def _drivers(figures: Figures) -> str:
    model, gpu = MODELS[0], GPUS[0]
    words = figures.vocabularies[model.vocabulary]
    whole, lengths = words.prompts["fine-tuned"].mean, again(words.completions)
    context, chunk = seen(words.sizes, PLACES), 64

    def one(
        model: Model = model,
        *,
        prompt: float = whole,
        lengths: Sequence[int] = lengths,
        context: float = context,
        chunk: int = chunk,
    ) -> float:
        found = bound(model, gpu, prompt=prompt, lengths=lengths, context=context, chunk=chunk)
        return found.seconds

    shown = words.prompts["few-shot"].mean - words.solved
    longer = seen([size + words.solved for size in words.sizes], PLACES)
    # Samples have a row each, and a chunk is as many times as large; the prompt is read once.
    ten = 10 * one(prompt=whole / 10, lengths=[n for n in lengths for _ in range(10)], chunk=640)
    large = figures.vocabularies[MODELS[1].vocabulary]
    cases = {
        "BioGPT fine-tuned, as annotated, `--chunk 64`": one(),
        "`--samples 10`": ten,
        "every completion 200 tokens long": one(lengths=[200] * len(lengths)),
        "BioGPT-Large": one(
            MODELS[1],
            prompt=large.prompts["fine-tuned"].mean,
            lengths=again(large.completions),
            context=seen(large.sizes, PLACES),
        ),
        "completions twice as long": one(lengths=[2 * n for n in lengths]),
        "solved examples before each text, ended as well": one(prompt=shown, context=longer),
        "titles alone, ended as well": one(
            prompt=words.prompts["fine-tuned, title"].mean, context=ROUNDED
        ),
        "`--chunk 512`": one(chunk=512),
        "`--chunk 4096`": one(chunk=4096),
    }
    usual_ = next(iter(cases.values()))
    return _table(
        ["", "time of the GPU, in proportion"],
        [[name, three_digits(each / usual_)] for name, each in cases.items()],
    )


TABLES: Mapping[str, Callable[[Figures], str]] = {
    "tokens": _tokens,
    "disk": _disk,
    "own part": _own,
    "hours": _hours,
    "bounds": _bounds,
    "drivers": _drivers,
}
"""The tables of the results, and of docs/pubmed.md."""


def _example(figures: Figures) -> str:
    lines = told(_EXAMPLE, _GPUS, BASELINE.citations, figures, 1)
    shown = "\n".join(lines)
    said = f"```console\n$ python benchmarks/pubmed_plan.py {_EXAMPLE}\n{shown}\n```\n"
    return f"<!-- not run: tests/benchmarks runs it -->\n{said}"


PARTS: Mapping[str, Callable[[Figures], str]] = {"example": _example, **TABLES}
"""All of docs/pubmed.md that is written by this program."""


def shown(page: str, name: str) -> str:
    """The part of a name that a page has."""
    return _around(page, name)[1]


def with_tables(page: str, figures: Figures) -> str:
    """A page with its parts anew."""
    for name, part in PARTS.items():
        before, _, after = _around(page, name)
        page = f"{before}{part(figures)}{after}"
    return page


def _around(page: str, name: str) -> tuple[str, str, str]:
    begin, end = f"<!-- {name}: written by benchmarks/pubmed_plan.py -->\n\n", "\n<!-- end -->"
    before, found, rest = page.partition(begin)
    table, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"the page lacks the lines {begin.strip()} and {end.strip()}")
    return before + found, table, ended + after


def markdown(figures: Figures) -> str:
    """All that was measured, and what it comes to."""
    heads = {
        "tokens": "Tokens",
        "disk": "On disk",
        "own part": "Beside the model",
        "hours": "Hours on 8 GPUs, by the papers a second of one",
        "bounds": "What a GPU cannot be quicker than",
        "drivers": "What costs time",
    }
    facts = {
        "Machine": figures.machine,
        "Versions": figures.versions,
        "Read": {
            "papers": figures.data,
            "citations a second of processor time": f"{figures.reading:,.0f} (--latest looks at "
            f"{figures.looking:,.0f} first)",
            "bytes of a generated one": f"{figures.unpacked:,.0f}, gzipped {figures.packed:,.0f}",
        },
        "Ray": {"two engines and all else on this machine, papers a second": figures.together},
    }
    lines = ["# PubMed's baseline", "", f"`{figures.command}`, {figures.date}.", ""]
    for name, each in facts.items():
        lines.append(f"- {name}: " + "; ".join(f"{key} {value}" for key, value in each.items()))
    for name, table in TABLES.items():
        lines += ["", f"## {heads[name]}", "", table(figures).rstrip()]
    return "\n".join(lines) + "\n"


def write(figures: Figures, results: Path = RESULTS, page: Path = PAGE) -> None:
    """Write the tables of the results, and of the page."""
    results.with_suffix(".md").write_text(markdown(figures), encoding="utf-8")
    page.write_text(with_tables(page.read_text(encoding="utf-8"), figures), encoding="utf-8")
