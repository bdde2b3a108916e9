"""Fixtures for tests of readers."""

import pytest


@pytest.fixture
def file(tmp_path):
    def write(content, name="papers"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write
