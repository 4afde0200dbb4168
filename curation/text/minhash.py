"""MinHash: what two near-duplicate texts have in common, as a few 64-bit numbers.

Example, the single band of FineMath: ``minhash = MinHash(bands=1, rows=10)``. Two texts whose five-word shingles
have Jaccard similarity J share ``minhash.band_hashes(texts)`` with probability J^10 (J=.9 → .35, J=.98 → .82); of
FineWeb's 14 bands of 8 rows they share at least one with 1 - (1 - J^8)^14 (J=.7 → .57, J=.8 → .92).

The numbers are those of datatrove's ``MinhashDedupSignature`` for the same shingle strings, with either hash of 64 or
32 bits. The strings are ours unless told otherwise, since datatrove's normalisation turns every number into 0 and drops
every operator, so that exercise pages differing only in their formulas become duplicates, and gives a text of fewer
words than the n-gram length no shingle at all.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from curation.compiled import kernel, part
from curation.text import shingles_normalise
from curation.text.hashing import Bits, Hash, hash_pieces, xxh64
from curation.text.shingles import Unit, batches, shingles
from curation.text.shingles_normalise import Normalisation

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]

_PRIME = np.uint64((1 << 61) - 1)
_PRIME_BITS = np.uint64(61)
_LOW = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class MinHash:
    r"""How texts become signatures.

    Args:
        ngram: words or characters in a shingle.
        bands: number of bands; two texts are candidates if all rows of one band agree.
        rows: hashes in a band.
        seed: seed of the permutations (NumPy's legacy ``RandomState``, which never changes).
        normalisation: ``keep_mathematics`` keeps numbers, TeX commands, operators and brackets; ``words`` takes
            lowercase ``\w+`` without diacritics; ``datatrove`` is that of datatrove's ``TextNormConfig()``, split at
            blanks.
        shingles: of ``words``, or of ``characters`` of the normalised text.
        hash: of the shingles, ``xxhash`` or ``sha1``.
        bits: of the hash and of the values, 64 or 32.

    Raises:
        ValueError: if a number is below one or a name is unknown.
    """

    ngram: int = 5
    bands: int = 14
    rows: int = 8
    seed: int = 1
    normalisation: Normalisation = "keep_mathematics"
    shingles: Unit = "words"
    hash: Hash = "xxhash"
    bits: Bits = 64

    def __post_init__(self) -> None:
        if min(self.ngram, self.bands, self.rows) < 1:
            raise ValueError(f"ngram, bands and rows must be at least 1, got {self}")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in get_args(known):
                raise ValueError(f"{name} must be one of {get_args(known)}, got {getattr(self, name)!r}")

    def tokens(self, text: str) -> list[str]:
        """The tokens of ``text``, in order."""
        return shingles_normalise.tokens(text, self.normalisation)

    def shingle_hashes(self, texts: Sequence[str]) -> tuple[Hashes, Numbers]:
        """The hash of every shingle of every text, in order, repeats included, and where those of each begin.

        A text of fewer tokens than ``ngram`` has one shingle, of all its tokens; a text without tokens has none.

        Returns:
            Hashes (k,) and offsets (n + 1,).
        """
        parts, offsets, end = [np.empty(0, np.uint64)], np.zeros(len(texts) + 1, np.int64), 0
        for rows in batches(texts):
            part, part_offsets = self._hashed(texts[rows])
            parts.append(part)
            offsets[rows.start + 1 : rows.stop + 1] = part_offsets[1:] + end
            end += part.size
        return np.concatenate(parts), offsets

    def shingle_sets(self, texts: Sequence[str]) -> tuple[Hashes, Numbers]:
        """The unique hashes of each text's shingles, ascending, (k,), and where those of each begin, (n + 1,)."""
        values, offsets = self.shingle_hashes(texts)
        for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            values[start:stop].sort()
        found = np.zeros(len(texts) + 1, np.int64)
        return values[: _without_repeats(values, offsets, found)].copy(), found

    def signatures(self, texts: Sequence[str]) -> tuple[Hashes, NDArray[np.bool_]]:
        """The smallest value of each permutation over the shingles of each text.

        Returns:
            Values (n, bands * rows), below 2^32 with hashes of 32 bits, and which texts have shingles, (n,); the
            values of the others are 0.
        """
        values = np.zeros((len(texts), self.bands * self.rows), np.uint64)
        present = np.zeros(len(texts), np.bool_)
        for rows in batches(texts):
            hashes, offsets = self._hashed(texts[rows])
            self._fill(hashes, offsets, values[rows])
            present[rows] = offsets[1:] > offsets[:-1]
        return values, present

    def band_hashes(self, texts: Sequence[str]) -> Hashes:
        """One 64-bit hash of each band's rows, (n, bands); of a text without tokens 0 in all bands, and only there."""
        values, present = self.signatures(texts)
        found = np.zeros((len(texts), self.bands), np.uint64)
        _hash_bands(values.view(np.uint8), present, self.rows, found)
        return found

    def signature(self, text: str) -> Hashes | None:
        """The signature of one text, (bands * rows,); None without tokens."""
        values, present = self.signatures([text])
        return values[0] if present[0] else None

    def signature_of(self, hashes: Hashes) -> Hashes | None:
        """The signature of shingles that are already hashed, (k,); None if there are none."""
        if not hashes.size:
            return None
        values = np.empty((1, self.bands * self.rows), np.uint64)
        self._fill(np.ascontiguousarray(hashes, np.uint64), np.array([0, hashes.size]), values)
        return values[0]

    def signature_of_strings(self, strings: Sequence[str]) -> Hashes | None:
        """The signature of shingles that are already strings, as datatrove's; None if there are none."""
        encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
        ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)
        begins = np.concatenate([np.zeros(1, np.int64), ends])[:-1]
        return self.signature_of(
            hash_pieces(np.frombuffer(b"".join(encoded), np.uint8), begins, ends, self.hash, self.bits)
        )

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

    def _hashed(self, texts: Sequence[str]) -> tuple[Hashes, Numbers]:
        found = shingles(texts, ngram=self.ngram, normalisation=self.normalisation, unit=self.shingles)
        return hash_pieces(found.data, found.begins, found.ends, self.hash, self.bits), found.offsets

    def _fill(self, hashes: Hashes, offsets: Numbers, values: Hashes) -> None:
        """A permutation is ``(a * h + b) mod 2^64 mod (2^61 - 1)``: the product wraps around, as in datatrove."""
        find = _minima if self.bits == 64 else _minima_32
        find(hashes, offsets, *_permutations(self.seed, self.bands * self.rows), values)


