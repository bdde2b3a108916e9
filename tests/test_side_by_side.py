"""Every behaviour of the comparisons holds for ours, and for each peer as recorded."""

from importlib.metadata import PackageNotFoundError, version

import beside_extractors
import beside_huggingface_llm
import beside_huggingface_pipeline
import pytest
from side_by_side import Behaviour, Comparison, Side, seen

pytestmark = pytest.mark.usefixtures("host_loop")
COMPARISONS = {
    module.__name__: module.COMPARISON
    for module in (beside_huggingface_pipeline, beside_huggingface_llm, beside_extractors)
}


def cases(*, of_ours: bool) -> pytest.MarkDecorator:
    """Every behaviour and each of those that are asked it."""
    found = [
        pytest.param(behaviour, side, id=f"{name}-{behaviour.check.__name__}-{side.__name__}")
        for name, comparison in COMPARISONS.items()
        for behaviour in comparison.behaviours
        for side in behaviour.sides
        if (side in comparison.ours) == of_ours
    ]
    return pytest.mark.parametrize(("behaviour", "side"), found)


def need(side: type[Side]) -> None:
    if side.package and not is_installed(side.package):
        pytest.skip(f"no peer to compare with: {side.package}, which `make test` installs")


def is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


@cases(of_ours=True)
def test_it_holds_for_ours(behaviour: Behaviour, side: type[Side]):
    assert seen(behaviour, side) is None


@pytest.mark.slow
@cases(of_ours=False)
def test_a_peer_does_as_recorded(behaviour: Behaviour, side: type[Side]):
    need(side)
    found = seen(behaviour, side)
    assert (found is None) == (side in behaviour.holds), (
        f"{side.name} does otherwise now: change `holds`, and the table of docs/ "
        f"({found or 'it holds'})"
    )


@pytest.mark.slow
@pytest.mark.parametrize("comparison", COMPARISONS.values(), ids=COMPARISONS)
def test_the_page_has_the_table(comparison: Comparison):
    for side in comparison.sides:
        need(side)
    assert comparison.shown() == comparison.table(), f"run `{comparison.command}`"
