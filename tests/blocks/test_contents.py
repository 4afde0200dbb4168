import gzip
import hashlib
import threading
import time
from collections import Counter
from errno import EBUSY
from typing import ClassVar

import fsspec
import pyarrow as pa
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from curation.blocks.code_columns import CODE_COLUMNS, files_of
from curation.blocks.contents import ReadContents
from curation.blocks.decoding import decode_source, git_blob_id, gunzip, is_named_by
from curation.blocks.fetching import Fetcher, template_columns
from curation.blocks.read import columns_of, read_files
from curation.errors import ConfigError, CurationError
from curation.recipe import Stage
from curation.running import run_stages

from .conftest import Kept, document, shared, write_jsonl, write_parquet

TEMPLATE = "flaky://bucket/content/{blob_id}"


class Answer(Exception):
    """What the client of a store raises, with the store's code and status."""

    def __init__(self, code, status):
        super().__init__(code)
        self.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}


def translated(kind, code, status, *arguments):
    """As s3fs raises it: an error of Python's, caused by that of its client."""
    error = kind(*arguments or (code,))
    error.__cause__ = Answer(code, status)
    return error


class Flaky(MemoryFileSystem):
    """A store in memory that fails as it is told: path -> errors, one for each attempt."""

    protocol = "flaky"
    cachable = False
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]
    errors: ClassVar[dict] = {}
    asked: ClassVar[Counter] = Counter()
    running, most, lock = 0, 0, threading.Lock()
    seconds = 0.0

    @classmethod
    def _strip_protocol(cls, path):
        return "/" + path.removeprefix("flaky://").lstrip("/")

    def cat_file(self, path, start=None, end=None, **options):
        name = path.rsplit("/", 1)[-1]
        cls = type(self)
        with cls.lock:
            cls.asked[name] += 1
            cls.running += 1
            cls.most = max(cls.most, cls.running)
        try:
            time.sleep(cls.seconds)
            waiting = cls.errors.get(name) or cls.errors.get("*")
            if waiting:
                error = waiting.pop(0) if isinstance(waiting, list) else waiting
                raise error
            return super().cat_file(path, start, end, **options)
        finally:
            with cls.lock:
                cls.running -= 1


@pytest.fixture
def store():
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    Flaky.store.clear()
    Flaky.errors, Flaky.asked, Flaky.most, Flaky.seconds = {}, Counter(), 0, 0.0
    return Flaky()


def sha1(body):
    return hashlib.sha1(body).hexdigest()


def put(store, text, name=None):
    """A file in the store, under Software Heritage's name; returns the row of its id."""
    body = text.encode() if isinstance(text, str) else text
    store.pipe_file(f"/bucket/content/{name or sha1(body)}", gzip.compress(body))
    return {"blob_id": name or sha1(body), "path": f"/src/{len(store.store)}.py"}


def read(rows, contents=TEMPLATE, **settings):
    """What is kept, the removed rows, and the counts."""
    step = ReadContents(contents=contents, first_wait_seconds=0.001, **settings)
    step.schema({name: pa.string() for row in rows for name in row})
    step.exclusion_writer = kept = Kept()
    docs = [document("", f"in/a.parquet:{index}", **row) for index, row in enumerate(rows)]
    found = list(step.run(iter(docs)))
    return found, kept.rows, step.counts


def test_files_are_fetched_by_their_ids(store):
    rows = [put(store, f"print({n})\n") | {"src_encoding": "UTF-8"} for n in range(50)]
    docs, removed, counts = read(rows)
    assert [doc.text for doc in docs] == [f"print({n})\n" for n in range(50)]
    assert not removed
    assert docs[3].id == f"{rows[3]['blob_id']}:{rows[3]['path']}"
    assert docs[3].metadata.keys() == CODE_COLUMNS.keys()
    assert docs[3].metadata["length_bytes"] == 9
    assert counts["fetched_files"] == 50
    assert counts["fetched_bytes"] == sum(map(len, (file.getvalue() for file in store.store.values())))


def test_many_requests_are_in_flight_and_the_order_is_kept(store):
    rows = [put(store, f"print({n})\n") for n in range(100)]
    Flaky.seconds = 0.01
    docs, _, _ = read(rows, concurrency=16, window=32)
    assert [doc.metadata["blob_id"] for doc in docs] == [row["blob_id"] for row in rows]
    assert 8 < Flaky.most <= 16


