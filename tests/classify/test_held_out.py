import numpy as np

from curation.classify.held_out import HeldOut
from curation.classify.train import fit_classifier

from test_train import SPEC  # isort: skip


def held_out():
    nan = np.nan
    return HeldOut(
        ids=("a", "b", "c", "d"),
        labels=np.array([0.0, 3.0, 5.0, 1.0]),
        further=np.array([nan, 3.0, nan, nan]),
        weights=np.array([1.0, 2.0, 1.0, 1.0]),
        members=np.array([0, 0, 1, 2]),
        folds=np.array([0, 0, 1, 2]),
        scores=np.array([0.1, 2.0, 4.0, 1.5]),
        inner=np.array([[nan, 0.2], [nan, 2.1], [3.9, nan], [1.4, 1.6]]),
    )


def test_it_survives_a_file(tmp_path):
    one = held_out()
    one.write(tmp_path / "x.parquet")
    again = HeldOut.read(tmp_path / "x.parquet")
    assert again.ids == one.ids
    for name in ("labels", "further", "weights", "members", "folds", "scores", "inner"):
        assert np.array_equal(getattr(again, name), getattr(one, name), equal_nan=name in ("further", "inner")), name


def test_a_cut_is_learned_without_the_part_that_it_judges():
    one = held_out()
    seen = []

    def choose(scores, labels, weights):
        seen.append((scores.tolist(), labels.tolist(), weights.tolist()))
        return float(scores.min())

    cuts = one.nested(choose)
    assert seen == [([3.9, 1.4], [5.0, 1.0], [1.0, 1.0]), ([0.2, 2.1, 1.6], [0.0, 3.0, 1.0], [1.0, 2.0, 1.0])]
    assert np.array_equal(cuts, [1.4, 1.4, 0.2, np.nan], equal_nan=True)
    assert one.tested.ids == ("a", "b", "c")


def test_training_keeps_what_its_figures_are_of(toy, toy_labels):
    texts, labels, groups = toy_labels
    ids = [f"id{index}" for index in range(len(texts))]
    further = [label if index % 3 == 0 else None for index, label in enumerate(labels)]
    classifier, _ = fit_classifier(texts, labels, SPEC, ids=ids, groups=groups, further=further, embedder=toy)
    one = classifier.held_out
    assert list(one.ids) == ids and one.labels.tolist() == labels and one.parts == 5
    assert np.isfinite(one.further).sum() == 100
    for part, (out, rest) in enumerate(one.each_part()):
        assert not np.any(out & rest) and np.all(out | rest)
        assert not set(one.members[out]) & set(one.members[rest])
        assert np.all(np.isfinite(one.inner[rest, part]))
