"""Which documents the judge is asked about: seeded, independent of order and of the number of workers.

    rows, weights = draw(["a", "b", "c", "d"], 2, seed=0)
    # rows are the positions drawn, sorted; each stands for weights[i] = 4 / 2 documents

    with StreamedDraw(size=10_000, seed=0) as sample:  # the same draw, of documents that stream by once
        for doc in documents:
            sample.offer(doc.id, doc.metadata["language"], doc)
        judged = [(doc, weight) for doc, weight in sample.drawn()]

Rows are ranked by the 64-bit xxhash of (seed, key) and the lowest are taken: another order of the input draws the same
documents, and of a pool that grew from N to M rows about N / M of an earlier draw is drawn again.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from curation.errors import CurationError

Integers = npt.NDArray[np.int64]

_ANY_HASH = 1 << 64  # above every hash
_SEED_BITS = _ANY_HASH - 1
_ROOM = 1000  # candidates beyond those that were left at the last clearing; beside it a quarter of these
_SMALLEST_SPILL = 1 << 26  # bytes below which a half-empty spill is not worth copying
_CANDIDATE = np.dtype([("hash", "u8"), ("offset", "i8"), ("length", "u4"), ("stratum", "i4")])


def draw(
    keys: Sequence[str], size: int, *, strata: Sequence[Hashable] | None = None, seed: int = 0
) -> tuple[Integers, npt.NDArray[np.float64]]:
    """The rows drawn, ascending, and the weight (1 / inclusion probability) of each.

    Args:
        keys: one per row, such as document ids; rows with the same key are ordered by position.
        size: how many to draw; all rows, each of weight 1, where there are no more than that.
        strata: one per row, such as a preliminary score: every stratum gives an equal share, and what a small one
            cannot give is shared among the others. None is a stratum of its own.
        seed: another seed draws another sample.

    Raises:
        ValueError: if ``size`` is negative, or ``strata`` are not as many as ``keys``.
    """
    if strata is not None and len(strata) != len(keys):
        raise ValueError(f"strata: expected one per key ({len(keys)}), got {len(strata)}")
    codes: dict[Hashable, int] = {}
    each = [None] * len(keys) if strata is None else strata
    coded = (codes.setdefault(one, len(codes)) for one in each)
    stratum = np.fromiter(coded, np.int64, len(keys))
    hashes = np.fromiter((_hash(key, seed) for key in keys), np.uint64, len(keys))
    counts = np.bincount(stratum, minlength=len(codes))
    taken = _shares_by_value(list(codes), counts, _checked(size))
    rows = np.flatnonzero(_ranks(stratum, hashes) < taken[stratum])
    drawn = stratum[rows]
    return rows.astype(np.int64), counts[drawn] / taken[drawn]


def shares(counts: Integers, size: int) -> Integers:
    """How many each stratum of ``counts`` rows gives to a sample of ``size``: equal shares, as water fills vessels.

    A remainder that cannot be shared equally goes to the largest strata.
    """
    taken = np.zeros(len(counts), np.int64)
    left = min(size, int(counts.sum()))
    for position, index in enumerate(np.argsort(counts, kind="stable")):
        taken[index] = min(int(counts[index]), left // (len(counts) - position))
        left -= int(taken[index])
    return taken


class StreamedDraw:
    """What `draw` draws, of documents that are seen once and need not fit into memory.

    A document is a candidate while fewer of its stratum than the largest share have a lower hash. Shares only shrink
    while documents come, so those of the moment bound the last, and it is enough to compute them now and then.
    Candidates wait in a temporary file (in ``TMPDIR``); about ``size * (1 + ln(N / size))`` of N documents are ever
    written, and what is no candidate any more is cleared away before it is more than half of the file. In memory a
    candidate takes 24 bytes, and at most about 1.25 ``size`` wait. Source: bottom-k sampling (Cohen and Kaplan, 2007).

    Raises:
        ValueError: if ``size`` is negative.
    """

    def __init__(self, size: int, *, seed: int = 0) -> None:
        self.size, self.seed, self.offered = _checked(size), seed, 0
        self._codes: dict[Hashable, int] = {}
        self._counts: list[int] = []
        self._bounds: list[int] = []  # a hash has to be lower to be a candidate
        self._candidates = np.empty(_ROOM, _CANDIDATE)
        self._held = 0
        self._spill = _Spill()

    def __enter__(self) -> StreamedDraw:
        return self

    def __exit__(self, *error: object) -> None:
        self._spill.close()

    @property
    def strata(self) -> int:
        """How many strata were seen."""
        return len(self._counts)

    def offer(self, key: str, stratum: Hashable, item: Any) -> None:
        """Take note of one document.

        Args:
            key: such as its id.
            stratum: any value; None for all draws a plain sample.
            item: what `drawn` is to give back; it is pickled if it is a candidate.

        Raises:
            CurationError: if the temporary file cannot be written.
        """
        code = self._codes.setdefault(stratum, len(self._counts))
        if code == len(self._counts):
            self._counts.append(0)
            self._bounds.append(_ANY_HASH if self.size else 0)
        self._counts[code] += 1
        hashed = _hash(key, self.seed)
        if hashed < self._bounds[code]:
            if self._held == len(self._candidates):
                self._make_room()
            if hashed < self._bounds[code]:  # making room may have lowered it
                self._candidates[self._held] = (hashed, *self._spill.append(item), code)
                self._held += 1
        self.offered += 1

    def drawn(self) -> Iterator[tuple[Any, float]]:
        """The items drawn, in the order in which they were offered, each with its weight."""
        counts, taken = np.array(self._counts, np.int64), self._taken()
        candidates = self._candidates[: self._held]
        ranks = _ranks(candidates["stratum"], candidates["hash"])
        for one in candidates[ranks < taken[candidates["stratum"]]]:
            code = one["stratum"]
            yield self._spill.read(int(one["offset"]), int(one["length"])), float(counts[code] / taken[code])

    def without_share(self) -> int:
        """Documents of strata that give none, because there are more strata than ``size``; no weight counts them."""
        return int(np.array(self._counts, np.int64)[self._taken() == 0].sum())

    def _taken(self) -> Integers:
        return _shares_by_value(list(self._codes), np.array(self._counts, np.int64), self.size)

    def _make_room(self) -> None:
        full = self.offered >= self.size
        if full:
            self._evict()
        room = _ROOM + (self._held // 4 if full else self._held)
        larger = np.empty(self._held + room, _CANDIDATE)
        larger[: self._held] = self._candidates[: self._held]
        self._candidates = larger

    def _evict(self) -> None:
        """Forget candidates beyond the largest share; no stratum can give more than that, now or later."""
        most = int(shares(np.array(self._counts, np.int64), self.size).max())
        candidates = self._candidates[: self._held]
        ranks = _ranks(candidates["stratum"], candidates["hash"])
        for last in candidates[ranks == most - 1]:
            self._bounds[last["stratum"]] = int(last["hash"])
        kept = candidates[ranks < most]
        self._spill.clear(kept)
        self._candidates[: len(kept)] = kept
        self._held = len(kept)


class _Spill:
    """Items in a temporary file, found by offset and length; pickled and compressed."""

    def __init__(self) -> None:
        self._file: Any = tempfile.TemporaryFile(buffering=1 << 20)  # noqa: SIM115 (closed by the draw)
        self._codec = pa.Codec("zstd", compression_level=1)
        self.bytes = 0

    def append(self, item: Any) -> tuple[int, int]:
        """Returns offset and length."""
        plain = pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
        return self._write(len(plain).to_bytes(8, "little") + self._codec.compress(plain, asbytes=True))

    def read(self, offset: int, length: int) -> Any:
        record = self._record(offset, length)
        return pickle.loads(self._codec.decompress(record[8:], int.from_bytes(record[:8], "little"), asbytes=True))

    def clear(self, kept: npt.NDArray[Any]) -> None:
        """Copy what is ``kept`` to a new file and correct its offsets, if that is less than half of the old one."""
        if self.bytes < max(_SMALLEST_SPILL, 2 * int(kept["length"].sum())):
            return
        smaller = _Spill()
        for row, one in enumerate(kept):
            kept["offset"][row] = smaller._write(self._record(int(one["offset"]), int(one["length"])))[0]
        self.close()
        self._file, self.bytes = smaller._file, smaller.bytes

    def close(self) -> None:
        self._file.close()

    def _record(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return bytes(self._file.read(length))

    def _write(self, record: bytes) -> tuple[int, int]:
        offset = self.bytes
        try:
            self._file.seek(offset)
            self._file.write(record)
        except OSError as error:
            where = f"{tempfile.gettempdir()} (set TMPDIR for another)"
            raise CurationError(f"candidates of the sample cannot be written to {where}: {error}") from error
        self.bytes += len(record)
        return offset, len(record)


def _checked(size: int) -> int:
    if size < 0:
        raise ValueError(f"size: expected 0 or more, got {size}")
    return size


def _hash(key: str, seed: int) -> int:
    return xxhash.xxh64_intdigest(key.encode("utf-8", "surrogatepass"), seed & _SEED_BITS)


def _ranks(stratum: npt.NDArray[Any], hashes: npt.NDArray[Any]) -> Integers:
    """Each row's place in its stratum, by hash, then by position."""
    order = np.lexsort((hashes, stratum))  # stable
    counts = np.bincount(stratum, minlength=1)
    ranks = np.empty(len(stratum), np.int64)
    ranks[order] = np.arange(len(stratum)) - np.repeat(np.cumsum(counts) - counts, counts)
    return ranks


def _shares_by_value(values: list[Any], counts: Integers, size: int) -> Integers:
    """`shares`, where equally large strata are ordered by value, so that it does not count which was seen first."""
    order = sorted(range(len(values)), key=lambda code: _by_value(values[code]))
    taken = np.zeros(len(values), np.int64)
    taken[order] = shares(counts[order], size)
    return taken


def _by_value(value: Any) -> tuple[Any, ...]:
    """What puts values of any types into one order: None, numbers, all others by type."""
    if value is None:
        return (0,)
    if isinstance(value, tuple):
        return (3, tuple(map(_by_value, value)))
    return (1, value) if isinstance(value, int | float) else (2, type(value).__name__, repr(value))
