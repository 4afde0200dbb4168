"""Dates of archives to nanoseconds.

Example: ``nanoseconds("2014-03-04T19:23:21Z")`` and ``nanoseconds("20140304192321")`` are ``1393961001000000000``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DATE = re.compile(r"\s*(\d{4})-?(\d\d)?-?(\d\d)?[T ]?(\d\d)?:?(\d\d)?:?(\d\d)?(?:\.(\d{1,9})\d*)?", re.ASCII)


def nanoseconds(date: str | None) -> int | None:
    """WARC's and ARC's dates, also shortened ones, since 1970 in UTC; None where there is no such date."""
    match = _DATE.match(date or "")
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction = match.groups()
    try:
        moment = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
    except ValueError:
        return None
    return int(moment.timestamp()) * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))
