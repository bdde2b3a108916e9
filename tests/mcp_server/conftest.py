"""Fixtures of servers of tools."""

import pytest
from small_run import TEXTS, small_run


@pytest.fixture
def corpus(tmp_path):
    """Makes or continues a run: `corpus(*files, name=...)` gives its folder."""

    def make(*files, name="corpus", **options):
        return small_run(tmp_path / name, *(files or [TEXTS]), **options)

    return make
