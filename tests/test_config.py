from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from curation.config import flatten, merge, nearest, read_settings, read_values
from curation.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Inner:
    depth: int
    name: str = "inner"


@dataclass(frozen=True, kw_only=True)
class Outer:
    threshold: int
    ratio: float = 0.5
    label: str = "a"
    fast: bool = False
    rule: Literal["pages", "share"] = "pages"
    inner: Inner | None = None
    files: tuple[str, ...] = ()
    limit: int | None = None
    size: int | str = 1
    weights: dict[str, float] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if self.threshold < 0:
            raise ValueError(f"threshold: expected 0 or more, got {self.threshold}")


def settings(**values):
    return read_settings(Outer, {"threshold": 3} | values, "mine.yaml")


def refused(**values):
    with pytest.raises(ConfigError) as caught:
        settings(**values)
    return str(caught.value)


def test_what_fits_is_taken():
    read = settings(
        ratio=1,
        inner={"depth": 2},
        files=["a", "b"],
        limit=None,
        size="large",
        weights={"x": 1},
        options={"any": [1, None]},
    )
    assert read.ratio == 1.0
    assert isinstance(read.ratio, float)
    assert read.inner == Inner(depth=2)
    assert read.files == ("a", "b")
    assert read.size == "large"
    assert read.weights == {"x": 1.0}
    assert read.options == {"any": [1, None]}


def test_an_unknown_key_names_the_nearest():
    assert refused(treshold=3) == "mine.yaml: unknown key 'treshold' (did you mean 'threshold'?)"


def test_an_unknown_nested_key_is_named_with_its_way():
    assert "unknown key 'inner.dept' (did you mean 'depth'?)" in refused(inner={"depth": 1, "dept": 2})


def test_an_unknown_key_like_nothing_lists_what_is_known():
    assert "known are threshold, ratio" in refused(zzzzzz=1)


def test_a_key_that_is_no_string_is_unknown():
    with pytest.raises(ConfigError, match="unknown key '1'"):
        read_settings(Outer, {"threshold": 3, 1: 2}, "mine.yaml")


def test_a_missing_key_is_named():
    with pytest.raises(ConfigError, match=r"mine.yaml: missing key 'threshold'"):
        read_settings(Outer, {}, "mine.yaml")
    assert "missing key 'inner.depth'" in refused(inner={"name": "x"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"threshold": True}, "threshold: expected int, got True (bool)"),
        ({"threshold": "3"}, "threshold: expected int, got '3' (str)"),
        ({"threshold": 3.0}, "threshold: expected int, got 3.0 (float)"),
        ({"threshold": None}, "threshold: expected int, got None (NoneType)"),
        ({"ratio": "0.5"}, "ratio: expected float, got '0.5' (str)"),
        ({"ratio": True}, "ratio: expected float, got True (bool)"),
        ({"label": 3}, "label: expected str, got 3 (int)"),
        ({"fast": 1}, "fast: expected bool, got 1 (int)"),
        ({"fast": "yes"}, "fast: expected bool, got 'yes' (str)"),
        ({"rule": "page"}, "rule: 'page' is not one of 'pages', 'share'"),
        ({"rule": ["pages"]}, "rule: ['pages'] is not one of 'pages', 'share'"),
        ({"files": "a.parquet"}, "files: expected tuple[str, ...], got 'a.parquet' (str)"),
        ({"files": ["a", 2]}, "files[1]: expected str, got 2 (int)"),
        ({"inner": 3}, "inner: expected a mapping, got 3"),
        ({"inner": {"depth": "2"}}, "inner.depth: expected int, got '2' (str)"),
        ({"limit": "none"}, "limit: expected int, got 'none' (str)"),
        ({"size": 1.5}, "size: expected int | str, got 1.5 (float)"),
        ({"weights": {"x": "heavy"}}, "weights.x: expected float, got 'heavy' (str)"),
        ({"weights": [1]}, "weights: expected dict[str, float], got [1] (list)"),
    ],
)
def test_a_wrong_type_is_named_with_its_value(values, message):
    assert refused(**values) == f"mine.yaml: {message}"


def test_a_value_that_the_dataclass_refuses_is_a_config_error():
    assert refused(threshold=-1) == "mine.yaml: threshold: expected 0 or more, got -1"


def test_settings_that_are_no_mapping():
    with pytest.raises(ConfigError, match="settings: expected a mapping, got"):
        read_settings(Outer, ["threshold"], "mine.yaml")


def test_hints_stand_in_for_a_module_that_is_gone():
    hints = {"Inner": {"depth": str, "name": str}}
    assert read_settings(Inner, {"depth": "2"}, "mine.yaml", hints).depth == "2"


