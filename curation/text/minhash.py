"""MinHash: what two near-duplicate texts have in common, as a few 64-bit numbers.

Example, the single band of FineMath: ``minhash = MinHash(bands=1, rows=10)``. Two texts whose five-word shingles
have Jaccard similarity J share ``minhash.band_keys(minhash.signature(text))`` with probability J^10 (J=.9 → .35, J=.98
→ .82); of FineWeb's 14 bands of 8 rows they share at least one with 1 - (1 - J^8)^14 (J=.7 → .57, J=.8 → .92).

The numbers are those of datatrove's ``MinhashDedupSignature`` for the same shingle strings. The strings are ours, since
datatrove's normalisation turns every number into 0 and drops every operator, so that exercise pages differing only in
their formulas become duplicates, and gives a text of fewer words than the n-gram length no shingle at all.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import xxhash

from curation.text.words import tokenise

Hashes = npt.NDArray[np.uint64]
Normalisation = Literal["keep_mathematics", "words"]

# A TeX command, a number with its decimal or thousands marks, a word, or one operator or bracket. The marks of prose
# and the dollar are no tokens: curly or straight quotes, $…$ or nothing around a formula, make no other text.
_MATHEMATICS = re.compile(r"\\[a-z]+|\d+(?:[.,]\d+)*|[^\W_]+|_|[^\w\s.,;:?\"'`“”‘’«»…$–—]")
# Chinese and Japanese write no spaces: each character counts as a word.
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")

_PRIME = np.uint64((1 << 61) - 1)
_PRIME_BITS = np.uint64(61)
_CHUNK = 256  # shingles; 256 × 112 hashes × 8 B = 229 kB a temporary, which stays in the cache of a core


@dataclass(frozen=True, slots=True)
class MinHash:
    r"""How texts become signatures.

    Args:
        ngram: words in a shingle.
        bands: number of bands; two texts are candidates if all rows of one band agree.
        rows: hashes in a band.
        seed: seed of the permutations (NumPy's legacy ``RandomState``, which never changes).
        normalisation: ``keep_mathematics`` keeps numbers, TeX commands, operators and brackets; ``words`` takes
            lowercase ``\w+`` without diacritics.

    Raises:
        ValueError: if a number is below one or the normalisation is unknown.
    """

    ngram: int = 5
    bands: int = 14
    rows: int = 8
    seed: int = 1
    normalisation: Normalisation = "keep_mathematics"

    def __post_init__(self) -> None:
        if min(self.ngram, self.bands, self.rows) < 1:
            raise ValueError(f"ngram, bands and rows must be at least 1, got {self}")
        if self.normalisation not in get_args(Normalisation):
            raise ValueError(f"normalisation must be one of {get_args(Normalisation)}, got {self.normalisation!r}")

    def tokens(self, text: str) -> list[str]:
        """The tokens of ``text``, in order."""
        if not text.isascii():
            text = _IDEOGRAPH.sub(r" \g<0> ", unicodedata.normalize("NFC", text))
        if self.normalisation == "words":
            return tokenise(text)
        return _MATHEMATICS.findall(text.lower())

    def shingles(self, text: str) -> Hashes:
        """64-bit xxhash of every n-gram of tokens joined by spaces, shape ``(k,)``, in order, repeats included.

        A text of fewer tokens than ``ngram`` has one shingle, of all its tokens; a text without tokens has none.
        """
        tokens = self.tokens(text)
        if len(tokens) <= self.ngram:
            grams = [" ".join(tokens)] if tokens else []
        else:
            grams = [" ".join(gram) for gram in zip(*(tokens[i:] for i in range(self.ngram)), strict=False)]
        return np.fromiter(map(xxhash.xxh64_intdigest, grams), dtype=np.uint64, count=len(grams))

    def signature(self, text: str) -> Hashes | None:
        """The smallest value of each permutation over the shingles, shape ``(bands * rows,)``; None without tokens."""
        return self.signature_of(self.shingles(text))

    def signature_of(self, shingles: Hashes) -> Hashes | None:
        """The signature of shingles that are already hashed, shape ``(k,)``; None if there are none.

        A permutation is ``(a * h + b) mod 2^64 mod (2^61 - 1)``: the product wraps around, as in datatrove.
        """
        if not shingles.size:
            return None
        a, b = _permutations(self.seed, self.bands * self.rows)
        smallest = np.full(a.size, _PRIME, dtype=np.uint64)
        for start in range(0, shingles.size, _CHUNK):
            values = shingles[start : start + _CHUNK] * a[:, None]
            values += b[:, None]
            np.minimum(smallest, _modulo_prime(values).min(axis=1), out=smallest)
        return smallest

    def band_keys(self, signature: Hashes) -> list[bytes]:
        """One key of ``rows * 8`` bytes (little-endian) for each band of a signature.

        Raises:
            ValueError: if the signature has not ``bands * rows`` values.
        """
        if signature.shape != (self.bands * self.rows,):
            raise ValueError(f"expected {self.bands * self.rows} values, got an array of shape {signature.shape}")
        return [band.tobytes() for band in signature.astype("<u8").reshape(self.bands, self.rows)]

    def match_probability(self, jaccard: float) -> float:
        """The probability that two texts of this Jaccard similarity share a band: ``1 - (1 - J^rows)^bands``."""
        return float(1 - (1 - jaccard**self.rows) ** self.bands)


def jaccard(left: Hashes, right: Hashes) -> float:
    """Exact Jaccard similarity of two sets of shingles (0 to 1); two empty sets have similarity 0."""
    left, right = np.unique(left), np.unique(right)
    shared = np.intersect1d(left, right, assume_unique=True).size
    union = left.size + right.size - shared
    return shared / union if union else 0.0


def clusters(keys: Iterable[tuple[int, Sequence[bytes]]]) -> dict[int, int]:
    """The smallest member of each member's cluster, where members that share the key of any band are connected.

    Connection is transitive and not verified: members of one cluster need not be similar to each other. See `leaders`.

    Args:
        keys: pairs of a member's number and its band keys, in any order; all members have the same number of bands.
            Keys are held as 64-bit hashes: 10M members × 14 bands × 8 B = 1.1 GB, and the chance of one false match
            among them is 14 × (10M)² / 2^65 = 4e-5.

    Returns:
        Every member, ascending, with the smallest member of its cluster (itself, if it stands alone).

    Raises:
        ValueError: if members differ in their number of bands.
    """
    members: list[int] = []
    rows: list[list[int]] = []
    for member, bands in keys:
        members.append(member)
        rows.append([xxhash.xxh3_64_intdigest(key) for key in bands])
    if len({len(row) for row in rows}) > 1:
        raise ValueError("members differ in their number of bands")
    parent = {member: member for member in sorted(members)}
    numbers, table = np.array(members), np.array(rows, dtype=np.uint64)
    for column in table.T if table.size else ():
        order = np.argsort(column, kind="stable")
        same = np.flatnonzero(column[order[1:]] == column[order[:-1]])
        for left, right in zip(numbers[order[same]].tolist(), numbers[order[same + 1]].tolist(), strict=True):
            _join(parent, left, right)
    return {member: _root(parent, member) for member in parent}


def leaders(
    keys: Iterable[tuple[int, Sequence[bytes]]], similar: Callable[[int, int], bool] | None = None
) -> dict[int, int]:
    """The member that each member duplicates, verified: no chains, so a duplicate is similar to what is kept for it.

    A member is compared with the leaders of its buckets, smallest first; it follows the first that is similar, or
    becomes a leader itself. Templated pages that share a band without being similar stay apart.

    Args:
        keys: pairs of a member's number and its band keys, in ascending order of members.
        similar: ``similar(leader, member)``, for example a threshold on `jaccard`; None takes every pair that shares a
            band as similar.

    Returns:
        Every member with its leader (itself, if it is one).

    Raises:
        ValueError: if members are not ascending.
    """
    found: dict[int, int] = {}
    buckets: dict[tuple[int, bytes], list[int]] = {}
    last: int | None = None
    for member, bands in keys:
        if last is not None and member <= last:
            raise ValueError(f"members must ascend, got {member} after {last}")
        last = member
        numbered = list(enumerate(bands))
        candidates = sorted({leader for key in numbered for leader in buckets.get(key, ())})
        found[member] = next((each for each in candidates if similar is None or similar(each, member)), member)
        if found[member] == member:
            for key in numbered:
                buckets.setdefault(key, []).append(member)
    return found


@functools.lru_cache(maxsize=8)
def _permutations(seed: int, count: int) -> tuple[Hashes, Hashes]:
    random = np.random.RandomState(seed)
    a = random.randint(1, _PRIME, dtype=np.uint64, size=count)
    return a, random.randint(0, _PRIME, dtype=np.uint64, size=count)


def _modulo_prime(values: Hashes) -> Hashes:
    """``values % (2^61 - 1)`` in place, twice as fast: 2^61 = 1, so the upper three bits are added to the lower 61."""
    upper = values >> _PRIME_BITS
    values &= _PRIME
    values += upper
    # Now at most p + 7; below p the difference wraps around to a huge number, so the minimum is the remainder.
    return np.minimum(values, values - _PRIME, out=values)


def _root(parent: dict[int, int], member: int) -> int:
    while parent[member] != member:
        parent[member] = parent[parent[member]]
        member = parent[member]
    return member


def _join(parent: dict[int, int], left: int, right: int) -> None:
    left, right = sorted((_root(parent, left), _root(parent, right)))
    parent[right] = left
