import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.annotation.agreement import (
    Agreement,
    Largest,
    agreement,
    agreement_of,
    confusion,
    empty_table,
    quadratic_kappa,
)
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


@given(LABELS)
def test_a_table_says_all_that_the_labels_do(pairs):
    a, b = zip(*pairs, strict=True)
    said, found = agreement(a, b, SCALE), agreement_of(confusion(a, b, SCALE), SCALE)
    assert found.documents == found.pairs == said["n"]
    for key in ("exact", "within_one", "kappa"):
        assert math.isclose(getattr(found, key).value, said[key], abs_tol=1e-4)
        assert getattr(found, key).low <= getattr(found, key).high
    for threshold, one in found.f1.items():
        assert (one is None) == (said["f1"][threshold] is None)
        assert one is None or one.low - 1e-4 <= one.value == round(said["f1"][threshold], 4) <= one.high + 1e-4
    assert Agreement.from_values(json.loads(json.dumps(dataclasses.asdict(found)))) == found


def test_intervals_are_those_of_their_sources():
    # Wilson's interval of 8 of 10, as in the tables.
    found = agreement_of(confusion([1] * 10, [1] * 8 + [4] * 2, SCALE), SCALE)
    assert (found.exact.low, found.exact.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    # Of 3 documents that either selects both select 3: still no certainty.
    sure = agreement_of(confusion([3, 3, 3, 0], [3, 3, 3, 0], SCALE), SCALE)
    assert sure.f1[3].value == 1.0 and sure.f1[3].low == pytest.approx(2 * 0.4385 / 1.4385, abs=1e-3)


def test_most_intervals_hold_the_true_value():
    random = np.random.default_rng(1)

    def reading(labels):
        return np.clip(labels + random.choice([-1, 0, 1], len(labels), p=[0.15, 0.7, 0.15]), 0, 5)

    def draw(number):
        labels = random.integers(0, 6, number)
        return agreement_of(confusion(reading(labels), reading(labels), SCALE), SCALE)

    true, samples = draw(400_000), [draw(150) for _ in range(200)]
    for figure in (lambda one: one.exact, lambda one: one.kappa, lambda one: one.f1[3]):
        held = np.mean([figure(one).low <= figure(true).value <= figure(one).high for one in samples])
        assert 0.9 <= held <= 0.99


def test_weights_and_repetitions_do_not_make_intervals_narrower():
    table = confusion([0, 3, 3, 5], [0, 3, 2, 5], SCALE)
    once, often = agreement_of(table, SCALE), agreement_of(table * 3, SCALE, documents=4)
    assert (often.documents, often.pairs, often.exact) == (4, 12, once.exact)
    weighted = confusion([0, 3], [0, 2], SCALE, [9.0, 1.0])
    assert weighted[0, 0] == 9 and weighted[3, 2] == 1
    found = agreement_of(weighted, SCALE, documents=2, effective=100 / 82)
    assert found.exact.value == 0.9 and found.pairs == 2 and found.exact.low < 0.4


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="empty table"):
        agreement_of(empty_table(SCALE), SCALE)


def test_tables_show_what_they_count():
    found = agreement_of(confusion([0, 3, 3], [0, 2, 3], SCALE), SCALE)
    assert found.selected(3) == (1, 1, 0) and found.selected(1) == (2, 0, 0)
    assert "| **3** | 0 | 0 | 1 | 1 | 0 | 0 |" in found.table_markdown("hand", "judge")
    assert "| at most one apart | 1.000 (0." in found.figures_markdown()


@given(st.lists(st.tuples(st.integers(0, 3), st.text("ab", max_size=3)), max_size=40), st.integers(1, 5))
def test_the_largest_are_kept_ties_by_id(rows, most):
    kept = Largest(most)
    for size, identifier in rows:
        kept.add(size, identifier, (size, identifier))
    assert list(kept) == sorted(rows, key=lambda one: (-one[0], one[1]))[:most]