def test_merge_goes_into_mappings_and_replaces_all_else():
    below = {"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}, "f": 1}
    above = {"a": {"c": [3]}, "d": 2, "f": {"g": 1}}
    assert merge(below, above) == {"a": {"b": 1, "c": [3]}, "d": 2, "f": {"g": 1}}
    assert below == {"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}, "f": 1}


def test_flatten_gives_dotted_keys_in_order_of_declaration():
    flat = flatten(settings(inner={"depth": 2}, files=["a"], weights={"x": 1.0}))
    assert list(flat)[:7] == ["threshold", "ratio", "label", "fast", "rule", "inner.depth", "inner.name"]
    assert flat["files"] == ["a"]
    assert flat["weights.x"] == 1.0


def test_nearest():
    assert nearest("cutt", ["cut", "size"]) == "did you mean 'cut'?"
    assert nearest("qqq", ["cut", "size"]) == "known are cut, size"


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_extends_one_level(tmp_path):
    write(tmp_path, base="a: 1\nb: {c: 2, d: 3}\n", mine="extends: base.yaml\nb: {d: 4}\n")
    assert read_values(tmp_path / "mine.yaml") == {"a": 1, "b": {"c": 2, "d": 4}}


def test_extends_two_levels_is_an_error(tmp_path):
    write(tmp_path, base="a: 1\n", mid="extends: base.yaml\n", mine="extends: mid.yaml\n")
    with pytest.raises(ConfigError, match=r"mid\.yaml itself extends another file; one level is allowed"):
        read_values(tmp_path / "mine.yaml")


def test_extending_a_missing_file_names_it(tmp_path):
    write(tmp_path, mine="extends: base.yaml\n")
    with pytest.raises(ConfigError, match=r"no settings file .*/base\.yaml"):
        read_values(tmp_path / "mine.yaml")


def test_a_missing_file(tmp_path):
    with pytest.raises(ConfigError, match=r"no settings file .*/mine\.yaml"):
        read_values(tmp_path / "mine.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "key 'a' stands twice"),
        ("a:\n  b: 1\n  b: 2\n", "key 'b' stands twice"),
        ("a: [1\n", "not valid YAML"),
        ("- a\n", "expected a mapping of settings, found list"),
        ("? [a]\n: 1\n", "unhashable key"),
    ],
)
def test_a_broken_file_is_a_config_error_that_names_it(tmp_path, text, message):
    write(tmp_path, mine=text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_values(tmp_path / "mine.yaml")
    assert "mine.yaml" in str(caught.value)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "mine.yaml").write_bytes(b"a: \xe9\n")
    with pytest.raises(ConfigError, match="not valid YAML"):
        read_values(tmp_path / "mine.yaml")


def test_an_empty_file_has_no_values(tmp_path):
    assert read_values(write(tmp_path, mine="# nothing\n") / "mine.yaml") == {}


def test_yaml_anchors_and_merge_keys_work(tmp_path):
    write(tmp_path, mine="a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n")
    assert read_values(tmp_path / "mine.yaml")["c"] == {"b": 1, "d": 2}


def test_overrides_reach_into_mappings_and_the_last_wins(tmp_path):
    write(tmp_path, mine="a: 1\nb: {c: 2, d: 3}\n")
    overrides = ["a=2", "b.c=[x, y]", "b.c=[z]", "e=", "f=null", "g=a=b", " h =yes it is"]
    assert read_values(tmp_path / "mine.yaml", overrides) == {
        "a": 2,
        "b": {"c": ["z"], "d": 3},
        "e": "",
        "f": None,
        "g": "a=b",
        "h": "yes it is",
    }


@pytest.mark.parametrize("override", ["a", "=1", " =1", "a=[1", ""])
def test_a_bad_override_is_named(tmp_path, override):
    write(tmp_path, mine="a: 1\n")
    with pytest.raises(ConfigError, match="--set"):
        read_values(tmp_path / "mine.yaml", [override])


def test_a_users_file_can_extend_a_shipped_one(tmp_path):
    (tmp_path / "mine.yaml").write_text("extends: finemath.yaml\nthreshold: 4\n")
    values = read_values(tmp_path / "mine.yaml")
    assert values["threshold"] == 4 and values["first"]["prompt"] == "finemath_3pt"
    (tmp_path / "spec.yaml").write_text("extends: finemath.yaml\npooling: mean\nhead: linear\n")
    assert read_values(tmp_path / "spec.yaml", shipped="classifiers")["head"] == "linear"
