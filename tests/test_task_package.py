"""A package outside the tree brings a task by entry point, and a file brings another.

Both work in everything that takes a task: the script below runs in a process of its own, with the
package installed into a folder.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("langchain_core")
pytest.importorskip("llama_index.core")
ROOT = Path(__file__).parent.parent

TOML = """
name = "{name}"
summary = "what acts on what"
entities = ["compound", "gene"]
clause = "{{compound}} {{type}} {{gene}}"
[types]
BLOCKS = "blocks"
RAISES = "raises"
[[examples]]
text = "Aspirin blocks COX-2."
relations = [{{ head = "aspirin", type = "BLOCKS", tail = "cox-2" }}]
"""
MODULE = """
from pathlib import Path
from biogpt_plugins.tasks.toml_task import read_task
ACTS = read_task(Path(__file__).with_name("acts.toml"))
"""
SCRIPT = """
import json, sys
from pathlib import Path

from langchain_core.documents import Document
from llama_index.core.schema import TextNode

import biogpt_plugins.corpus.run as runs
from biogpt_plugins import Aggregate, Paper, Pipeline, Spec, TASKS, load
from biogpt_plugins.cli import app
from biogpt_plugins.corpus.gold import read_gold
from biogpt_plugins.evaluation import evaluate
from biogpt_plugins.values.table import rows
from biogpt_plugins.report import Content, render
from biogpt_plugins.tasks import get_task
from biogpt_plugins.testing import ScriptedEngine
import langchain_biogpt as lc
import llama_index_biogpt as li

file, folder = sys.argv[1], Path(sys.argv[2])
TEXT = "Aspirin blocks COX-2 and raises IL-6."
WRITTEN = "aspirin blocks cox-2; aspirin raises il-6."
FOUND = ["Aspirin -[BLOCKS]-> COX-2", "Aspirin -[RAISES]-> IL-6"]
assert "acts" in TASKS and "acts" in list(TASKS), list(TASKS)

for task in ("acts", file):
    name = get_task(task).name

    def engine():
        return ScriptedEngine([WRITTEN] * 4)

    def pipe(**options):
        return Pipeline(task, engine(), **options)

    def llm():
        return lc.BioGPTLLM.from_engine(engine(), task=task)

    assert lc.BioGPTLLM(task=task).task, task
    assert [*map(str, lc.create_relation_chain(llm(), task=task).invoke(TEXT))] == FOUND
    streamed = list(lc.create_relation_chain(llm()).stream(TEXT))
    assert [len(each) for each in streamed] == [1, 2], streamed
    parser = lc.RelationOutputParser(task=task, source=TEXT)
    assert [*map(str, parser.parse(WRITTEN))] == FOUND
    (graph,) = lc.BioGPTGraphTransformer(llm(), task=task).convert_to_graph_documents(
        [Document(page_content=TEXT)]
    )
    assert {edge.type for edge in graph.relationships} == {"BLOCKS", "RAISES"}
    tool = lc.BioGPTRelationTool(llm=llm(), task=task)
    assert "what acts on what" in tool.description and "BLOCKS" in str(tool.invoke({"text": TEXT}))
    (document,) = lc.BioGPTRelationTransformer(llm(), task=task).transform_documents(
        [Document(page_content=TEXT)]
    )
    assert document.metadata["biogpt_compounds"] == ["aspirin"], document.metadata
    assert [*map(str, lc.relations_of(document, task=task))] == FOUND

    for kind in (li.BioGPTRelationExtractor, li.BioGPTPathExtractor):
        (node,) = kind.from_pipeline(pipe(), task=task)([TextNode(text=TEXT)])
        if kind is li.BioGPTRelationExtractor:
            assert node.metadata["biogpt_genes"] == ["COX-2", "IL-6"], node.metadata
            assert [*map(str, li.relations_of(node, task=task))] == FOUND
    spec = li.BioGPTToolSpec.from_pipeline(pipe(), task=task)
    (listed,) = spec.to_tool_list(["extract_relations"])
    assert "BLOCKS" in listed.call(text=TEXT).content
    assert [*map(str, li.RelationOutputParser(task=task, source=TEXT).parse(WRITTEN))] == FOUND

    papers = folder / f"{name}.jsonl"
    gold = [{"head": "aspirin", "type": t, "tail": e} for t, e in (("BLOCKS", "cox-2"),)]
    papers.write_text(json.dumps({"id": "1", "text": TEXT, "gold": gold}) + "\\n")
    corpus = read_gold(papers, task)
    scored = evaluate(corpus, pipe(min_score=0.01).run([one.input for one in corpus.documents]))
    assert (scored.default.score.tp, scored.default.score.fp) == (1, 1), scored
    out = folder / f"run-{name}"
    runs.run(pipe(), [papers], out)
    (outcome,) = runs.outcomes(out)
    assert len(Aggregate.of([outcome.prediction]).edges()) == 2
    assert [row["relation"] for row in rows(outcome.prediction)] == ["BLOCKS", "RAISES"]
    assert "BLOCKS" in render(Content.of([outcome.prediction]))
    for command in (["aggregate", out], ["export", out, "--to", "parquet", "-o", f"{out}.parquet"]):
        try:
            app([*map(str, command)], prog_name="biogpt")
        except SystemExit as ended:
            assert not ended.code, command

assert Spec(model="demo", task="acts").task == "acts"
import warnings
warnings.simplefilter("ignore")  # the bundled model was not trained for these tasks
from ray_biogpt import BioGPTMapper
import numpy as np
told = BioGPTMapper("demo", file, device="cpu")({"text": np.array([TEXT], dtype=object)})
assert json.loads(told["prediction"][0])["task"] == "binds", told
for command in (
    ["tasks"],
    ["extract", papers, "--task", file, "--decoding", "grounded", "-o", folder / "found.jsonl"],
    ["eval", "acts", "--data", papers, "--decoding", "grounded"],
):
    try:
        app([*map(str, command)], prog_name="biogpt")
    except SystemExit as ended:
        assert not ended.code, command
assert '"task":"binds"' in (folder / "found.jsonl").read_text().replace(" ", "")
print("all of it")
"""


def wheel(folder: Path) -> Path:
    """A wheel of a package that brings the task "acts"; a wheel is a zip of what is installed."""
    path = folder / "gene_tasks-1.0-py3-none-any.whl"
    info = "gene_tasks-1.0.dist-info"
    files = {
        "gene_tasks/__init__.py": MODULE,
        "gene_tasks/acts.toml": TOML.format(name="acts"),
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: gene-tasks\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[biogpt_plugins.tasks]\nacts = gene_tasks:ACTS\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.mark.slow
def test_a_task_from_a_package_and_one_from_a_file_work_in_everything(tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel(tmp_path)) as archive:
        archive.extractall(site)
    file = tmp_path / "binds.toml"
    file.write_text(TOML.format(name="binds"), encoding="utf-8")
    script = tmp_path / "everything.py"
    script.write_text(SCRIPT, encoding="utf-8")
    path = os.pathsep.join([str(site), str(ROOT), str(ROOT / "integrations")])
    done = subprocess.run(
        [sys.executable, str(script), str(file), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "all of it" in done.stdout
