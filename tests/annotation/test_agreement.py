import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.annotation.agreement import agreement, quadratic_kappa
from curation.scale import Scale

SCALE = Scale(0, 5)
LABELS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=60)


def kappa_by_table(a, b):
    observed = np.zeros((6, 6))
    for one, two in zip(a, b, strict=True):
        observed[one, two] += 1
    expected = np.outer(observed.sum(1), observed.sum(0)) / len(a)
    weights = np.subtract.outer(np.arange(6), np.arange(6)) ** 2.0
    return 1 - (weights * observed).sum() / (weights * expected).sum() if (weights * expected).sum() else 1.0


@given(LABELS)
def test_kappa_is_that_of_the_table(pairs):
    a, b = zip(*pairs, strict=True)
    assert math.isclose(quadratic_kappa(a, b, SCALE), kappa_by_table(a, b), abs_tol=1e-9)
    assert math.isclose(quadratic_kappa(a, b, SCALE), quadratic_kappa(b, a, SCALE), abs_tol=1e-12)
    assert quadratic_kappa(a, a, SCALE) == 1.0


def test_kappa_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(0)
    a = random.integers(0, 6, 500)
    b = np.clip(a + random.integers(-1, 2, 500), 0, 5)
    assert math.isclose(quadratic_kappa(a, b, SCALE), metrics.cohen_kappa_score(a, b, weights="quadratic"))


def test_agreement_in_full():
    said = agreement([3, 4, 0, 1], [3, 5, 0, 3], SCALE)
    assert (said["n"], said["exact"], said["within_one"]) == (4, 0.5, 0.75)
    assert said["f1"] == {1: 1.0, 2: 0.8, 3: 0.8, 4: 1.0, 5: 0.0}
    assert agreement([0], [0], SCALE)["f1"] == dict.fromkeys(range(1, 6))


def test_what_cannot_be_compared_is_refused():
    for a, b in (([], []), ([1], [1, 2])):
        with pytest.raises(ValueError, match="two readings"):
            agreement(a, b, SCALE)
    for label in (6, -1, 2.5, float("nan")):
        with pytest.raises(ValueError, match="not on the scale"):
            agreement([1], [label], SCALE)


def test_the_two_prompts_of_finemath_rank_alike(recorded):
    three, five = ({row["id"]: row["label"] for row in recorded(name)} for name in ("finemath_3pt", "finemath_5pt"))
    folded = {0: 0, 1: 1, 2: 1, 3: 2, 4: 3, 5: 3}
    shared = sorted(three.keys() & five.keys())
    assert quadratic_kappa([three[one] for one in shared], [folded[five[one]] for one in shared], Scale(0, 3)) > 0.95
