import json

import pytest

from curation.blocks.personal import ReplacePersonal
from curation.blocks.published_beside import rows_of
from curation.blocks.step import identity_of
from curation.errors import ConfigError
from curation.text.personal import EMAILS, IPS

from .conftest import document, write_jsonl

ROWS = [
    {"id": "both", "text": "ann@uni.edu\n8.8.8.8 and\nbob@uni.edu", "url": "https://a.org"},
    {"id": "private", "text": "10.0.0.1", "url": "https://b.org"},
    {"id": "ip", "text": "9.9.9.9", "url": None},
]


def rows(tmp_path):
    return [write_jsonl(tmp_path / "a.jsonl", ROWS)]


def test_addresses_are_replaced_counted_and_reported_by_line(stage, tmp_path):
    step = ReplacePersonal(report=f"{stage.folder.location}/report")
    step.check()
    kept = stage.run(rows(tmp_path), step)
    assert [row["text"] for row in kept] == [f"{EMAILS[0]}\n{IPS[0]} and\n{EMAILS[1]}", "10.0.0.1", IPS[0]]
    assert [row["personal_data"] for row in kept] == ['{"email": 2, "ip": 1}', None, '{"ip": 1}']
    assert stage.records[0]["counts"] == {
        "personal_data_documents": 2,
        "personal_data_email": 2,
        "personal_data_ip": 2,
    }
    assert [tuple(row.values()) for row in rows_of(step.report)] == [
        ("both", "https://a.org", 1, "email", "mask"),
        ("both", "https://a.org", 2, "ip", "mask"),
        ("both", "https://a.org", 3, "email", "mask"),
        ("ip", None, 1, "ip", "mask"),
    ]


def test_dropped_documents_say_why_and_are_masked_too(stage, tmp_path):
    kept = stage.run(rows(tmp_path), ReplacePersonal(emails="drop"))
    assert [row["id"] for row in kept] == ["private", "ip"]
    (gone,) = stage.rows()
    assert (gone["id"], gone["reason"], gone["personal_data"]) == ("both", "personal_data", '{"email": 2, "ip": 1}')
    assert "ann@uni.edu" not in gone["text"] and "8.8.8.8" not in gone["text"]


def test_what_is_off_is_not_looked_for(stage, tmp_path):
    kept = stage.run(rows(tmp_path), ReplacePersonal(emails="off", ips="off"))
    assert [row["text"] for row in kept] == [row["text"] for row in ROWS]
    assert stage.records[0]["counts"] == {}


def test_one_text_gives_one_result_whatever_comes_before():
    docs = [document(text="ann@uni.edu", identifier=str(n)) for n in range(3)]
    assert {doc.text for doc in ReplacePersonal().run(docs)} == {EMAILS[0]}


def test_own_patterns_and_exceptions_come_from_files(stage, tmp_path):
    (tmp_path / "own.yaml").write_text("employee: '\\bEMP-\\d+\\b'\n")
    (tmp_path / "allowed.txt").write_text("re: EMP-0+\ninfo@us.org\n")
    text = "EMP-17 EMP-000 info@us.org ann@uni.edu"
    step = ReplacePersonal(patterns=str(tmp_path / "own.yaml"), allowed=str(tmp_path / "allowed.txt"))
    assert step.inputs() == [str(tmp_path / "own.yaml"), str(tmp_path / "allowed.txt")]
    (row,) = stage.run([write_jsonl(tmp_path / "a.jsonl", [{"id": "1", "text": text}])], step)
    assert row["text"] == f"<EMPLOYEE> EMP-000 info@us.org {EMAILS[0]}"
    assert json.loads(row["personal_data"]) == {"employee": 1, "email": 1}
    dropping = ReplacePersonal(patterns=step.patterns, own="drop")
    assert list(dropping.run([document(text="EMP-17")])) == []
    ignoring = ReplacePersonal(patterns=step.patterns, own="off")
    assert [doc.text for doc in ignoring.run([document(text="EMP-17")])] == ["EMP-17"]


