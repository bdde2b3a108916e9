"""Every behaviour of tests/side_by_side.py holds for BioGPTLLM, and for the peer as recorded."""

import pytest
import side_by_side
from side_by_side import BEHAVIOURS, Behaviour, Ours, Peer, seen

every_behaviour = pytest.mark.parametrize(
    "behaviour", BEHAVIOURS, ids=[behaviour.check.__name__ for behaviour in BEHAVIOURS]
)


@pytest.fixture(scope="module")
def ours() -> Ours:
    return Ours()


@pytest.fixture(scope="module")
def peer() -> Peer:
    pytest.importorskip("langchain_huggingface", reason="no peer to compare with: it is in .[dev]")
    return Peer()


@every_behaviour
def test_it_holds_for_ours(behaviour: Behaviour, ours: Ours):
    assert seen(behaviour, ours) is None


@every_behaviour
def test_the_peer_does_as_recorded(behaviour: Behaviour, peer: Peer):
    found = seen(behaviour, peer)
    assert (found is None) == behaviour.peer_holds, (
        "the peer does otherwise now: change peer_holds, and the README's table by "
        f"`python tests/side_by_side.py` ({found or 'it holds'})"
    )


def test_the_readme_has_the_table(ours: Ours, peer: Peer):
    _, shown, _ = side_by_side.readme()
    assert shown == side_by_side.table(ours, peer), "run `python tests/side_by_side.py`"
