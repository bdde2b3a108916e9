"""The clients of `benchmarks/server_load.py`."""

import asyncio
from itertools import islice

import pytest
import server_load
from serving import running

from biogpt_plugins import Pipeline
from biogpt_plugins.bench.papers import read_papers
from biogpt_plugins.testing import ScriptedEngine

pytestmark = pytest.mark.enable_socket


def test_each_client_gets_the_answer_to_its_own_paper():
    pipeline = Pipeline("bc5cdr", ScriptedEngine("relations: lithium - tremor."))
    papers = server_load.numbered(read_papers([]))
    way = server_load.Extract()
    with running(pipeline) as client:
        some = iter(list(islice(papers, 12)))
        seen = asyncio.run(server_load.ask(str(client.base_url), way, some, clients=4, share=1.0))
    assert (seen.statuses[200], seen.wrong) == (12, 0)
    assert [said for _, said in seen.kept] == way.here(pipeline, [paper for paper, _ in seen.kept])
    assert sorted(int(paper.id) for paper, _ in seen.kept) == list(range(1, 13))