def test_the_path_in_the_report_and_the_strings_of_the_metadata_are_masked(stage, tmp_path):
    found = {"title": "Ask ann@uni.edu", "reasons": ["8.8.8.8", 1, None], "html_lang": "é"}
    url = "https://a.org/?mail=ann@uni.edu"
    given = [
        {"id": "1", "text": "bob@uni.edu", "url": url, "metadata": json.dumps(found)},
        {"id": "2", "text": "nobody", "url": "https://b.org", "metadata": json.dumps(found)},
        {"id": "3", "text": "nobody", "url": "https://b.org", "metadata": "ann@uni.edu, no JSON"},
        {"id": "4", "text": "nobody", "url": "https://b.org", "metadata": '{"a":  "\\u00e9"}'},
    ]
    step = ReplacePersonal(report=f"{stage.folder.location}/report")
    kept = stage.run([write_jsonl(tmp_path / "a.jsonl", given)], step)
    masked = {"title": f"Ask {EMAILS[0]}", "reasons": [IPS[0], 1, None], "html_lang": "é"}
    assert [json.loads(row["metadata"]) for row in kept[:2]] == [masked, masked]
    assert [row["metadata"] for row in kept[2:]] == [f"{EMAILS[0]}, no JSON", given[3]["metadata"]]
    # What is left is what the docstring says: the columns themselves.
    assert kept[0]["url"] == url
    assert [row["path"] for row in rows_of(step.report)] == [f"https://{EMAILS[0]}"]
    assert stage.records[0]["counts"]["personal_data_documents"] == 1
    deep = document(text="x", metadata="[" * 100_000 + "ann@uni.edu")
    assert "ann@" not in next(step.run([deep])).metadata["metadata"]


def test_metadata_that_is_no_text_keeps_its_form():
    doc = document(text="x", metadata={"by": ["ann@uni.edu"], "ann@uni.edu": 2})
    (masked,) = ReplacePersonal().run([doc])
    assert masked.metadata["metadata"] == {"by": [EMAILS[0]], EMAILS[0]: 2}


def test_in_code_versions_are_left(stage, tmp_path):
    source = [write_jsonl(tmp_path / "a.jsonl", [{"id": "1", "text": "__version__ = '1.2.3.4'; ask('8.8.8.8')"}])]
    (row,) = stage.run(source, ReplacePersonal(ips_in="code"))
    assert row["text"] == f"__version__ = '1.2.3.4'; ask('{IPS[0]}')"
    # Pages are read as before, so that nothing that was made of them is stale.
    assert "ips_in" not in identity_of(ReplacePersonal())
    assert identity_of(ReplacePersonal(ips_in="code"))["ips_in"] == "code"
    with pytest.raises(ConfigError, match="ReplacePersonal: ips_in: expected code or nothing, got 'java'"):
        ReplacePersonal(ips_in="java").check()


def test_settings_that_cannot_be_are_named(tmp_path):
    with pytest.raises(ConfigError, match="ReplacePersonal: ips: expected mask, drop or off, got 'hide'"):
        ReplacePersonal(ips="hide").check()
    with pytest.raises(ConfigError, match=r"no file of patterns .*none.yaml"):
        ReplacePersonal(patterns=str(tmp_path / "none.yaml")).check()
    (tmp_path / "own.yaml").write_text("email: x\n")
    with pytest.raises(ConfigError, match=r"own.yaml: 'email' is a kind of ReplacePersonal's own"):
        ReplacePersonal(patterns=str(tmp_path / "own.yaml")).check()


def test_the_settings_are_the_identity():
    assert identity_of(ReplacePersonal()) == identity_of(ReplacePersonal())
    assert identity_of(ReplacePersonal()) != identity_of(ReplacePersonal(ips="off"))


def test_a_report_that_was_not_ended_does_not_appear(tmp_path):
    step = ReplacePersonal(report=str(tmp_path / "report"))
    stream = step.run([document(text="ann@uni.edu"), document(text="x")], 3)
    next(stream)
    stream.close()
    assert list(rows_of(step.report)) == []
    assert len(list(step.run([document(text="ann@uni.edu")], 3))) == 1
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["00003.parquet"]
