import gzip
import json

import pyarrow as pa
import pyarrow.parquet
import pytest

from curation.annotation.judge import Reply, Request, ask, judge_identity, judge_kinds, open_judge
from curation.annotation.prompt import load_prompt
from curation.annotation.reply import read_reply
from curation.errors import ConfigError

ROWS = [
    {"id": "a", "url": "https://a.org", "reply": "Final score: 1", "label": 1},
    {"id": "b", "url": "https://b.org", "reply": None, "label": 2},
    {"id": "c", "url": "https://c.org", "reply": None, "label": None},
    {"id": "a2", "url": "https://a.org", "reply": "Final score: 3", "label": 3},
]


def write(path, rows=ROWS):
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    else:
        path.write_text("\n".join(map(json.dumps, rows)) + "\n\n", encoding="utf-8")
    return path


def request(document_id, url=None):
    return Request(document_id, url, ({"role": "user", "content": "?"},))


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz", "r.parquet"])
def test_replay_finds_by_id_then_by_url(tmp_path, name):
    judge = open_judge(f"replay:{write(tmp_path / name)}")
    judge.check()
    asked = [request("a"), request("b"), request("c", "https://c.org"), request("x", "https://a.org"), request("x")]
    replies = dict(ask(judge, asked))
    nothing = Reply(None, "no_recorded_reply")
    assert [replies[index] for index in range(5)] == [
        Reply("Final score: 1"), Reply("2"), nothing, Reply("Final score: 3"), nothing,
    ]  # fmt: skip
    assert judge.has("b", None) and judge.has("x", "https://a.org") and not judge.has("c", "https://c.org")
    assert read_reply(replies[1].text, load_prompt("finemath_5pt")) == 2
    assert judge.name == f"replay:{name}"
    judge.close()


def test_replay_refuses_what_it_cannot_use(tmp_path):
    with pytest.raises(ConfigError, match="no file"):
        open_judge(f"replay:{tmp_path / 'none.jsonl'}").check()
    with pytest.raises(ConfigError, match="no row has"):
        open_judge(f"replay:{write(tmp_path / 'r.jsonl', [{'id': 'a', 'text': 'x'}])}").check()
    (tmp_path / "bad.jsonl").write_text('{"id": "a"\n')
    (tmp_path / "bad.jsonl.gz").write_bytes(gzip.compress(b'{"id": "a", "label": 1}\n' * 1000)[:40])
    (tmp_path / "bad.parquet").write_bytes(b"nothing")
    (tmp_path / "list.jsonl").write_text("[1]\n")
    for name in ("bad.jsonl", "bad.jsonl.gz", "bad.parquet", "list.jsonl"):
        with pytest.raises(ConfigError, match="cannot be read"):
            open_judge(f"replay:{tmp_path / name}").check()


def test_recorded_labels_replay_as_they_are(labels_file, recorded):
    judge = open_judge(f"replay:{labels_file('finemath_5pt')}")
    judge.check()
    rows = recorded("finemath_5pt")
    replies = dict(ask(judge, [request(row["id"], row["url"]) for row in rows]))
    prompt = load_prompt("finemath_5pt")
    assert [read_reply(replies[index].text, prompt) for index in range(len(rows))] == [row["label"] for row in rows]


def test_kinds_and_locations():
    assert list(judge_kinds()) == ["endpoint", "replay", "vllm"]
    with pytest.raises(ConfigError, match="did you mean 'endpoint'"):
        open_judge("endpont:http://x#m")
    for location in ("replay:", "replay", "endpoint:http://x", "endpoint:x#m", "endpoint:#m", "endpoint:http://x#"):
        with pytest.raises(ConfigError, match="expected"):
            open_judge(location)
    with pytest.raises(ConfigError, match="concurrency"):
        open_judge("replay:x.jsonl", concurrency=0)


def test_identity_leaves_out_where_the_server_stands(tmp_path):
    one, two = write(tmp_path / "one.jsonl"), write(tmp_path / "two.jsonl", ROWS[:1])
    assert judge_identity(f"replay:{one}")["file"] == "one.jsonl"
    assert judge_identity(f"replay:{one}")["digest"] != judge_identity(f"replay:{two}")["digest"]
    assert judge_identity("endpoint:http://a,http://b#meta/m:fast") == {"kind": "endpoint", "model": "meta/m:fast"}
    assert judge_identity("endpoint:http://c/v1#m") == judge_identity("endpoint:http://d#m")
    assert judge_identity("vllm:meta/m") == {"kind": "vllm", "model": "meta/m"}
