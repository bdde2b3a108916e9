"""The clients of `benchmarks/server_load.py`."""

import asyncio
from itertools import islice

import pytest
import server_clients
import server_load
from serving import running

from biogpt_plugins import Pipeline
from biogpt_plugins.bench.papers import read_papers
from biogpt_plugins.testing import ScriptedEngine

pytestmark = pytest.mark.enable_socket


def test_each_client_gets_the_answer_to_its_own_paper():
    pipeline = Pipeline("bc5cdr", ScriptedEngine("relations: lithium - tremor."))
    papers = server_clients.numbered(read_papers([]))
    way = server_clients.Extract()
    with running(pipeline) as client:
        some = iter(list(islice(papers, 12)))
        seen = asyncio.run(
            server_clients.ask(str(client.base_url), way, some, clients=4, share=1.0)
        )
    assert (seen.statuses[200], seen.wrong) == (12, 0)
    assert [said for _, said in seen.kept] == way.here(pipeline, [paper for paper, _ in seen.kept])
    assert sorted(int(paper.id) for paper, _ in seen.kept) == list(range(1, 13))


def test_rounds_of_two_sizes_are_compared_without_their_ends():
    """Five papers a second here and four there, and an end of 3 s; half the work here."""
    here = [server_load.Round(3 + n / 5, n / 10) for n in (100, 300)]
    there = [server_load.Round(3 + n / 4, n / 5) for n in (100, 300)]
    more = ([long.beyond(short)] for short, long in (here, there))
    told = server_load.compared(200, *more)
    assert told["papers a second, process"] == "5"
    assert told["papers a second, server"] == "4"
    assert told["speed, server by process"] == "0.8"
    assert told["ms of processors a paper, server"] == "200"
    assert told["processors, server by process"] == "2"
    whole = server_load.compared(100, here[:1], there[:1])
    assert whole["speed, server by process"] == "0.821"
