import dataclasses
import itertools
import random

import numpy as np
import pytest

from blocks.conftest import document, shared
from curation.blocks.minhash_files import MinhashFiles
from curation.text.minhash import MinHash

datatrove_minhash = pytest.importorskip("datatrove.pipeline.dedup.minhash")
KINDS = [("xxhash", 64), ("xxhash", 32), ("sha1", 64), ("sha1", 32)]
THEIRS = MinHash(normalisation="datatrove")


# Numbers in them would all be the same.
WORDS = ["".join(letters) for letters in itertools.product("bdkmrt", "aou", "lnsz", "ei", "bdkmrt")]


class SpacedWords:
    """In the place of datatrove's word tokenizer, which needs spaCy."""

    @staticmethod
    def word_tokenize(text):
        return text.split()


def config_of(minhash):
    from datatrove.utils.hashing import HashConfig

    return datatrove_minhash.MinhashConfig(
        n_grams=minhash.ngram,
        num_buckets=minhash.bands,
        hashes_per_bucket=minhash.rows,
        seed=minhash.seed,
        hash_config=HashConfig(minhash.bits, minhash.hash),
    )


def web_texts(count):
    import gzip
    import json

    with gzip.open(shared("texts/web_texts.jsonl.gz"), "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line, _ in zip(lines, range(count), strict=False)]


def documents(texts):
    return [document(text, str(i)) for i, text in enumerate(texts)]


def write_ours(folder, texts, rank=0, minhash=THEIRS):
    step = MinhashFiles(output_folder=str(folder), minhash=minhash)
    assert [doc.text for doc in step.run(iter(documents(texts)), rank)] == list(texts)
    return step


def write_theirs(folder, texts, rank=0, minhash=THEIRS):
    datatrove_minhash.MinhashDedupSignature(str(folder), config_of(minhash)).run(iter(documents(texts)), rank)


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def deduplicated(folder, shards, minhash=THEIRS):
    """The positions of what datatrove's later stages keep, by rank."""
    signatures, buckets, removed = (str(folder / name) for name in ("signatures", "buckets", "removed"))
    for rank in range(minhash.bands):
        step = datatrove_minhash.MinhashDedupBuckets(signatures, buckets, config=config_of(minhash))
        step.run(None, rank, minhash.bands)
    datatrove_minhash.MinhashDedupCluster(buckets, removed, config=config_of(minhash)).run(None, 0, 1)
    kept = [
        datatrove_minhash.MinhashDedupFilter(removed).run(iter(documents(texts)), rank, len(shards))
        for rank, texts in enumerate(shards)
    ]
    return [[int(doc.id) for doc in docs] for docs in kept]


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_those_of_datatrove_byte_for_byte(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(datatrove_minhash, "load_word_tokenizer", lambda language: SpacedWords)
    minhash = dataclasses.replace(THEIRS, bands=3, rows=4, hash=kind[0], bits=kind[1])
    texts = [text for text in web_texts(40) if len(minhash.tokens(text)) >= 5]
    texts = [*texts, "", *texts[:5]]
    write_ours(tmp_path / "ours", texts, 3, minhash)
    write_theirs(tmp_path / "theirs", texts, 3, minhash)
    assert files(tmp_path / "ours") == files(tmp_path / "theirs")
    assert sorted(files(tmp_path / "ours")) == [f"bucket_00{band}/00003.minhash.sig" for band in range(3)]


def test_a_folder_of_both_passes_the_later_stages_of_datatrove(tmp_path):
    pytest.importorskip("spacy", reason="datatrove splits words with spaCy")
    plain = [" ".join(random.Random(i).choices(WORDS, k=120)) for i in range(12)]
    edited = [text.replace(text.split()[60], "other", 1) for text in plain]
    shards = [plain[:6], [*edited[:3], *plain[6:9]], [*edited[6:9], *plain[9:], "three short words", ""]]
    write_theirs(tmp_path / "signatures", shards[0], 0)
    write_ours(tmp_path / "signatures", shards[1], 1)
    write_theirs(tmp_path / "signatures", shards[2][:-2], 2)
    kept = deduplicated(tmp_path, shards)
    # Three texts of the first shard stand in the second again, and three of the second in the third.
    assert sum(map(len, kept)) == sum(map(len, shards)) - 6
    for i in range(3):
        assert (i in kept[0]) != (i in kept[1])
        assert (i + 3 in kept[1]) != (i in kept[2])
    assert {3, 4, 5} <= set(kept[0])
    assert {3, 4, 5, 6, 7} <= set(kept[2])


def test_short_texts_are_found_and_texts_without_words_counted(tmp_path):
    shards = [["Short text.", "", "another one"], ["...", "short text!", "a third"]]
    counted = [write_ours(tmp_path / "signatures", texts, rank).counts for rank, texts in enumerate(shards)]
    assert [one["without_shingles"] for one in counted] == [1, 1]
    kept = deduplicated(tmp_path, shards)
    assert sorted(map(len, kept)) == [2, 3]
    assert (0 in kept[0]) != (1 in kept[1])


def test_a_shard_without_documents_has_empty_files(tmp_path):
    shards = [["one text of a few words"], [], ["one text of a few words"]]
    for rank, texts in enumerate(shards):
        write_ours(tmp_path / "signatures", texts, rank)
    assert (tmp_path / "signatures" / "bucket_000" / "00001.minhash.sig").read_bytes() == b""
    assert sum(map(len, deduplicated(tmp_path, shards))) == 1


def test_files_appear_only_when_the_shard_is_done(tmp_path):
    def broken():
        yield from documents(["one", "two"] * 600)
        raise OSError("the disk is gone")

    step = MinhashFiles(output_folder=str(tmp_path / "signatures"))
    with pytest.raises(OSError, match="disk"):
        list(step.run(broken()))
    assert not (tmp_path / "signatures").exists()


def test_what_a_killed_writer_left_is_no_file_of_signatures(tmp_path):
    bucket = tmp_path / "signatures" / "bucket_000"
    bucket.mkdir(parents=True)
    (bucket / ".00000.minhash.sig.part-1").write_bytes(b"half")
    (bucket / ".00001.minhash.sig.part-2").write_bytes(b"of another shard")
    write_ours(tmp_path / "signatures", ["a text"])
    assert [path.name for path in sorted(bucket.iterdir())] == [".00001.minhash.sig.part-2", "00000.minhash.sig"]


def test_records_hold_values_and_position_sorted(tmp_path):
    minhash = dataclasses.replace(THEIRS, bands=1, rows=2)
    texts = [f"text {'abc'[i % 3]}" for i in range(2500)]
    write_ours(tmp_path, texts, 0, minhash)
    records = np.fromfile(tmp_path / "bucket_000" / "00000.minhash.sig", [("values", "<u8", 2), ("position", "<u4")])
    found = [(*map(int, record["values"]), int(record["position"])) for record in records]
    assert found == sorted(found)
    values, _ = minhash.signatures(texts)
    assert found == sorted((*map(int, row), i) for i, row in enumerate(values))


def test_settings_are_its_identity():
    from curation.blocks.step import identity_of

    step = MinhashFiles(output_folder="signatures", minhash=MinHash(bands=1, rows=10))
    assert identity_of(step)["minhash"]["rows"] == 10
