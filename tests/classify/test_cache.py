import numpy as np
import pytest

from curation.classify.cache import CachedEmbedder, EmbeddingCache, text_digest, write_embeddings

TEXTS = ["one", "two", "three", "", "\ud800"]


def test_vectors_come_back_to_the_bit(tmp_path, toy):
    vectors = (toy.embed(TEXTS) / 3).astype(np.float32)
    path = tmp_path / "cache" / "a.safetensors"
    write_embeddings(path, [text_digest(t) for t in TEXTS], vectors, toy.identity)
    for place in (path, tmp_path / "cache"):
        cache = EmbeddingCache([place], toy.identity)
        assert len(cache) == 5
        found = cache.get([*TEXTS[::-1], "unknown"])
        assert np.array_equal(np.stack(found[:-1]), vectors[::-1])
        assert found[-1] is None


def test_the_file_is_the_same_whatever_the_order(tmp_path, toy):
    vectors = toy.embed(TEXTS)
    digests = [text_digest(t) for t in TEXTS]
    write_embeddings(tmp_path / "a", digests, vectors, toy.identity)
    write_embeddings(tmp_path / "b", digests[::-1], vectors[::-1], toy.identity)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_files_of_another_embedder_and_missing_ones_are_ignored(tmp_path, toy):
    write_embeddings(tmp_path / "a", [text_digest("x")], toy.embed(["x"]), toy.identity)
    assert len(EmbeddingCache([tmp_path / "a", tmp_path / "none"], toy.identity | {"revision": "2"})) == 0


def test_only_misses_are_embedded_and_remembered(tmp_path, toy):
    plain = toy.embed(["a", "b", "c", "a"])
    write_embeddings(tmp_path / "a.safetensors", [text_digest("a")], plain[:1], toy.identity)
    toy.embedded.clear()
    cached = CachedEmbedder(toy, EmbeddingCache([tmp_path], toy.identity))
    assert np.array_equal(cached.embed(["a", "b", "c", "a", "b"])[:4], plain)
    assert np.array_equal(cached.embed(["c", "b"]), plain[[2, 1]])
    assert toy.embedded == ["b", "c"]
    assert cached.embed([]).shape == (0, 64)
    assert cached.pooler is None and cached.identity == toy.identity
    assert cached.write(tmp_path / "b.safetensors") == 2
    assert len(EmbeddingCache([tmp_path], toy.identity)) == 3


def test_nothing_to_remember_writes_nothing(tmp_path, toy):
    assert CachedEmbedder(toy, EmbeddingCache([], toy.identity)).write(tmp_path / "x") == 0
    assert not (tmp_path / "x").exists()


def test_digests_and_vectors_must_agree(tmp_path, toy):
    with pytest.raises(ValueError, match="1 digests for 2 vectors"):
        write_embeddings(tmp_path / "a", [text_digest("x")], toy.embed(["x", "y"]), toy.identity)
