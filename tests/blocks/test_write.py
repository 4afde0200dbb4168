import datetime
import hashlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.blocks.removed import RemovedWriter
from curation.blocks.write import KeptWriter, RowWriter, conform
from curation.errors import CurationError
from curation.folder import Folder

from .conftest import document

COLUMNS = {"id": pa.string(), "text": pa.large_string(), "n": pa.int64(), "s": pa.string()}


def written(path, docs, columns=COLUMNS):
    writer = RowWriter(str(path), columns, "here")
    for doc in docs:
        writer.write(doc)
    writer.close()
    return pq.read_table(path).to_pylist()


def test_columns_that_a_document_lacks_are_null(tmp_path):
    rows = written(tmp_path / "a.parquet", [document("x", "1", n=1), document("y", "2", s="z")])
    assert rows == [{"id": "1", "text": "x", "n": 1, "s": None}, {"id": "2", "text": "y", "n": None, "s": "z"}]


def test_no_documents_are_a_file_with_the_schema(tmp_path):
    assert written(tmp_path / "a.parquet", []) == []
    assert pq.read_schema(tmp_path / "a.parquet").names == list(COLUMNS)


def test_a_column_that_no_step_declares_is_named(tmp_path):
    with pytest.raises(CurationError, match="here: column 'extra' of document 7 is declared by no step"):
        written(tmp_path / "a.parquet", [document("x", "7", n=1, extra=2)])


def test_the_same_documents_give_the_same_bytes(tmp_path):
    docs = [document("x" * 50, str(number), n=number) for number in range(2500)]
    digests = set()
    for name in ("a.parquet", "b.parquet"):
        written(tmp_path / name, docs)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1
    assert pq.read_metadata(tmp_path / "a.parquet").num_row_groups == 3


def test_text_takes_anything(tmp_path):
    values = ["plain", 1, 2.5, {"a": "é"}, [1, None], True, None, datetime.date(2024, 1, 2), "half \ud800 pair"]
    rows = written(tmp_path / "a.parquet", [document(s=value) for value in values])
    shown = [row["s"] for row in rows]
    assert shown == ["plain", "1", "2.5", '{"a": "é"}', "[1, null]", "true", None, '"2024-01-02"', "half ? pair"]


def test_half_a_surrogate_pair_in_a_text_does_not_end_the_run(tmp_path):
    assert written(tmp_path / "a.parquet", [document("a\udcffb", "\ud800")])[0]["text"] == "a?b"


@pytest.mark.parametrize("value", ["seven", 2.5, 2**70])
def test_a_value_that_does_not_fit_is_named(tmp_path, value):
    with pytest.raises(CurationError, match=r"here: column n: .* is not int64"):
        written(tmp_path / "a.parquet", [document(n=1), document(n=value)])


class Router:
    routes = ("3plus", "4plus", "none")

    def route(self, doc):
        return [name for name in self.routes if name[0].isdigit() and doc.metadata["n"] >= int(name[0])]


def paths(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_routes_get_a_file_each_also_an_empty_one(tmp_path):
    with KeptWriter(Folder(str(tmp_path)), "00002", COLUMNS, Router()) as kept:
        for number in (2, 3, 4):
            kept.write(document(n=number))
    assert kept.count == 3
    assert paths(tmp_path) == [f"data/{route}/train-00002.parquet" for route in Router.routes]
    counts = [pq.read_metadata(tmp_path / name).num_rows for name in paths(tmp_path)]
    assert counts == [2, 1, 0]


def test_rows_per_file(tmp_path):
    with KeptWriter(Folder(str(tmp_path)), "00000", COLUMNS, rows_per_file=2) as kept:
        for number in range(5):
            kept.write(document(n=number))
    tables = [pq.read_table(tmp_path / name).column("n").to_pylist() for name in paths(tmp_path)]
    assert paths(tmp_path) == ["data/00000.parquet", "data/00001.parquet", "data/00002.parquet"]
    assert tables == [[0, 1], [2, 3], [4]]


def test_an_error_while_writing_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError), KeptWriter(Folder(str(tmp_path)), "00000", COLUMNS) as kept:
        kept.write(document(n=1))
        raise ZeroDivisionError
    assert paths(tmp_path) == []


