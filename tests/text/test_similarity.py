import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.text.minhash import MinHash
from curation.text.similarity import similarities

sets = st.lists(st.sets(st.integers(0, 2**64 - 1) | st.integers(0, 12), max_size=15), min_size=1, max_size=8)


def together(found):
    values = [value for one in found for value in sorted(one)]
    return np.array(values, np.uint64), np.cumsum([0, *map(len, found)])


@given(sets, st.data())
def test_similarities_are_those_of_the_sets(found, data):
    pairs = data.draw(st.lists(st.tuples(*[st.integers(0, len(found) - 1)] * 2), max_size=10))
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T
    jaccard, containment = similarities(*together(found), left, right)
    for (i, j), one, other in zip(pairs, jaccard, containment, strict=True):
        shared = len(found[i] & found[j])
        assert one == (shared / len(found[i] | found[j]) if found[i] and found[j] else 0.0)
        assert other == (shared / len(found[j]) if found[i] and found[j] else 0.0)


def test_a_part_is_contained_in_the_whole():
    values, offsets = MinHash().shingle_sets(["one two three four five six seven", "one two three four five six", ""])
    jaccard, containment = similarities(values, offsets, np.array([0, 0, 2]), np.array([1, 2, 2]))
    assert jaccard.tolist() == [pytest.approx(2 / 3), 0, 0]
    assert containment.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("offsets", "left", "right", "named"),
    [
        ([0, 2], [0], [1], "right must name sets of 0 to 0"),
        ([0, 2], [-1], [0], "left must name sets"),
        ([0, 3], [0], [0], "offsets must ascend"),
        ([0, 2, 1, 2], [0], [0], "offsets must ascend"),
        ([], [0], [0], "offsets must ascend"),
        ([0, 2], [0, 0], [0], "one length"),
    ],
)
def test_wrong_arguments_are_named(offsets, left, right, named):
    values = np.array([1, 2], np.uint64)
    with pytest.raises(ValueError, match=named):
        similarities(values, np.array(offsets), np.array(left), np.array(right))
