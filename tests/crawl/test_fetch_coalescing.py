import pyarrow as pa
import pytest
from crawl.sample_ranges import archives, ranges_of
from hypothesis import given
from hypothesis import strategies as st

from curation.crawl.coalescing import MAX_RANGE_BYTES, FetchForecast, coalesce, estimate_fetch, place_of

places = st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 5000), st.integers(1, 900))


def spans(rows, gap=100, most=2000):
    return list(coalesce(rows, lambda row: row, gap, most))


@given(st.lists(st.none() | places), st.integers(0, 500), st.integers(1, 3000), st.booleans())
def test_every_row_is_in_its_span_in_order_and_no_span_is_too_long(rows, gap, most, in_order):
    if in_order:
        rows = sorted(rows, key=lambda row: row or ("", 0, 0))
    found = spans(rows, gap, most)
    assert [row for span in found for row in span.rows] == rows
    for span in found:
        if span.archive is None:
            assert span.rows == [None]
            continue
        assert all(row[0] == span.archive for row in span.rows)
        assert span.start == min(row[1] for row in span.rows)
        assert span.end == max(row[1] + row[2] for row in span.rows)
        assert span.length <= max(most, *(row[2] for row in span.rows))


@given(st.lists(places), st.integers(0, 500))
def test_as_few_requests_as_the_gaps_allow(rows, gap):
    rows.sort()
    needed, end = 0, (None, 0)
    for archive, offset, length in rows:
        if archive != end[0] or offset > end[1] + gap:
            needed, end = needed + 1, (archive, 0)
        end = archive, max(end[1], offset + length)
    assert len(spans(rows, gap, 10**9)) == needed


def test_what_overlaps_or_repeats_is_read_once():
    rows = [("a", 0, 100), ("a", 0, 100), ("a", 50, 20), ("a", 90, 60)]
    assert [(span.start, span.end) for span in spans(rows, gap=0)] == [(0, 150)]


def test_the_pages_of_a_whole_archive_are_one_request():
    files = archives()
    rows = [(row["warc_filename"], row["warc_record_offset"], row["warc_record_length"]) for row in ranges_of(files)]
    assert len(list(coalesce(rows, lambda row: row))) == len(files)
    assert len(list(coalesce(rows, lambda row: row, max_request_bytes=20_000))) > 2 * len(files)


@pytest.mark.parametrize(
    "values",
    [
        (None, 0, 1),
        ("", 0, 1),
        ("a", None, 1),
        ("a", 0, None),
        ("a", -1, 1),
        ("a", 0, 0),
        ("a/../b", 0, 1),
        ("a", 0, MAX_RANGE_BYTES + 1),
    ],
)
def test_values_that_name_no_place(values):
    assert place_of(*values) is None


def test_the_forecast_counts_what_will_be_asked():
    rows = [("a", 0, 100), ("a", 150, 100), ("a", 10_000, 100), ("b", 0, 100), (None, 0, 100)]
    columns = ("warc_filename", "warc_record_offset", "warc_record_length")
    tables = [pa.table(dict(zip(columns, zip(*part, strict=True), strict=True))) for part in (rows[:1], rows[1:])]
    found = estimate_fetch(tables, gap_bytes=50, requests_per_second=2.0)
    assert found == FetchForecast(
        documents=5, archives=2, requests=3, bytes=450, wanted_bytes=400, requests_per_second=2.0
    )
    assert found.seconds == 1.5


def test_the_forecast_in_words():
    found = FetchForecast(
        documents=1_234_567,
        archives=12_345,
        requests=1_100_000,
        bytes=45_200_000_000,
        wanted_bytes=43_900_000_000,
        requests_per_second=50,
    )
    assert str(found) == (
        "fetch: 1,234,567 ranges of 12,345 archives in 1,100,000 requests, 45.2 GB (43.9 GB wanted), "
        "about 6.1 h at 50 requests/s"
    )
