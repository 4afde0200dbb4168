import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curation.text.clustering import NEAREST, bucket_pairs, equal_pairs, join, leaders, roots


def hashes(values):
    return np.array(values, np.uint64)


def pairs(result):
    return sorted(zip(result[0].tolist(), result[1].tolist(), strict=True))


def of_bucket(keys, digests):
    return pairs(bucket_pairs(hashes(keys), hashes(digests), np.arange(len(keys))))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=40))
def test_members_are_paired_with_the_first_of_their_bucket(documents):
    keys, digests = [key for key, _ in documents], [digest for _, digest in documents]
    firsts = [n for n, one in enumerate(documents) if one not in documents[:n]]
    stars = [(min(k for k in firsts if keys[k] == keys[j]), j) for j in firsts]
    assert of_bucket(keys, digests) == sorted((i, j) for i, j in stars if i != j)


def test_no_documents_no_pairs():
    assert of_bucket([], []) == of_bucket([5], [1]) == []
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
    parents = np.arange(count)
    join(parents, left, right)
    assert roots(parents).tolist() == [expected[n] for n in range(count)]


def follow(sets, buckets, threshold, fixed=(), contained=False):
    """Leaders and similarities of sets of small numbers; ``buckets`` are lists of members."""
    values = np.concatenate([np.empty(0, np.uint64), *(hashes(sorted(one)) for one in sets)])
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in sets])]).astype(np.int64)
    numbers = [(number, member) for number, members in enumerate(buckets) for member in members]
    table = np.array(numbers, np.int64).reshape(-1, 2)
    places = np.isin(np.arange(len(sets)), fixed)
    leader, similar, compared = leaders(
        (table[:, 0], table[:, 1]), values, offsets, places, threshold, contained=contained
    )
    return leader.tolist(), similar.tolist(), compared


def jaccard(one, other):
    return len(one & other) / len(one | other) if one | other else 0.0


def test_a_chain_is_not_followed():
    chain = [set(range(start, start + 10)) for start in (0, 1, 2, 3)]
    assert follow(chain, [[0, 1, 2, 3]], 0.8)[:2] == ([0, 0, 2, 2], [1.0, 9 / 11, 1.0, 9 / 11])


def test_only_who_meets_in_a_bucket_is_compared():
    same = [{1, 2, 3}] * 4
    assert follow(same, [[0, 1], [2, 3]], 0.5) == ([0, 0, 2, 2], [1.0] * 4, 2)
    assert follow(same, [[0, 1], [0, 1], [1, 0]], 0.5)[2] == 1
    assert follow(same, [], 0.5) == ([0, 1, 2, 3], [1.0] * 4, 0)


def test_who_is_fixed_leads_and_follows_nobody():
    assert follow([{1}, {1}, {1}], [[0, 1, 2]], 0.5, fixed=[0, 1]) == ([0, 1, 0], [1.0, 1.0, 1.0], 2)


def test_containment_is_of_who_follows():
    short, long = {1, 2, 3}, set(range(20))
    assert follow([long, short], [[0, 1]], 0.9, contained=True)[:2] == ([0, 0], [1.0, 1.0])
    assert follow([short, long], [[0, 1]], 0.9, contained=True)[:2] == ([0, 1], [1.0, 1.0])


@given(st.lists(st.sets(st.integers(0, 7), max_size=6), min_size=1, max_size=14), st.data())
def test_leaders_are_those_of_brute_force(sets, data):
    threshold = data.draw(st.sampled_from([0.3, 0.5, 0.8, 1.0]))
    fixed = data.draw(st.sets(st.integers(0, len(sets) - 1)))
    members = st.lists(st.integers(0, len(sets) - 1), unique=True, max_size=8)
    buckets = data.draw(st.lists(members, max_size=5))
    found, similar = [], []
    for i, one in enumerate(sets):
        meets = {j for bucket in buckets if i in bucket for j in bucket if j < i and found[j] == j}
        good = [(jaccard(one, sets[j]), -j) for j in meets if jaccard(one, sets[j]) >= threshold]
        best = max(good) if good and i not in fixed else (1.0, -i)
        found.append(-best[1])
        similar.append(best[0])
    assert follow(sets, buckets, threshold, sorted(fixed))[:2] == (found, similar)


def test_of_a_large_bucket_leaders_of_about_the_size_are_compared():
    count = 500
    apart = [set(range(1000 * n, 1000 * n + n + 1)) for n in range(count)]
    leader, _, compared = follow(apart, [list(range(count))], 0.01)
    assert leader == list(range(count))
    assert compared <= count * 2 * NEAREST
    near = [set(range(300)) | {1000 + n} for n in range(count)]
    leader, _, compared = follow(near, [list(range(count))] * 3, 0.9)
    assert (set(leader), compared) == ({0}, count - 1)
