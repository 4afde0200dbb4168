"""Near-duplicates from what they share: who meets in a bucket, what hangs together, and who follows whom.

Example, five documents, of which 0, 2 and 3 share a band's key::

    keys, digests = np.array([7, 1, 7, 7, 2], np.uint64), np.arange(5, dtype=np.uint64)
    left, right = bucket_pairs(keys, digests, np.arange(5))   # [0, 0], [2, 3]: the bucket of 0 has 2 and 3 in it
    parents = np.arange(5)
    join(parents, left, right)
    roots(parents)                                            # [0, 1, 0, 0, 4]

Pure functions of arrays, compiled where they loop; each gives the same for the same input in any order of work.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curation.compiled import kernel, part
from curation.text.similarity import shared_values

Numbers = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Floats = NDArray[np.float64]

NEAREST = 32
"""Of a bucket with more than twice as many leaders so many of the next smaller and larger ones are compared: what is
near-duplicate is about as long, and a bucket of 100,000 templated pages is to take minutes, not days."""


def bucket_pairs(keys: Hashes, digests: Hashes, documents: Numbers) -> tuple[Numbers, Numbers]:
    """The members of each bucket of documents with one key, such as the hash of a MinHash band, by its first.

    Of documents with one digest, which are equal, only the smallest number takes part.

    Args:
        keys: of each document, (n,).
        digests: of its text, (n,).
        documents: its number, (n,).

    Returns:
        The smallest number in the bucket and the member's, for each member but the first.
    """
    order = np.argsort(keys, kind="stable")
    shared = keys[order[1:]] == keys[order[:-1]] if keys.size else np.zeros(0, bool)
    member = np.zeros(keys.size, bool)
    member[order[1:][shared]] = member[order[:-1][shared]] = True
    keys, digests, documents = keys[member], digests[member], documents[member]
    order = np.lexsort((documents, digests, keys))
    once = np.ones(order.size, bool)
    once[1:] = (keys[order[1:]] != keys[order[:-1]]) | (digests[order[1:]] != digests[order[:-1]])
    keys, documents = keys[order[once]], documents[order[once]]
    order = np.lexsort((documents, keys))
    return _with_first(keys[order, None], documents[order])


def equal_pairs(digests: Hashes, documents: Numbers) -> tuple[Numbers, Numbers]:
    """Each document with the smallest number among those of its digest, if it is another; digests are (n, 2)."""
    order = np.lexsort((documents, digests[:, 1], digests[:, 0]))
    return _with_first(digests[order], documents[order])


def _with_first(keys: Hashes, documents: Numbers) -> tuple[Numbers, Numbers]:
    """Each document with the first of its key, if it is another; in order of the keys."""
    starts = np.ones(len(keys), bool)
    starts[1:] = (keys[1:] != keys[:-1]).any(1)
    firsts = documents[starts][np.cumsum(starts) - 1]
    return firsts[~starts], documents[~starts]


def join(parents: Numbers, left: Numbers, right: Numbers) -> None:
    """Add pairs to a forest in place, in which each number points to a smaller one of its tree, or to itself."""
    _join(parents, np.ascontiguousarray(left, np.int64), np.ascontiguousarray(right, np.int64))


def roots(parents: Numbers) -> Numbers:
    """The smallest number of each one's tree; ``parents`` is changed into it."""
    _flatten(parents)
    return parents


