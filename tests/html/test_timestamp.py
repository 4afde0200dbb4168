"""Dates of archives."""

from __future__ import annotations

import pytest

from curation.html.timestamp import nanoseconds

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2014-03-04T19:23:21Z", 1_393_961_001 * SECOND),
        ("20140304192321", 1_393_961_001 * SECOND),
        ("2014-03-04T19:23:21.000001Z", 1_393_961_001 * SECOND + 1_000),
        ("1970", 0),
        ("2009-03-65T08:43:01-0800", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_nanoseconds(date, expected):
    assert nanoseconds(date) == expected
