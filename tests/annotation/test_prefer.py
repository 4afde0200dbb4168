import gzip
import json
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.annotation.likeness import Like
from curation.annotation.prefer import Preference, absolute_preference, preference_identity, visible_text
from curation.annotation.sample import draw
from curation.errors import ConfigError

from .conftest import SHARED

MATHS = "The theorem follows from the lemma: the derivative of the integral is the function, as the proof shows."
NEWS = "The minister said on Monday that the talks would go on, and the market fell by two points in the evening."


def level(spec, text="", url=None):
    return next(Preference([spec]).levels([(text, url)], lambda pair: pair))[1]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("photosynthesis", "expected KIND=VALUE, such as words="),
        ("word=a", "'word=a': unknown kind 'word' .*did you mean 'words'"),
        ("urls=a", "did you mean 'url'"),
        ("zzz=a", "known are words, url, like"),
        ("words=", "expected words=photosynthesis"),
        ("words=a,,b", "nothing between two commas"),
        ("url= ,", r"expected url=\*/physics"),
        ("like=", "expected like=examples.jsonl"),
    ],
)
def test_a_wrong_spec_is_named(spec, message):
    for reader in (absolute_preference, preference_identity, lambda one: Preference([one])):
        with pytest.raises(ConfigError, match=message):
            reader(spec)


@pytest.mark.parametrize(
    ("words", "text", "expected"),
    [
        ("photosynthesis", "PHOTOSYNTHESIS in leaves", 1),
        ("photosynthesis", "photosynthesises", 0),
        ("cat", "concatenate cats", 0),
        ("Calvin  cycle", "the calvin\ncycle.", 1),
        ("calvin cycle", "calvin's cycle", 0),
        ("dog, cat", "a cat", 1),
        ("C++", "in C++, say", 1),
        ("C++", "Objective-xC++", 0),
        ("STRASSE", "eine Straße", 1),
        ("光合作用", "植物进行光合作用。", 1),
        ("수학", "수학은 어렵다", 1),
        ("a.b", "axb", 0),
        ("cat", "", 0),
    ],
)
def test_words_are_whole_and_of_any_case(words, text, expected):
    assert level(f"words={words}", text) == expected


@pytest.mark.parametrize(
    ("value", "url", "expected"),
    [
        ("*/physics/*", "https://a.org/Physics/1.html", 1),
        ("*/physics/*", "https://a.org/physics", 0),
        ("arxiv.org", "http://arxiv.org/abs/1", 1),
        ("arxiv.org/*", "http://arxiv.org/abs/1", 1),
        ("arxiv.org/*", "http://b.arxiv.org/abs/1", 0),
        ("https://a.*/x", "https://a.org/x", 1),
        ("*?id=[1]*", "https://a.org/?id=[1]&b", 1),
        ("*?id=[1]*", "https://a.org/xid=1", 0),
        ("b.org, a.org", "https://a.org", 1),
        ("a", None, 0),
        ("*", None, 1),
    ],
)
def test_urls_have_parts_or_fit_patterns(value, url, expected):
    assert level(f"url={value}", url=url) == expected


def test_levels_add_up():
    preference = Preference(["words=theorem", "words=proof", "url=math"])
    pairs = [(MATHS, "http://math.org"), (MATHS, "http://a.org"), (NEWS, "http://math.org"), (NEWS, None)]
    assert [found for _, found in preference.levels(pairs, lambda pair: pair)] == [3, 2, 1, 0]
    assert [pair for pair, _ in preference.levels(pairs, lambda pair: pair)] == pairs