def leaders(
    buckets: tuple[Numbers, Numbers],
    values: Hashes,
    offsets: Numbers,
    fixed: NDArray[np.bool_],
    threshold: float,
    *,
    contained: bool = False,
) -> tuple[Numbers, Floats, int]:
    """Whom each follows, and how similar it is to it: no chains, since only who is similar to a leader follows it.

    In ascending order each is compared with the leaders of its buckets and follows the most similar one (of equals the
    first), or becomes a leader itself. Of a bucket of many leaders those of about its size are compared, see `NEAREST`.

    Args:
        buckets: (bucket, member) of each membership, both (memberships,).
        values: sets of shingles as of `similarities`.
        offsets: where they begin, (n + 1,).
        fixed: leads whatever it is similar to, (n,).
        threshold: lowest similarity to follow.
        contained: whether it is the share of one's own shingles that the leader has, else Jaccard.

    Returns:
        Leaders (n,), of a leader itself, similarities (n,), of a leader 1, and how many pairs were compared.
    """
    bucket, member = buckets
    count = len(offsets) - 1
    _, bucket = np.unique(bucket, return_inverse=True)
    room = np.concatenate([[0], np.cumsum(np.bincount(bucket))]).astype(np.int64)
    order = np.lexsort((bucket, member))
    starts = np.searchsorted(member[order], np.arange(count + 1)).astype(np.int64)
    found, similar = np.arange(count), np.ones(count)
    compared = _follow(
        starts,
        bucket[order].astype(np.int64),
        room,
        np.zeros(max(1, len(member)), np.int64),
        np.zeros(len(room), np.int64),
        values,
        offsets.astype(np.uint64),
        fixed,
        threshold,
        contained,
        np.full(count, -1),
        found,
        similar,
    )
    return found, similar, int(compared)


@kernel
def _join(parents: Numbers, left: Numbers, right: Numbers) -> None:
    for k in range(len(left)):
        i, j = left[k], right[k]
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        while parents[j] != j:
            parents[j] = parents[parents[j]]
            j = parents[j]
        if i < j:
            parents[j] = i
        else:
            parents[i] = j


@kernel
def _flatten(parents: Numbers) -> None:
    for k in range(len(parents)):  # a parent is never larger, so the smaller ones are at their root already
        parents[k] = parents[parents[k]]


@part
def _place(leading: Numbers, start: int, end: int, offsets: Hashes, size: np.uint64) -> int:
    """The first place whose leader is larger than ``size``; leaders ascend in size."""
    while start < end:
        middle = (start + end) // 2
        leader = leading[middle]
        if offsets[leader + 1] - offsets[leader] <= size:
            start = middle + 1
        else:
            end = middle
    return start


@part
def _lead(
    i: int, starts: Numbers, bucket_of: Numbers, room: Numbers, leading: Numbers, counts: Numbers, offsets: Hashes
) -> None:
    """A new leader, kept in its buckets in order of size."""
    for k in range(starts[i], starts[i + 1]):
        low, high = room[bucket_of[k]], room[bucket_of[k]] + counts[bucket_of[k]]
        place = _place(leading, low, high, offsets, offsets[i + 1] - offsets[i])
        for p in range(high, place, -1):
            leading[p] = leading[p - 1]
        leading[place] = i
        counts[bucket_of[k]] += 1


@kernel
def _follow(
    starts: Numbers,
    bucket_of: Numbers,
    room: Numbers,
    leading: Numbers,
    counts: Numbers,
    values: Hashes,
    offsets: Hashes,
    fixed: NDArray[np.bool_],
    threshold: float,
    contained: bool,
    seen: Numbers,
    found: Numbers,
    similar: Floats,
) -> int:
    compared = 0
    for i in range(len(found)):
        size = offsets[i + 1] - offsets[i]
        best, height = -1, -1.0
        for k in range(starts[i], starts[i] if fixed[i] else starts[i + 1]):
            low, high = room[bucket_of[k]], room[bucket_of[k]] + counts[bucket_of[k]]
            if high - low > 2 * NEAREST:
                place = _place(leading, low, high, offsets, size)
                low, high = max(low, place - NEAREST), min(high, place + NEAREST)
            for p in range(low, high):
                j = leading[p]
                other = offsets[j + 1] - offsets[j]
                if seen[j] == i or not size or not other:
                    continue
                if not contained and min(size, other) < threshold * max(size, other):
                    continue  # even if the smaller were all in the larger
                seen[j] = i
                compared += 1
                shared = shared_values(values, offsets[i], offsets[i + 1], offsets[j], offsets[j + 1])
                value = shared / size if contained else shared / (size + other - shared)
                if value >= threshold and (value > height or (value == height and j < best)):
                    best, height = j, value
        if best < 0:
            _lead(i, starts, bucket_of, room, leading, counts, offsets)
        else:
            found[i], similar[i] = best, height
    return compared