def test_no_more_rows_are_taken_than_the_window_has(store):
    rows = [put(store, f"print({n})\n") for n in range(100)]
    taken = []
    fetcher = Fetcher(TEMPLATE, concurrency=4, window=10)
    pairs = fetcher.fetch_all((taken.append(row) or row for row in rows), lambda row: row, lambda row: 0)
    next(pairs)
    assert len(taken) == 10
    pairs.close()
    heavy = fetcher.fetch_all((taken.append(row) or row for row in rows), lambda row: row, lambda row: 200_000_000)
    taken.clear()
    next(heavy)
    assert len(taken) == 2
    heavy.close()


def test_what_cannot_be_had_has_a_reason_and_no_content(store):
    whole = gzip.compress(b"x = 1\n" * 500)
    rows = {
        "content_missing": {"blob_id": "f" * 40},
        "content_mismatch": put(store, "other", "e" * 40),
        "binary": put(store, b"\x7fELF\0\0"),
        "content_undecodable": put(store, bytes(range(1, 32)) * 20),
        "too_large": put(store, "x" * 5000),
    }
    store.pipe_file("/bucket/content/short", whole[:-30])
    store.pipe_file("/bucket/content/none", b"")
    store.pipe_file("/bucket/content/plain", b"no gzip")
    store.pipe_file("/bucket/content/garbled", whole[:40] + b"garbled" + whole[47:])
    broken = [{"blob_id": name} for name in ("short", "none", "plain", "garbled")]
    docs, removed, _ = read([*rows.values(), *broken, {"blob_id": "f", "length_bytes": 5000}], max_bytes=4000)
    assert docs == []
    assert [row["filter_reason"] for row in removed] == [*rows, *["content_truncated"] * 4, "too_large"]
    assert "f" not in Flaky.asked  # its length is known


@pytest.mark.parametrize("damage", [3, 30, 500])
def test_a_gzip_that_ends_too_early_is_never_a_shorter_file(damage):
    body = gzip.compress(bytes(range(256)) * 20, mtime=0)
    assert gunzip(body, 10_000) == (bytes(range(256)) * 20, None)
    assert gunzip(body[:-damage], 10_000) == (b"", "content_truncated")


def test_a_small_gzip_of_a_large_file_is_not_unpacked():
    assert gunzip(gzip.compress(b"0" * 50_000_000), 1000) == (b"", "too_large")
    assert gunzip(gzip.compress(b"a") + gzip.compress(b"b"), 10) == (b"ab", None)
    assert gunzip(gzip.compress(b"a") + gzip.compress(b"b"), 1) == (b"", "too_large")


def test_an_encoding_that_is_not_the_declared_one_is_detected_and_counted(store):
    text = "// Größe und Übergröße der Tür\n" * 5
    rows = [
        put(store, text.encode("latin-1")) | {"src_encoding": "UTF-8"},
        put(store, text.encode("latin-1")) | {"src_encoding": "ISO-8859-1", "path": "b"},
        put(store, text.encode()) | {"src_encoding": "no-such-encoding"},
        put(store, text.encode()) | {"src_encoding": None},
        put(store, text.encode("utf-16")) | {"src_encoding": None},
    ]
    docs, removed, counts = read(rows)
    assert [doc.text for doc in docs] == [text] * 5
    used = [doc.metadata["src_encoding"] for doc in docs]
    assert used == ["WINDOWS-1252", "ISO-8859-1", "UTF-8", "UTF-8", "UTF-16-LE"]
    assert counts["encoding_replaced"] == 2
    assert not removed


BUSY = translated(OSError, "SlowDown", 503, EBUSY, "Please reduce your request rate.")
PASSING = [
    BUSY,
    translated(PermissionError, "RequestThrottled", 403),
    translated(OSError, "429", 429),
    ConnectionResetError("dropped"),
    TimeoutError("slow"),
]


@pytest.mark.parametrize("error", PASSING)
def test_a_busy_store_is_asked_again(store, error):
    rows = [put(store, f"print({n})\n") for n in range(5)]
    Flaky.errors = {rows[2]["blob_id"]: [error, error]}
    docs, _, counts = read(rows)
    assert len(docs) == 5
    assert counts["fetch_retries"] == 2


