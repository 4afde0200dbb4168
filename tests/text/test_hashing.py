import hashlib
import struct

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from curation.text.hashing import hash_pieces

REFERENCES = {
    ("xxhash", 64): xxhash.xxh64_intdigest,
    ("xxhash", 32): xxhash.xxh32_intdigest,
    ("sha1", 64): lambda data: struct.unpack("<Q", hashlib.sha1(data).digest()[:8])[0],
    ("sha1", 32): lambda data: struct.unpack("<I", hashlib.sha1(data).digest()[:4])[0],
}


def hashed(pieces, hash, bits):
    ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
    begins = ends - np.array([len(piece) for piece in pieces], np.int64)
    return hash_pieces(np.frombuffer(b"".join(pieces), np.uint8), begins, ends, hash, bits).tolist()


@pytest.mark.parametrize("kind", REFERENCES)
@given(st.lists(st.one_of(st.binary(max_size=130), st.text(max_size=40).map(str.encode)), max_size=12))
def test_hashes_are_those_of_the_libraries(kind, pieces):
    assert hashed(pieces, *kind) == [REFERENCES[kind](piece) for piece in pieces]


@pytest.mark.parametrize("kind", REFERENCES)
def test_every_length_up_to_several_blocks(kind):
    data = bytes(i * 7 % 256 for i in range(5000))
    pieces = [data[i : i + length] for i, length in enumerate([*range(200), 1023, 1024, 1025, 4000])]
    assert hashed(pieces, *kind) == [REFERENCES[kind](piece) for piece in pieces]


def test_pieces_may_overlap():
    found = hash_pieces(np.frombuffer(b"abc", np.uint8), np.array([0, 1, 3]), np.array([2, 3, 3]), "xxhash", 64)
    assert found.tolist() == [xxhash.xxh64_intdigest(piece) for piece in (b"ab", b"bc", b"")]


@pytest.mark.parametrize(
    ("begins", "ends", "kind", "named"),
    [
        ([0], [4], ("xxhash", 64), "3 bytes"),
        ([-1], [2], ("xxhash", 64), "3 bytes"),
        ([2], [1], ("sha1", 64), "3 bytes"),
        ([0, 1], [2], ("sha1", 32), "shapes"),
        ([0], [2], ("md5", 64), "md5"),
        ([0], [2], ("xxhash", 128), "128"),
    ],
)
def test_wrong_arguments_are_named(begins, ends, kind, named):
    with pytest.raises(ValueError, match=named):
        hash_pieces(np.frombuffer(b"abc", np.uint8), np.array(begins), np.array(ends), *kind)