def test_an_error_at_the_very_end_leaves_no_file(tmp_path):
    with (
        pytest.raises(CurationError, match="column n"),
        KeptWriter(Folder(str(tmp_path)), "00000", COLUMNS, rows_per_file=1) as kept,
    ):
        kept.write(document(n=1))
        kept.write(document(n="x"))
    assert paths(tmp_path) == ["data/00000.parquet"]  # a full file was ended before; the shard is cleared as a whole


def removed(path, mode, most_whole=2, columns=COLUMNS):
    writer = RemovedWriter(str(path), columns, mode, most_whole)
    for number in range(5):
        doc = document(f"text {number}", str(number), n=number, filter_reason="odd" if number % 2 else "even")
        doc.metadata["undeclared"] = 1
        writer.write(doc)
    writer.close()
    assert writer.reasons == {"even": 3, "odd": 2}
    return pq.read_table(path).to_pylist() if path.exists() else None


def test_removed_in_full(tmp_path):
    rows = removed(tmp_path / "a.parquet", "full")
    assert rows[1] == {"id": "1", "reason": "odd", "text": "text 1", "n": 1, "s": None}
    assert [row["text"] for row in rows] == [f"text {number}" for number in range(5)]


def test_removed_as_ids_keeps_the_first_of_each_reason_whole(tmp_path):
    rows = removed(tmp_path / "a.parquet", "ids", most_whole=1, columns=COLUMNS | {"html": pa.large_string()})
    assert [row["id"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert [row["text"] for row in rows] == ["text 0", "text 1", None, None, None]
    assert [row["reason"] for row in rows] == ["even", "odd", "even", "odd", "even"]


def test_removed_none_only_counts(tmp_path):
    assert removed(tmp_path / "a.parquet", "none") is None


def test_a_column_of_the_input_named_reason_gives_way(tmp_path):
    rows = removed(tmp_path / "a.parquet", "full", columns=COLUMNS | {"reason": pa.int64()})
    assert rows[0]["reason"] == "even"


def test_an_error_at_the_end_of_one_route_leaves_no_file(tmp_path):
    with (
        pytest.raises(CurationError, match="column s"),
        KeptWriter(Folder(str(tmp_path)), "00000", COLUMNS | {"s": pa.int64()}, Router()) as kept,
    ):
        kept.write(document(n=3, s="x"))
    assert paths(tmp_path) == []


def test_whole_numbers_written_as_fractions_are_whole_numbers(tmp_path):
    assert [row["n"] for row in written(tmp_path / "a.parquet", [document(n=3.0), document(n=4)])] == [3, 4]


def test_tables_are_written_with_the_declared_columns(tmp_path):
    writer = RowWriter(str(tmp_path / "a.parquet"), COLUMNS, "here")
    for start in range(3):
        writer.write_table(pa.table({"n": pa.array([start], pa.int32()), "id": [str(start)], "more": [1.5]}))
    writer.close()
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == [
        {"id": str(start), "text": None, "n": start, "s": None} for start in range(3)
    ]
    assert pq.read_metadata(tmp_path / "a.parquet").num_row_groups == 1
    with pytest.raises(CurationError, match=r"here: column n: .*2\.5"):
        conform(pa.table({"n": [2.5]}), pa.schema([("n", pa.int64())]), "here")


@pytest.mark.parametrize(("mode", "texts"), [("full", ["a", "b", "c"]), ("ids", ["a", None, "c"]), ("none", [])])
def test_removed_tables_are_written_as_removed_documents_are(tmp_path, mode, texts):
    path = tmp_path / "r.parquet"
    writer = RemovedWriter(str(path), COLUMNS, mode, most_whole=1)
    table = pa.table({"id": ["1", "2", "3"], "text": ["a", "b", "c"], "reason": ["x", "x", "y"], "n": [1, 2, 3]})
    writer.write_table(table.slice(0, 1))
    writer.write_table(table.slice(1))
    writer.close()
    assert writer.reasons == {"x": 2, "y": 1}
    rows = pq.read_table(path).to_pylist() if mode != "none" else []
    assert [(row["text"], row["n"]) for row in rows] == list(zip(texts, [1, 2, 3], strict=False))