@pytest.mark.parametrize("error", PASSING)
def test_a_store_that_stays_busy_stops_the_run(store, error):
    rows = [put(store, f"print({n})\n") for n in range(5)]
    Flaky.errors = {rows[2]["blob_id"]: error}
    with pytest.raises(CurationError, match=r"after 4 attempts"):
        read(rows, attempts=4)


@pytest.mark.parametrize(
    ("error", "said", "attempts"),
    [
        (translated(PermissionError, "AccessDenied", 403), "access denied", 3),
        (translated(PermissionError, "SignatureDoesNotMatch", 403), "SignatureDoesNotMatch", 3),
        (translated(FileNotFoundError, "NoSuchBucket", 404), "NoSuchBucket", 1),
        (KeyError("a fault of a package"), "KeyError", 1),
    ],
)
def test_a_refusal_is_never_a_missing_file(store, error, said, attempts):
    rows = [put(store, "x = 1\n")]
    Flaky.errors = {"*": error}
    with pytest.raises(ConfigError, match=said):
        ReadContents(contents=TEMPLATE).check()
    Flaky.asked.clear()
    with pytest.raises(CurationError, match=said):
        read(rows)
    assert Flaky.asked[rows[0]["blob_id"]] == attempts


def test_a_store_that_has_nothing_of_that_name_is_there(store):
    ReadContents(contents=TEMPLATE).check()
    assert Flaky.asked == {"0" * 40: 1}


def test_a_local_folder_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=f"no folder {tmp_path}/nothing"):
        ReadContents(contents=f"{tmp_path}/nothing/{{blob_id}}").check()
    (tmp_path / "there").mkdir()
    ReadContents(contents=f"{tmp_path}/there/{{blob_id}}").check()


def test_a_value_does_not_lead_out_of_the_folder(tmp_path):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "secret").write_text("not for you")
    _, removed, _ = read([{"blob_id": "../secret"}], f"{tmp_path}/blobs/{{blob_id}}", compression="none")
    assert removed[0]["filter_reason"] == "content_missing"


def test_plain_files_and_other_columns(tmp_path):
    (tmp_path / "owner").mkdir()
    (tmp_path / "owner/a.py").write_text("x = 1\n")
    rows = [{"repo_name": "owner", "path": "a.py"}, {"repo_name": "owner", "path": None}]
    docs, removed, _ = read(rows, f"{tmp_path}/{{repo_name}}/{{path}}", compression="none")
    assert [(doc.text, doc.metadata["blob_id"]) for doc in docs] == [("x = 1\n", git_blob_id(b"x = 1\n"))]
    assert [row["filter_reason"] for row in removed] == ["content_missing"]


def test_an_id_is_git_s_or_software_heritage_s():
    body = b"print(1)\n"
    assert is_named_by(body, git_blob_id(body))
    assert is_named_by(body, sha1(body))
    assert not is_named_by(body, "0" * 40)


def test_without_verifying_anything_may_be_there(store):
    docs, _, _ = read([put(store, "other", "e" * 40)], verify=False)
    assert docs[0].text == "other"


def test_an_empty_file_is_a_file(store):
    docs, _, _ = read([put(store, "") | {"path": "__init__.py"}])
    assert [(doc.text, doc.metadata["length_bytes"]) for doc in docs] == [("", 0)]


def test_repositories_become_their_files(store):
    files = [put(store, f"print({n})\n") | {"language": "Python", "license_type": None} for n in range(3)]
    row = {"repo_name": "o/r", "star_events_count": 7, "license_type": "permissive", "num_files": 3, "files": files}
    step = ReadContents(contents=TEMPLATE)
    step.exclusion_writer = kept = Kept()
    docs = list(step.run(iter([document("", "a.parquet:0", **row), document("", "a.parquet:1", files=[])])))
    assert [doc.text for doc in docs] == [f"print({n})\n" for n in range(3)]
    first = docs[0].metadata
    assert (first["repo_name"], first["star_events_count"], first["language"]) == ("o/r", 7, "Python")
    assert (first["license_type"], "files" in first) == ("permissive", False)
    assert [row["filter_reason"] for row in kept.rows] == ["no_files"]
    assert step.counts["documents_read"] == 2


def test_a_column_of_that_name_that_holds_no_files_stays():
    doc = document("text", files=["a.py", "b.py"])
    assert files_of(doc) == [doc]


