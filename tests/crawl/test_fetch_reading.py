import threading

import pytest
import s3fs
from crawl.archive_server import ArchiveServer, always, now_and_then

from curation.crawl import reading
from curation.crawl.coalescing import Span
from curation.crawl.reading import USER_AGENT, ArchiveReader, Failure
from curation.errors import ConfigError, CurationError
from curation.retry import Backoff

BODY = bytes(range(256)) * 40
PATH = "crawl-data/a.warc.gz"
BACKOFF = Backoff(attempts=3, first_seconds=0.01)


@pytest.fixture
def server():
    with ArchiveServer({PATH: BODY, f"bucket/{PATH}": BODY}) as running:
        yield running


@pytest.fixture
def s3(server, monkeypatch):
    """The same server, for a client of S3."""
    for name, value in {
        "AWS_ENDPOINT_URL_S3": server.host,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    return "s3://bucket/"


def reader(archives, **settings):
    return ArchiveReader(archives, **({"requests_per_second": 5000.0, "backoff": BACKOFF, "concurrency": 8} | settings))


def spans(number=100, length=50):
    return [Span(PATH, start * length, (start + 1) * length, [start]) for start in range(number)]


def read(archives, wanted, **settings):
    one = reader(archives, **settings)
    return list(one.read_all(wanted)), one.counts


@pytest.fixture(params=["http", "s3"])
def location(request, server):
    return server.url if request.param == "http" else request.getfixturevalue("s3")


def test_spans_come_in_order_with_their_bytes(location):
    wanted = [*spans(), Span(None, rows=["nothing"]), Span(PATH, len(BODY) - 10, len(BODY) + 10)]
    found, counts = read(location, wanted)
    assert [span for span, _ in found] == wanted
    assert [body for _, body in found] == [BODY[one.start : one.end] if one.archive else None for one in wanted]
    assert counts["requests"] == 101
    assert counts["bytes_fetched"] == 5010


def test_who_asks_is_said(location, server):
    read(location, spans(1))
    read(location, spans(1), user_agent="curation-of-ours/7 (mail@example.org)")
    (one, other) = sorted(server.agents, key=lambda agent: "ours" in agent)
    assert one.startswith(USER_AGENT)
    assert other.startswith("curation-of-ours/7 (mail@example.org)")


@pytest.mark.parametrize("happens", [403, 408, 425, 429, 500, 502, 503, 504, "drop"])
def test_an_answer_that_passes_is_waited_for(location, server, happens):
    read(location, spans(1))
    server.forget()
    server.faults = [lambda path, start, before: happens if before < 2 else None]
    found, counts = read(location, spans(3))
    assert [body for _, body in found] == [BODY[:50], BODY[50:100], BODY[100:150]]
    assert counts["requests"] == len(server.requests) == 9
    assert counts["retries"] == 6


@pytest.mark.parametrize(
    ("happens", "reason"),
    [(503, "fetch_failed_503"), (500, "fetch_failed_500"), ("drop", "fetch_failed_connection")],
)
def test_no_more_is_asked_than_the_attempts(location, server, happens, reason):
    server.faults = [always(PATH, happens), always(f"bucket/{PATH}", happens)]
    found, counts = read(location, spans(2))
    assert [failure.reason for _, failure in found] == [reason, reason]
    assert counts["requests"] == len(server.requests) == 6


def test_what_no_attempt_changes_is_asked_once(location, server):
    server.faults = [lambda path, start, before: 400 if start == 0 else None]
    wanted = [Span(PATH, 0, 5), Span(PATH, 10**6, 10**6 + 5), Span("crawl-data/none.warc.gz", 7, 9)]
    found, counts = read(location, wanted)
    assert [failure.reason for _, failure in found] == ["fetch_failed_400", "range_missing", "archive_missing"]
    assert counts["requests"] == len(server.requests) == 3


def test_a_range_that_is_ignored_is_not_taken_for_the_record(location, server):
    server.faults = [lambda path, start, before: "all" if before == 0 else None]
    found, counts = read(location, [Span(PATH, 300, 400)])
    assert [body for _, body in found] == [BODY[300:400]]
    assert counts["retries"] == 1
    server.faults = [lambda path, start, before: "all"]
    found, _ = read(location, [Span(PATH, 300, 400)])
    assert [failure.reason for _, failure in found] == ["fetch_failed_range_ignored"]


def test_the_server_s_wish_is_heeded_by_all_requests(location, server):
    server.retry_after = "0.4"
    server.faults = [lambda path, start, before: 503 if (start, before) == (0, 0) else None]
    one = reader(location, concurrency=4)
    begun = one.pace._clock()
    list(one.read_all(spans(20)))
    assert one.pace._clock() - begun > 0.4
    assert one.counts["throttled"] == 1
    assert one.counts["waited_milliseconds"] > 300
    assert one.pace.rate < one.pace.most


def test_what_is_held_is_bounded(server, monkeypatch):
    monkeypatch.setattr(reading, "_HELD_BYTES", 500)
    taken = []
    found = reader(server.url).read_all(taken.append(span) or span for span in spans())
    next(found)
    assert len(taken) == 11
    assert sum(1 for _ in found) == 99


def test_leaving_early_ends_the_waits(server):
    server.retry_after = "600"
    server.faults = [lambda path, start, before: 503 if start else None]
    found = reader(server.url, concurrency=4).read_all(spans())
    next(found)
    found.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("fetch")]


def test_faults_of_all_kinds_at_once(location, server):
    server.faults = [now_and_then(0.1, 503), now_and_then(0.1, "drop"), now_and_then(0.1, "all")]
    found, counts = read(location, spans(200))
    assert [body for _, body in found] == [BODY[one.start : one.end] for one in spans(200)]
    assert counts["retries"] > 30


def test_the_check_asks_for_one_byte_and_is_content_with_nothing(location, server):
    reader(location).check()
    assert [end - start for _, start, end in server.requests] == [0]


def test_the_check_is_patient(location, server):
    server.faults = [lambda path, start, before: 503 if before == 0 else None]
    reader(location).check()
    assert len(server.requests) == 2


@pytest.mark.parametrize(("happens", "said"), [(403, "access denied"), (503, "503")])
def test_the_check_refuses(location, server, happens, said):
    server.faults = [lambda path, start, before: happens]
    with pytest.raises(ConfigError, match=said):
        reader(location).check()


def test_a_refusal_of_some_after_good_answers_is_data(location, server):
    server.faults = [lambda path, start, before: 403 if start >= 250 else None]
    found, _ = read(location, spans(10), concurrency=1)
    assert [isinstance(body, bytes) for _, body in found] == [True] * 5 + [False] * 5
    assert found[-1][1] == Failure("fetch_failed_403", found[-1][1].said)


def test_a_refusal_before_any_good_answer_stops(location, server):
    server.faults = [lambda path, start, before: 403]
    with pytest.raises(CurationError, match="access denied"):
        read(location, spans(10))
