"""The same papers in other formats: runs over them end with the same results."""

import re

from doubles import Ruled
from filed import bioc_xml
from shared_data import shared

from biogpt_plugins import Pipeline
from biogpt_plugins.corpus.run import results, run
from biogpt_plugins.engine import Completion


class Naming(Ruled):
    """Relates a text's first long word to the longest and to the last, whatever they are."""

    def _one(self, prompt, decoding):
        del decoding
        first, *words = re.findall(r"[^\W\d_]{5,}", prompt.text)
        clauses = [
            f"the relation between {first} and {word} exists"
            for word in (max(words, key=len), words[-1])
        ]
        return Completion(text="; ".join(clauses) + ".", finish_reason="stop")


def found(path, folder):
    counts = run(Pipeline("bc5cdr", Naming()), [path], folder)
    assert counts.failed == 0
    return list(results(folder))


def as_bioc(pubtator, tmp_path):
    """PubTator's papers as BioC XML, made without the reader of either."""
    lines = pubtator.read_text(encoding="utf-8").split("\n")
    parts = [each.groups() for line in lines if (each := re.match(r"(\d+)\|[ta]\|(.*)", line))]
    papers = [(*title, text) for title, (_, text) in zip(parts[::2], parts[1::2], strict=True)]
    path = tmp_path / "papers.xml"
    path.write_text(bioc_xml(*papers).replace("PMC", ""), encoding="utf-8")
    return path


def check_same(pubtator, bioc, tmp_path):
    """How many papers there are, with equal results."""
    wanted = found(pubtator, tmp_path / "pubtator")
    assert found(bioc, tmp_path / "bioc") == wanted
    assert sum(bool(relation.evidence) for one in wanted for relation in one.result) >= len(wanted)
    return len({one.id for one in wanted})


def test_500_abstracts_give_equal_results_from_pubtator_and_from_bioc(tmp_path):
    pubtator = tmp_path / "papers.pubtator"
    with pubtator.open("w", encoding="utf-8") as file:
        for n in range(500):
            file.write(f"{n}|t|Smoked cheese <{n}> & “wine” – caused 𝛼-tremor.\n")
            file.write(f"{n}|a|Drinkers had headaches ({n}).  It’s said: a < b & c. Very well.\n\n")
    assert check_same(pubtator, as_bioc(pubtator, tmp_path), tmp_path) == 500


def test_500_real_abstracts_give_equal_results_from_pubtator_and_from_bioc(tmp_path):
    pubtator = shared("bc5cdr/CDR_DevelopmentSet.PubTator.txt")
    assert check_same(pubtator, as_bioc(pubtator, tmp_path), tmp_path) == 500


def test_real_files_give_equal_results_from_pubtator_and_from_bioc(tmp_path):
    pubtator, bioc = (shared(f"bc5cdr/CDR_sample.gold.{kind}") for kind in ("PubTator", "BioC.xml"))
    assert check_same(pubtator, bioc, tmp_path) == 50
