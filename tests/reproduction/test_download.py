"""Downloads: they continue, and a file appears only if it is whole and the right one."""

from hashlib import sha256

import pytest

from biogpt_plugins.reproduction.download import download
from biogpt_plugins.values.errors import FetchError, InputError

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

DATA = bytes(range(256)) * 1000


class Attempts:
    """A download of DATA: what it tells, and how long it sleeps."""

    def __init__(self, server, folder):
        server.files["data/file"] = DATA
        self.server, self.place, self.part = server, folder / "file", folder / "file.part"
        self.told, self.slept = [], []

    def __call__(self, path="data/file", **options):
        sleep = self.slept.append
        url = f"{self.server.url}/{path}"
        download(url, self.place, tell=self.told.append, sleep=sleep, **options)

    @property
    def ranges(self):
        return [wanted for _, wanted in self.server.asked]


@pytest.fixture
def attempt(server, tmp_path):
    return Attempts(server, tmp_path)


def test_a_connection_that_breaks_is_taken_up_where_it_broke(attempt):
    attempt.server.first.extend([-100_000, 503, -1, 429])
    attempt(digest=sha256(DATA).hexdigest())
    assert attempt.place.read_bytes() == DATA
    begun = "bytes=100000-"
    assert attempt.ranges == [None, begun, begun, "bytes=100001-", "bytes=100001-"]
    assert attempt.slept == [1, 2, 4, 8]
    assert not attempt.part.exists()
    assert "file: OSError: the connection broke off; attempt 2 of 5" in attempt.told
    assert attempt.told[-1] == f"downloading {attempt.server.url}/data/file, from byte 100,001"


def test_a_later_call_continues_what_an_earlier_one_began(attempt):
    attempt.server.first.extend([-1000] * 5)
    with pytest.raises(FetchError, match=r"in 5 attempts \(OSError: the connection broke off\)"):
        attempt()
    assert not attempt.place.exists()
    assert attempt.part.read_bytes() == DATA[:5000]
    attempt()
    assert attempt.ranges[-1] == "bytes=5000-"
    assert attempt.place.read_bytes() == DATA


@pytest.mark.parametrize(
    ("ranges", "part"),
    [(True, b"x" * 300_000), (True, DATA), (False, b"x" * 10)],
    ids=["too long", "whole", "no ranges"],
)
def test_a_part_that_cannot_be_continued_is_fetched_anew(attempt, ranges, part):
    attempt.server.ranges = ranges
    attempt.part.write_bytes(part)
    attempt()
    assert attempt.place.read_bytes() == DATA
    assert len(attempt.ranges) == 1 + ranges


def test_another_file_is_refused_and_not_kept(attempt):
    with pytest.raises(
        FetchError, match=r"/data/file is another file: its SHA-256 is .*, not 00ff"
    ):
        attempt(digest="00ff")
    assert not attempt.place.exists()
    assert not attempt.part.exists()


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("data/other", None, r"other \(HTTP 404 Not Found\): there is no such file"),
        ("data/file", 403, r"cannot download http://.*/data/file \(HTTP 403 Forbidden\)"),
    ],
)
def test_a_refusal_is_final(attempt, path, status, message):
    attempt.server.first.extend([status] * (status is not None))
    with pytest.raises(FetchError, match=message):
        attempt(path)
    assert len(attempt.ranges) == 1


def test_only_http(attempt):
    with pytest.raises(InputError, match="must begin with https://, not 'file:///etc/passwd'"):
        download("file:///etc/passwd", attempt.place)
