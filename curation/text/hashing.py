"""Hashes of many pieces of one buffer at a time, compiled: xxHash and SHA-1, 64 and 32 bits.

Example, the hashes of ``ab`` and ``bc``, equal to ``xxhash.xxh64_intdigest``::

    data = np.frombuffer(b"abc", np.uint8)
    hash_pieces(data, np.array([0, 1]), np.array([2, 3]), "xxhash", 64)   # uint64 (2,)

A text of 3,200 characters has 550 pieces of five words: calling a library for each takes as long as all the rest.
Of SHA-1 the first bytes are taken, little-endian. Source: the specification of xxHash (doc/xxhash_spec.md of its
repository).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from curation.compiled import bare, part
from curation.text.hashing_sha1 import read_four, sha1_pieces, sha1_pieces_32, turn32

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Hash = Literal["xxhash", "sha1"]
Bits = Literal[32, 64]

# Numbers of the specification of xxHash.
_A1, _A2, _A3 = np.uint64(0x9E3779B185EBCA87), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9)
_A4, _A5 = np.uint64(0x85EBCA77C2B2AE63), np.uint64(0x27D4EB2F165667C5)
_B1, _B2, _B3 = np.uint64(0x9E3779B1), np.uint64(0x85EBCA77), np.uint64(0xC2B2AE3D)
_B4, _B5 = np.uint64(0x27D4EB2F), np.uint64(0x165667B1)
_LOW = np.uint64(0xFFFFFFFF)
# Positions are unsigned, since numba looks whether a signed one counts from the end, at every byte.
_ZERO, _ONE, _FOUR, _EIGHT = np.uint64(0), np.uint64(1), np.uint64(4), np.uint64(8)


def hash_pieces(data: Bytes, begins: Numbers, ends: Numbers, hash: Hash, bits: Bits) -> Hashes:
    """The hash of each piece ``data[begin:end]``, (n,).

    Args:
        data: bytes, (m,).
        begins: where each piece begins, (n,).
        ends: where it ends, (n,).
        hash: ``xxhash`` (XXH64 or XXH32 with seed 0) or ``sha1``.
        bits: 64 or 32; hashes of 32 bits are given as 64-bit numbers, too.

    Raises:
        ValueError: if hash or bits are unknown, or a piece lies outside the data.
    """
    if (hash, bits) not in _KERNELS:
        raise ValueError(f"hash and bits must be one of {list(_KERNELS)}, got {(hash, bits)}")
    if begins.shape != ends.shape or begins.ndim != 1:
        raise ValueError(f"begins and ends must be of one length, got shapes {begins.shape} and {ends.shape}")
    if begins.size and not (begins.min() >= 0 and (begins <= ends).all() and ends.max() <= data.size):
        raise ValueError(f"a piece lies outside the {data.size} bytes")
    found = np.empty(begins.size, np.uint64)
    _KERNELS[hash, bits](data, begins, ends, found)
    return found


@part
def _turn(value: np.uint64, by: int) -> np.uint64:
    return (value << np.uint64(by)) | (value >> np.uint64(64 - by))


@part
def _read_eight(data: Bytes, at: np.uint64) -> np.uint64:
    return (
        np.uint64(data[at])
        | np.uint64(data[at + np.uint64(1)]) << np.uint64(8)
        | np.uint64(data[at + np.uint64(2)]) << np.uint64(16)
        | np.uint64(data[at + np.uint64(3)]) << np.uint64(24)
        | np.uint64(data[at + np.uint64(4)]) << np.uint64(32)
        | np.uint64(data[at + np.uint64(5)]) << np.uint64(40)
        | np.uint64(data[at + np.uint64(6)]) << np.uint64(48)
        | np.uint64(data[at + np.uint64(7)]) << np.uint64(56)
    )


@part
def _round(lane: np.uint64, value: np.uint64) -> np.uint64:
    return _turn(lane + value * _A2, 31) * _A1


@part
def _round32(lane: np.uint64, value: np.uint64) -> np.uint64:
    return (turn32((lane + value * _B2) & _LOW, 13) * _B1) & _LOW


@bare
def xxh64(data: Bytes, begin: np.uint64, end: np.uint64) -> np.uint64:
    """XXH64 with seed 0 of ``data[begin:end]``; for use in other kernels."""
    at = begin
    if end - begin >= np.uint64(32):
        one, two, three, four = _A1 + _A2, _A2, _ZERO, _ZERO - _A1
        while at + np.uint64(32) <= end:
            one, two = _round(one, _read_eight(data, at)), _round(two, _read_eight(data, at + np.uint64(8)))
            three, four = (
                _round(three, _read_eight(data, at + np.uint64(16))),
                _round(four, _read_eight(data, at + np.uint64(24))),
            )
            at += np.uint64(32)
        state = _turn(one, 1) + _turn(two, 7) + _turn(three, 12) + _turn(four, 18)
        state = (state ^ _round(_ZERO, one)) * _A1 + _A4
        state = (state ^ _round(_ZERO, two)) * _A1 + _A4
        state = (state ^ _round(_ZERO, three)) * _A1 + _A4
        state = (state ^ _round(_ZERO, four)) * _A1 + _A4
    else:
        state = _A5
    state += end - begin
    while at + _EIGHT <= end:
        state = _turn(state ^ _round(_ZERO, _read_eight(data, at)), 27) * _A1 + _A4
        at += _EIGHT
    if at + _FOUR <= end:
        state = _turn(state ^ (read_four(data, at) * _A1), 23) * _A2 + _A3
        at += _FOUR
    while at < end:
        state = _turn(state ^ (np.uint64(data[at]) * _A5), 11) * _A1
        at += _ONE
    state = (state ^ (state >> np.uint64(33))) * _A2
    state = (state ^ (state >> np.uint64(29))) * _A3
    return state ^ (state >> np.uint64(32))


@bare
def _xxh32(data: Bytes, begin: np.uint64, end: np.uint64) -> np.uint64:
    at = begin
    if end - begin >= np.uint64(16):
        one, two, three, four = (_B1 + _B2) & _LOW, _B2, _ZERO, (_ZERO - _B1) & _LOW
        while at + np.uint64(16) <= end:
            one, two = _round32(one, read_four(data, at)), _round32(two, read_four(data, at + np.uint64(4)))
            three, four = (
                _round32(three, read_four(data, at + np.uint64(8))),
                _round32(four, read_four(data, at + np.uint64(12))),
            )
            at += np.uint64(16)
        state = turn32(one, 1) + turn32(two, 7) + turn32(three, 12) + turn32(four, 18)
    else:
        state = _B5
    state = (state + end - begin) & _LOW
    while at + _FOUR <= end:
        state = (turn32((state + read_four(data, at) * _B3) & _LOW, 17) * _B4) & _LOW
        at += _FOUR
    while at < end:
        state = (turn32((state + np.uint64(data[at]) * _B5) & _LOW, 11) * _B1) & _LOW
        at += _ONE
    state = ((state ^ (state >> np.uint64(15))) * _B2) & _LOW
    state = ((state ^ (state >> np.uint64(13))) * _B3) & _LOW
    return state ^ (state >> np.uint64(16))


@bare
def _xxh64_pieces(data: Bytes, begins: Numbers, ends: Numbers, found: Hashes) -> None:
    for i in range(len(begins)):
        found[i] = xxh64(data, np.uint64(begins[i]), np.uint64(ends[i]))


@bare
def _xxh32_pieces(data: Bytes, begins: Numbers, ends: Numbers, found: Hashes) -> None:
    for i in range(len(begins)):
        found[i] = _xxh32(data, np.uint64(begins[i]), np.uint64(ends[i]))


_KERNELS = {
    ("xxhash", 64): _xxh64_pieces,
    ("xxhash", 32): _xxh32_pieces,
    ("sha1", 64): sha1_pieces,
    ("sha1", 32): sha1_pieces_32,
}
