import numpy as np

from curation.classify.folds import assign_folds, group_indices


def test_groups_stay_together_and_labels_spread():
    rng = np.random.default_rng(0)
    labels = rng.choice([0.0, 1.0, 2.0, 3.0], 600, p=[0.5, 0.3, 0.15, 0.05])
    groups = rng.integers(0, 60, 600).tolist()
    folds = assign_folds(labels, groups, 5, seed=0)
    assert {len(set(folds[np.array(groups) == group])) for group in set(groups)} == {1}
    sizes = np.bincount(folds)
    assert sizes.min() > 100 and sizes.max() < 140
    rare = np.bincount(folds[labels == 3], minlength=5)
    assert rare.min() >= 3


def test_without_groups_labels_are_dealt_evenly():
    labels = np.repeat([0.0, 1.0, 5.0], [50, 49, 1])
    folds = assign_folds(labels, None, 5, seed=0)
    assert np.bincount(folds).tolist() == [20] * 5
    assert np.bincount(folds[labels == 0]).tolist() == [10] * 5


def test_folds_are_the_same_again_and_follow_the_seed():
    labels = np.arange(100) % 4.0
    assert np.array_equal(assign_folds(labels, None, 5, 1), assign_folds(labels, None, 5, 1))
    assert not np.array_equal(assign_folds(labels, None, 5, 1), assign_folds(labels, None, 5, 2))


def test_few_groups_make_few_folds_and_one_group_is_no_group():
    labels = np.arange(30) % 3.0
    assert assign_folds(labels, ["a", "b", "c"] * 10, 5, 0).max() == 2
    assert assign_folds(labels, ["a"] * 30, 5, 0).max() == 4
    assert assign_folds(labels[:3], None, 5, 0).max() == 2


def test_group_indices_count_in_order_of_appearance():
    assert group_indices(["b", "a", "b", None], 4).tolist() == [0, 1, 0, 2]