def example_file(path, texts=(MATHS,)):
    rows = [{"text": text, "id": str(row)} for row, text in enumerate(texts)]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".txt":
        path.write_text("\n\n".join(texts))
    else:
        path.write_bytes(gzip.compress(lines.encode()) if path.suffix == ".gz" else lines.encode())
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.ndjson", "a.parquet", "a.txt"])
def test_examples_are_read_from_files_of_all_kinds(name, tmp_path):
    texts = [f"{MATHS}\u2028{NEWS}"]
    file = example_file(tmp_path / name, texts)
    assert Like(str(file)).examples() == texts
    documents = [NEWS + f" {number} {number + 1}" for number in range(50)] + [MATHS]
    found = Preference([f"like={file}"]).levels(documents, lambda text: (text, None))
    levels = dict(found)
    assert levels.pop(MATHS) == 3 and set(levels.values()) == {0}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"", "no text in it"),
        ("a.jsonl", b'{"content": "x"}\n{"text": " "}\n[1]\n', "no text in it"),
        ("a.jsonl", b"{", "cannot be read"),
        ("a.jsonl.gz", b"no gzip", "cannot be read"),
        ("a.jsonl.gz", gzip.compress(b"x" * 1000)[:-20], "cannot be read"),
        ("a.txt", b"\xff\xfe\xfd", "cannot be read"),
        ("a.parquet", b"no parquet", "cannot be read"),
        ("a.pdf", b"x", "unknown file type .known: .parquet"),
        (None, b"", "cannot be read"),
    ],
)
def test_examples_that_cannot_be_had_are_named(name, content, message, tmp_path):
    path = tmp_path / (name or "nothing.jsonl")
    if name:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"like=.*{path.name}.*{message}"):
        Preference([f"like={path}"]).check()


def test_a_parquet_file_without_the_column_says_what_it_has(tmp_path):
    pq.write_table(pa.table({"content": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(ConfigError, match=r"no column `text` \(it has content\)"):
        Preference([f"like={tmp_path}/a.parquet"]).check()


def test_of_examples_the_content_counts_and_not_the_place(tmp_path, monkeypatch):
    one, other = example_file(tmp_path / "a.jsonl"), example_file(tmp_path / "b.jsonl")
    assert preference_identity(f"like={one}") == preference_identity(f"like={other}")
    before = preference_identity(f"like={one}")
    example_file(one, [NEWS])
    assert preference_identity(f"like={one}") != before
    monkeypatch.chdir(tmp_path)
    assert absolute_preference("like=a.jsonl") == f"like={one}"
    assert absolute_preference("words=a/b") == "words=a/b"
    with pytest.raises(ConfigError, match="cannot be read"):
        preference_identity("like=nothing.jsonl")


@pytest.mark.parametrize("documents", [[], [""], ["", "x"], [NEWS], [NEWS] * 30, ["\ud800 x", "光合作用"]])
def test_few_or_strange_documents_have_levels(documents, tmp_path):
    preference = Preference([f"like={example_file(tmp_path / 'a.jsonl')}"])
    found = list(preference.levels(documents, lambda text: (text, None)))
    assert [text for text, _ in found] == documents and {one for _, one in found} <= {0, 1, 2, 3}


def test_pages_without_extracted_text_show_theirs():
    page = "<p>a&amp;b <SCRIPT src=x>theorem</SCRIPT >c</p><style>proof</style><b>d<script>never closed"
    assert visible_text(page).split() == ["a&b", "c", "d"]
    assert visible_text("x < y") == "x < y" and visible_text("") == ""
    start = time.perf_counter()
    assert len(visible_text("<script " * 50_000 + "<" * 100_000)) < 1_000_000
    assert time.perf_counter() - start < 2


def test_examples_find_hidden_pages_of_a_rare_topic(tmp_path):
    """30 math pages among 1,500 web texts: a random sample of 60 has 1."""
    read = {}
    for name in ("texts/web_texts", "labels/finemath_5pt"):
        path = SHARED / "data" / f"{name}.jsonl.gz"
        if not path.exists():
            pytest.skip(f"real data not on this machine: {path}")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            read[name] = [json.loads(line) for line in lines]
    web, labelled = read.values()
    math = [row["text"] for row in labelled if row["label"] >= 3]
    rng = np.random.default_rng(0)
    picked = [math[row] for row in rng.permutation(len(math))[:35]]
    texts = [*(row["text"] for row in web[:1500]), *picked[5:]]
    order = rng.permutation(len(texts))
    specs = {"like": f"like={example_file(tmp_path / 'a.jsonl', picked[:5])}", "words": "words=theorem,equation,proof"}
    for spec, least in ((specs["like"], 25), (specs["words"], 7)):
        levels = [one for _, one in Preference([spec]).levels([texts[row] for row in order], lambda text: (text, None))]
        rows, weights = draw([str(row) for row in order], 60, strata=levels)
        assert sum(order[row] >= 1500 for row in rows) >= least
        assert np.isclose(weights.sum(), len(texts))
