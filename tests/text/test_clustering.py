import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curation.text.clustering import ALL_PAIRS, NEIGHBOURS, bucket_pairs, components, equal_pairs, leaders


def hashes(values):
    return np.array(values, np.uint64)


def pairs(result):
    return sorted(zip(result[0].tolist(), result[1].tolist(), strict=True))


def of_bucket(keys, digests, every_pair):
    numbers = np.arange(len(keys))
    return pairs(bucket_pairs(hashes(keys), hashes(digests), numbers, numbers, every_pair=every_pair))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=40))
def test_pairs_are_those_of_brute_force(documents):
    keys, digests = [key for key, _ in documents], [digest for _, digest in documents]
    firsts = [n for n, one in enumerate(documents) if one not in documents[:n]]
    every = [(i, j) for i in firsts for j in firsts if i < j and keys[i] == keys[j]]
    assert of_bucket(keys, digests, True) == every
    stars = [(min(k for k in firsts if keys[k] == keys[j]), j) for j in firsts]
    assert of_bucket(keys, digests, False) == sorted((i, j) for i, j in stars if i != j)


def test_of_a_large_bucket_neighbours_in_length_are_compared():
    count = ALL_PAIRS + 1
    sizes = np.arange(count)[::-1].copy()
    found = pairs(
        bucket_pairs(
            np.ones(count, np.uint64), np.arange(count, dtype=np.uint64), sizes, np.arange(count), every_pair=True
        )
    )
    assert found == [(i, j) for i in range(count) for j in range(i + 1, min(count, i + NEIGHBOURS + 1))]


def test_no_documents_no_pairs():
    assert of_bucket([], [], True) == of_bucket([], [], False) == of_bucket([5], [1], True) == []
    assert pairs(equal_pairs(np.empty((0, 2), np.uint64), np.empty(0, np.int64))) == []


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=30))
def test_equal_texts_are_paired_with_the_first(digests):
    table = np.array(digests, np.uint64).reshape(-1, 2)
    expected = [(digests.index(one), n) for n, one in enumerate(digests) if digests.index(one) != n]
    assert pairs(equal_pairs(table, np.arange(len(digests)))) == sorted(expected)


@given(st.integers(1, 25), st.data())
def test_components_are_those_of_a_search(count, data):
    edges = data.draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=40))
    left, right = (np.array([edge[end] for edge in edges], np.int64) for end in (0, 1))
    groups = [{n} for n in range(count)]
    for i, j in edges:
        one, other = (next(group for group in groups if n in group) for n in (i, j))
        if one is not other:
            groups.remove(other)
            one |= other
    expected = {n: min(group) for group in groups for n in group}
    assert components(left, right, count).tolist() == [expected[n] for n in range(count)]


def follow(count, edges, fixed=()):
    both = sorted([(i, j, s) for i, j, s in edges] + [(j, i, s) for i, j, s in edges])
    starts = np.searchsorted([one[0] for one in both] or [0], np.arange(count + 1)) if both else np.zeros(count + 1)
    leader, similar = leaders(
        starts.astype(np.int64),
        np.array([one[1] for one in both], np.int64),
        np.array([one[2] for one in both], np.float64),
        np.isin(np.arange(count), fixed),
    )
    return leader.tolist(), similar.tolist()


def test_a_chain_is_not_followed():
    assert follow(4, [(0, 1, 0.9), (1, 2, 0.9), (2, 3, 0.8)]) == ([0, 0, 2, 2], [1.0, 0.9, 1.0, 0.8])


def test_the_most_similar_leader_is_followed_and_of_equals_the_first():
    assert follow(4, [(0, 2, 0.8), (1, 2, 0.9), (0, 3, 0.7), (1, 3, 0.7)]) == ([0, 1, 1, 0], [1.0, 1.0, 0.9, 0.7])


def test_who_is_fixed_leads_also_those_before_it():
    assert follow(3, [(0, 2, 0.8), (1, 2, 0.9), (0, 1, 1.0)], fixed=[2]) == ([2, 2, 2], [0.8, 0.9, 1.0])
    assert follow(2, [(0, 1, 1.0)], fixed=[0, 1]) == ([0, 1], [1.0, 1.0])