def run(tmp_path, source, **settings):
    columns = settings.pop("columns", {})
    stage = Stage(name="read", reads=(str(source),), columns=columns, steps=[ReadContents(**settings)])
    record = run_stages("ids", [stage], str(tmp_path / "out"), {}, workers=1).records["read"]
    files = sorted((tmp_path / "out/read/data").iterdir())
    return list(read_files([str(file) for file in files])), record


def test_a_table_of_repositories_in_a_stage(tmp_path):
    (tmp_path / "blobs").mkdir()
    bodies = [f"print({n})\n".encode() for n in range(6)]
    for body in bodies[:5]:
        (tmp_path / "blobs" / sha1(body)).write_bytes(gzip.compress(body))
    files = [{"blob_id": sha1(body), "path": f"/{n}.py", "length_bytes": 9} for n, body in enumerate(bodies)]
    rows = [{"repo_name": "a/a", "files": files[:4]}, {"repo_name": "b/b", "files": files[4:]}]
    write_parquet(tmp_path / "ids.parquet", rows)
    docs, record = run(tmp_path, tmp_path / "ids.parquet", contents=f"{tmp_path}/blobs/{{blob_id}}")
    assert [(doc.metadata["repo_name"], doc.text) for doc in docs] == [
        *[("a/a", f"print({n})\n") for n in range(4)],
        ("b/b", "print(4)\n"),
    ]
    assert (record["documents"], record["kept"], record["removed"]) == (6, 5, {"content_missing": 1})
    (gone,) = read_rows(tmp_path / "out/read/removed/00000.parquet")
    assert (gone["path"], gone["repo_name"], gone["text"], gone["reason"]) == ("/5.py", "b/b", "", "content_missing")


def read_rows(path):
    import pyarrow.parquet as pq

    return pq.read_table(path).to_pylist()


def test_ids_without_a_place_to_fetch_from(tmp_path):
    file = write_parquet(tmp_path / "ids.parquet", [{"blob_id": "a", "path": "b"}])
    with pytest.raises(ConfigError, match=r"ids of files and no texts: say where they are fetched"):
        run(tmp_path, file)
    with pytest.raises(ConfigError, match=r"the input has no column 'blobid' \(did you mean 'blob_id'\?\)"):
        run(tmp_path, file, contents=f"{tmp_path}/{{blobid}}")
    with pytest.raises(ConfigError, match=r"stage x: .*ids\.parquet has ids of files and no texts: fetch them first"):
        run_stages("x", [Stage(name="x", reads=(str(file),), steps=[])], str(tmp_path / "out"), {})
    assert "text" not in columns_of([str(file)], {})


def test_contents_in_a_column_need_no_store(tmp_path):
    rows = [
        {"content": b"x = 1\n", "path": "a.py", "src_encoding": None},
        {"content": "Größe".encode("latin-1"), "path": "b.py", "src_encoding": "UTF-8"},
        {"content": b"\0\1", "path": "c.py", "src_encoding": None},
        {"content": None, "path": "d.py", "src_encoding": None},
    ]
    file = write_parquet(tmp_path / "a.parquet", rows)
    unreachable = "s3://no-such-bucket/content/{blob_id}"  # the recipe's own, which is not asked
    docs, record = run(tmp_path, file, columns={"text": "content"}, contents=unreachable)
    assert [(doc.text, doc.metadata["src_encoding"]) for doc in docs] == [
        ("x = 1\n", "UTF-8"),
        ("Größe", "WINDOWS-1252"),
    ]
    assert docs[0].id == f"{git_blob_id(rows[0]['content'])}:a.py"
    assert record["removed"] == {"binary": 1, "no_text": 1}


def test_columns_that_are_there_are_kept(tmp_path):
    row = {"id": "mine", "text": "x = 1", "blob_id": "own", "licenses": "MIT", "detected_licenses": "MIT, ISC", "n": 3}
    docs, _ = run(tmp_path, write_jsonl(tmp_path / "a.jsonl", [row]))
    (doc,) = docs
    assert (doc.id, doc.metadata["blob_id"], doc.metadata["n"]) == ("mine", "own", 3)
    assert doc.metadata["detected_licenses"] == ["MIT", "ISC"]
    assert doc.metadata["star_events_count"] is None


