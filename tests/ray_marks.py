"""What tests on a real Ray are marked with."""

import pytest

MARKS = [
    pytest.mark.enable_socket,
    # Ray's own: of what later versions do, of sockets and files that it leaves open.
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
