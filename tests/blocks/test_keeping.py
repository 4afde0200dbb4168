import datetime
import math

import pyarrow as pa
import pytest

from curation.blocks.keeping import check_columns, columns_needed, keep_order, keep_rules
from curation.errors import ConfigError


def order(rule, **columns):
    return keep_order([rule], pa.table(columns))[:, 0].tolist()


def test_names_stand_for_rules():
    assert keep_rules("best") == ("highest:score", "longest")
    assert keep_rules(["permissive", "highest:forks", "first"]) == ("permissive:license", "highest:forks")
    assert columns_needed(keep_rules(["best", "earliest"])) == ["score", "date"]


@pytest.mark.parametrize("wrong", ["longst", "highest", "lowest:", "tallest:x", ""])
def test_a_rule_that_is_none_is_named(wrong):
    with pytest.raises(ConfigError, match=f"keep: {wrong!r} is no rule"):
        keep_rules(wrong)


def test_a_missing_column_is_named_unless_it_may_be_missing():
    check_columns(keep_rules("best"), {"id": pa.string(), "text": pa.string()})
    with pytest.raises(ConfigError, match=r"no column 'stars' \(did you mean 'star'"):
        check_columns(keep_rules("stars"), {"id": pa.string(), "star": pa.int64()})
    with pytest.raises(ConfigError, match="highest:m needs numbers or dates, column 'm' is list"):
        check_columns(keep_rules("highest:m"), {"m": pa.list_(pa.int64())})


def test_longest_and_numbers():
    assert order("longest", text=["a", "abc", ""]) == [-1, -3, 0]
    assert order("highest:stars", stars=[3, None, 7]) == [-3, math.inf, -7]
    assert order("highest:stars", stars=["3", "many", "7.5"]) == [-3, math.inf, -7.5]
    assert order("lowest:score", score=[0.5, math.nan, 2.0]) == [0.5, math.inf, 2.0]
    assert order("highest:nothing", text=["a", "b"]) == [math.inf, math.inf]


def test_dates_in_any_form_compare():
    texts = order("lowest:date", date=["2024-03-01", "2024-03-01T01:00:00Z", "yesterday", None])
    assert texts[0] == 1_709_251_200 and texts[1] == texts[0] + 3600 and texts[2:] == [math.inf, math.inf]
    assert order("lowest:date", date=[datetime.date(2024, 3, 1)]) == texts[:1]
    assert order("lowest:date", date=[datetime.datetime(2024, 3, 1)]) == texts[:1]


def test_licences():
    names = ["MIT", "apache-2.0", "GPL-3.0-only", None, "NOASSERTION", "permissive", "no_license"]
    assert order("permissive:license", license=names) == [0, 0, 2, 1, 1, 0, 1]
    lists = [["MIT", "BSD-3-Clause"], ["MIT", "AGPL-3.0"], []]
    assert order("permissive:license", license=lists) == [0, 2, 1]


def test_no_rules_leave_it_to_the_place():
    assert keep_order([], pa.table({"text": ["a", "b"]})).shape == (2, 0)
