"""SHA-1 of many pieces of one buffer, compiled: the first eight or four bytes of each digest, little-endian.

Example: `curation.text.hashing.hash_pieces` with ``sha1``. Source: FIPS 180-4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curation.compiled import bare, kernel, part

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Hashes = NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_ZERO = np.uint64(0)


@part
def read_four(data: Bytes, at: np.uint64) -> np.uint64:
    """Four bytes, little-endian: compiled to one load."""
    return (
        np.uint64(data[at])
        | np.uint64(data[at + np.uint64(1)]) << np.uint64(8)
        | np.uint64(data[at + np.uint64(2)]) << np.uint64(16)
        | np.uint64(data[at + np.uint64(3)]) << np.uint64(24)
    )


@part
def turn32(value: np.uint64, by: int) -> np.uint64:
    """32 bits turned left."""
    return ((value << np.uint64(by)) | (value >> np.uint64(32 - by))) & np.uint64(0xFFFFFFFF)


@bare
def _byte_of_message(data: Bytes, begin: int, end: int, at: int, padded: int) -> np.uint64:
    """Byte ``at`` of a piece and what SHA-1 adds to it: a bit, zeros, and the length in bits, big-endian."""
    length = end - begin
    if at < length:
        return np.uint64(data[begin + at])
    if at == length:
        return np.uint64(0x80)
    if at >= padded - 8:
        return (np.uint64(length * 8) >> np.uint64(8 * (padded - 1 - at))) & np.uint64(0xFF)
    return _ZERO


@bare
def _sha1_block(words: Hashes, state: Hashes) -> None:
    """Mix the 16 first words of 80 into the state."""
    for t in range(16, 80):
        words[t] = turn32(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1)
    a, b, c, d, e = state[0], state[1], state[2], state[3], state[4]
    for t in range(80):
        if t < 20:
            mixed = ((b & c) | ((b ^ _LOW) & d)) + np.uint64(0x5A827999)
        elif t < 40:
            mixed = (b ^ c ^ d) + np.uint64(0x6ED9EBA1)
        elif t < 60:
            mixed = ((b & c) | (b & d) | (c & d)) + np.uint64(0x8F1BBCDC)
        else:
            mixed = (b ^ c ^ d) + np.uint64(0xCA62C1D6)
        mixed = (mixed + turn32(a, 5) + e + words[t]) & _LOW
        a, b, c, d, e = mixed, a, turn32(b, 30), c, d
    state[0] = (state[0] + a) & _LOW
    state[1] = (state[1] + b) & _LOW
    state[2] = (state[2] + c) & _LOW
    state[3] = (state[3] + d) & _LOW
    state[4] = (state[4] + e) & _LOW


@part
def _swapped(word: np.uint64) -> np.uint64:
    """The four bytes of a word in the other order."""
    return (
        (word >> np.uint64(24))
        | ((word >> np.uint64(8)) & np.uint64(0xFF00))
        | ((word << np.uint64(8)) & np.uint64(0xFF0000))
        | ((word & np.uint64(0xFF)) << np.uint64(24))
    )


@bare
def _sha1(data: Bytes, begin: int, end: int, words: Hashes, state: Hashes) -> np.uint64:
    """The first eight bytes of the digest, little-endian; the arrays, (80,) and (5,), are room to work in."""
    state[0], state[1], state[2] = np.uint64(0x67452301), np.uint64(0xEFCDAB89), np.uint64(0x98BADCFE)
    state[3], state[4] = np.uint64(0x10325476), np.uint64(0xC3D2E1F0)
    padded = (end - begin + 9 + 63) // 64 * 64
    for block in range(0, padded, 64):
        for t in range(16):
            at = block + 4 * t
            if begin + at + 4 <= end:
                words[t] = _swapped(read_four(data, np.uint64(begin + at)))
            else:
                word = _ZERO
                for k in range(4):
                    word = (word << np.uint64(8)) | _byte_of_message(data, begin, end, at + k, padded)
                words[t] = word
        _sha1_block(words, state)
    return _swapped(state[0]) | (_swapped(state[1]) << np.uint64(32))


@kernel
def sha1_pieces(data: Bytes, begins: Numbers, ends: Numbers, found: Hashes) -> None:
    """The first eight bytes of each digest."""
    words, state = np.empty(80, np.uint64), np.empty(5, np.uint64)
    for i in range(len(begins)):
        found[i] = _sha1(data, begins[i], ends[i], words, state)


@kernel
def sha1_pieces_32(data: Bytes, begins: Numbers, ends: Numbers, found: Hashes) -> None:
    """The first four bytes of each digest."""
    words, state = np.empty(80, np.uint64), np.empty(5, np.uint64)
    for i in range(len(begins)):
        found[i] = _sha1(data, begins[i], ends[i], words, state) & _LOW
