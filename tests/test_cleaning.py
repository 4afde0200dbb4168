"""`curate clean`, `curate decontaminate` and `curate mask` as a user calls them."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toy_recipe import curate, rows_of

from curation import decontaminate, mask

QUESTION = (
    "A farmer has forty hens and each of them lays three eggs on every day of the week but Sunday. How many in all?"
)
KEY = "AKIA" + "Q3XV7T2LMN5PD4WZ"  # the form of a key, of nobody


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cleaning")
    pages = [
        {"id": "clean", "text": "Hens lay eggs, and farmers count them in the morning."},
        {"id": "dirty", "text": f"Problem 7. {QUESTION.upper()} Think well.\nWrite to Ann@Farm.org or 8.8.8.8."},
    ]
    (folder / "pages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in pages))
    (folder / "items.jsonl").write_text(json.dumps({"id": "hens", "question": QUESTION}) + "\n")
    (folder / "bad.jsonl").write_text('{"question": "What is it?"}\n{"question": null}\n')
    code = [{"id": "a.py", "path": "src/a.py", "text": f"import boto\n\naws_key = '{KEY}'\nip = '8.8.8.8'\n"}]
    pq.write_table(pa.Table.from_pylist(code), folder / "code.parquet")
    return folder


PROSE = (
    "The hens of the farm lay their eggs in the morning, and the farmer has to count them before the market opens. "
    "It is easy to see that there are more eggs on some days than on others! With that in mind, she writes a list."
)


def test_clean(tmp_path):
    texts = [PROSE, f"{PROSE}\nlogin now\n{PROSE[:109]} See our privacy policy.", "Too short.", f"{PROSE} {{}}"]
    rows = [{"id": str(number), "text": text} for number, text in enumerate(texts)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = (
        "--set",
        "min_doc_words=30.0",
        "--set",
        "min_num_sentences=3",
        "--set",
        "policy=false",
        "--rules",
        "gopher_quality,c4",
    )
    done = curate("clean", tmp_path / "in.jsonl", *given, "--curly-bracket", "mark", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    kept = rows_of(tmp_path / "out/clean/data")
    assert [(row["id"], row["has_curly_bracket"]) for row in kept] == [("0", False), ("1", False), ("3", True)]
    assert kept[1]["text"] == texts[1].replace("login now\n", "")
    (gone,) = rows_of(tmp_path / "out/clean/removed")
    assert (gone["reason"], gone["value"], gone["limit"]) == ("gopher_short_doc", 2, 30)
    assert "lines_too_few_words 1" in done.stdout


def test_decontaminate(given, tmp_path):
    done = curate("decontaminate", given / "pages.jsonl", "--benchmarks", given / "items.jsonl", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert [row["id"] for row in rows_of(tmp_path / "out/decontaminate/data")] == ["clean"]
    (gone,) = rows_of(tmp_path / "out/decontaminate/removed")
    assert (gone["benchmark_id"], gone["overlap_ratio"], gone["passage"]) == ("hens", 1.0, QUESTION.upper().rstrip("?"))
    assert "hens" in (tmp_path / "out/decontaminate/contamination.md").read_text()
    told = curate("explain", tmp_path / "out", "dirty").stdout
    assert "removed as contaminated" in told and "benchmark_id hens" in told


def test_only_the_passage(given, tmp_path):
    report = decontaminate(
        str(given / "pages.jsonl"),
        benchmarks=[f"gsm8k={given}/items.jsonl"],
        action="mask",
        output=str(tmp_path / "out"),
        workers=1,
    )
    rows = rows_of(tmp_path / "out/decontaminate/data")
    assert report.records["decontaminate"]["kept"] == 2
    assert rows[1]["text"].startswith("Problem 7. ") and "HENS" not in rows[1]["text"]
    assert json.loads(rows[1]["contaminated_with"])[0]["benchmark"] == "gsm8k"
    again = {"input": str(tmp_path / "out/decontaminate"), "output": str(tmp_path / "again"), "workers": 1}
    decontaminate(benchmarks=[f"mine={given}/items.jsonl"], action="mask", **again)
    assert [row["contaminated_with"] for row in rows_of(tmp_path / "again/decontaminate/data")] == [None, None]
    assert (tmp_path / "again/decontaminate/contamination.jsonl").read_text() == ""


def test_mask(given, tmp_path):
    done = curate("mask", given / "pages.jsonl", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    clean, dirty = rows_of(tmp_path / "out/mask/data")
    assert "email@example.com" in dirty["text"] and "8.8.8.8" not in dirty["text"]
    assert json.loads(dirty["personal_data"]) == {"email": 1, "ip": 1} and clean["personal_data"] is None
    assert [(row["line"], row["kind"]) for row in rows_of(tmp_path / "out/mask/personal")] == [(2, "email"), (2, "ip")]


def test_mask_secrets_in_code(given, tmp_path):
    pytest.importorskip("detect_secrets", reason="the detector is not installed: pip install curation[code]")
    mask(str(given / "code.parquet"), ips="off", secrets="mask", output=str(tmp_path / "out"), workers=1)
    (row,) = rows_of(tmp_path / "out/mask/data")
    assert KEY not in row["text"] and "<KEY>" in row["text"] and "8.8.8.8" in row["text"]
    (place,) = rows_of(tmp_path / "out/mask/secrets")
    assert (place["path"], place["line"]) == ("src/a.py", 3)


def test_a_password_with_an_at_sign_is_masked_whole(tmp_path):
    pytest.importorskip("detect_secrets", reason="the detector is not installed: pip install curation[code]")
    rows = [{"id": "1", "text": "password = 'Zq7:kk3,wD9@corp.net'\nmail = 'ann@farm.org'\n"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "code.parquet")
    mask(str(tmp_path / "code.parquet"), secrets="mask", output=str(tmp_path / "out"), workers=1)
    (row,) = rows_of(tmp_path / "out/mask/data")
    assert row["text"] == "password = '<PASSWORD>'\nmail = 'email@example.com'\n"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (("decontaminate", "pages.jsonl", "--benchmarks", "gsm9k"), "gsm8k"),
        (
            ("decontaminate", "pages.jsonl", "--benchmarks", "items.jsonl", "--action", "hide"),
            "drop or mask, got 'hide'",
        ),
        (("decontaminate", "pages.jsonl", "--benchmarks", "items.jsonl", "--ratio", "2"), "up to 1, got 2"),
        (("decontaminate", "pages.jsonl", "--benchmarks", ""), "no benchmark"),
        (("decontaminate", "pages.jsonl", "--benchmarks", "gsm8k="), "no location behind ="),
        (("decontaminate", "pages.jsonl", "--benchmarks", "bad.jsonl"), "bad.jsonl: row 2: column 'question' is null"),
        (("clean", "pages.jsonl", "--language", "xx"), "xx"),
        (("clean", "pages.jsonl", "--rules", "gopher"), "gopher"),
        (("clean", "pages.jsonl", "--set", "min_doc_word=3"), "min_doc_words"),
        (("clean", "pages.jsonl", "--rules", ""), "no rule set is asked"),
        (("clean", "pages.jsonl", "--set", "min_doc_words=3.5"), "min_doc_words: expected int, got 3.5"),
        (("clean", "pages.jsonl", "--set", "top_2_gram=nan"), "top_2_gram: nan"),
        (("clean", "pages.jsonl", "--set", "min_doc_words"), "--set min_doc_words: expected threshold=number"),
        (("mask", "pages.jsonl", "--emails", "hide"), "expected mask, drop or off, got 'hide'"),
        (("mask", "pages.jsonl", "--patterns", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_a_wrong_call_is_told_before_any_work(given, tmp_path, call, words):
    done = curate(*call, "-o", tmp_path / "out", cwd=given)
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr
    assert not list((tmp_path / "out").glob("*/data"))
