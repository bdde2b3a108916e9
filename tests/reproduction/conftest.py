"""A server of the official data."""

import pytest
import repository


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "BIOGPT_DATA_URL"):
        monkeypatch.delenv(name, raising=False)
    with repository.serving() as running:
        yield running