def test_a_text_with_a_nul_or_too_long(tmp_path):
    rows = [{"id": "a", "text": "a\0b"}, {"id": "b", "text": "é" * 60}, {"id": "c", "text": "é" * 50}]
    docs, record = run(tmp_path, write_jsonl(tmp_path / "a.jsonl", rows), max_bytes=100)
    assert [doc.id for doc in docs] == ["c"]
    assert record["removed"] == {"binary": 1, "too_large": 1}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"contents": "s3://bucket/content"}, "names no column"),
        ({"contents": "s3://bucket/{"}, "contents: 's3://bucket/{'"),
        ({"contents": "s3://bucket/{}"}, "names no column"),
        ({"compression": "zip"}, "'zip' is neither gzip nor none"),
        ({"concurrency": 0}, "concurrency: expected at least 1, got 0"),
        ({"max_bytes": 0}, "max_bytes: expected at least 1"),
    ],
)
def test_settings_that_cannot_work(settings, said):
    with pytest.raises(ConfigError, match=said):
        ReadContents(**settings)


def test_an_unknown_protocol():
    with pytest.raises(ConfigError, match="nowhere"):
        Fetcher("nowhere://x/{blob_id}").check()
    assert template_columns("s3://b/{repo_name}/{path}/{path}") == ("repo_name", "path")


def test_speed_settings_are_no_part_of_the_identity():
    assert ReadContents(concurrency=1, window=2, attempts=3).identity() == ReadContents().identity()
    assert ReadContents(verify=False).identity() != ReadContents().identity()


@given(st.text(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_unicode_is_read_as_it_was_written(text, encoding):
    found = decode_source(text.encode(encoding))
    if "\0" in text:
        assert found.reason == "binary"
    elif found.reason is None:
        assert found.text == text.removeprefix("\ufeff")


@given(st.binary())
def test_any_bytes_are_a_text_or_have_a_reason(body):
    found = decode_source(body, "UTF-8")
    assert (found.reason is None) != (found.text == "" and body not in (b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"))


def test_real_files_of_code_keep_their_blob_ids():
    docs = list(read_files([str(shared("code/code_files.parquet"))], {"text": "content"}))
    assert len(docs) > 3000
    for doc in docs[:500]:
        assert git_blob_id(doc.text.encode()) == doc.metadata["blob_id"]
        assert decode_source(doc.text.encode()).text == doc.text.removeprefix("\ufeff")


def test_bytes_in_a_table_keep_their_encoding_their_length_and_their_id(tmp_path):
    bodies = [b"x = 1", "# caf\u00e9 gar\u00e7on d\u00e9j\u00e0".encode("latin-1"), b"\xef\xbb\xbfy = 2", b"\0"]
    rows = [{"path": f"{n}.py", "content": body} for n, body in enumerate(bodies)]
    run(tmp_path, write_parquet(tmp_path / "in.parquet", rows), columns={"text": "content"})
    kept = read_rows(tmp_path / "out/read/data")
    assert [row["text"] for row in kept] == ["x = 1", "# caf\u00e9 gar\u00e7on d\u00e9j\u00e0", "y = 2"]
    assert [row["src_encoding"] for row in kept] == ["UTF-8", "WINDOWS-1252", "UTF-8"]
    assert [row["length_bytes"] for row in kept] == [len(body) for body in bodies[:3]]
    assert [row["id"] for row in kept] == [f"{git_blob_id(body)}:{n}.py" for n, body in enumerate(bodies[:3])]
    assert [row["reason"] for row in read_rows(tmp_path / "out/read/removed")] == ["binary"]


@pytest.mark.parametrize("name", ["text", "content"])
def test_repositories_may_hold_their_files_as_bytes_or_texts(tmp_path, name):
    files = [
        {"path": "a.py", name: b"x = 1"},
        {"path": "b.py", name: b"\xe9t\xe9 = 1"},
        {"path": "c", name: b"\0"},
    ]
    texts = [{"path": "a.py", name: "x = 1"}]
    for number, inside in enumerate((files, texts)):
        folder = tmp_path / str(number)
        folder.mkdir()
        _, record = run(folder, write_parquet(folder / "in.parquet", [{"repo_name": "o/r", "files": inside}]))
        kept = read_rows(folder / "out/read/data")
        assert [(row["path"], row["text"], row["repo_name"]) for row in kept] == [
            ("a.py", "x = 1", "o/r"),
            ("b.py", "\u00e9t\u00e9 = 1", "o/r"),
        ][: 2 - number]
        assert record["removed"] == ({} if number else {"binary": 1})