_CHOICES: dict[str, Any] = {"normalisation": Normalisation, "shingles": Unit, "hash": Hash, "bits": Bits}


@functools.lru_cache(maxsize=8)
def _permutations(seed: int, count: int) -> tuple[Hashes, Hashes]:
    random = np.random.RandomState(seed)
    a = random.randint(1, _PRIME, dtype=np.uint64, size=count)
    return a, random.randint(0, _PRIME, dtype=np.uint64, size=count)


@part
def _permuted(a: np.uint64, b: np.uint64, value: np.uint64) -> np.uint64:
    product = value * a + b
    # 2^61 = 1, so the upper three bits are added to the lower 61. Now at most p + 7; below p the difference wraps
    # around to a huge number, so that the smaller one is the remainder.
    folded = (product & _PRIME) + (product >> _PRIME_BITS)
    return min(folded, folded - _PRIME)


@kernel
def _minima(hashes: Hashes, offsets: Numbers, a: Hashes, b: Hashes, values: Hashes) -> None:
    """The inner loop is over permutations, eight of them in a register; four shingles at a time spare loads."""
    low = np.empty(len(a), np.uint64)
    for text in range(len(offsets) - 1):
        i, end = offsets[text], offsets[text + 1]
        if i == end:
            continue
        low[:] = _PRIME
        while i + 4 <= end:
            one, two, three, four = hashes[i], hashes[i + 1], hashes[i + 2], hashes[i + 3]
            for k in range(len(a)):
                first = min(_permuted(a[k], b[k], one), _permuted(a[k], b[k], two))
                second = min(_permuted(a[k], b[k], three), _permuted(a[k], b[k], four))
                low[k] = min(low[k], min(first, second))
            i += 4
        while i < end:
            for k in range(len(a)):
                low[k] = min(low[k], _permuted(a[k], b[k], hashes[i]))
            i += 1
        values[text] = low


@kernel
def _minima_32(hashes: Hashes, offsets: Numbers, a: Hashes, b: Hashes, values: Hashes) -> None:
    """As `_minima`, of the lower 32 bits."""
    low = np.empty(len(a), np.uint64)
    for text in range(len(offsets) - 1):
        if offsets[text] == offsets[text + 1]:
            continue
        low[:] = _LOW
        for i in range(offsets[text], offsets[text + 1]):
            for k in range(len(a)):
                low[k] = min(low[k], _permuted(a[k], b[k], hashes[i]) & _LOW)
        values[text] = low


@kernel
def _hash_bands(values: NDArray[np.uint8], present: NDArray[np.bool_], rows: int, found: Hashes) -> None:
    for text in range(found.shape[0]):
        if present[text]:
            for band in range(found.shape[1]):
                hashed = xxh64(values[text], np.uint64(band * rows * 8), np.uint64((band + 1) * rows * 8))
                found[text, band] = hashed if hashed else np.uint64(1)


@kernel
def _without_repeats(values: Hashes, offsets: Numbers, found: Numbers) -> int:
    """Move the different ones of each text, which ascend, together; how many there are."""
    count = 0
    for text in range(len(offsets) - 1):
        for i in range(offsets[text], offsets[text + 1]):
            if i == offsets[text] or values[i] != values[count - 1]:
                values[count] = values[i]
                count += 1
        found[text + 1] = count
    return count
