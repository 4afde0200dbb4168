"""Near-duplicates from what they share: pairs of a bucket, what hangs together, and who follows whom.

Example, five documents, of which 0, 2 and 3 share a band's key::

    keys = np.array([7, 1, 7, 7, 2], np.uint64)
    left, right = bucket_pairs(keys, digests, sizes, np.arange(5), every_pair=True)   # (0, 2), (0, 3), …
    components(left, right, 5)                                                # [0, 1, 0, 0, 4]

Pure functions of arrays, compiled where they loop; each gives the same for the same input in any order of work.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curation.compiled import kernel

Numbers = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Floats = NDArray[np.float64]

ALL_PAIRS = 64
"""Up to so many members of a bucket are compared each with each: 2,016 pairs."""
NEIGHBOURS = 32
"""In larger buckets each is compared with the next so many in order of size: near-duplicates are about as long."""


def bucket_pairs(
    keys: Hashes, digests: Hashes, sizes: Numbers, documents: Numbers, *, every_pair: bool
) -> tuple[Numbers, Numbers]:
    """Pairs of documents with one key, such as the hash of a MinHash band.

    Of documents with one digest, which are equal, only the smallest number takes part.

    Args:
        keys: of each document, (n,).
        digests: of its text, (n,).
        sizes: its length, (n,).
        documents: its number, (n,).
        every_pair: give the pairs of a bucket, to be compared (of one with more than 64 members those of about one
            length); else each member with the first.

    Returns:
        The smaller and the larger number of each pair.
    """
    order = np.argsort(keys, kind="stable")
    shared = keys[order[1:]] == keys[order[:-1]] if keys.size else np.zeros(0, bool)
    member = np.zeros(keys.size, bool)
    member[order[1:][shared]] = member[order[:-1][shared]] = True
    keys, digests, sizes, documents = keys[member], digests[member], sizes[member], documents[member]
    order = np.lexsort((documents, digests, keys))
    first = np.ones(order.size, bool)
    first[1:] = (keys[order[1:]] != keys[order[:-1]]) | (digests[order[1:]] != digests[order[:-1]])
    order = order[first]
    keys, sizes, documents = keys[order], sizes[order], documents[order]
    order = np.lexsort((documents, sizes if every_pair else documents, keys))
    keys, documents = keys[order], documents[order]
    count = _pairs(keys, documents, every_pair, np.empty(0, np.int64), np.empty(0, np.int64))
    left, right = np.empty(count, np.int64), np.empty(count, np.int64)
    _pairs(keys, documents, every_pair, left, right)
    return left, right


def equal_pairs(digests: Hashes, documents: Numbers) -> tuple[Numbers, Numbers]:
    """Each document with the smallest number among those of its digest, if it is another; digests are (n, 2)."""
    order = np.lexsort((documents, digests[:, 1], digests[:, 0]))
    digests, documents = digests[order], documents[order]
    starts = np.ones(len(order), bool)
    starts[1:] = (digests[1:] != digests[:-1]).any(1)
    firsts = documents[starts][np.cumsum(starts) - 1]
    return firsts[~starts], documents[~starts]


def components(left: Numbers, right: Numbers, count: int) -> Numbers:
    """The smallest number that each of ``count`` numbers hangs together with by pairs, (count,)."""
    parents = np.arange(count)
    join(parents, left, right)
    return roots(parents)


def join(parents: Numbers, left: Numbers, right: Numbers) -> None:
    """Add pairs to a forest in place, in which each number points to a smaller one of its tree, or to itself."""
    _join(parents, np.ascontiguousarray(left, np.int64), np.ascontiguousarray(right, np.int64))


def roots(parents: Numbers) -> Numbers:
    """The smallest number of each one's tree; ``parents`` is changed into it."""
    _flatten(parents)
    return parents


def leaders(
    starts: Numbers, neighbours: Numbers, similarities: Floats, fixed: NDArray[np.bool_]
) -> tuple[Numbers, Floats]:
    """Whom each follows, and how similar it is to it: no chains, since only who is similar to a leader follows it.

    In ascending order each is compared with the leaders among its neighbours and follows the most similar one (of
    equals the first), or becomes a leader itself.

    Args:
        starts: where the neighbours of each begin, (n + 1,).
        neighbours: similar ones, in any order.
        similarities: to them.
        fixed: leads whatever it is similar to, (n,).

    Returns:
        Leaders (n,), of a leader itself, and similarities (n,), of a leader 1.
    """
    found = np.arange(len(starts) - 1)
    similar = np.ones(len(found))
    _follow(starts, neighbours, similarities, fixed, found, similar)
    return found, similar


@kernel
def _pairs(keys: Hashes, documents: Numbers, every_pair: bool, left: Numbers, right: Numbers) -> int:
    """Fill the pairs; with arrays of length 0 only count them."""
    count, start, n = 0, 0, len(keys)
    while start < n:
        end = start + 1
        while end < n and keys[end] == keys[start]:
            end += 1
        reach = end - start if end - start <= ALL_PAIRS else NEIGHBOURS + 1
        last = end if every_pair else start + 1
        for i in range(start, last):
            for j in range(i + 1, min(end, i + reach) if every_pair else end):
                if len(left):
                    left[count] = min(documents[i], documents[j])
                    right[count] = max(documents[i], documents[j])
                count += 1
        start = end
    return count


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


@kernel
def _follow(
    starts: Numbers,
    neighbours: Numbers,
    similarities: Floats,
    fixed: NDArray[np.bool_],
    found: Numbers,
    similar: Floats,
) -> None:
    for i in range(len(found)):
        if fixed[i]:
            continue
        best, height = -1, -1.0
        for k in range(starts[i], starts[i + 1]):
            j = neighbours[k]
            leads = found[j] == j and (j < i or fixed[j])
            if leads and (similarities[k] > height or (similarities[k] == height and j < best)):
                best, height = j, similarities[k]
        if best >= 0:
            found[i], similar[i] = best, height
