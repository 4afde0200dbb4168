import pyarrow as pa
import pyarrow.compute as pc
import pytest

from curation.blocks.tables import TableStep, are_tables, documents_of, read_tables, tables_of

from .conftest import document, write_jsonl, write_parquet


class KeepEven(TableStep):
    """Drops odd numbers, and marks the others."""

    type = "select"

    def run_tables(self, tables, rank=0, world_size=1):
        for table in tables:
            odd = pc.equal(pc.bit_wise_and(table["number"], 1), 1)
            gone = table.filter(odd)
            self.drop_rows(gone.append_column("reason", pa.array(["odd"] * gone.num_rows)))
            yield table.filter(pc.invert(odd))


def rows(count, first=0):
    return [{"id": f"r{n}", "text": f"text {n}", "number": n} for n in range(first, first + count)]


def test_a_stage_reads_and_writes_tables(tmp_path, stage):
    files = [write_parquet(tmp_path / f"{part}.parquet", rows(5, 5 * part)) for part in range(2)]
    kept = stage.run(files, KeepEven())
    assert kept == [row for row in rows(10) if row["number"] % 2 == 0]
    assert [(row["id"], row["reason"], row["text"]) for row in stage.rows()] == [
        (f"r{n}", "odd", f"text {n}") for n in range(1, 10, 2)
    ]
    assert [record["documents"] for record in stage.records] == [5, 5]
    assert [record["removed"] for record in stage.records] == [{"odd": 2}, {"odd": 3}]


def test_rows_without_text_are_removed_with_a_reason(tmp_path, stage):
    given = [*rows(2), {"id": None, "text": None, "number": 4}, {"id": None, "text": "x", "number": 6}]
    kept = stage.run([write_parquet(tmp_path / "in.parquet", given)], KeepEven())
    assert [row["id"] for row in kept] == ["r0", f"{tmp_path.name}/in.parquet:3"]
    assert [(row["reason"], row["number"]) for row in stage.rows()] == [("no_text", 4), ("odd", 1)]


def test_which_files_can_be_read_as_tables(tmp_path):
    good = str(write_parquet(tmp_path / "good.parquet", rows(2)))
    numbers = str(write_parquet(tmp_path / "numbers.parquet", [{"id": 1, "text": "x"}]))
    lines = str(write_jsonl(tmp_path / "lines.jsonl", rows(2)))
    assert are_tables([good], {})
    assert not are_tables([good, numbers], {})
    assert not are_tables([good, lines], {})
    assert not are_tables([good], {"text": "number"})


def test_columns_are_as_declared_whatever_a_file_has(tmp_path):
    files = [
        str(write_parquet(tmp_path / "a.parquet", [{"id": "a", "text": "x", "n": 1}])),
        str(write_parquet(tmp_path / "b.parquet", [{"more": 2, "text": "y", "id": "b"}])),
    ]
    kinds = {"id": pa.string(), "text": pa.large_string(), "n": pa.float64()}
    tables = list(read_tables(files, kinds, pytest.fail))
    assert [table.to_pylist() for table in tables] == [
        [{"id": "a", "text": "x", "n": 1.0}],
        [{"id": "b", "text": "y", "n": None}],
    ]


def test_documents_become_tables_and_documents_again():
    docs = [document("x", "1", stars=3, date="2024"), document("y", "2", stars="many"), document("z", "3", other=1)]
    (table,) = tables_of(iter(docs), ["stars", "nothing"])
    assert table.to_pylist() == [
        {"id": "1", "text": "x", "stars": "3"},
        {"id": "2", "text": "y", "stars": "many"},
        {"id": "3", "text": "z", "stars": None},
    ]
    again = list(documents_of(iter([table])))
    assert [(doc.id, doc.text, doc.metadata) for doc in again] == [
        ("1", "x", {"stars": "3"}),
        ("2", "y", {"stars": "many"}),
        ("3", "z", {"stars": None}),
    ]
